// Waiting for a descriptor: poll(2) with a deadline and wakers.
#ifndef LISTENQ_CORE_WAIT_H_
#define LISTENQ_CORE_WAIT_H_

#include <chrono>
#include <span>
#include <utility>

#include "result.h"
#include "unique_fd.h"

namespace listenq {

/**
 * Ends other threads' waits. An eventfd(2): once woken it stays readable until cleared, so a thread that is between
 * two calls when it is woken sees it at its next wait. wake() may be called from any thread.
 */
class Waker {
 public:
  static Result<Waker> create();

  void wake() const;
  /** Takes the wake-up back; true if there was one. */
  bool clear() const;
  int fd() const { return event_.get(); }

 private:
  explicit Waker(UniqueFd event) : event_(std::move(event)) {}
  UniqueFd event_;
};

enum class Waited { kReady, kTimedOut, kWoken };

/**
 * Waits until `fd` shows one of `events`, an error or a hang-up; a waker wakes; or `timeout` has passed.
 *
 * poll(2). A signal (EINTR) does not end the wait and does not stretch it: the deadline is fixed at the call, on
 * CLOCK_MONOTONIC. Wakers win over readiness. A number in `wakers` that is -1 is passed over. `fd` must be non-blocking
 * for the call that follows, as readiness can be gone by then.
 *
 * Errors: EBADF if `fd` is not open; ENOMEM. Blocks for `timeout` at most; negative counts as zero, and more
 * than 2147483647 ms as that.
 */
Result<Waited> wait_for(int fd, short events, std::span<const int> wakers, std::chrono::milliseconds timeout);

}  // namespace listenq

#endif  // LISTENQ_CORE_WAIT_H_
