// Wakes a JavaScript thread's event loop from other threads.
#ifndef LISTENQ_BINDING_LOOP_WAKER_H_
#define LISTENQ_BINDING_LOOP_WAKER_H_

#include <napi.h>

#include <memory>
#include <mutex>

namespace listenq::binding {

/**
 * Has a function called on its own thread, at the next turn of the event loop: a Node-API thread-safe function. Each
 * call of wake() is one of the function, so that the caller sees to it that there are few.
 *
 * wake() may be called from any thread, and does nothing once the JavaScript thread has ended. The rest belongs to that
 * thread. Keeps the event loop alive until unref() or close().
 */
class LoopWaker {
 public:
  /** Null, with an exception pending, if Node-API refused. */
  static std::shared_ptr<LoopWaker> create(Napi::Env env, Napi::Function callback);

  void wake();
  void ref(Napi::Env env);
  void unref(Napi::Env env);
  void close();

 private:
  static void call(napi_env env, napi_value callback, void* context, void* data);
  static void finalize(napi_env env, void* self, void* hint);

  std::mutex mutex_;
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace listenq::binding

#endif  // LISTENQ_BINDING_LOOP_WAKER_H_
