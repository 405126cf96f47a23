// The wakers of threads, by number.
#include "core/thread_wakers.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::shared_ptr<Waker> new_waker() {
  return std::make_shared<Waker>(must(Waker::create()));
}

}  // namespace

TEST_CASE("thread_wakers: wakes the thread that entered under that number") {
  const auto first = new_waker();
  const auto second = new_waker();
  thread_wakers::enter(1, first);
  thread_wakers::enter(UINT64_MAX, second);
  CHECK(thread_wakers::wake(UINT64_MAX));
  CHECK_FALSE(first->clear());
  CHECK(second->clear());
  CHECK(thread_wakers::wake(1));
  CHECK(first->clear());
  thread_wakers::leave(1, first);
  thread_wakers::leave(UINT64_MAX, second);
}

TEST_CASE("thread_wakers: nobody under that number is false") {
  CHECK_FALSE(thread_wakers::wake(7));
  auto waker = new_waker();
  thread_wakers::leave(7, waker);
  thread_wakers::enter(7, waker);
  thread_wakers::leave(7, waker);
  CHECK_FALSE(thread_wakers::wake(7));
  CHECK_FALSE(waker->clear());
}

TEST_CASE("thread_wakers: holds wakers weakly and closes none of its own") {
  const auto before = open_descriptors();
  thread_wakers::enter(8, new_waker());
  CHECK(open_descriptors() == before);
  CHECK_FALSE(thread_wakers::wake(8));
  // The number may be used again.
  auto waker = new_waker();
  thread_wakers::enter(8, waker);
  CHECK(thread_wakers::wake(8));
  CHECK(waker->clear());
  thread_wakers::leave(8, waker);
}

TEST_CASE("thread_wakers: leaving does not take away what another entered since") {
  const auto old = new_waker();
  const auto now = new_waker();
  thread_wakers::enter(10, old);
  thread_wakers::enter(10, now);
  thread_wakers::leave(10, old);
  CHECK(thread_wakers::wake(10));
  CHECK(now->clear());
  CHECK_FALSE(old->clear());
  thread_wakers::leave(10, now);
  CHECK_FALSE(thread_wakers::wake(10));
}

TEST_CASE("thread_wakers: a wake between two waits is seen by the next") {
  UniqueFd listener = tcp_listener(1);
  const auto waker = new_waker();
  thread_wakers::enter(9, waker);
  const int wakers[] = {waker->fd()};
  std::atomic<int> waits{0};
  Runner waiting([&] {
    while (waits < 2) {
      REQUIRE(must(wait_for(listener.get(), POLLIN, wakers, kPatience)) == Waited::kWoken);
      CHECK(waker->clear());
      waits++;
    }
  });
  REQUIRE(waiting.blocked());
  CHECK(thread_wakers::wake(9));
  REQUIRE(wait_until([&] { return waits == 1; }));
  CHECK(thread_wakers::wake(9));
  waiting.join();
  thread_wakers::leave(9, waker);
}

TEST_CASE("thread_wakers: threads come and go while others wake them") {
  constexpr int kRounds = 300;
  const auto before = open_descriptors();
  {
    std::atomic<bool> over{false};
    std::vector<std::unique_ptr<Runner>> threads;
    for (std::uint64_t id = 100; id < 103; id++) {
      threads.push_back(std::make_unique<Runner>([id] {
        for (int round = 0; round < kRounds; round++) {
          auto waker = new_waker();
          thread_wakers::enter(id, waker);
          thread_wakers::wake(id);
          // At least our own wake has come.
          CHECK(waker->clear());
          // Half of them are forgotten, as of a thread that was torn down.
          if (round % 2 == 0) thread_wakers::leave(id, waker);
        }
      }));
    }
    Runner waking([&] {
      while (!over) {
        for (std::uint64_t id = 100; id < 104; id++) thread_wakers::wake(id);
        std::this_thread::yield();
      }
    });
    for (auto& thread : threads) thread->join();
    over = true;
    waking.join();
  }
  CHECK(open_descriptors() == before);
}
