// What the kernel says of its limits and of a listener's queue.
#include "../core/limits.h"
#include "../core/queue.h"
#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

// readSysctl(name): a number, or undefined.
Napi::Value read_sysctl(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const std::string name = in.text(0);
  if (!in.ok()) return in.env().Undefined();
  auto value = listenq::read_sysctl(name.c_str());
  return value ? Napi::Number::New(in.env(), static_cast<double>(*value)) : in.env().Undefined();
}

// readQueue(fd): leaves length and limit in queueWords, and drops, if it returns true. An array made for each call
// would cost more than the system calls.
Napi::Value read_queue(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  auto queue = listenq::read_queue(fd);
  if (!queue.ok()) return raise(in.env(), queue.error());
  const Queue& read = queue.value();
  std::uint32_t* words = Environment::of(in.env()).queue_words;
  words[0] = read.length;
  words[1] = read.limit;
  words[2] = read.drops.value_or(0);
  return Napi::Boolean::New(in.env(), read.drops.has_value());
}

// timeSinceHandshake(fd): milliseconds, or -1 where the kernel does not tell.
Napi::Value time_since_handshake(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  auto time = listenq::time_since_handshake(fd);
  return Napi::Number::New(in.env(), time ? static_cast<double>(time->count()) : -1);
}

}  // namespace

void put_kernel(Napi::Object exports) {
  // The export table, which Node keeps for the life of the environment, keeps it alive.
  auto words = Napi::Uint32Array::New(exports.Env(), 3);
  Environment::of(exports.Env()).queue_words = words.Data();
  exports.Set("queueWords", words);
  put(exports, "readSysctl", read_sysctl);
  put(exports, "readQueue", read_queue);
  put(exports, "timeSinceHandshake", time_since_handshake);
}

}  // namespace listenq::binding
