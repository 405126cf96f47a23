// Acceptor: shortages, and connections that accept(2) reports as failed. What cannot be undone happens in a child.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "core/acceptor.h"
#include "core/rlimit.h"
#include "support/accept_loop.h"
#include "support/process.h"

using namespace listenq;
using namespace listenq::test;

namespace {

// How often the thread turns within `time` when each turn may take as long as it likes.
std::size_t turns_within(Acceptor& acceptor, std::chrono::milliseconds time) {
  std::size_t turns = 0;
  for (const auto end = Acceptor::Clock::now() + time; Acceptor::Clock::now() < end; turns++) turn(acceptor);
  return turns;
}

// A thread that spins turns tens of thousands of times in this time; one that pauses, not once in 2 ms.
constexpr std::chrono::milliseconds kWatched = 400ms;
constexpr std::size_t kNoSpin = 200;

// The first of `what` to be wrong, else "fine".
std::string first_wrong(const std::vector<std::pair<std::string, bool>>& what) {
  auto wrong = std::ranges::find_if(what, [](const auto& one) { return !one.second; });
  return wrong == what.end() ? "fine" : wrong->first;
}

// What becomes of two clients if accept(2) is refused with `number`: the news, and whether it was counted as a failure.
std::string refused_with(int number, bool tcp) {
  return in_child([=] {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp ? tcp_listener(10) : unix_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 2);
    if (!refuse_accept(number)) return std::string("no seccomp");
    const std::string came = turn(*acceptor);
    const std::string failed = exchange.handoff->stats().failed > 0 ? " failed" : "";
    return came + " " + news_text(exchange) + failed + " " + queue_text(member->fd());
  });
}

}  // namespace

TEST_CASE("Acceptor: a full descriptor table is news once and leaves the queue as it is") {
  const std::string seen = in_child([] {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 5);
    leave_descriptors(2);
    std::string seen = turn(*acceptor);
    seen += " " + turn(*acceptor);
    seen += ", " + news_text(exchange) + ", " + queue_text(member->fd());
    seen += turns_within(*acceptor, kWatched) < kNoSpin ? ", rests" : ", spins";
    // Two descriptors more, and then all that are needed.
    seen += ", " + std::to_string(take_all(exchange).size());
    while (exchange.handoff->stats().accepted < 4) turn(*acceptor);
    turns_within(*acceptor, 50ms);
    seen += ", " + queue_text(member->fd());
    seen += ", " + std::to_string(take_all(exchange).size());
    while (exchange.handoff->stats().accepted < 5) turn(*acceptor);
    seen += ", " + std::to_string(take_all(exchange).size());
    seen += ", " + news_text(exchange) + ", " + queue_text(member->fd());
    return seen + ", shortages: " + std::to_string(exchange.handoff->stats().shortages);
  });
  CHECK(seen == "2 0, shortage EMFILE, 3/10, rests, 2, 1/10, 2, 1, none, 0/10, shortages: 1");
}

TEST_CASE("Acceptor: a shortage does not keep the thread from its orders") {
  const std::string seen = in_child([] {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 5);
    leave_descriptors(0);
    for (int i = 0; i < 12; i++) turn(*acceptor);
    Runner accepting([&] { run(*acceptor); });
    std::this_thread::sleep_for(kQuiet);
    exchange.handoff->stop(false);
    accepting.join();
    return news_text(exchange) + ", " + queue_text(member->fd());
  });
  CHECK(seen == "shortage EMFILE, 5/10");
}

TEST_CASE("Acceptor: a drain waits for descriptors and takes all") {
  const std::string seen = in_child([] {
    Exchange exchange(bounded(10));
    Member member = adopt(tcp_listener(10));
    auto acceptor = acceptor_of(exchange, {&member});
    std::vector<UniqueFd> clients = queue_clients(member, 5);
    const rlimit limits = must(sys::getrlimit(RLIMIT_NOFILE));
    leave_descriptors(2);
    exchange.handoff->stop(true);
    Runner accepting([&] { run(*acceptor); });
    const bool some = wait_until([&] { return exchange.handoff->stats().shortages == 1; });
    const bool waits = !accepting.ended(200ms);
    must(sys::setrlimit(RLIMIT_NOFILE, limits));
    accepting.join();
    return first_wrong({{"no shortage", some},
                        {"ended early", waits},
                        {"no news", news_text(exchange) == "shortage EMFILE"},
                        {"some lost", ports_of(take_all(exchange)) == ports_of(clients)},
                        {"not closed", member->group().closed()}});
  });
  CHECK(seen == "fine");
}

TEST_CASE("Acceptor: a limit below what poll(2) is to look at is a shortage too") {
  // poll(2) itself is EINVAL then. A process that wants no further files may set the limit to 0 for good.
  for (bool draining : {false, true}) {
    const std::string seen = in_child([draining] {
      Exchange exchange(bounded(10));
      Member member = adopt(tcp_listener(10));
      auto acceptor = acceptor_of(exchange, {&member});
      std::vector<UniqueFd> clients = queue_clients(member, 5);
      const rlimit limits = must(sys::getrlimit(RLIMIT_NOFILE));
      exhaust_descriptors();
      if (draining) exchange.handoff->stop(true);
      const std::size_t turns = turns_within(*acceptor, kWatched);
      const std::string news = news_text(exchange);
      must(sys::setrlimit(RLIMIT_NOFILE, limits));
      wait_until([&] { return turn(*acceptor) == "ended" || exchange.handoff->stats().accepted == 5; });
      return first_wrong({{"spins", turns < kNoSpin},
                          {"news " + news, news == "shortage EMFILE"},
                          {"some lost", ports_of(take_all(exchange)) == ports_of(clients)}});
    });
    CHECK(seen == "fine");
  }
}

TEST_CASE("Acceptor: shortages of memory and of the whole system are shortages") {
  for (int number : {ENFILE, ENOBUFS, ENOMEM}) {
    for (bool tcp : {true, false}) {
      CHECK(refused_with(number, tcp) == "0 shortage " + errno_name(number) + " 2/10");
    }
  }
}

TEST_CASE("Acceptor: failures of single connections are counted and no news") {
  for (int number : {ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH, ENOPROTOOPT}) {
    for (bool tcp : {true, false}) CHECK(refused_with(number, tcp) == "0 none failed 2/10");
  }
}

TEST_CASE("Acceptor: failures of the listener end the thread with the error") {
  for (int number : {EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP}) {
    for (bool tcp : {true, false}) CHECK(refused_with(number, tcp) == "ended fatal " + errno_name(number) + " 2/10");
  }
}

TEST_CASE("Acceptor: a refusal that does not end is no loop") {
  for (int number : {EPERM, ENOMEM}) {
    const std::string seen = in_child([number] {
      Exchange exchange(bounded(10));
      Member member = adopt(tcp_listener(10));
      auto acceptor = acceptor_of(exchange, {&member});
      std::vector<UniqueFd> clients = queue_clients(member, 2);
      if (!refuse_accept(number)) return std::string("no seccomp");
      const std::size_t turns = turns_within(*acceptor, kWatched);
      const Handoff::Stats stats = exchange.handoff->stats();
      return first_wrong({{"spins", turns < kNoSpin},
                          {"does not try again", turns > 3},
                          {"wrong count", (stats.failed > 2) == (number == EPERM)},
                          {"wrong shortages", stats.shortages == (number == EPERM ? 0 : 1)}});
    });
    CHECK(seen == "fine");
  }
}
