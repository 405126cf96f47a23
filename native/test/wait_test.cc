// Waker and wait_for.
#include "core/wait.h"

#include <doctest/doctest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <climits>
#include <csignal>
#include <cstdint>

#include "core/socket.h"
#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::string waited_text(int fd, short events, std::span<const int> wakers, std::chrono::milliseconds timeout) {
  auto waited = wait_for(fd, events, wakers, timeout);
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

std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

std::atomic<int> signals_taken{0};

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

TEST_CASE("wait_for: signals neither end the wait nor stretch it") {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { signals_taken++; };
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  UniqueFd listener = tcp_listener(1);
  constexpr auto kTimeout = 600ms;
  std::string seen;
  std::chrono::milliseconds took{};
  std::atomic<bool> over{false};
  Runner waiting([&] {
    const auto start = std::chrono::steady_clock::now();
    seen = waited_text(listener.get(), POLLIN, {}, kTimeout);
    took = since(start);
    over = true;
  });
  REQUIRE(waiting.blocked());
  // Comes more often than the timeout lasts, and goes on until the wait is over: were the time counted anew after each
  // signal, it never would be.
  const auto storm = std::chrono::steady_clock::now();
  while (!over && since(storm) < kPatience) {
    ::pthread_kill(waiting.handle(), SIGUSR1);
    std::this_thread::sleep_for(1ms);
  }
  CHECK(over);
  waiting.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(seen == "timed out");
  CHECK(took >= kTimeout);
  CHECK(signals_taken >= 2);
}
