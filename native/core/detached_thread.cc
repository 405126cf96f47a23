#include "detached_thread.h"

#include <pthread.h>

#include <csignal>
#include <memory>

namespace listenq {

namespace {

void* run_body(void* argument) {
  std::unique_ptr<std::function<void()>> body(static_cast<std::function<void()>*>(argument));
  (*body)();
  return nullptr;
}

}  // namespace

Status run_detached(std::function<void()> body) {
  auto held = std::make_unique<std::function<void()>>(std::move(body));
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = ::pthread_create(&thread, nullptr, run_body, held.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return SystemError{failed, "pthread_create"};
  // The thread deletes it.
  [[maybe_unused]] auto* passed_on = held.release();
  ::pthread_detach(thread);
  return success();
}

}  // namespace listenq
