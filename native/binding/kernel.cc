// What the kernel says of its limits and of a listener's queue.
#include "../core/limits.h"
#include "../core/queue.h"
#include "convert.h"
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

// readQueue(fd): [length, limit, drops or undefined].
Napi::Value read_queue(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int fd = in.integer(0);
  if (!in.ok()) return in.env().Undefined();
  auto queue = listenq::read_queue(fd);
  if (!queue.ok()) return raise(in.env(), queue.error());
  auto parts = Napi::Array::New(in.env(), 3);
  parts.Set(0U, static_cast<double>(queue.value().length));
  parts.Set(1U, static_cast<double>(queue.value().limit));
  if (queue.value().drops) parts.Set(2U, static_cast<double>(*queue.value().drops));
  return parts;
}

}  // namespace

void put_kernel(Napi::Object exports) {
  put(exports, "readSysctl", read_sysctl);
  put(exports, "readQueue", read_queue);
}

}  // namespace listenq::binding
