// Threads whose failed checks reach the test, and what they are blocked in.
#ifndef LISTENQ_TEST_SUPPORT_THREADS_H_
#define LISTENQ_TEST_SUPPORT_THREADS_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace listenq::test {

using namespace std::chrono_literals;

/** How long a test waits for what must come. Generous: it is only used up when something is wrong. */
inline constexpr std::chrono::milliseconds kPatience = 20s;
/** A time that a test does not wait out: what it waits for must come first. */
inline constexpr std::chrono::milliseconds kForever = 10min;
/** How long a test waits to see that something does not come. */
inline constexpr std::chrono::milliseconds kQuiet = 60ms;

/** Asks `condition` until it holds; false once `patience` has passed. */
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

/** The CPUs that the calling thread may run on. */
std::vector<int> usable_cpus();
/** Keeps the calling thread on one CPU. Packets over loopback are taken on the CPU that sent them, so that what one
 * thread sends from one CPU arrives in order and one at a time, and queues fill exactly to their limits. */
void run_on(int cpu);
inline void run_on_one_cpu() {
  run_on(usable_cpus().front());
}

/** A thread that runs `body`; join() throws what `body` threw. */
class Runner {
 public:
  explicit Runner(std::function<void()> body);
  ~Runner();
  void join();

  /** Waits until `body` has ended, for `patience` at most. */
  bool ended(std::chrono::milliseconds patience = kPatience) const;
  /** Waits until the thread sleeps in one of the system calls accept4, poll, epoll_wait, connect or recvfrom. */
  bool blocked() const;
  pthread_t handle() { return thread_.native_handle(); }

 private:
  std::atomic<pid_t> tid_{0};
  std::atomic<bool> ended_{false};
  std::exception_ptr thrown_;
  std::thread thread_;
};

}  // namespace listenq::test

#endif  // LISTENQ_TEST_SUPPORT_THREADS_H_
