// Descriptors that this environment owns by number, from the call that makes them to the one that ends or gives them
// away. Making and owning are one call: JavaScript can be terminated between two.
#include <atomic>

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

// adopt(fd): takes a descriptor over that somebody else made; false if it is a connection or listener of this process.
Napi::Value adopt(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const bool adopted = in.ok() && fd >= 0 && !ListenerGroup::holds(fd) && Environment::of(in.env()).owned.adopt(fd);
  return Napi::Boolean::New(in.env(), adopted);
}

// owned(fd): whether it is a connection or listener of this process.
Napi::Value owned(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  return Napi::Boolean::New(in.env(), in.ok() && (OwnedDescriptors::owned(fd) || ListenerGroup::holds(fd)));
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

// firstLeak(): true once in the life of the process, so that it is warned once, whichever thread leaks.
Napi::Value first_leak(const Napi::CallbackInfo& info) {
  static std::atomic_flag leaked;
  return Napi::Boolean::New(info.Env(), !leaked.test_and_set());
}

}  // namespace

void put_owned(Napi::Object exports) {
  put(exports, "openSocket", open_socket);
  put(exports, "dupOwned", dup_owned);
  put(exports, "adopt", adopt);
  put(exports, "owned", owned);
  put(exports, "firstLeak", first_leak);
  put(exports, "disown", disown);
  put(exports, "closeOwned", close_owned);
}

}  // namespace listenq::binding
