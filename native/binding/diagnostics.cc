// The sockets of the network namespace, as the kernel's socket diagnostics list them.
#include <net/if.h>

#include <charconv>
#include <vector>

#include "../core/inet_diag.h"
#include "../core/socket_owners.h"
#include "../core/syn_queue.h"
#include "../core/unix_diag.h"
#include "convert.h"
#include "exports.h"

namespace listenq::binding {

namespace {

// One listener's numbers, in the order in which src/kernel/diagnosed.ts reads them.
struct Row {
  std::uint32_t protocol;
  std::uint32_t family_or_type;
  std::uint32_t port;
  std::uint32_t interface;
  std::uint32_t v6only;
  std::uint32_t length;
  std::uint32_t limit;
  std::uint32_t inode;
  std::uint32_t uid;
  std::uint32_t cookie_high;
  std::uint32_t cookie_low;
  std::uint32_t syn_length;
  /** 1 where the next words were told. */
  std::uint32_t has_memory;
  SocketMemory memory;
};

/** For what the kernel did not tell. */
constexpr std::uint32_t kUnknown = ~0U;

Row row_of(const InetListener& listener, std::uint32_t syn_length) {
  return Row{
      static_cast<std::uint32_t>(listener.protocol),
      static_cast<std::uint32_t>(listener.local.family),
      listener.local.port,
      listener.interface,
      listener.v6only ? std::uint32_t{*listener.v6only} : kUnknown,
      listener.length,
      listener.limit,
      listener.inode,
      listener.uid,
      static_cast<std::uint32_t>(listener.cookie >> 32),
      static_cast<std::uint32_t>(listener.cookie),
      syn_length,
      listener.memory.has_value(),
      listener.memory.value_or(SocketMemory{}),
  };
}

Row row_of(const UnixListener& listener) {
  return Row{
      0,
      static_cast<std::uint32_t>(listener.type),
      0,
      0,
      kUnknown,
      listener.queue.length,
      listener.queue.limit,
      listener.inode,
      listener.uid.value_or(kUnknown),
      static_cast<std::uint32_t>(listener.cookie >> 32),
      static_cast<std::uint32_t>(listener.cookie),
      kUnknown,
      listener.memory.has_value(),
      listener.memory.value_or(SocketMemory{}),
  };
}

// Numbers in one piece of memory, and the names beside them: an array for each row would cost more than the kernel
// does.
class Rows {
 public:
  Rows(Napi::Env env, std::size_t count) : env_(env), names_(Napi::Array::New(env, count)) { rows_.reserve(count); }

  void add(const Row& row, const std::string& name) {
    Napi::HandleScope scope(env_);
    names_.Set(static_cast<std::uint32_t>(rows_.size()), name);
    rows_.push_back(row);
  }

  Napi::Value value() const {
    constexpr std::size_t kWords = sizeof(Row) / sizeof(std::uint32_t);
    const auto* words = reinterpret_cast<const std::uint32_t*>(rows_.data());
    auto both = Napi::Array::New(env_, 2);
    both.Set(0U, words_of(env_, std::span(words, rows_.size() * kWords)));
    both.Set(1U, names_);
    return both;
  }

 private:
  Napi::Env env_;
  std::vector<Row> rows_;
  Napi::Array names_;
};

// inetListeners(port, synLength): rows and addresses.
Napi::Value inet_listeners(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const auto port = static_cast<std::uint16_t>(in.integer(0));
  const bool wants_syn = in.flag(1);
  if (!in.ok()) return in.env().Undefined();
  auto listeners = listenq::inet_listeners(port);
  if (!listeners.ok()) return raise(in.env(), listeners.error());
  std::vector<std::uint32_t> lengths;
  if (wants_syn) {
    // Without them the list is worth having all the same.
    auto groups = half_open(port, listeners.value());
    if (groups.ok()) lengths = syn_lengths(listeners.value(), groups.value());
  }
  Rows rows(in.env(), listeners.value().size());
  for (std::size_t i = 0; const InetListener& listener : listeners.value()) {
    rows.add(row_of(listener, lengths.empty() ? kUnknown : lengths[i++]), listener.local.text);
  }
  return rows.value();
}

// unixListeners(): rows and names.
Napi::Value unix_listeners(const Napi::CallbackInfo& info) {
  auto listeners = listenq::unix_listeners();
  if (!listeners.ok()) return raise(info.Env(), listeners.error());
  Rows rows(info.Env(), listeners.value().size());
  for (const UnixListener& listener : listeners.value()) rows.add(row_of(listener), listener.name);
  return rows.value();
}

// interfaceName(index): undefined if it is gone.
Napi::Value interface_name(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int index = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  char name[IF_NAMESIZE] = "";
  if (::if_indextoname(static_cast<unsigned>(index), name) == nullptr) return in.env().Undefined();
  return Napi::String::New(in.env(), name);
}

// synLength(fd): a number, or undefined if this namespace has no such listener.
Napi::Value syn_length(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  auto length = listenq::syn_length(fd);
  if (!length.ok()) return raise(in.env(), length.error());
  return length.value() ? Napi::Number::New(in.env(), *length.value()) : in.env().Undefined();
}

// socketOwners(inodes): rows of inode, pid, fd, name; and how many processes could not be looked into.
Napi::Value socket_owners(const Napi::CallbackInfo& info) {
  Arguments in(info);
  auto wanted = in.integers(0);
  if (!in.ok()) return in.env().Undefined();
  auto found = listenq::socket_owners({wanted.begin(), wanted.end()});
  if (!found.ok()) return raise(in.env(), found.error());
  auto rows = Napi::Array::New(in.env());
  for (std::uint32_t i = 0; const SocketOwner& owner : found.value().owners) {
    Napi::HandleScope scope(in.env());
    auto row = Napi::Array::New(in.env(), 4);
    row.Set(0U, static_cast<double>(owner.inode));
    row.Set(1U, owner.pid);
    row.Set(2U, owner.fd);
    row.Set(3U, owner.name);
    rows.Set(i++, row);
  }
  auto both = Napi::Array::New(in.env(), 2);
  both.Set(0U, rows);
  both.Set(1U, found.value().hidden);
  return both;
}

// Of an interface that is gone there is only its number: "if7", as ss writes it.
Result<std::uint32_t> interface_index(const std::string& name) {
  const std::uint32_t index = ::if_nametoindex(name.c_str());
  if (index != 0) return index;
  const SystemError error = last_error("if_nametoindex");
  std::uint32_t number = 0;
  const char* end = name.data() + name.size();
  if (!name.starts_with("if") || std::from_chars(name.data() + 2, end, number).ptr != end || number == 0) return error;
  return number;
}

// destroySocket(local, remote, interface, cookie): packed addresses, of a listener an empty remote; '' for no
// interface, and for any cookie.
Napi::Value destroy_socket(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const Endpoint local = endpoint_of(in.address(0));
  const Endpoint remote = endpoint_of(in.address(1));
  const std::string interface = in.text(2);
  const std::string cookie = in.text(3);
  if (!in.ok()) return in.env().Undefined();
  InetSocket socket{local, remote, 0, std::nullopt};
  if (!interface.empty()) {
    auto index = interface_index(interface);
    if (!index.ok()) return raise(in.env(), index.error());
    socket.interface = index.value();
  }
  if (!cookie.empty()) socket.cookie = token_of(cookie);
  return finish(in.env(), listenq::destroy_socket(socket));
}

}  // namespace

void put_diagnostics(Napi::Object exports) {
  put(exports, "inetListeners", inet_listeners);
  put(exports, "unixListeners", unix_listeners);
  put(exports, "interfaceName", interface_name);
  put(exports, "synLength", syn_length);
  put(exports, "socketOwners", socket_owners);
  put(exports, "destroySocket", destroy_socket);
}

}  // namespace listenq::binding
