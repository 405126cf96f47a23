// Names to addresses, a slice at a time.
#include <array>
#include <chrono>

#include "../core/resolve.h"
#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

class ResolutionObject : public Napi::ObjectWrap<ResolutionObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Resolution",
        {InstanceMethod<&ResolutionObject::within>("within"), InstanceMethod<&ResolutionObject::close>("close")});
  }

  // new Resolution(host, port, passive).
  explicit ResolutionObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ResolutionObject>(info) {
    if (!is_wrapped(*this)) return;
    Arguments in(info);
    const std::string host = in.text(0);
    const int port = in.integer(1);
    const bool passive = in.flag(2);
    if (!in.ok()) return;
    auto started = Resolution::start(host, static_cast<std::uint16_t>(port), passive);
    if (started.ok()) {
      resolution_ = std::move(started.value());
    } else {
      raise(in.env(), started.error());
    }
  }

 private:
  // within(milliseconds): undefined while there is no answer; then { addresses, eai, errno }.
  Napi::Value within(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const std::chrono::milliseconds slice(in.integer(0));
    if (!in.ok() || !resolution_) return in.env().Undefined();
    const std::array wakers{Environment::of(in.env()).waker_fd()};
    auto answer = resolution_->within(wakers, slice);
    if (!answer.ok()) return raise(in.env(), answer.error());
    if (!answer.value()) return in.env().Undefined();
    const Resolved& resolved = *answer.value();
    auto addresses = Napi::Array::New(in.env(), resolved.addresses.size());
    for (std::uint32_t i = 0; i < resolved.addresses.size(); i++) {
      addresses.Set(i, bytes_of(in.env(), resolved.addresses[i]));
    }
    auto object = Napi::Object::New(in.env());
    object.Set("addresses", addresses);
    object.Set("eai", resolved.eai);
    object.Set("errno", resolved.number);
    return object;
  }

  // close(): the question is no longer asked, and no descriptor left of it.
  Napi::Value close(const Napi::CallbackInfo& info) {
    resolution_.reset();
    return info.Env().Undefined();
  }

  std::unique_ptr<Resolution> resolution_;
};

}  // namespace

void put_resolution(Napi::Object exports) {
  exports.Set("Resolution", ResolutionObject::define(exports.Env()));
}

}  // namespace listenq::binding
