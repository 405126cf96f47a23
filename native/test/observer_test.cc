// ListenObserver: always in a child, as there is no way back from it; and the thread that it rests on.
#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <mutex>

#include "core/detached_thread.h"
#include "core/listen_observer.h"
#include "core/rlimit.h"
#include "core/socket.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

constexpr int kBacklogs[] = {INT_MIN, -1, 0, 1, 511, 65535, 65536, INT_MAX};

int this_thread() {
  return static_cast<int>(::syscall(SYS_gettid));
}

// Runs `body` with an observer in a child; "cannot: …" where the kernel or a sandbox does not let it be.
std::string observed(const std::function<std::string(ListenObserver&)>& body) {
  return in_child([&] {
    auto observer = ListenObserver::install();
    return observer.ok() ? body(*observer.value()) : "cannot: " + errno_name(observer.error().number);
  });
}

// What the observer saw, without the numbers that differ from run to run.
std::string text_of(const std::vector<ListenCall>& calls, int fd) {
  std::string text;
  for (const ListenCall& call : calls) {
    text += (call.fd == fd ? "fd " : "other ") + std::to_string(call.backlog) + "; ";
  }
  return text;
}

}  // namespace

#define SKIP_IF_NOT_OBSERVABLE(seen) SKIP_UNLESS((seen).rfind("cannot: ", 0) != 0, "seccomp notifications: " + (seen))

TEST_CASE("ListenObserver: sees each backlog as it was passed") {
  const std::string seen = observed([](ListenObserver& observer) {
    UniqueFd fd = bound_to(loopback());
    for (int backlog : kBacklogs) must(sys::listen(fd.get(), backlog));
    const std::vector<ListenCall> calls = observer.take();
    for (const ListenCall& call : calls) {
      if (call.thread_id != this_thread()) return std::string("of another thread");
    }
    return text_of(calls, fd.get());
  });
  SKIP_IF_NOT_OBSERVABLE(seen);
  std::string expected;
  for (int backlog : kBacklogs) expected += "fd " + std::to_string(backlog) + "; ";
  CHECK(seen == expected);
}

TEST_CASE("ListenObserver: lets the call go on untouched") {
  const std::string seen = observed([](ListenObserver&) {
    UniqueFd fd = tcp_listener(7);
    std::string text = queue_text(fd.get());
    text += " " + outcome(sys::listen(-1, 1));
    return text + " " + outcome(sys::listen(0, 1));
  });
  SKIP_IF_NOT_OBSERVABLE(seen);
  CHECK(seen.rfind("0/7 EBADF ENOTSOCK", 0) == 0);
}

TEST_CASE("ListenObserver: take empties") {
  const std::string seen = observed([](ListenObserver& observer) {
    UniqueFd fd = tcp_listener(7);
    const std::size_t first = observer.take().size();
    return std::to_string(first) + " " + std::to_string(observer.take().size());
  });
  SKIP_IF_NOT_OBSERVABLE(seen);
  CHECK(seen == "1 0");
}

TEST_CASE("ListenObserver: sees the threads and processes that are started afterwards") {
  const std::string seen = observed([](ListenObserver& observer) {
    int thread_id = 0;
    UniqueFd fd = bound_to(loopback());
    Runner([&] {
      thread_id = this_thread();
      must(sys::listen(fd.get(), 3));
    }).join();
    const pid_t child = ::fork();
    if (child == 0) ::_exit(sys::listen(fd.get(), 4).ok() ? 0 : 1);
    int status = -1;
    if (::waitpid(child, &status, 0) != child || status != 0) return std::string("the child failed");
    const std::vector<ListenCall> calls = observer.take();
    if (calls.size() != 2) return std::to_string(calls.size()) + " calls";
    if (calls[0].thread_id != thread_id || calls[1].thread_id != child) return std::string("not by their numbers");
    return text_of(calls, fd.get());
  });
  SKIP_IF_NOT_OBSERVABLE(seen);
  CHECK(seen == "fd 3; fd 4; ");
}

TEST_CASE("ListenObserver: a second one in the same thread is EBUSY and the first goes on") {
  const std::string seen = observed([](ListenObserver& observer) {
    const auto before = descriptor_count();
    std::string text = outcome(ListenObserver::install());
    // The thread of the second ends by itself, and then its waker is closed.
    if (!wait_until([&] { return descriptor_count() == before; })) return std::string("a descriptor was left");
    UniqueFd fd = tcp_listener(5);
    return text + " " + text_of(observer.take(), fd.get());
  });
  SKIP_IF_NOT_OBSERVABLE(seen);
  CHECK(seen == "EBUSY fd 5; ");
}

TEST_CASE("ListenObserver: its descriptors are CLOEXEC") {
  const std::string seen = in_child([] {
    const auto before = open_descriptors();
    auto observer = ListenObserver::install();
    if (!observer.ok()) return "cannot: " + errno_name(observer.error().number);
    for (int fd : open_descriptors()) {
      if (!before.contains(fd) && !is_cloexec(fd)) return std::string("not all");
    }
    return std::string("all");
  });
  SKIP_IF_NOT_OBSERVABLE(seen);
  CHECK(seen == "all");
}

TEST_CASE("run_detached: the body runs with every signal blocked and the caller as it was") {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  std::mutex mutex;
  bool ran = false;
  bool blocked = false;
  must(run_detached([&] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    std::lock_guard lock(mutex);
    blocked = sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1) &&
              sigismember(&mask, SIGCHLD) && sigismember(&mask, SIGPROF);
    ran = true;
  }));
  CHECK(wait_until([&] {
    std::lock_guard lock(mutex);
    return ran;
  }));
  CHECK(blocked);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) {
    CHECK(sigismember(&before, signal) == sigismember(&after, signal));
  }
}

TEST_CASE("run_detached: the body lives until it has run and no longer") {
  auto witness = std::make_shared<int>(7);
  std::weak_ptr<int> observer = witness;
  must(run_detached([held = std::move(witness)] { std::this_thread::sleep_for(std::chrono::milliseconds(*held)); }));
  CHECK(wait_until([&] { return observer.expired(); }));
}

TEST_CASE("run_detached: no thread to be had is EAGAIN and the body is let go") {
  const std::string seen = in_child([] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return std::string("setuid");
    rlimit limits = must(sys::getrlimit(RLIMIT_NPROC));
    limits.rlim_cur = 0;
    must(sys::setrlimit(RLIMIT_NPROC, limits));
    auto witness = std::make_shared<int>(7);
    std::weak_ptr<int> observer = witness;
    auto refused = run_detached([held = std::move(witness)] {});
    return outcome(refused) + " of " + (refused.ok() ? "nothing" : refused.error().call) +
           (observer.expired() ? "" : " and the body is kept");
  });
  CHECK(seen == "EAGAIN of pthread_create");
}
