// Waiting for a descriptor, with a deadline and wakers: poll(2), and epoll(7) where the kernel shall wake one waiter.
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

/** What poll(2) is to be given to wait until `deadline`: rounded up, as a wait that ends early would spin through the
 * last millisecond. */
int milliseconds_until(std::chrono::steady_clock::time_point deadline);

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

/**
 * One thread's wait for a descriptor that other threads wait for too, of which the kernel wakes one for each event:
 * poll(2) would wake them all. An epoll(7) instance, CLOEXEC, in which the descriptor is EPOLLEXCLUSIVE.
 *
 * The kernel keeps watching the open file behind the descriptor, not the number: whoever closes the number while copies
 * of it are open must drop this object first. Calls belong to one thread.
 */
class ExclusiveWait {
 public:
  /** Watches `fd` for input, and `waker`, an eventfd that lives longer. Errors: EMFILE, ENFILE, ENOMEM; ENOSPC beyond
   * fs.epoll.max_user_watches; EBADF. */
  static Result<ExclusiveWait> create(int fd, int waker);

  /**
   * As wait_for with POLLIN: epoll_wait(2), and epoll_ctl(2) if `thread_waker` is not the one of the last call. -1 is
   * none. While a number is passed here it must stay the same eventfd.
   *
   * A thread that was woken for an event and then does not act on it has taken it from the others, who sleep on until
   * their own wait ends. Errors: those of create, for `thread_waker`.
   */
  Result<Waited> wait(int thread_waker, std::chrono::milliseconds timeout);

 private:
  ExclusiveWait(UniqueFd epoll, int fd) : epoll_(std::move(epoll)), fd_(fd) {}

  UniqueFd epoll_;
  int fd_;
  int thread_waker_ = -1;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_WAIT_H_
