// Lets one JavaScript thread interrupt the blocking-style call of another.
#ifndef LISTENQ_CORE_THREAD_WAKERS_H_
#define LISTENQ_CORE_THREAD_WAKERS_H_

#include <cstdint>
#include <memory>

#include "wait.h"

namespace listenq {

/** The wakers of this process's JavaScript threads, by the thread's number (worker_threads.threadId). Held weakly. */
namespace thread_wakers {

void enter(std::uint64_t thread_id, const std::shared_ptr<Waker>& waker);
/** Does nothing if the number names another waker by now. */
void leave(std::uint64_t thread_id, const std::shared_ptr<Waker>& waker);
/** Wakes that thread's wait, or the next one that it begins. False if there is no such thread. */
bool wake(std::uint64_t thread_id);

}  // namespace thread_wakers

}  // namespace listenq

#endif  // LISTENQ_CORE_THREAD_WAKERS_H_
