// Descriptors that this environment owns by number, from the call that makes them to the one that ends or gives them
// away. Making and owning are one call: JavaScript can be terminated between two.
#include "../core/listener_group.h"
#include "../core/socket.h"
#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

Napi::Value keep(Napi::Env env, Result<UniqueFd> fd) {
  if (!fd.ok()) return raise(env, fd.error());
  const int number = fd.value().release();
  Environment::of(env).owned.add(number);
  return Napi::Number::New(env, number);
}

// openSocket(domain, type, protocol): socket(2), owned.
Napi::Value open_socket(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int domain = in.integer(0);
  const int type = in.integer(1);
  const int protocol = in.integer(2);
  if (!in.ok()) return in.env().Undefined();
  return keep(in.env(), sys::socket(domain, type, protocol));
}

// dupOwned(fd): fcntl(F_DUPFD_CLOEXEC), owned.
Napi::Value dup_owned(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  return keep(in.env(), sys::dup_cloexec(fd));
}

// own(fd): takes a descriptor over that somebody else made.
Napi::Value own(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (in.ok() && fd >= 0) Environment::of(in.env()).owned.add(fd);
  return in.env().Undefined();
}

// owns(fd): whether it is a connection of this environment, or a listener of any.
Napi::Value owns(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const bool owned = in.ok() && (Environment::of(in.env()).owned.contains(fd) || ListenerGroup::holds(fd));
  return Napi::Boolean::New(in.env(), owned);
}

// disown(fd): gives it away; false if it was not owned.
Napi::Value disown(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  return Napi::Boolean::New(in.env(), in.ok() && Environment::of(in.env()).owned.remove(fd));
}

// closeOwned(fd): close(2), if it is owned; whatever close(2) reports, the number is free afterwards.
Napi::Value close_owned(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (in.ok() && Environment::of(in.env()).owned.remove(fd)) UniqueFd owner(fd);
  return in.env().Undefined();
}

}  // namespace

void put_owned(Napi::Object exports) {
  put(exports, "openSocket", open_socket);
  put(exports, "dupOwned", dup_owned);
  put(exports, "own", own);
  put(exports, "owns", owns);
  put(exports, "disown", disown);
  put(exports, "closeOwned", close_owned);
}

}  // namespace listenq::binding
