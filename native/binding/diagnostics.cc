// The sockets of the network namespace, as the kernel's socket diagnostics list them.
#include <net/if.h>

#include <initializer_list>
#include <unordered_set>

#include "../core/inet_diag.h"
#include "../core/socket_owners.h"
#include "../core/syn_queue.h"
#include "../core/unix_diag.h"
#include "convert.h"
#include "exports.h"

namespace listenq::binding {

namespace {

Napi::Value number(Napi::Env env, double value) {
  return Napi::Number::New(env, value);
}

template <typename T>
Napi::Value number_or_undefined(Napi::Env env, const std::optional<T>& value) {
  return value ? number(env, static_cast<double>(*value)) : env.Undefined();
}

Napi::Array array_of(Napi::Env env, std::initializer_list<Napi::Value> values) {
  auto array = Napi::Array::New(env, values.size());
  std::uint32_t index = 0;
  for (const Napi::Value& value : values) array.Set(index++, value);
  return array;
}

Napi::Value memory_of(Napi::Env env, const std::optional<SocketMemory>& memory) {
  if (!memory) return env.Undefined();
  auto words = Napi::Array::New(env, memory->size());
  for (std::uint32_t i = 0; i < memory->size(); ++i) words.Set(i, static_cast<double>((*memory)[i]));
  return words;
}

Napi::Value interface_name(Napi::Env env, std::uint32_t index) {
  char name[IF_NAMESIZE] = "";
  if (index == 0 || ::if_indextoname(index, name) == nullptr) return env.Undefined();
  return Napi::String::New(env, name);
}

// The cookie is a name, not a quantity: hexadecimal, as ss prints it.
Napi::Value row_of(Napi::Env env, const InetListener& listener) {
  return array_of(env, {
                           number(env, listener.protocol),
                           number(env, listener.local.family),
                           Napi::String::New(env, listener.local.text),
                           number(env, listener.local.port),
                           interface_name(env, listener.interface),
                           listener.v6only ? Napi::Boolean::New(env, *listener.v6only) : env.Undefined(),
                           number(env, listener.length),
                           number(env, listener.limit),
                           number(env, listener.inode),
                           number(env, listener.uid),
                           token_text(env, listener.cookie),
                           memory_of(env, listener.memory),
                       });
}

Napi::Value row_of(Napi::Env env, const UnixListener& listener) {
  return array_of(env, {
                           number(env, listener.type),
                           Napi::String::New(env, listener.name),
                           number(env, listener.queue.length),
                           number(env, listener.queue.limit),
                           number(env, listener.inode),
                           number_or_undefined(env, listener.uid),
                           token_text(env, listener.cookie),
                           memory_of(env, listener.memory),
                       });
}

Napi::Value row_of(Napi::Env env, const SocketOwner& owner) {
  return array_of(env, {number(env, owner.inode), number(env, owner.pid), number(env, owner.fd),
                        Napi::String::New(env, owner.name)});
}

template <typename Row>
Napi::Array rows_of(Napi::Env env, const std::vector<Row>& rows) {
  auto array = Napi::Array::New(env, rows.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    Napi::HandleScope scope(env);
    array.Set(i, row_of(env, rows[i]));
  }
  return array;
}

// inetListeners(port, synLength): rows, and with `synLength` how many half-open connections each has.
Napi::Value inet_listeners(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const auto port = static_cast<std::uint16_t>(in.integer(0));
  const bool wants_syn = in.flag(1);
  if (!in.ok()) return in.env().Undefined();
  auto listeners = listenq::inet_listeners(port);
  if (!listeners.ok()) return raise(in.env(), listeners.error());
  auto lengths = Napi::Array::New(in.env());
  if (wants_syn) {
    auto groups = half_open(port);
    if (!groups.ok()) return raise(in.env(), groups.error());
    std::uint32_t index = 0;
    for (auto length : syn_lengths(listeners.value(), groups.value())) {
      lengths.Set(index++, static_cast<double>(length));
    }
  }
  return array_of(in.env(), {rows_of(in.env(), listeners.value()), lengths});
}

// unixListeners(): rows.
Napi::Value unix_listeners(const Napi::CallbackInfo& info) {
  auto listeners = listenq::unix_listeners();
  if (!listeners.ok()) return raise(info.Env(), listeners.error());
  return rows_of(info.Env(), listeners.value());
}

// synLength(fd): a number, or undefined if this namespace has no such listener.
Napi::Value syn_length(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  auto length = listenq::syn_length(fd);
  if (!length.ok()) return raise(in.env(), length.error());
  return number_or_undefined(in.env(), length.value());
}

// socketOwners(inodes): rows of inode, pid, fd, name; and how many processes could not be looked into.
Napi::Value socket_owners(const Napi::CallbackInfo& info) {
  Arguments in(info);
  auto wanted = in.integers(0);
  if (!in.ok()) return in.env().Undefined();
  auto owners = listenq::socket_owners({wanted.begin(), wanted.end()});
  if (!owners.ok()) return raise(in.env(), owners.error());
  return array_of(in.env(), {rows_of(in.env(), owners.value().owners), number(in.env(), owners.value().hidden)});
}

// destroySocket(local, remote, interface, cookie): packed addresses, of a listener an empty remote; '' for no interface,
// and for any cookie.
Napi::Value destroy_socket(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const Endpoint local = endpoint_of(in.address(0));
  const Endpoint remote = endpoint_of(in.address(1));
  const std::string interface = in.text(2);
  const std::string cookie = in.text(3);
  if (!in.ok()) return in.env().Undefined();
  InetSocket socket{local, remote, 0, std::nullopt};
  if (!interface.empty()) socket.interface = ::if_nametoindex(interface.c_str());
  if (!interface.empty() && socket.interface == 0) return raise(in.env(), last_error("if_nametoindex"));
  if (!cookie.empty()) socket.cookie = token_of(cookie);
  return finish(in.env(), listenq::destroy_socket(socket));
}

}  // namespace

void put_diagnostics(Napi::Object exports) {
  put(exports, "inetListeners", inet_listeners);
  put(exports, "unixListeners", unix_listeners);
  put(exports, "synLength", syn_length);
  put(exports, "socketOwners", socket_owners);
  put(exports, "destroySocket", destroy_socket);
}

}  // namespace listenq::binding
