#include "support/threads.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace listenq::test {

namespace {

constexpr long kBlockingCalls[] = {
    SYS_accept4,
    SYS_ppoll,
    SYS_connect,
    SYS_recvfrom,
    SYS_accept,
    SYS_epoll_pwait,
#ifdef SYS_poll
    // The older names, which some processors never had.
    SYS_poll,
    SYS_epoll_wait,
#endif
};

// The first field is the number of the call that the thread sleeps in, or "running".
bool sleeps_in_call(pid_t tid) {
  std::ifstream file("/proc/self/task/" + std::to_string(tid) + "/syscall");
  long number = -1;
  return (file >> number) && std::ranges::find(kBlockingCalls, number) != std::end(kBlockingCalls);
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    // Asked once more after the deadline: the test may have been stopped for longer than that.
    const bool last = std::chrono::steady_clock::now() >= deadline;
    if (condition()) return true;
    if (last) return false;
    std::this_thread::sleep_for(1ms);
  }
}

std::vector<int> usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

void run_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  REQUIRE(::sched_setaffinity(0, sizeof set, &set) == 0);
}

Runner::Runner(std::function<void()> body)
    : thread_([this, body = std::move(body)] {
        tid_ = static_cast<pid_t>(::syscall(SYS_gettid));
        try {
          body();
        } catch (...) {
          thrown_ = std::current_exception();
        }
        ended_ = true;
      }) {}

Runner::~Runner() {
  if (thread_.joinable()) thread_.join();
}

void Runner::join() {
  thread_.join();
  if (thrown_) std::rethrow_exception(thrown_);
}

bool Runner::ended(std::chrono::milliseconds patience) const {
  return wait_until([this] { return ended_.load(); }, patience);
}

bool Runner::blocked() const {
  if (!wait_until([this] { return tid_ != 0; })) return false;
  if (!std::ifstream("/proc/self/task/" + std::to_string(tid_) + "/syscall")) {
    // A kernel that does not tell: long enough for any thread to get there.
    std::this_thread::sleep_for(200ms);
    return !ended_;
  }
  // Seen twice, so that a call which was about to return is not taken for a wait.
  for (int seen = 0; seen < 2; seen++) {
    if (!wait_until([this] { return ended_ || sleeps_in_call(tid_); })) return false;
    if (ended_) return false;
    std::this_thread::sleep_for(2ms);
  }
  return sleeps_in_call(tid_);
}

}  // namespace listenq::test
