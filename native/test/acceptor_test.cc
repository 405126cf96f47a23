// Acceptor: how far it empties the kernel's queue, what its thread waits for, and what ends it.
#include "core/acceptor.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <atomic>
#include <vector>

#include "core/socket.h"
#include "support/accept_loop.h"
#include "support/process.h"

using namespace listenq;
using namespace listenq::test;

TEST_CASE("Acceptor: accepts as many as there is room for and leaves the rest in the kernel") {
  for (std::size_t bound : {0, 1, 3}) {
    for (std::size_t wanting : {0, 2}) {
      CAPTURE(bound);
      CAPTURE(wanting);
      Exchange exchange(bounded(bound));
      Member member = adopt(tcp_listener(10));
      auto acceptor = acceptor_of(exchange, {&member});
      std::vector<UniqueFd> clients = queue_clients(member, 8);
      exchange.handoff->want(wanting);
      const std::size_t first = bound + wanting;
      CHECK(turn(*acceptor, 0ms) == std::to_string(first));
      CHECK(turn(*acceptor, 0ms) == "0");
      CHECK(queue_text(member->fd()) == std::to_string(8 - first) + "/10");
      // Each that is taken makes room for one, unless it was waited for.
      if (first == 0) continue;
      CHECK(take_text(exchange, wanting) == "connection");
      CHECK(turn(*acceptor, 0ms) == (wanting == 0 ? "1" : "0"));
    }
  }
}

TEST_CASE("Acceptor: with a bound of 0 the kernel's queue alone counts to the last client") {
  Exchange exchange(bounded(0));
  Member member = adopt(tcp_listener(2));
  auto acceptor = acceptor_of(exchange, {&member});
  CHECK(turn(*acceptor, 0ms) == "0");
  std::vector<Attempt> attempts;
  Runner([&] {
    run_on_one_cpu();
    for (int i = 0; i < 4; i++) {
      attempts.push_back(attempt_at(member->fd()));
      CHECK(attempts.back().admitted == (i < 3));
      CHECK(turn(*acceptor, 0ms) == "0");
    }
  }).join();
  CHECK(queue_text(member->fd()) == "3/2");
}

TEST_CASE("Acceptor: what it hands over is CLOEXEC and non-blocking and names its peer") {
  for (bool tcp : {true, false}) {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp ? tcp_listener(10) : unix_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 3);
    REQUIRE(acceptor->gather(kPatience) == 3U);
    CHECK(acceptor->gathered() == 3);
    std::vector<std::uint16_t> peers;
    for (std::size_t i = 0; i < 3; i++) peers.push_back(tcp ? endpoint_of(acceptor->peer(i)).port : 0);
    CHECK(exchange.handoff->stats().waiting == 0);
    acceptor->deliver();
    CHECK(acceptor->gathered() == 0);
    std::vector<Arrival> taken = take_all(exchange);
    REQUIRE(taken.size() == 3);
    for (const Arrival& arrival : taken) {
      CHECK(is_cloexec(arrival.fd.get()));
      CHECK(must(sys::get_nonblocking(arrival.fd.get())));
    }
    if (tcp) CHECK(peers == ports_of(clients));
    if (tcp) CHECK(ports_of(taken) == ports_of(clients));
  }
}

TEST_CASE("Acceptor: brings a batch at most and goes on without waiting") {
  Exchange exchange(bounded(1000));
  Member member = adopt(tcp_listener(200));
  auto acceptor = acceptor_of(exchange, {&member});
  std::vector<UniqueFd> clients = queue_clients(member, 2 * Acceptor::kBatch + 5);
  CHECK(turn(*acceptor, kForever) == "64");
  CHECK(turn(*acceptor, kForever) == "64");
  CHECK(turn(*acceptor, kForever) == "5");
  CHECK(ports_of(take_all(exchange)) == ports_of(clients));
  CHECK(exchange.handoff->stats().longest_queue == clients.size());
}

TEST_CASE("Acceptor: nobody comes in the time given") {
  Exchange exchange(bounded(10));
  Member member = adopt(tcp_listener(10));
  auto acceptor = acceptor_of(exchange, {&member});
  const auto start = Acceptor::Clock::now();
  CHECK(turn(*acceptor, 40ms) == "0");
  CHECK(Acceptor::Clock::now() - start >= 40ms);
}

TEST_CASE("Acceptor: a client ends the wait") {
  for (bool tcp : {true, false}) {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp ? tcp_listener(10) : unix_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::string answer;
    Runner waiting([&] { answer = turn(*acceptor, kForever); });
    REQUIRE(waiting.blocked());
    UniqueFd client = client_of(member->fd());
    waiting.join();
    CHECK(answer == "1");
  }
}

TEST_CASE("Acceptor: a thread that waits for room is called when there is some") {
  Exchange exchange(bounded(1));
  Member member = adopt(tcp_listener(10));
  auto acceptor = acceptor_of(exchange, {&member});
  std::vector<UniqueFd> clients = queue_clients(member, 2);
  REQUIRE(turn(*acceptor) == "1");
  std::string answers;
  Runner waiting([&] {
    answers = turn(*acceptor, kForever);
    answers += turn(*acceptor, kForever);
  });
  REQUIRE(waiting.blocked());
  CHECK(take_text(exchange) == "connection");
  waiting.join();
  CHECK(answers == "01");
}

TEST_CASE("Acceptor: a pause takes effect on the next arrival") {
  Exchange exchange(bounded(10));
  Member member = adopt(tcp_listener(10));
  auto acceptor = acceptor_of(exchange, {&member});
  std::string answer;
  Runner waiting([&] { answer = turn(*acceptor, kForever); });
  REQUIRE(waiting.blocked());
  exchange.handoff->pause(true);
  std::vector<UniqueFd> clients = queue_clients(member, 1);
  waiting.join();
  CHECK(answer == "0");
  CHECK(turn(*acceptor, kQuiet) == "0");
  CHECK(queue_text(member->fd()) == "1/10");
  exchange.handoff->pause(false);
  // The call that ends the pause may end one wait.
  const std::string first = turn(*acceptor);
  CHECK((first == "1" || turn(*acceptor) == "1"));
}

TEST_CASE("Acceptor: stop and end end the wait and the thread and leave the listener alone") {
  for (bool end : {false, true}) {
    for (std::size_t bound : {0, 10}) {
      const auto before = descriptor_count();
      Exchange exchange(bounded(bound));
      Member member = adopt(tcp_listener(10));
      auto acceptor = acceptor_of(exchange, {&member});
      Runner accepting([&] { run(*acceptor); });
      REQUIRE(accepting.blocked());
      if (end) CHECK(exchange.handoff->end() == 0);
      if (!end) exchange.handoff->stop(false);
      accepting.join();
      CHECK(turn(*acceptor) == "ended");
      CHECK(news_text(exchange) == "none");
      acceptor.reset();
      UniqueFd client = client_of(member->fd());
      CHECK(accept_text(*member, 1, kPatience) == "1");
      client.reset();
      // Handoff, listener, and the waker of each.
      CHECK(descriptor_count() == before + 3);
    }
  }
}

TEST_CASE("Acceptor: end while connections are on their way closes them") {
  const auto before = descriptor_count();
  {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 2);
    REQUIRE(acceptor->gather(kPatience) == 2U);
    CHECK(exchange.handoff->end() == 0);
    acceptor->deliver();
    for (const UniqueFd& client : clients) CHECK(recv_text(client.get()) == "''");
    CHECK(*exchange.wakeups == 0);
    CHECK(turn(*acceptor) == "ended");
  }
  CHECK(descriptor_count() == before);
}

TEST_CASE("Acceptor: a drain takes all that is queued and then closes the listener") {
  for (bool tcp : {true, false}) {
    Exchange exchange(bounded(1));
    Member member = adopt(tcp ? tcp_listener(200) : unix_listener(200));
    const Address address = name_of(member->fd());
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 150);
    REQUIRE(turn(*acceptor) == "1");
    exchange.handoff->pause(true);
    exchange.handoff->stop(true);
    run(*acceptor);
    CHECK(member->group().closed());
    CHECK(member->fd() == -1);
    CHECK(exchange.handoff->stats().waiting == 150);
    std::string answer;
    start_connect(address, &answer, kBlocking);
    CHECK(answer == "ECONNREFUSED");
    std::vector<Arrival> taken = take_all(exchange);
    if (tcp) CHECK(ports_of(taken) == ports_of(clients));
    for (const Arrival& arrival : taken) CHECK(send_text(arrival.fd.get(), "hello") == "5");
    for (const UniqueFd& client : clients) CHECK(recv_text(client.get()) == "'hello'");
    CHECK(turn(*acceptor) == "ended");
  }
}

TEST_CASE("Acceptor: a drain ends the wait of a thread that has nothing to drain") {
  for (std::size_t bound : {0, 10}) {
    Exchange exchange(bounded(bound));
    Member first = adopt(tcp_listener(10));
    Member second = adopt(unix_listener(10));
    auto acceptor = acceptor_of(exchange, {&first, &second});
    Runner accepting([&] { run(*acceptor); });
    REQUIRE(accepting.blocked());
    exchange.handoff->stop(true);
    accepting.join();
    CHECK(first->group().closed());
    CHECK(second->group().closed());
  }
}

TEST_CASE("Acceptor: a listener that another thread closes ends the wait and the thread") {
  for (std::size_t bound : {0, 10}) {
    const auto before = descriptor_count();
    Exchange exchange(bounded(bound));
    Member member = adopt(tcp_listener(10));
    const Address address = name_of(member->fd());
    auto acceptor = acceptor_of(exchange, {&member});
    Runner accepting([&] { run(*acceptor); });
    REQUIRE(accepting.blocked());
    member->group().close();
    accepting.join();
    CHECK(news_text(exchange) == "none");
    std::string answer;
    start_connect(address, &answer, kBlocking);
    CHECK(answer == "ECONNREFUSED");
    acceptor.reset();
    member.reset();
    CHECK(descriptor_count() == before + 1);
  }
}

TEST_CASE("Acceptor: listeners that were closed before it began") {
  Exchange exchange(bounded(10));
  Member member = adopt(tcp_listener(10));
  auto acceptor = acceptor_of(exchange, {&member});
  member->group().close();
  CHECK(turn(*acceptor) == "ended");
  CHECK(news_text(exchange) == "none");
}

TEST_CASE("Acceptor: a number is not closed under the thread that accepts with it") {
  // As in accept_within_test.cc: were a number used or closed after it went to another file, that file would be gone.
  const auto before = open_descriptors();
  {
    std::atomic<bool> over{false};
    std::atomic<int> lost{0};
    Runner opening([&] {
      while (!over) {
        UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
        std::this_thread::yield();
        if (!is_open(file.get())) lost++;
      }
    });
    for (int round = 0; round < 60; round++) {
      Exchange exchange(bounded(10));
      Member member = adopt(tcp_listener(10));
      auto acceptor = acceptor_of(exchange, {&member});
      Runner accepting([&] { run(*acceptor); });
      UniqueFd client = start_connect(name_of(member->fd()));
      if (round % 2 == 0) std::this_thread::sleep_for(1ms);
      member->group().close();
      accepting.join();
      CHECK(news_text(exchange) == "none");
    }
    over = true;
    opening.join();
    CHECK(lost == 0);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("Acceptor: whoever waits until it has let go finds the port free") {
  for (int round = 0; round < 20; round++) {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp_listener(10));
    const Address address = name_of(member->fd());
    auto acceptor = acceptor_of(exchange, {&member});
    CHECK(!exchange.handoff->wait_until_left(0ms));
    Runner accepting([&] { run(*acceptor); });
    if (round % 2 == 0) REQUIRE(accepting.blocked());
    exchange.handoff->stop(false);
    member->group().close();
    CHECK(exchange.handoff->wait_until_left(kPatience));
    // Still running, perhaps: what it had of the listener is gone all the same.
    UniqueFd next = must(sys::socket(AF_INET, kStream, 0));
    CHECK(sys::bind(next.get(), address).ok());
    CHECK(sys::listen(next.get(), 1).ok());
    accepting.join();
  }
}

TEST_CASE("Acceptor: nobody has to wait for one that never began or was dropped") {
  Exchange exchange(bounded(10));
  CHECK(exchange.handoff->wait_until_left(0ms));
  Member member = adopt(tcp_listener(10));
  acceptor_of(exchange, {&member}).reset();
  CHECK(exchange.handoff->wait_until_left(0ms));
}

TEST_CASE("Acceptor: counts the SYNs that its listener drops from when it began") {
  Exchange exchange(bounded(10));
  Member member = adopt(tcp_listener(2));
  const auto drops = [&] { return must(read_queue(member->fd())).drops.value_or(0); };
  std::vector<UniqueFd> clients = queue_clients(member, 3);
  clients.push_back(start_connect(must(sys::getsockname(member->fd()))));
  const std::uint32_t before = drops();
  CHECK(before >= 1);
  auto acceptor = acceptor_of(exchange, {&member});
  for (int i = 0; i < 2; i++) clients.push_back(start_connect(must(sys::getsockname(member->fd()))));
  CHECK(drops() >= before + 2);
  CHECK(turn(*acceptor, 0ms) == "3");
  CHECK(exchange.handoff->stats().drops >= 2);
  CHECK(exchange.handoff->stats().drops <= drops() - before);
}
