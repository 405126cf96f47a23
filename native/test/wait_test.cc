// Waker, wait_for and ExclusiveWait.
#include "core/wait.h"

#include <doctest/doctest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <climits>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/socket.h"
#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::string text_of(const Result<Waited>& waited) {
  if (!waited.ok()) return errno_name(waited.error().number);
  switch (waited.value()) {
    case Waited::kReady:
      return "ready";
    case Waited::kTimedOut:
      return "timed out";
    case Waited::kWoken:
      return "woken";
  }
  return "?";
}

std::string waited_text(int fd, short events, std::span<const int> wakers, std::chrono::milliseconds timeout) {
  return text_of(wait_for(fd, events, wakers, timeout));
}

std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

std::atomic<int> signals_taken{0};

// What `wait` gives, and how long it takes, while signals come more often than it lasts, and go on until it is over:
// were the time counted anew after each of them, it never would be.
std::pair<std::string, std::chrono::milliseconds> under_signals(const std::function<std::string()>& wait) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { signals_taken++; };
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  const int taken_before = signals_taken;
  std::string seen;
  std::chrono::milliseconds took{};
  std::atomic<bool> over{false};
  Runner waiting([&] {
    const auto start = std::chrono::steady_clock::now();
    seen = wait();
    took = since(start);
    over = true;
  });
  REQUIRE(waiting.blocked());
  const auto storm = std::chrono::steady_clock::now();
  while (!over && since(storm) < kPatience) {
    ::pthread_kill(waiting.handle(), SIGUSR1);
    std::this_thread::sleep_for(1ms);
  }
  CHECK(over);
  waiting.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(signals_taken >= taken_before + 2);
  return {seen, took};
}

}  // namespace

TEST_CASE("Waker: stays woken until cleared") {
  const Waker waker = must(Waker::create());
  CHECK(is_cloexec(waker.fd()));
  CHECK(must(sys::get_nonblocking(waker.fd())));
  CHECK(poll_text(waker.fd(), POLLIN) == "0");
  CHECK_FALSE(waker.clear());
  waker.wake();
  waker.wake();
  CHECK(poll_text(waker.fd(), POLLIN) == "IN");
  CHECK(poll_text(waker.fd(), POLLIN) == "IN");
  CHECK(waker.clear());
  CHECK_FALSE(waker.clear());
  CHECK(poll_text(waker.fd(), POLLIN) == "0");
}

TEST_CASE("Waker: wakes with a full counter and does not block") {
  const Waker waker = must(Waker::create());
  REQUIRE(::eventfd_write(waker.fd(), UINT64_MAX - 1) == 0);
  waker.wake();
  CHECK(poll_text(waker.fd(), POLLIN) == "IN");
  CHECK(waker.clear());
}

TEST_CASE("Waker: a full descriptor table is EMFILE") {
  CHECK(in_child([] {
          exhaust_descriptors();
          auto made = Waker::create();
          return outcome(made) + " of " + made.error().call;
        }) == "EMFILE of eventfd");
}

TEST_CASE("wait_for: ready at once and after a while") {
  Pair pair = tcp_pair();
  CHECK(waited_text(pair.client.get(), POLLOUT, {}, 0ms) == "ready");
  std::string seen;
  Runner waiting([&] { seen = waited_text(pair.server.get(), POLLIN, {}, kPatience); });
  REQUIRE(waiting.blocked());
  CHECK(send_text(pair.client.get(), "x") == "1");
  waiting.join();
  CHECK(seen == "ready");
}

TEST_CASE("wait_for: a hang-up and an error are readiness too") {
  Pair pair = tcp_pair();
  reset_connection(std::move(pair.client));
  CHECK(waited_text(pair.server.get(), 0, {}, kPatience) == "ready");
}

TEST_CASE("wait_for: time passes and not less than was asked") {
  UniqueFd listener = tcp_listener(1);
  for (auto timeout : {0ms, 1ms, 35ms}) {
    CAPTURE(timeout.count());
    const auto start = std::chrono::steady_clock::now();
    CHECK(waited_text(listener.get(), POLLIN, {}, timeout) == "timed out");
    CHECK(since(start) >= timeout);
  }
  CHECK(waited_text(listener.get(), POLLIN, {}, -5ms) == "timed out");
}

TEST_CASE("wait_for: the longest time is no overflow") {
  UniqueFd listener = tcp_listener(1);
  const Waker waker = must(Waker::create());
  const int wakers[] = {waker.fd()};
  for (auto timeout : {std::chrono::milliseconds::max(), std::chrono::milliseconds(INT_MAX), 9'000'000'000'000ms}) {
    CAPTURE(timeout.count());
    std::string seen;
    Runner waiting([&] { seen = waited_text(listener.get(), POLLIN, wakers, timeout); });
    CHECK(waiting.blocked());
    waker.wake();
    waiting.join();
    CHECK(seen == "woken");
    CHECK(waker.clear());
  }
}

TEST_CASE("wait_for: any of the wakers ends it and they win over readiness") {
  Pair pair = tcp_pair();
  CHECK(send_text(pair.client.get(), "x") == "1");
  REQUIRE(poll_text(pair.server.get(), POLLIN, kPatience) == "IN");
  const Waker all[] = {must(Waker::create()), must(Waker::create()), must(Waker::create())};
  const int wakers[] = {all[0].fd(), all[1].fd(), all[2].fd()};
  CHECK(waited_text(pair.server.get(), POLLIN, wakers, kPatience) == "ready");
  for (const Waker& waker : all) {
    waker.wake();
    CHECK(waited_text(pair.server.get(), POLLIN, wakers, kPatience) == "woken");
    // Woken until cleared: the next wait sees it too.
    CHECK(waited_text(pair.server.get(), POLLIN, wakers, 0ms) == "woken");
    CHECK(waker.clear());
  }
}

TEST_CASE("wait_for: a waker ends a wait that has begun") {
  UniqueFd listener = tcp_listener(1);
  const Waker waker = must(Waker::create());
  const int wakers[] = {-1, waker.fd()};
  std::string seen;
  Runner waiting([&] { seen = waited_text(listener.get(), POLLIN, wakers, kPatience); });
  REQUIRE(waiting.blocked());
  waker.wake();
  waiting.join();
  CHECK(seen == "woken");
}

TEST_CASE("wait_for: -1 among the wakers is passed over") {
  Pair pair = tcp_pair();
  const int none[] = {-1, -1, -1};
  CHECK(waited_text(pair.server.get(), POLLIN, none, 5ms) == "timed out");
  CHECK(waited_text(pair.client.get(), POLLOUT, none, 5ms) == "ready");
}

TEST_CASE("wait_for: a number that is not open is EBADF at once") {
  UniqueFd listener = tcp_listener(1);
  const int number = listener.get();
  listener.reset();
  for (int fd : {number, -1, -7}) {
    CAPTURE(fd);
    auto waited = wait_for(fd, POLLIN, {}, kPatience);
    CHECK(outcome(waited) == "EBADF");
    CHECK(std::string(waited.error().call) == "poll");
  }
}

TEST_CASE("wait_for and ExclusiveWait: signals neither end the wait nor stretch it") {
  UniqueFd listener = tcp_listener(1);
  const Waker waker = must(Waker::create());
  ExclusiveWait exclusive = must(ExclusiveWait::create(listener.get(), waker.fd()));
  constexpr auto kTimeout = 600ms;
  const std::function<std::string()> waits[] = {
      [&] { return waited_text(listener.get(), POLLIN, {}, kTimeout); },
      [&] { return text_of(exclusive.wait(-1, kTimeout)); },
  };
  for (const auto& wait : waits) {
    const auto [seen, took] = under_signals(wait);
    CHECK(seen == "timed out");
    CHECK(took >= kTimeout);
  }
}

TEST_CASE("ExclusiveWait: of those that wait for a listener one is woken for each client") {
  constexpr std::size_t kThreads = 4;
  UniqueFd listener = tcp_listener(10);
  const Waker waker = must(Waker::create());
  std::atomic<int> woken{0};
  std::vector<std::unique_ptr<Runner>> threads;
  for (std::size_t i = 0; i < kThreads; i++) {
    threads.push_back(std::make_unique<Runner>([&] {
      ExclusiveWait exclusive = must(ExclusiveWait::create(listener.get(), waker.fd()));
      CHECK(text_of(exclusive.wait(-1, kForever)) == "ready");
      woken++;
    }));
  }
  for (auto& thread : threads) REQUIRE(thread->blocked());
  std::vector<UniqueFd> clients;
  for (int i = 1; i <= static_cast<int>(kThreads); i++) {
    clients.push_back(client_of(listener.get()));
    REQUIRE(wait_until([&] { return woken == i; }));
    std::this_thread::sleep_for(kQuiet);
    CHECK(woken == i);
  }
  for (auto& thread : threads) thread->join();
}

TEST_CASE("ExclusiveWait: either waker ends it and they win over readiness") {
  UniqueFd listener = tcp_listener(1);
  const Waker ours = must(Waker::create());
  const Waker threads = must(Waker::create());
  ExclusiveWait exclusive = must(ExclusiveWait::create(listener.get(), ours.fd()));
  UniqueFd client = client_of(listener.get());
  CHECK(text_of(exclusive.wait(-1, kPatience)) == "ready");
  for (const Waker* waker : {&ours, &threads}) {
    waker->wake();
    CHECK(text_of(exclusive.wait(threads.fd(), kPatience)) == "woken");
    CHECK(text_of(exclusive.wait(threads.fd(), 0ms)) == "woken");
    CHECK(waker->clear());
    CHECK(text_of(exclusive.wait(threads.fd(), kPatience)) == "ready");
  }
  // Another thread's waker instead, and then none.
  threads.wake();
  const Waker other = must(Waker::create());
  CHECK(text_of(exclusive.wait(other.fd(), kPatience)) == "ready");
  other.wake();
  CHECK(text_of(exclusive.wait(other.fd(), kPatience)) == "woken");
  CHECK(text_of(exclusive.wait(-1, kPatience)) == "ready");
}

TEST_CASE("ExclusiveWait: the number of a waker that was closed may be another's") {
  UniqueFd listener = tcp_listener(1);
  const Waker ours = must(Waker::create());
  ExclusiveWait exclusive = must(ExclusiveWait::create(listener.get(), ours.fd()));
  std::optional<Waker> old = must(Waker::create());
  const int number = old->fd();
  CHECK(text_of(exclusive.wait(number, 1ms)) == "timed out");
  old.reset();
  CHECK(text_of(exclusive.wait(-1, 1ms)) == "timed out");
  const Waker next = must(Waker::create());
  REQUIRE(next.fd() == number);
  next.wake();
  CHECK(text_of(exclusive.wait(number, kPatience)) == "woken");
}

TEST_CASE("ExclusiveWait: takes one descriptor, CLOEXEC, and gives it back") {
  UniqueFd listener = tcp_listener(1);
  const Waker waker = must(Waker::create());
  const auto before = open_descriptors();
  {
    ExclusiveWait exclusive = must(ExclusiveWait::create(listener.get(), waker.fd()));
    const auto now = open_descriptors();
    CHECK(now.size() == before.size() + 1);
    for (int fd : now) CHECK((before.contains(fd) || is_cloexec(fd)));
  }
  CHECK(open_descriptors() == before);
  CHECK(outcome(ExclusiveWait::create(-1, waker.fd())) == "EBADF");
  CHECK(outcome(ExclusiveWait::create(listener.get(), -1)) == "EBADF");
  CHECK(open_descriptors() == before);
  CHECK(in_child([&] {
          exhaust_descriptors();
          auto made = ExclusiveWait::create(listener.get(), waker.fd());
          return outcome(made) + " of " + made.error().call;
        }) == "EMFILE of epoll_create1");
}
