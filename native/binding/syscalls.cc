// listenq/syscalls: one function, one system call.
#include <poll.h>

#include <cmath>
#include <vector>

#include "../core/accept.h"
#include "../core/rlimit.h"
#include "../core/socket.h"
#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

Napi::Value number_of(Napi::Env env, std::size_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

// Gives a new descriptor away to JavaScript, as a number.
Napi::Value give(Napi::Env env, Result<UniqueFd> fd) {
  if (!fd.ok()) return raise(env, fd.error());
  return Napi::Number::New(env, fd.value().release());
}

// Leaves an address where accept leaves the peer's, first place.
Napi::Value leave(Napi::Env env, const Result<Address>& address) {
  if (!address.ok()) return raise(env, address.error());
  Environment::of(env).leave_peer(0, address.value());
  return env.Undefined();
}

Napi::Value give(Napi::Env env, const Result<std::size_t>& count) {
  if (!count.ok()) return raise(env, count.error());
  return number_of(env, count.value());
}

Napi::Value socket(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int domain = in.integer(0);
  const int type = in.integer(1);
  const int protocol = in.integer(2);
  if (!in.ok()) return in.env().Undefined();
  return give(in.env(), sys::socket(domain, type, protocol));
}

Napi::Value socketpair(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int domain = in.integer(0);
  const int type = in.integer(1);
  const int protocol = in.integer(2);
  if (!in.ok()) return in.env().Undefined();
  auto pair = sys::socketpair(domain, type, protocol);
  if (!pair.ok()) return raise(in.env(), pair.error());
  auto fds = Napi::Array::New(in.env(), 2);
  fds.Set(0U, pair.value().first.release());
  fds.Set(1U, pair.value().second.release());
  return fds;
}

Napi::Value bind(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const Address address = in.address(1);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::bind(fd, address));
}

Napi::Value listen(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const int backlog = in.integer(1);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::listen(fd, backlog));
}

// accept(fd, flags): the number; the peer is left in acceptedPeers, first place.
Napi::Value accept(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const int flags = in.integer(1);
  if (!in.ok()) return in.env().Undefined();
  auto accepted = listenq::accept(fd, flags);
  if (!accepted.ok()) return raise(in.env(), accepted.error());
  Environment::of(in.env()).leave_peer(0, accepted.value().peer);
  return Napi::Number::New(in.env(), accepted.value().fd.release());
}

Napi::Value connect(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const Address address = in.address(1);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::connect(fd, address));
}

Napi::Value getsockname(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  return leave(in.env(), sys::getsockname(fd));
}

Napi::Value getpeername(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  return leave(in.env(), sys::getpeername(fd));
}

Napi::Value getsockopt(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const int level = in.integer(1);
  const int name = in.integer(2);
  const auto value = in.bytes(3);
  if (!in.ok()) return in.env().Undefined();
  return give(in.env(), sys::getsockopt(fd, level, name, value));
}

Napi::Value getsockopt_int(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const int level = in.integer(1);
  const int name = in.integer(2);
  if (!in.ok()) return in.env().Undefined();
  auto value = sys::getsockopt_int(fd, level, name);
  if (!value.ok()) return raise(in.env(), value.error());
  return Napi::Number::New(in.env(), value.value());
}

Napi::Value setsockopt(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const int level = in.integer(1);
  const int name = in.integer(2);
  if (info[3].IsNumber()) {
    const int value = in.integer(3);
    return in.ok() ? finish(in.env(), sys::setsockopt_int(fd, level, name, value)) : in.env().Undefined();
  }
  const auto value = in.bytes(3);
  return in.ok() ? finish(in.env(), sys::setsockopt(fd, level, name, value)) : in.env().Undefined();
}

Napi::Value recv(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const auto buffer = in.bytes(1);
  const int flags = in.integer(2);
  if (!in.ok()) return in.env().Undefined();
  return give(in.env(), sys::recv(fd, buffer, flags));
}

Napi::Value send(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const auto bytes = in.bytes(1);
  const int flags = in.integer(2);
  if (!in.ok()) return in.env().Undefined();
  return give(in.env(), sys::send(fd, bytes, flags));
}

Napi::Value shutdown(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const int how = in.integer(1);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::shutdown(fd, how));
}

Napi::Value close(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::close(fd));
}

Napi::Value dup(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  return give(in.env(), sys::dup(fd));
}

// poll(entries, timeoutMs): entries is an Int32Array of fd, events, revents; the last is filled in.
Napi::Value poll(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const auto entries = in.integers(0);
  const int timeout = in.integer(1);
  if (!in.ok()) return in.env().Undefined();
  std::vector<pollfd> polled(entries.size() / 3);
  for (std::size_t i = 0; i < polled.size(); i++) {
    polled[i] = pollfd{entries[3 * i], static_cast<short>(entries[3 * i + 1]), 0};
  }
  const int ready = ::poll(polled.data(), polled.size(), timeout);
  if (ready < 0) return raise(in.env(), last_error("poll"));
  for (std::size_t i = 0; i < polled.size(); i++) {
    entries[3 * i + 2] = static_cast<std::uint16_t>(polled[i].revents);
  }
  return Napi::Number::New(in.env(), ready);
}

Napi::Value get_nonblocking(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  auto on = sys::get_nonblocking(fd);
  if (!on.ok()) return raise(in.env(), on.error());
  return Napi::Boolean::New(in.env(), on.value());
}

Napi::Value set_nonblocking(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const bool on = in.flag(1);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::set_nonblocking(fd, on));
}

Napi::Value set_cloexec(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::set_cloexec(fd));
}

double limit_to_number(rlim_t limit) {
  return limit == RLIM_INFINITY ? INFINITY : static_cast<double>(limit);
}

rlim_t limit_from_number(double limit) {
  return std::isinf(limit) ? RLIM_INFINITY : static_cast<rlim_t>(limit);
}

Napi::Value getrlimit(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int resource = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  auto limits = sys::getrlimit(resource);
  if (!limits.ok()) return raise(in.env(), limits.error());
  auto pair = Napi::Object::New(in.env());
  pair.Set("soft", limit_to_number(limits.value().rlim_cur));
  pair.Set("hard", limit_to_number(limits.value().rlim_max));
  return pair;
}

Napi::Value setrlimit(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int resource = in.integer(0);
  const double soft = in.number(1);
  const double hard = in.number(2);
  if (!in.ok()) return in.env().Undefined();
  return finish(in.env(), sys::setrlimit(resource, rlimit{limit_from_number(soft), limit_from_number(hard)}));
}

Napi::Value pack_internet(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int family = in.integer(0);
  const std::string text = in.text(1);
  const int port = in.integer(2);
  const double scope_id = in.number(3);
  if (!in.ok()) return in.env().Undefined();
  auto address = internet_address(family, text, static_cast<std::uint16_t>(port), static_cast<std::uint32_t>(scope_id));
  return address ? bytes_of(in.env(), *address) : in.env().Undefined();
}

Napi::Value pack_unix(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const auto name = in.bytes(0);
  if (!in.ok()) return in.env().Undefined();
  auto address = unix_address(std::string_view(reinterpret_cast<const char*>(name.data()), name.size()));
  return address ? bytes_of(in.env(), *address) : in.env().Undefined();
}

// unpack(bytes): [family, text, port, scopeId].
Napi::Value unpack(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const Address address = in.address(0);
  if (!in.ok()) return in.env().Undefined();
  const Endpoint endpoint = endpoint_of(address);
  auto parts = Napi::Array::New(in.env(), 4);
  parts.Set(0U, endpoint.family);
  parts.Set(1U, endpoint.text);
  parts.Set(2U, static_cast<double>(endpoint.port));
  parts.Set(3U, static_cast<double>(endpoint.scope_id));
  return parts;
}

}  // namespace

void put_syscalls(Napi::Object exports) {
  put(exports, "socket", socket);
  put(exports, "socketpair", socketpair);
  put(exports, "bind", bind);
  put(exports, "listen", listen);
  put(exports, "accept", accept);
  put(exports, "connect", connect);
  put(exports, "getsockname", getsockname);
  put(exports, "getpeername", getpeername);
  put(exports, "getsockopt", getsockopt);
  put(exports, "getsockoptInt", getsockopt_int);
  put(exports, "setsockopt", setsockopt);
  put(exports, "recv", recv);
  put(exports, "send", send);
  put(exports, "shutdown", shutdown);
  put(exports, "close", close);
  put(exports, "dup", dup);
  put(exports, "poll", poll);
  put(exports, "getNonblocking", get_nonblocking);
  put(exports, "setNonblocking", set_nonblocking);
  put(exports, "setCloexec", set_cloexec);
  put(exports, "getrlimit", getrlimit);
  put(exports, "setrlimit", setrlimit);
  put(exports, "packInternet", pack_internet);
  put(exports, "packUnix", pack_unix);
  put(exports, "unpack", unpack);
}

}  // namespace listenq::binding
