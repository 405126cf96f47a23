// Blocking-style transfer a slice at a time, and what interrupts it.
#include "../core/stream.h"

#include <array>
#include <chrono>

#include "../core/thread_wakers.h"
#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

// What JavaScript gets when a slice passed without a byte.
constexpr int kNotYet = -1;

Napi::Value give(Napi::Env env, const Transferred& moved) {
  if (!moved.ok()) return raise(env, moved.error());
  if (!moved.value()) return Napi::Number::New(env, kNotYet);
  return Napi::Number::New(env, static_cast<double>(*moved.value()));
}

// recvWithin(fd, buffer, flags, milliseconds): bytes, 0 at end of stream, -1 not yet.
Napi::Value recv_within(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const auto buffer = in.bytes(1);
  const int flags = in.integer(2);
  const std::chrono::milliseconds slice(in.integer(3));
  if (!in.ok()) return in.env().Undefined();
  const std::array wakers{Environment::of(in.env()).waker_fd()};
  return give(in.env(), listenq::recv_within(fd, buffer, flags, wakers, slice));
}

// sendWithin(fd, bytes, flags, milliseconds): bytes taken, -1 not yet.
Napi::Value send_within(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const auto bytes = in.bytes(1);
  const int flags = in.integer(2);
  const std::chrono::milliseconds slice(in.integer(3));
  if (!in.ok()) return in.env().Undefined();
  const std::array wakers{Environment::of(in.env()).waker_fd()};
  return give(in.env(), listenq::send_within(fd, bytes, flags, wakers, slice));
}

// connectedWithin(fd, milliseconds): true once connected, false not yet.
Napi::Value connected_within(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  const std::chrono::milliseconds slice(in.integer(1));
  if (!in.ok()) return in.env().Undefined();
  const std::array wakers{Environment::of(in.env()).waker_fd()};
  auto connected = listenq::connected_within(fd, wakers, slice);
  if (!connected.ok()) return raise(in.env(), connected.error());
  return Napi::Boolean::New(in.env(), connected.value());
}

// takeInterrupt(): whether another thread interrupted this one; asking takes it back.
Napi::Value take_interrupt(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Environment::of(info.Env()).clear_waker());
}

// interruptThread(threadId): false if no such thread has the addon loaded.
Napi::Value interrupt_thread(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const double thread_id = in.number(0);
  return Napi::Boolean::New(in.env(), in.ok() && thread_wakers::wake(static_cast<std::uint64_t>(thread_id)));
}

}  // namespace

void put_stream(Napi::Object exports) {
  put(exports, "recvWithin", recv_within);
  put(exports, "sendWithin", send_within);
  put(exports, "connectedWithin", connected_within);
  put(exports, "takeInterrupt", take_interrupt);
  put(exports, "interruptThread", interrupt_thread);
}

}  // namespace listenq::binding
