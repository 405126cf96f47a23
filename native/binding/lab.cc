// The instruments: a private network namespace, and listen(2) seen at the system call.
#include "../core/network_namespace.h"
#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

Napi::Value enter_private_network(const Napi::CallbackInfo& info) {
  return finish(info.Env(), listenq::enter_private_network());
}

Napi::Value bring_up_loopback(const Napi::CallbackInfo& info) {
  return finish(info.Env(), listenq::bring_up_loopback());
}

Napi::Value observe_listen(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  if (environment.observer) return info.Env().Undefined();
  auto observer = ListenObserver::install();
  if (!observer.ok()) return raise(info.Env(), observer.error());
  environment.observer = std::move(observer.value());
  return info.Env().Undefined();
}

// takeListenCalls(): [threadId, fd, backlog] of each call since the last take.
Napi::Value take_listen_calls(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = Environment::of(env);
  auto calls = environment.observer ? environment.observer->take() : std::vector<ListenCall>();
  auto list = Napi::Array::New(env, calls.size());
  for (std::uint32_t i = 0; i < calls.size(); i++) {
    auto call = Napi::Array::New(env, 3);
    call.Set(0U, calls[i].thread_id);
    call.Set(1U, calls[i].fd);
    call.Set(2U, calls[i].backlog);
    list.Set(i, call);
  }
  return list;
}

}  // namespace

void put_lab(Napi::Object exports) {
  put(exports, "enterPrivateNetwork", enter_private_network);
  put(exports, "bringUpLoopback", bring_up_loopback);
  put(exports, "observeListen", observe_listen);
  put(exports, "takeListenCalls", take_listen_calls);
}

}  // namespace listenq::binding
