// Handoff: whom it refuses, and for what.
#include <doctest/doctest.h>

#include <vector>

#include "core/handoff.h"
#include "support/accept_loop.h"

using namespace listenq;
using namespace listenq::test;

namespace {

using Action = Overload::Action;
using Clock = Handoff::Clock;

// Descriptors of nobody: only what becomes of them matters here.
std::vector<Arrival> came(const std::vector<std::chrono::milliseconds>& waits, Clock::time_point now) {
  std::vector<Arrival> arrivals;
  for (const auto& waited : waits) {
    arrivals.push_back({must(sys::socketpair(AF_UNIX, kStream, 0)).first, {}, now - waited, arrivals.size()});
  }
  return arrivals;
}

// How many of those that come now are given back.
std::size_t given_back(const Exchange& exchange, const std::vector<std::chrono::milliseconds>& waits,
                       Clock::time_point now = Clock::now()) {
  auto arrivals = came(waits, now);
  return exchange.handoff->put(arrivals, now).size();
}

}  // namespace

TEST_CASE("Handoff: who waited in the kernel's queue for longer than max_wait is refused") {
  for (Action action : {Action::kReset, Action::kClose, Action::kWait}) {
    CAPTURE(static_cast<int>(action));
    Handoff::Settings settings = shedding(action);
    settings.max_wait = 50ms;
    Exchange exchange(settings);
    const std::size_t refusals = action == Action::kWait ? 0 : 2;
    CHECK(given_back(exchange, {0ms, 51ms, 50ms, 900ms}) == refusals);
    CHECK(refused(exchange, Refusal::kMaxWait) == refusals);
    const Handoff::Stats stats = exchange.handoff->stats();
    CHECK(stats.accepted == 4);
    CHECK(stats.waiting == 4 - refusals);
    CHECK(stats.open == 4 - refusals);
    CHECK((stats.longest_wait >= 900ms) == (refusals > 0));
  }
}

TEST_CASE("Handoff: who waits here for longer than max_wait is overdue") {
  Handoff::Settings settings = shedding(Action::kReset);
  settings.max_wait = 50ms;
  Exchange exchange(settings);
  const auto now = Clock::now();
  CHECK_FALSE(exchange.handoff->orders(now).next_due.has_value());
  REQUIRE(given_back(exchange, {20ms, 40ms, 10ms}, now) == 0);
  auto orders = exchange.handoff->orders(now);
  CHECK(orders.overdue.empty());
  REQUIRE(orders.next_due == now + 11ms);
  orders = exchange.handoff->orders(*orders.next_due);
  CHECK(orders.overdue.size() == 1);
  REQUIRE(orders.next_due == now + 31ms);
  orders = exchange.handoff->orders(now + 1h);
  CHECK(orders.overdue.size() == 2);
  CHECK_FALSE(orders.next_due.has_value());
  CHECK(refused(exchange, Refusal::kMaxWait) == 3);
  CHECK(exchange.handoff->stats().open == 0);
  CHECK(exchange.handoff->stats().longest_wait >= 1h);
}

TEST_CASE("Handoff: without max_wait or without an action nobody is ever overdue") {
  Handoff::Settings waiting = shedding(Action::kWait);
  waiting.max_wait = 50ms;
  for (const Handoff::Settings& settings : {waiting, shedding(Action::kReset)}) {
    Exchange exchange(settings);
    const auto now = Clock::now();
    REQUIRE(given_back(exchange, {40ms}, now) == 0);
    auto orders = exchange.handoff->orders(now + 1h);
    CHECK(orders.overdue.empty());
    CHECK_FALSE(orders.next_due.has_value());
  }
}

TEST_CASE("Handoff: who comes while max_waiting wait is refused and there is always room to be") {
  for (std::size_t most : {0, 2}) {
    CAPTURE(most);
    Handoff::Settings settings = shedding(Action::kClose);
    settings.high_water_mark = 1;
    settings.max_waiting = most;
    Exchange exchange(settings);
    CHECK(given_back(exchange, {0ms, 0ms, 0ms}) == 3 - most);
    CHECK(refused(exchange, Refusal::kMaxWaiting) == 3 - most);
    CHECK(exchange.handoff->room_now() > 1'000'000);
    // One more for each that is waited for.
    exchange.handoff->want(1);
    CHECK(given_back(exchange, {0ms, 0ms}) == 1);
    exchange.handoff->pause(true);
    CHECK(exchange.handoff->room_now() == 0);
  }
}

TEST_CASE("Handoff: without an action max_waiting refuses nobody and the bound counts") {
  Handoff::Settings settings = bounded(3);
  settings.max_waiting = 1;
  Exchange exchange(settings);
  CHECK(exchange.handoff->room_now() == 3);
  CHECK(given_back(exchange, {0ms, 0ms, 0ms}) == 0);
  CHECK(exchange.handoff->room_now() == 0);
}

TEST_CASE("Handoff: max_connections counts those that wait and those taken until they are closed") {
  for (Action action : {Action::kWait, Action::kReset, Action::kClose}) {
    CAPTURE(static_cast<int>(action));
    Handoff::Settings settings = shedding(action);
    settings.max_connections = 2;
    Exchange exchange(settings);
    CHECK(given_back(exchange, {0ms}) == 0);
    CHECK(take_text(exchange) == "connection");
    CHECK(given_back(exchange, {0ms, 0ms}) == 1);
    CHECK(refused(exchange, Refusal::kMaxConnections) == 1);
    exchange.handoff->closed();
    CHECK(given_back(exchange, {0ms, 0ms}) == 1);
    CHECK(exchange.handoff->stats().open == 2);
  }
}

TEST_CASE("Handoff: max_connections 0 refuses everybody") {
  Handoff::Settings settings = shedding(Action::kWait);
  settings.max_connections = 0;
  Exchange exchange(settings);
  CHECK(given_back(exchange, {0ms, 0ms}) == 2);
  exchange.handoff->announce();
  CHECK(*exchange.wakeups == 0);
}

TEST_CASE("Handoff: an overdue connection makes way for another") {
  Handoff::Settings settings = shedding(Action::kReset);
  settings.max_connections = 1;
  settings.max_wait = 50ms;
  Exchange exchange(settings);
  REQUIRE(given_back(exchange, {0ms}) == 0);
  CHECK(given_back(exchange, {0ms}) == 1);
  CHECK(exchange.handoff->orders(Clock::now() + 1h).overdue.size() == 1);
  CHECK(given_back(exchange, {0ms}) == 0);
}

TEST_CASE("Handoff: while it drains nobody is refused for having waited or for how many wait") {
  Handoff::Settings settings = shedding(Action::kReset);
  settings.max_wait = 50ms;
  settings.max_waiting = 1;
  settings.max_connections = 4;
  Exchange exchange(settings);
  exchange.handoff->stop(true);
  CHECK(given_back(exchange, {0ms, 900ms, 900ms}) == 0);
  CHECK(exchange.handoff->orders(Clock::now() + 1h).overdue.empty());
  CHECK(exchange.handoff->stats().waiting == 3);
  // How many the process can serve at once has not changed.
  CHECK(given_back(exchange, {0ms, 0ms}) == 1);
}

TEST_CASE("Handoff: the taker hears of one loss and of the next once it has asked again") {
  Handoff::Settings settings = shedding(Action::kReset);
  settings.max_waiting = 0;
  Exchange exchange(settings);
  const auto lose = [&](const char* how) {
    if (*how == 'p') CHECK(given_back(exchange, {0ms}) == 1);
    if (*how == 'b') exchange.handoff->count_blocked(1);
    if (*how == 'd') exchange.handoff->count_drops(3);
  };
  lose("put");
  CHECK(*exchange.wakeups == 0);
  CHECK(take_text(exchange) == "nothing");
  int wakeups = 0;
  for (const char* how : {"put", "blocked", "drops"}) {
    CAPTURE(how);
    exchange.handoff->hear_of_losses();
    lose(how);
    lose(how);
    CHECK(*exchange.wakeups == ++wakeups);
    CHECK(take_text(exchange) == "news");
    CHECK(news_text(exchange) == "losses");
    CHECK(take_text(exchange) == "nothing");
  }
  CHECK(refused(exchange, Refusal::kMaxWaiting) == 3);
  CHECK(refused(exchange, Refusal::kBlocked) == 2);
  CHECK(exchange.handoff->stats().drops == 6);
}

TEST_CASE("Handoff: a failure is heard before a loss and does not replace it") {
  Exchange exchange;
  exchange.handoff->hear_of_losses();
  exchange.handoff->count_drops(1);
  exchange.handoff->report_failure({EINVAL, "accept"});
  CHECK(news_text(exchange) == "fatal EINVAL");
  CHECK(news_text(exchange) == "losses");
  CHECK(news_text(exchange) == "none");
}

TEST_CASE("Handoff: says of what is taken how long it waited") {
  Exchange exchange(bounded(10));
  CHECK(given_back(exchange, {40ms, 7ms}) == 0);
  Arrival arrival;
  for (const auto waited : {40ms, 7ms}) {
    REQUIRE(take_text(exchange, 0, &arrival) == "connection");
    CHECK(arrival.waited >= waited);
    CHECK(arrival.waited < waited + kPatience);
  }
}
