#include "loop_waker.h"

namespace listenq::binding {

std::shared_ptr<LoopWaker> LoopWaker::create(Napi::Env env, Napi::Function callback) {
  auto waker = std::make_shared<LoopWaker>();
  // Node holds one of the owners, until it has finished with the function.
  auto* held = new std::shared_ptr<LoopWaker>(waker);
  const Napi::String name = Napi::String::New(env, "listenq.AcceptLoop");
  const napi_status status = napi_create_threadsafe_function(env, callback, nullptr, name, 0, 1, held, finalize,
                                                             nullptr, call, &waker->function_);
  if (status == napi_ok) return waker;
  delete held;
  if (!env.IsExceptionPending()) Napi::Error::New(env).ThrowAsJavaScriptException();
  return nullptr;
}

void LoopWaker::wake() {
  std::lock_guard lock(mutex_);
  if (function_ == nullptr) return;
  // Node may free the function once it has said that it is closing.
  if (napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking) == napi_closing) function_ = nullptr;
}

void LoopWaker::ref(Napi::Env env) {
  std::lock_guard lock(mutex_);
  if (function_ != nullptr) napi_ref_threadsafe_function(env, function_);
}

void LoopWaker::unref(Napi::Env env) {
  std::lock_guard lock(mutex_);
  if (function_ != nullptr) napi_unref_threadsafe_function(env, function_);
}

void LoopWaker::close() {
  std::lock_guard lock(mutex_);
  if (function_ != nullptr) napi_release_threadsafe_function(function_, napi_tsfn_abort);
  function_ = nullptr;
}

void LoopWaker::call(napi_env env, napi_value callback, void*, void*) {
  // Without an environment it is only told that what was queued is thrown away.
  if (env == nullptr || callback == nullptr) return;
  napi_value undefined = nullptr;
  if (napi_get_undefined(env, &undefined) != napi_ok) return;
  if (napi_call_function(env, undefined, callback, 0, nullptr, nullptr) != napi_pending_exception) return;
  // As an exception in any other callback: 'uncaughtException'. Left to itself Node-API would only warn.
  napi_value exception = nullptr;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

void LoopWaker::finalize(napi_env, void* self, void*) {
  auto* held = static_cast<std::shared_ptr<LoopWaker>*>(self);
  {
    std::lock_guard lock((*held)->mutex_);
    (*held)->function_ = nullptr;
  }
  delete held;
}

}  // namespace listenq::binding
