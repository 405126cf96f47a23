// Descriptors to and from other processes, a slice of waiting at a time.
#include "../core/descriptor_passing.h"

#include <array>
#include <chrono>

#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

// What JavaScript gets instead of a count.
constexpr int kNotYet = -1;
constexpr int kEnded = -2;

// sendDescriptorWithin(channel, fd, milliseconds): true once sent, false not yet.
Napi::Value send_descriptor_within(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int channel = in.integer(0);
  const int fd = in.integer(1);
  const std::chrono::milliseconds slice(in.integer(2));
  if (!in.ok()) return in.env().Undefined();
  const std::array wakers{Environment::of(in.env()).waker_fd()};
  auto sent = listenq::send_descriptor_within(channel, fd, wakers, slice);
  if (!sent.ok()) return raise(in.env(), sent.error());
  return Napi::Boolean::New(in.env(), sent.value().has_value());
}

// receiveDescriptorWithin(channel, milliseconds): how many came, a single one left in acceptedFds and owned by this
// environment from now on; -1 not yet, -2 at end of stream.
Napi::Value receive_descriptor_within(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const int channel = in.integer(0);
  const std::chrono::milliseconds slice(in.integer(1));
  if (!in.ok()) return in.env().Undefined();
  Environment& environment = Environment::of(in.env());
  const std::array wakers{environment.waker_fd()};
  auto received = listenq::receive_descriptor_within(channel, wakers, slice);
  if (!received.ok()) return raise(in.env(), received.error());
  if (!received.value()) return Napi::Number::New(in.env(), kNotYet);
  Delivery& delivery = *received.value();
  if (delivery.ended) return Napi::Number::New(in.env(), kEnded);
  if (delivery.fd.valid()) {
    const int fd = delivery.fd.release();
    environment.owned.add(fd);
    (*environment.accepted_fds)[0] = fd;
  }
  return Napi::Number::New(in.env(), static_cast<double>(delivery.count));
}

}  // namespace

void put_descriptor_passing(Napi::Object exports) {
  put(exports, "sendDescriptorWithin", send_descriptor_within);
  put(exports, "receiveDescriptorWithin", receive_descriptor_within);
}

}  // namespace listenq::binding
