// Handoff: the bound, the orders to the accepting thread, whom it refuses, and when it wakes the taker.
#include "core/handoff.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "core/token_directory.h"
#include "support/accept_loop.h"
#include "support/process.h"

using namespace listenq;
using namespace listenq::test;

namespace {

using Clock = Handoff::Clock;
using State = Handoff::Orders::State;

// Connections that have waited for `waits` each, and their far ends.
struct Burst {
  /** Connections that have waited so long, each of a listener of its own or all of `source`. */
  explicit Burst(const std::vector<std::chrono::milliseconds>& waits, Clock::time_point now = Clock::now(),
                 std::optional<std::size_t> source = std::nullopt) {
    static std::size_t sources = 1000;
    for (const auto& waited : waits) {
      auto ends = must(sys::socketpair(AF_UNIX, kStream, 0));
      near.push_back({std::move(ends.first), {}, now - waited, source.value_or(sources++)});
      far.push_back(std::move(ends.second));
    }
  }

  /** Which far ends have come to the end of their stream: "1010". */
  std::string ended() const {
    std::string text;
    for (const UniqueFd& fd : far) text += poll_text(fd.get(), POLLHUP) == "HUP" ? '1' : '0';
    return text;
  }

  std::vector<Arrival> near;
  std::vector<UniqueFd> far;
};

// Puts connections that have just come, and says so; how many were given back.
std::size_t put(const Exchange& exchange, Burst& burst, Clock::time_point now = Clock::now()) {
  const std::size_t refused = exchange.handoff->put(burst.near, now).size();
  CHECK(burst.near.empty());
  exchange.handoff->announce();
  return refused;
}

std::size_t room(const Exchange& exchange) {
  const std::size_t room = exchange.handoff->orders(Clock::now()).room;
  CHECK(exchange.handoff->room_now() == room);
  return room;
}

bool called(const Exchange& exchange) {
  return exchange.handoff->waker().clear();
}

struct Named {
  std::uint64_t name = new_token();
  std::uint64_t token() const { return name; }
};

}  // namespace

TEST_CASE("TokenDirectory: finds what lives and keeps nothing alive") {
  TokenDirectory<Named> directory;
  auto first = std::make_shared<Named>();
  auto second = std::make_shared<Named>();
  directory.add(first);
  directory.add(second);
  CHECK(first->token() != second->token());
  CHECK(directory.find(first->token()) == first);
  CHECK(directory.find(first->token() + 1) == nullptr);
  CHECK(directory.all().size() == 2);
  const std::uint64_t token = first->token();
  first.reset();
  CHECK(directory.find(token) == nullptr);
  CHECK(directory.all() == std::vector{second});
  directory.remove(second->token());
  CHECK(directory.find(second->token()) == nullptr);
  CHECK(directory.all().empty());
}

TEST_CASE("Handoff: a token names one and nothing once it is gone") {
  const auto before = open_descriptors();
  std::uint64_t token = 0;
  {
    Exchange first;
    Exchange second;
    token = first.handoff->token();
    CHECK(token != second.handoff->token());
    CHECK(Handoff::find(token) == first.handoff);
    CHECK(Handoff::find(second.handoff->token()) == second.handoff);
    CHECK(Handoff::find(0) == nullptr);
    for (int fd : open_descriptors()) CHECK((before.contains(fd) || is_cloexec(fd)));
  }
  CHECK(Handoff::find(token) == nullptr);
  CHECK(open_descriptors() == before);
}

TEST_CASE("Handoff: create with a full descriptor table is EMFILE") {
  CHECK(in_child([] {
          exhaust_descriptors();
          return outcome(Handoff::create({}, [] {}));
        }) == "EMFILE");
}

TEST_CASE("Handoff: room is the bound and those that wait for a connection") {
  for (std::size_t bound : {0, 1, 3}) {
    CAPTURE(bound);
    Exchange exchange(bounded(bound));
    CHECK(room(exchange) == bound);
    exchange.handoff->want(2);
    CHECK(room(exchange) == bound + 2);
    Burst two({0ms, 0ms});
    CHECK(put(exchange, two) == 0);
    CHECK(room(exchange) == bound);
    // Who gave up waiting leaves what was accepted for him, which is never beyond the bound for long.
    exchange.handoff->want(0);
    CHECK(room(exchange) == (bound > 2 ? bound - 2 : 0));
    CHECK(take_all(exchange).size() == 2);
    CHECK(room(exchange) == bound);
  }
}

TEST_CASE("Handoff: who takes says how many wait, himself included") {
  Exchange exchange(bounded(0));
  CHECK(take_text(exchange, 1) == "nothing");
  CHECK(room(exchange) == 1);
  CHECK(take_text(exchange, 3) == "nothing");
  CHECK(room(exchange) == 3);
  Burst one({0ms});
  put(exchange, one);
  CHECK(room(exchange) == 2);
  CHECK(take_text(exchange, 3) == "connection");
  CHECK(room(exchange) == 2);
  CHECK(take_text(exchange, 0) == "nothing");
  CHECK(room(exchange) == 0);
}

TEST_CASE("Handoff: the accepting thread is called when it was told that there is no room and there is some") {
  Exchange exchange(bounded(1));
  CHECK(room(exchange) == 1);
  exchange.handoff->want(1);
  CHECK_FALSE(called(exchange));
  exchange.handoff->want(0);
  Burst one({0ms});
  put(exchange, one);
  CHECK(take_text(exchange) == "connection");
  // It has not asked since, so it knows of no lack.
  CHECK_FALSE(called(exchange));
  Burst next({0ms});
  put(exchange, next);
  CHECK(room(exchange) == 0);
  CHECK(take_text(exchange) == "connection");
  CHECK(called(exchange));
  CHECK(take_text(exchange, 5) == "nothing");
  CHECK_FALSE(called(exchange));
}

TEST_CASE("Handoff: want calls the accepting thread too") {
  Exchange exchange(bounded(0));
  CHECK(room(exchange) == 0);
  exchange.handoff->want(1);
  CHECK(called(exchange));
}

TEST_CASE("Handoff: pause leaves no room and what waits can be taken") {
  Exchange exchange(bounded(4));
  Burst one({0ms});
  put(exchange, one);
  exchange.handoff->pause(true);
  CHECK(room(exchange) == 0);
  CHECK(take_text(exchange, 3) == "connection");
  exchange.handoff->want(3);
  CHECK(room(exchange) == 0);
  CHECK_FALSE(called(exchange));
  exchange.handoff->pause(false);
  CHECK(called(exchange));
  CHECK(room(exchange) == 7);
}

TEST_CASE("Handoff: stop calls the accepting thread, which has no room any more") {
  Exchange exchange(bounded(4));
  CHECK(exchange.handoff->orders(Clock::now()).state == State::kAccept);
  exchange.handoff->stop(false);
  CHECK(called(exchange));
  CHECK(exchange.handoff->orders(Clock::now()).state == State::kStop);
  CHECK(room(exchange) == 0);
}

TEST_CASE("Handoff: a drain has room for all, whatever the bound and even while paused") {
  Exchange exchange(bounded(0));
  exchange.handoff->pause(true);
  CHECK(room(exchange) == 0);
  exchange.handoff->stop(true);
  CHECK(called(exchange));
  CHECK(exchange.handoff->orders(Clock::now()).state == State::kDrain);
  CHECK(room(exchange) > 1'000'000);
}

TEST_CASE("Handoff: the oldest is taken first") {
  Exchange exchange(bounded(10));
  const auto now = Clock::now();
  Burst first({30ms, 10ms}, now);
  Burst second({40ms, 20ms, 20ms}, now);
  put(exchange, first);
  put(exchange, second);
  std::vector<std::chrono::milliseconds> waits;
  for (const Arrival& arrival : take_all(exchange)) {
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(now - arrival.since));
  }
  CHECK(waits == std::vector<std::chrono::milliseconds>{40ms, 30ms, 20ms, 20ms, 10ms});
}

TEST_CASE("Handoff: of one listener the first to come is the first to go, whatever the clocks say") {
  Exchange exchange(bounded(10));
  const auto now = Clock::now();
  Burst burst({20ms, 40ms, 30ms}, now, 1);
  Burst other({35ms}, now, 2);
  put(exchange, burst);
  put(exchange, other);
  std::vector<std::chrono::milliseconds> waits;
  for (const Arrival& arrival : take_all(exchange)) {
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(now - arrival.since));
  }
  CHECK(waits == std::vector<std::chrono::milliseconds>{20ms, 40ms, 35ms, 30ms});
}

TEST_CASE("Handoff: the taker is woken once and again after it has found nothing") {
  Exchange exchange(bounded(10));
  Burst bursts[] = {Burst({0ms, 0ms}), Burst({0ms}), Burst({0ms}), Burst({0ms})};
  put(exchange, bursts[0]);
  put(exchange, bursts[1]);
  CHECK(*exchange.wakeups == 1);
  for (int i = 0; i < 3; i++) CHECK(take_text(exchange) == "connection");
  put(exchange, bursts[2]);
  CHECK(*exchange.wakeups == 1);
  CHECK(take_text(exchange) == "connection");
  CHECK(take_text(exchange) == "nothing");
  put(exchange, bursts[3]);
  CHECK(*exchange.wakeups == 2);
}

TEST_CASE("Handoff: the taker is woken for what was announced and not for nothing") {
  Exchange exchange(bounded(10));
  exchange.handoff->announce();
  CHECK(*exchange.wakeups == 0);
  Burst burst({0ms});
  exchange.handoff->put(burst.near, Clock::now());
  CHECK(*exchange.wakeups == 0);
  exchange.handoff->announce();
  CHECK(*exchange.wakeups == 1);
}

TEST_CASE("Handoff: the statistics say what came and went and waits") {
  Exchange exchange(bounded(10));
  Burst burst({0ms, 500ms, 0ms});
  put(exchange, burst);
  exchange.handoff->count_failed(2);
  exchange.handoff->count_blocked(3);
  exchange.handoff->saw_queue(7);
  exchange.handoff->saw_queue(4);
  CHECK(take_text(exchange) == "connection");
  exchange.handoff->closed();
  const Handoff::Stats stats = exchange.handoff->stats();
  CHECK(stats.accepted == 6);
  CHECK(stats.delivered == 1);
  CHECK(stats.waiting == 2);
  CHECK(stats.open == 2);
  CHECK(stats.failed == 2);
  CHECK(stats.refused == std::array<std::uint64_t, kRefusals>{0, 0, 0, 3});
  CHECK(stats.longest_wait >= 500ms);
  CHECK(stats.longest_queue == 7);
}

TEST_CASE("Handoff: end closes what waits and takes nothing over any more") {
  const auto before = open_descriptors();
  Exchange exchange(bounded(10));
  Burst burst({0ms, 0ms, 0ms});
  Burst late({0ms});
  put(exchange, burst);
  Arrival taken;
  REQUIRE(take_text(exchange, 0, &taken) == "connection");
  CHECK(exchange.handoff->end() == 2);
  CHECK(burst.ended() == "011");
  CHECK(called(exchange));
  CHECK(exchange.handoff->orders(Clock::now()).state == State::kStop);
  CHECK(put(exchange, late) == 0);
  CHECK(late.ended() == "1");
  CHECK(take_text(exchange) == "nothing");
  CHECK(*exchange.wakeups == 1);
  CHECK(exchange.handoff->stats().open == 1);
  CHECK(exchange.handoff->stats().waiting == 0);
  CHECK(exchange.handoff->end() == 0);
  // The end is the end: nobody is there to take what a drain would bring.
  exchange.handoff->stop(true);
  CHECK(exchange.handoff->orders(Clock::now()).state == State::kStop);
  CHECK(open_descriptors().size() == before.size() + 6);
}

TEST_CASE("Handoff: one that is dropped closes what waits in it") {
  const auto before = open_descriptors();
  {
    Burst burst({0ms, 0ms});
    {
      Exchange exchange(bounded(10));
      put(exchange, burst);
      CHECK(burst.ended() == "00");
    }
    CHECK(burst.ended() == "11");
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("Handoff: a shortage is news once and again after a second without one") {
  Exchange exchange(bounded(10));
  Burst one({0ms});
  put(exchange, one);
  const SystemError shortage{EMFILE, "accept"};
  auto now = Clock::now();
  exchange.handoff->report_shortage(shortage, now);
  // News comes before connections.
  CHECK(take_text(exchange) == "news");
  CHECK(news_text(exchange) == "shortage EMFILE");
  CHECK(news_text(exchange) == "none");
  CHECK(take_text(exchange) == "connection");
  CHECK(take_text(exchange) == "nothing");
  for (int i = 0; i < 30; i++) exchange.handoff->report_shortage(shortage, now += 100ms);
  CHECK(news_text(exchange) == "none");
  CHECK(*exchange.wakeups == 2);
  exchange.handoff->report_shortage(shortage, now += 1001ms);
  CHECK(news_text(exchange) == "shortage EMFILE");
  CHECK(*exchange.wakeups == 3);
  CHECK(exchange.handoff->stats().shortages == 2);
}

TEST_CASE("Handoff: the failure of a listener is fatal news and takes the place of a shortage") {
  Exchange exchange;
  exchange.handoff->report_shortage({ENFILE, "accept"}, Clock::now());
  exchange.handoff->report_failure({EINVAL, "accept"});
  CHECK(*exchange.wakeups == 2);
  CHECK(take_text(exchange) == "news");
  CHECK(news_text(exchange) == "fatal EINVAL");
  CHECK(take_text(exchange) == "nothing");
}

TEST_CASE("Handoff: news wakes a taker that was woken before and takes nothing") {
  Exchange exchange(bounded(10));
  Burst burst({0ms});
  put(exchange, burst);
  const int before = *exchange.wakeups;
  exchange.handoff->report_shortage({EMFILE, "accept"}, Clock::now());
  CHECK(*exchange.wakeups == before + 1);
  CHECK(news_text(exchange) == "shortage EMFILE");
}

TEST_CASE("Handoff: the taker is busy from when it is woken until it finds nothing") {
  Exchange exchange(bounded(10));
  CHECK_FALSE(exchange.handoff->taker_busy());
  Burst burst({0ms, 0ms});
  put(exchange, burst);
  CHECK(exchange.handoff->taker_busy());
  for (int i = 0; i < 2; i++) CHECK(take_text(exchange) == "connection");
  CHECK(exchange.handoff->taker_busy());
  CHECK(take_text(exchange) == "nothing");
  CHECK_FALSE(exchange.handoff->taker_busy());
  exchange.handoff->report_failure({EINVAL, "accept"});
  CHECK(exchange.handoff->taker_busy());
}
