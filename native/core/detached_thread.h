// A thread that nobody joins.
#ifndef LISTENQ_CORE_DETACHED_THREAD_H_
#define LISTENQ_CORE_DETACHED_THREAD_H_

#include <functional>

#include "result.h"

namespace listenq {

/** Runs `body` on a thread of its own with all signals blocked: the process's signals are for the threads that run
 * JavaScript. `body` must own all that it touches. Errors: EAGAIN if no thread can be had. */
Status run_detached(std::function<void()> body);

}  // namespace listenq

#endif  // LISTENQ_CORE_DETACHED_THREAD_H_
