// Acceptor and Handoff together: what clients see that are refused, and how long they waited by the kernel's clock.
#include <doctest/doctest.h>

#include <vector>

#include "core/acceptor.h"
#include "core/socket.h"
#include "support/accept_loop.h"
#include "support/process.h"

using namespace listenq;
using namespace listenq::test;

namespace {

using Action = Overload::Action;

// Far from each other and from a kernel's tick, so that a crowded machine changes nothing.
constexpr std::chrono::milliseconds kMaxWait = 500ms;
constexpr std::chrono::milliseconds kTooLong = 700ms;

const std::string kAnswer = "HTTP/1.1 503 Service Unavailable\r\n\r\n";

// What `client` reads until its stream has ended: the pieces in quotes, and ECONNRESET if it was reset.
std::string all_text(const UniqueFd& client) {
  std::string text;
  for (;;) {
    if (poll_text(client.get(), POLLIN, kPatience) == "0") return text + "nothing";
    const std::string piece = recv_text(client.get());
    text += piece;
    if (piece == "''" || piece.front() != '\'') return text;
  }
}

// A thread that turns until the test is over.
struct Accepting {
  Accepting(const Exchange& exchange, std::unique_ptr<Acceptor> acceptor)
      : handoff(exchange.handoff), acceptor(std::move(acceptor)) {}
  ~Accepting() { handoff->stop(false); }

  const std::shared_ptr<Handoff> handoff;
  const std::unique_ptr<Acceptor> acceptor;
  Runner thread{[this] { run(*acceptor); }};
};

}  // namespace

TEST_CASE("Acceptor: the wait of a connection begins when it was queued") {
  Handoff::Settings settings = bounded(10);
  settings.max_wait = kForever;
  Exchange exchange(settings);
  Member member = adopt(tcp_listener(10));
  auto acceptor = acceptor_of(exchange, {&member});
  const auto before = Acceptor::Clock::now();
  std::vector<UniqueFd> clients = queue_clients(member, 1);
  const auto after = Acceptor::Clock::now();
  std::this_thread::sleep_for(kTooLong);
  REQUIRE(turn(*acceptor) == "1");
  Arrival arrival;
  REQUIRE(take_text(exchange, 0, &arrival) == "connection");
  // A kernel tells in its ticks, of 10 ms at most.
  CHECK(arrival.since >= before - 20ms);
  CHECK(arrival.since <= after + 20ms);
  CHECK(exchange.handoff->stats().longest_wait >= kTooLong - 20ms);
}

TEST_CASE("Acceptor: who waited too long in the kernel's queue is refused and who just came is not") {
  for (Action action : {Action::kReset, Action::kClose}) {
    Handoff::Settings settings = shedding(action);
    settings.max_wait = kMaxWait;
    Exchange exchange(settings);
    Member member = adopt(tcp_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> late = queue_clients(member, 2);
    // What a client sends while it waits is no reason to think that it came later.
    CHECK(send_text(late.back().get(), "x") == "1");
    std::this_thread::sleep_for(kTooLong);
    std::vector<UniqueFd> fresh = queue_clients(member, 1);
    CHECK(turn(*acceptor) == "3");
    for (const UniqueFd& client : late) CHECK(all_text(client) == (action == Action::kReset ? "ECONNRESET" : "''"));
    CHECK(refused(exchange, Refusal::kMaxWait) == 2);
    CHECK(ports_of(take_all(exchange)) == ports_of(fresh));
  }
}

TEST_CASE("Acceptor: of AF_UNIX no kernel tells how long it waited and it is served") {
  Handoff::Settings settings = shedding(Action::kReset);
  settings.max_wait = 20ms;
  Exchange exchange(settings);
  Member member = adopt(unix_listener(10));
  auto acceptor = acceptor_of(exchange, {&member});
  std::vector<UniqueFd> clients = queue_clients(member, 2);
  std::this_thread::sleep_for(100ms);
  CHECK(turn(*acceptor) == "2");
  CHECK(refused(exchange, Refusal::kMaxWait) == 0);
}

TEST_CASE("Acceptor: who waits too long to be taken is refused by the thread alone") {
  for (bool tcp : {true, false}) {
    const auto before = descriptor_count();
    {
      Handoff::Settings settings = shedding(tcp ? Action::kReset : Action::kClose, tcp ? "" : "busy");
      settings.max_wait = 100ms;
      Exchange exchange(settings);
      Member member = adopt(tcp ? tcp_listener(10) : unix_listener(10));
      Accepting accepting(exchange, acceptor_of(exchange, {&member}));
      std::vector<UniqueFd> clients;
      clients.push_back(client_of(member->fd()));
      clients.push_back(client_of(member->fd()));
      for (const UniqueFd& client : clients) CHECK(all_text(client) == (tcp ? "ECONNRESET" : "'busy'''"));
      CHECK(refused(exchange, Refusal::kMaxWait) == 2);
      CHECK(take_text(exchange) == "nothing");
      CHECK(exchange.handoff->stats().open == 0);
    }
    CHECK(descriptor_count() == before);
  }
}

TEST_CASE("Acceptor: who comes while max_waiting wait gets the whole answer and then the end") {
  Handoff::Settings settings = shedding(Action::kClose, kAnswer);
  settings.max_waiting = 2;
  Exchange exchange(settings);
  Member member = adopt(tcp_listener(10));
  Accepting accepting(exchange, acceptor_of(exchange, {&member}));
  std::vector<UniqueFd> served = {};
  for (int i = 0; i < 2; i++) served.push_back(client_of(member->fd()));
  REQUIRE(wait_until([&] { return exchange.handoff->stats().waiting == 2; }));
  const auto before = descriptor_count();
  {
    UniqueFd client = client_of(member->fd());
    const std::string request(20'000, 'x');
    CHECK(send_text(client.get(), request) == std::to_string(request.size()));
    CHECK(all_text(client) == "'" + kAnswer + "'''");
    CHECK(refused(exchange, Refusal::kMaxWaiting) == 1);
    // Its end of the connection is kept until it has ended its own.
    CHECK(descriptor_count() == before + 2);
  }
  CHECK(wait_until([&] { return descriptor_count() == before; }));
  CHECK(ports_of(take_all(exchange)) == ports_of(served));
}

TEST_CASE("Acceptor: the end of one that was refused and stays is a second away at most") {
  Handoff::Settings settings = shedding(Action::kClose, kAnswer);
  settings.max_waiting = 0;
  Exchange exchange(settings);
  Member member = adopt(tcp_listener(10));
  Accepting accepting(exchange, acceptor_of(exchange, {&member}));
  const auto before = descriptor_count();
  UniqueFd client = client_of(member->fd());
  CHECK(all_text(client) == "'" + kAnswer + "'''");
  CHECK(wait_until([&] { return descriptor_count() == before + 1; }));
}

TEST_CASE("Acceptor: beyond max_connections clients are refused until one is closed") {
  for (Action action : {Action::kWait, Action::kReset, Action::kClose}) {
    CAPTURE(static_cast<int>(action));
    Handoff::Settings settings = shedding(action, action == Action::kClose ? "busy" : "");
    settings.max_connections = 1;
    Exchange exchange(settings);
    Member member = adopt(tcp_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 2);
    CHECK(turn(*acceptor) == "2");
    CHECK(ports_of(take_all(exchange)) == std::vector{port_of(clients[0].get())});
    const char* const kSeen[] = {"''", "ECONNRESET", "'busy'''"};
    CHECK(all_text(clients[1]) == kSeen[static_cast<int>(action)]);
    CHECK(refused(exchange, Refusal::kMaxConnections) == 1);
    exchange.handoff->closed();
    std::vector<UniqueFd> next = queue_clients(member, 1);
    while (exchange.handoff->stats().accepted < 3) turn(*acceptor);
    CHECK(ports_of(take_all(exchange)) == ports_of(next));
  }
}

TEST_CASE("Acceptor: who is blocked is closed and counted and nobody else") {
  const auto before = descriptor_count();
  {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 4);
    REQUIRE(acceptor->gather(kPatience) == 4U);
    acceptor->block(0);
    acceptor->block(2);
    acceptor->deliver();
    CHECK(all_text(clients[0]) == "''");
    CHECK(all_text(clients[2]) == "''");
    CHECK(refused(exchange, Refusal::kBlocked) == 2);
    CHECK(exchange.handoff->stats().accepted == 4);
    CHECK(exchange.handoff->stats().open == 2);
    std::vector<UniqueFd> others;
    others.push_back(std::move(clients[1]));
    others.push_back(std::move(clients[3]));
    CHECK(ports_of(take_all(exchange)) == ports_of(others));
    // A burst of blocked ones alone wakes nobody.
    std::vector<UniqueFd> more = queue_clients(member, 1);
    const int wakeups = *exchange.wakeups;
    REQUIRE(acceptor->gather(kPatience) == 1U);
    acceptor->block(0);
    acceptor->deliver();
    CHECK(*exchange.wakeups == wakeups);
    CHECK(turn(*acceptor, 0ms) == "0");
  }
  CHECK(descriptor_count() == before);
}
