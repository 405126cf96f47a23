// A thread that accepts and a thread that takes, under load: nothing is lost, nothing comes twice, and both end.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "core/acceptor.h"
#include "core/socket.h"
#include "core/wait.h"
#include "support/accept_loop.h"
#include "support/process.h"

using namespace listenq;
using namespace listenq::test;

namespace {

// A Handoff whose taker is a thread that is woken as an event loop is, and that closes what it takes.
class Taker {
 public:
  explicit Taker(Handoff::Settings settings)
      : handoff(must(Handoff::create(std::move(settings), [this] {
          wakeups++;
          waker.wake();
        }))) {}

  /** Takes until `over`; each turn of this loop is busy with other things for `pause`. */
  void take_until(const std::function<bool()>& over, std::chrono::milliseconds pause) {
    const std::array wakers{waker.fd()};
    while (!over()) {
      must(wait_for(waker.fd(), POLLIN, wakers, 5ms));
      if (!waker.clear()) continue;
      std::this_thread::sleep_for(pause);
      Arrival arrival;
      while (handoff->take(0, arrival) == Handoff::Taken::kConnection) finish(std::move(arrival));
    }
  }

  /** Waits for one connection after the other, as a caller with a bound of 0 does. */
  void take_singly_until(const std::function<bool()>& over) {
    const std::array wakers{waker.fd()};
    Arrival arrival;
    while (!over()) {
      if (handoff->take(1, arrival) == Handoff::Taken::kConnection) {
        finish(std::move(arrival));
        continue;
      }
      must(wait_for(waker.fd(), POLLIN, wakers, 5ms));
      waker.clear();
    }
  }

  const Waker waker = must(Waker::create());
  std::atomic<int> wakeups{0};
  std::vector<std::uint16_t> ports;
  const std::shared_ptr<Handoff> handoff;

 private:
  void finish(Arrival arrival) {
    ports.push_back(endpoint_of(arrival.peer).port);
    arrival.fd.reset();
    handoff->closed();
  }
};

// Clients in bursts: each connects, waits for the end of its stream, and is gone without a trace.
class Crowd {
 public:
  Crowd(const Address& address, int bursts, int size) : address_(address), bursts_(bursts), size_(size) {}

  void run() {
    for (int i = 0; i < bursts_; i++) {
      std::vector<UniqueFd> clients;
      while (static_cast<int>(clients.size()) < size_) clients.push_back(start_connect(address_));
      for (UniqueFd& client : clients) finish(std::move(client));
    }
  }

  std::vector<std::uint16_t> served;
  int refused = 0;

 private:
  void finish(UniqueFd client) {
    REQUIRE(poll_text(client.get(), POLLIN, kPatience) != "0");
    if (recv_text(client.get()) == "''") {
      served.push_back(port_of(client.get()));
    } else {
      refused++;
    }
    reset_connection(std::move(client));
  }

  const Address address_;
  const int bursts_;
  const int size_;
};

// Every client of both crowds was taken, and once.
void check_all_served(std::vector<std::uint16_t> taken, Crowd (&crowds)[2]) {
  std::vector<std::uint16_t> served = crowds[0].served;
  served.insert(served.end(), crowds[1].served.begin(), crowds[1].served.end());
  std::ranges::sort(served);
  std::ranges::sort(taken);
  CHECK(taken == served);
  CHECK(crowds[0].refused + crowds[1].refused == 0);
}

std::unique_ptr<Acceptor> acceptor_of(const Taker& taker, const Member& member) {
  std::vector<Member> copies;
  copies.push_back(join(member));
  return std::make_unique<Acceptor>(taker.handoff, std::move(copies));
}

// The two threads of a loop. They end with this object, also when a check of the test has failed.
class Running {
 public:
  using Over = std::function<bool()>;

  Running(Taker& taker, Acceptor& acceptor, std::function<void(const Over&)> take)
      : taker_(taker),
        accepting_([&acceptor] { run(acceptor); }),
        taking_([this, take = std::move(take)] { take([this] { return over_.load(); }); }) {}
  ~Running() {
    over_ = true;
    taker_.handoff->stop(false);
  }

  /** Waits for the accepting thread, which was told to end, and then for the other. */
  void finish() {
    accepting_.join();
    over_ = true;
    taking_.join();
  }
  void stop() {
    taker_.handoff->stop(false);
    finish();
  }

 private:
  Taker& taker_;
  std::atomic<bool> over_{false};
  Runner accepting_;
  Runner taking_;
};

}  // namespace

TEST_CASE("accept loop: thousands of clients come once each and the taker is woken for bursts") {
  constexpr int kClients = 2 * 10 * 200;
  for (std::size_t bound : {8, 1000}) {
    CAPTURE(bound);
    const auto before = descriptor_count();
    {
      Taker taker(bounded(bound));
      Member member = adopt(tcp_listener(1000));
      auto acceptor = acceptor_of(taker, member);
      Crowd crowds[] = {{name_of(member->fd()), 10, 200}, {name_of(member->fd()), 10, 200}};
      Running loop(taker, *acceptor, [&](const auto& over) { taker.take_until(over, 2ms); });
      Runner first([&] { crowds[0].run(); });
      Runner second([&] { crowds[1].run(); });
      first.join();
      second.join();
      loop.stop();
      check_all_served(taker.ports, crowds);
      const Handoff::Stats stats = taker.handoff->stats();
      CHECK(stats.accepted == kClients);
      CHECK(stats.delivered == kClients);
      CHECK(stats.waiting + stats.open + stats.failed == 0);
      CHECK(taker.wakeups < kClients / 4);
    }
    CHECK(descriptor_count() == before);
  }
}

TEST_CASE("accept loop: a taker that asks for one at a time gets all") {
  Taker taker(bounded(0));
  Member member = adopt(tcp_listener(1000));
  auto acceptor = acceptor_of(taker, member);
  Crowd crowds[] = {{name_of(member->fd()), 10, 100}, {name_of(member->fd()), 10, 100}};
  Running loop(taker, *acceptor, [&](const auto& over) { taker.take_singly_until(over); });
  Runner first([&] { crowds[0].run(); });
  Runner second([&] { crowds[1].run(); });
  first.join();
  second.join();
  loop.stop();
  check_all_served(taker.ports, crowds);
  CHECK(taker.handoff->stats().delivered == 2000);
}

TEST_CASE("accept loop: pauses from a third thread lose nobody") {
  Taker taker(bounded(50));
  Member member = adopt(tcp_listener(1000));
  auto acceptor = acceptor_of(taker, member);
  Crowd crowds[] = {{name_of(member->fd()), 10, 100}, {name_of(member->fd()), 10, 100}};
  Running loop(taker, *acceptor, [&](const auto& over) { taker.take_until(over, 0ms); });
  std::atomic<int> crowds_left{2};
  Runner pausing([&] {
    for (bool on = true; crowds_left > 0; on = !on) {
      taker.handoff->pause(on);
      taker.handoff->want(on ? 3 : 0);
      [[maybe_unused]] const Handoff::Stats seen = taker.handoff->stats();
      std::this_thread::sleep_for(1ms);
    }
    taker.handoff->pause(false);
  });
  const auto send = [&](Crowd& crowd) {
    const std::shared_ptr<void> left(nullptr, [&](void*) { crowds_left--; });
    crowd.run();
  };
  Runner first([&] { send(crowds[0]); });
  Runner second([&] { send(crowds[1]); });
  first.join();
  second.join();
  pausing.join();
  loop.stop();
  check_all_served(taker.ports, crowds);
}

TEST_CASE("accept loop: a drain under load serves every client that had connected") {
  for (int round = 0; round < 5; round++) {
    Taker taker(bounded(16));
    Member member = adopt(tcp_listener(1000));
    auto acceptor = acceptor_of(taker, member);
    std::vector<UniqueFd> clients = queue_clients(member, 400);
    Running loop(taker, *acceptor, [&](const auto& over) { taker.take_until(over, 0ms); });
    std::this_thread::sleep_for(round * 1ms);
    Runner stopping([&] { taker.handoff->stop(true); });
    for (const UniqueFd& client : clients) {
      REQUIRE(poll_text(client.get(), POLLIN, kPatience) != "0");
      CHECK(recv_text(client.get()) == "''");
    }
    stopping.join();
    loop.finish();
    CHECK(taker.ports == ports_of(clients));
    CHECK(member->group().closed());
  }
}

TEST_CASE("accept loop: end and close from third threads under load leave nothing behind") {
  const auto before = open_descriptors();
  for (int round = 0; round < 20; round++) {
    Taker taker(bounded(round % 2 == 0 ? 4 : 1000));
    Member member = adopt(tcp_listener(1000));
    auto acceptor = acceptor_of(taker, member);
    std::vector<UniqueFd> clients = queue_clients(member, 200);
    Running loop(taker, *acceptor, [&](const auto& over) { taker.take_until(over, 0ms); });
    std::this_thread::sleep_for((round % 4) * 1ms);
    std::size_t closed = 0;
    Runner ending([&] { closed = taker.handoff->end(); });
    if (round % 3 == 0) member->group().close();
    ending.join();
    loop.finish();
    const Handoff::Stats stats = taker.handoff->stats();
    CHECK(stats.accepted == stats.delivered + closed);
    CHECK(stats.waiting + stats.open == 0);
    CHECK(taker.ports.size() == stats.delivered);
    acceptor.reset();
    member.reset();
    // All have come to their end, the one way or the other.
    for (const UniqueFd& client : clients) CHECK(poll_text(client.get(), POLLIN, kPatience) != "0");
  }
  CHECK(open_descriptors() == before);
}
