// Acceptor: several listeners at once, and listeners that fail.
#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "core/acceptor.h"
#include "core/socket.h"
#include "support/accept_loop.h"
#include "support/process.h"
#include "support/skip.h"

using namespace listenq;
using namespace listenq::test;

TEST_CASE("Acceptor: serves all its listeners") {
  Exchange exchange(bounded(10));
  Member members[] = {adopt(tcp_listener(10)), adopt(unix_listener(10)), adopt(tcp_listener(10))};
  auto acceptor = acceptor_of(exchange, {&members[0], &members[1], &members[2]});
  std::vector<std::vector<UniqueFd>> clients;
  for (const Member& member : members) clients.push_back(queue_clients(member, 2));
  CHECK(turn(*acceptor) == "6");
  for (const Member& member : members) CHECK(queue_text(member->fd()) == "0/10");
  CHECK(turn(*acceptor, 0ms) == "0");
}

TEST_CASE("Acceptor: the oldest is taken first whichever listener it came to") {
  // Read from the kernel, in its ticks: those that come at one moment have no order across listeners.
  Handoff::Settings settings = bounded(10);
  settings.max_wait = kForever;
  Exchange exchange(settings);
  Member members[] = {adopt(tcp_listener(10)), adopt(tcp_listener(10)), adopt(tcp_listener(10))};
  auto acceptor = acceptor_of(exchange, {&members[0], &members[1], &members[2]});
  std::vector<UniqueFd> clients;
  for (std::size_t at : {2, 0, 1}) {
    clients.push_back(std::move(queue_clients(members[at], 1).front()));
    std::this_thread::sleep_for(40ms);
  }
  CHECK(turn(*acceptor) == "3");
  CHECK(ports_of(take_all(exchange)) == ports_of(clients));
}

TEST_CASE("Acceptor: a listener that is never empty does not starve another") {
  // Room for one at a time, so that the busy one can never be emptied.
  for (std::size_t busy_at : {0, 1}) {
    CAPTURE(busy_at);
    Exchange exchange(bounded(1));
    Member members[] = {adopt(tcp_listener(50)), adopt(tcp_listener(50))};
    const Member& busy = members[busy_at];
    const Member& quiet = members[1 - busy_at];
    auto acceptor = acceptor_of(exchange, {&members[0], &members[1]});
    std::vector<UniqueFd> crowd = queue_clients(busy, 40);
    REQUIRE(turn(*acceptor) == "1");
    std::vector<UniqueFd> single = queue_clients(quiet, 1);
    std::set<std::uint16_t> served;
    for (int i = 0; i < 6; i++) {
      for (std::uint16_t port : ports_of(take_all(exchange))) served.insert(port);
      turn(*acceptor, 0ms);
    }
    CHECK(served.contains(port_of(single.front().get())));
    CHECK(must(read_queue(busy->fd())).length > 30);
  }
}

TEST_CASE("Acceptor: a batch's worth in one queue does not starve another") {
  Exchange exchange(bounded(1000));
  Member busy = adopt(tcp_listener(300));
  Member quiet = adopt(unix_listener(10));
  auto acceptor = acceptor_of(exchange, {&busy, &quiet});
  std::vector<UniqueFd> crowd = queue_clients(busy, 4 * Acceptor::kBatch);
  REQUIRE(turn(*acceptor) == "64");
  std::vector<UniqueFd> single = queue_clients(quiet, 1);
  for (int i = 0; i < 2; i++) CHECK(turn(*acceptor, 0ms) == "64");
  CHECK(queue_text(quiet->fd()) == "0/10");
}

TEST_CASE("Acceptor: one listener is closed and the others go on") {
  Exchange exchange(bounded(10));
  Member members[] = {adopt(tcp_listener(10)), adopt(tcp_listener(10)), adopt(unix_listener(10))};
  auto acceptor = acceptor_of(exchange, {&members[0], &members[1], &members[2]});
  Runner accepting([&] { run(*acceptor); });
  std::vector<UniqueFd> clients;
  std::uint64_t accepted = 0;
  for (const Member& gone : members) {
    REQUIRE(accepting.blocked());
    for (const Member& member : members) {
      if (!member->group().closed()) clients.push_back(client_of(member->fd()));
    }
    accepted = clients.size();
    REQUIRE(wait_until([&] { return exchange.handoff->stats().accepted == accepted; }));
    gone->group().close();
  }
  accepting.join();
  CHECK(exchange.handoff->stats().accepted == 6);
  CHECK(news_text(exchange) == "none");
}

TEST_CASE("Acceptor: a listener that somebody shut down is EINVAL and ends the thread") {
  for (bool tcp : {true, false}) {
    for (bool waiting : {true, false}) {
      CAPTURE(tcp);
      CAPTURE(waiting);
      Exchange exchange(bounded(10));
      Member member = adopt(tcp ? tcp_listener(10) : unix_listener(10));
      auto acceptor = acceptor_of(exchange, {&member});
      Runner accepting([&] {
        if (!waiting) must(sys::shutdown(member->fd(), SHUT_RD));
        run(*acceptor);
      });
      if (waiting) REQUIRE(accepting.blocked());
      if (waiting) must(sys::shutdown(member->fd(), SHUT_RD));
      accepting.join();
      CHECK(*exchange.wakeups == 1);
      CHECK(take_text(exchange) == "news");
      CHECK(news_text(exchange) == "fatal EINVAL");
      CHECK_FALSE(member->group().closed());
    }
  }
}

TEST_CASE("Acceptor: what an AF_UNIX listener had queued is handed over before its end is told") {
  Exchange exchange(bounded(10));
  Member member = adopt(unix_listener(10));
  auto acceptor = acceptor_of(exchange, {&member});
  std::vector<UniqueFd> clients = queue_clients(member, 2);
  must(sys::shutdown(member->fd(), SHUT_RD));
  CHECK(turn(*acceptor) == "2");
  CHECK(news_text(exchange) == "none");
  CHECK(take_all(exchange).size() == 2);
  CHECK(turn(*acceptor) == "ended");
  CHECK(news_text(exchange) == "fatal EINVAL");
}

TEST_CASE("Acceptor: a socket that does not listen is EINVAL") {
  Exchange exchange(bounded(10));
  Member member = adopt(bound_to(loopback()));
  auto acceptor = acceptor_of(exchange, {&member});
  CHECK(turn(*acceptor) == "ended");
  CHECK(news_text(exchange) == "fatal EINVAL");
}

TEST_CASE("Acceptor: what other listeners brought is handed over before one fails") {
  Exchange exchange(bounded(10));
  Member failing = adopt(tcp_listener(10));
  Member sound = adopt(tcp_listener(10));
  auto acceptor = acceptor_of(exchange, {&failing, &sound});
  std::vector<UniqueFd> clients = queue_clients(sound, 3);
  must(sys::shutdown(failing->fd(), SHUT_RD));
  run(*acceptor);
  CHECK(news_text(exchange) == "fatal EINVAL");
  // Either was asked first; what was accepted is not lost.
  const auto left = must(read_queue(sound->fd())).length;
  CHECK(take_all(exchange).size() + left == 3);
}

TEST_CASE("Acceptor: an MPTCP listener") {
  constexpr int kMptcp = 262;
  auto made = sys::socket(AF_INET, kStream, kMptcp);
  SKIP_UNLESS(made.ok(), "this kernel has no MPTCP");
  must(sys::bind(made.value().get(), loopback()));
  must(sys::listen(made.value().get(), 10));
  Exchange exchange(bounded(10));
  Member member = adopt(std::move(made.value()));
  auto acceptor = acceptor_of(exchange, {&member});
  std::vector<UniqueFd> clients = queue_clients(member, 3);
  CHECK(turn(*acceptor) == "3");
  CHECK(exchange.handoff->stats().longest_queue == 3);
}
