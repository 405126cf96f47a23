// The addon's entry. Node calls it once for each environment that loads it.
#include <napi.h>

#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

// setup(makeError, threadId): what the addon needs from JavaScript before the first call.
Napi::Value setup(const Napi::CallbackInfo& info) {
  Arguments in(info);
  const double thread_id = in.number(1);
  if (!in.ok() || !info[0].IsFunction()) return info.Env().Undefined();
  Environment& environment = Environment::of(info.Env());
  environment.make_error = Napi::Persistent(info[0].As<Napi::Function>());
  environment.enter_thread(static_cast<std::uint64_t>(thread_id));
  return info.Env().Undefined();
}

// The memory that accept calls leave their results in.
void put_accepted(Napi::Object exports, Environment& environment) {
  const Napi::Env env = exports.Env();
  auto fds = Napi::Int32Array::New(env, kBatch);
  auto peers = Napi::Uint8Array::New(env, sizeof(*environment.accepted_peers));
  environment.accepted_fds = reinterpret_cast<decltype(environment.accepted_fds)>(fds.Data());
  environment.accepted_peers = reinterpret_cast<decltype(environment.accepted_peers)>(peers.Data());
  // The export table, which Node keeps for the life of the environment, keeps both alive.
  exports.Set("acceptedFds", fds);
  exports.Set("acceptedPeers", peers);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  Environment& environment = Environment::attach(env);
  put_accepted(exports, environment);
  put(exports, "setup", setup);
  put_constants(exports);
  put_syscalls(exports);
  put_owned(exports);
  put_stream(exports);
  put_descriptor_passing(exports);
  put_resolution(exports);
  put_listener(exports);
  put_acceptor(exports);
  put_handoff(exports);
  put_kernel(exports);
  put_diagnostics(exports);
  put_lab(exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(listenq, init)

}  // namespace listenq::binding
