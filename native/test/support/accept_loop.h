// The parts of an accept loop, and what can be done to the thread that accepts.
#ifndef LISTENQ_TEST_SUPPORT_ACCEPT_LOOP_H_
#define LISTENQ_TEST_SUPPORT_ACCEPT_LOOP_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/acceptor.h"
#include "core/handoff.h"
#include "support/group.h"

namespace listenq::test {

/** A Handoff, and how often it woke its taker. */
struct Exchange {
  explicit Exchange(Handoff::Settings settings = {})
      : handoff(must(Handoff::create(std::move(settings), [wakeups = wakeups] { (*wakeups)++; }))) {}

  const std::shared_ptr<std::atomic<int>> wakeups = std::make_shared<std::atomic<int>>(0);
  const std::shared_ptr<Handoff> handoff;
};

/** A bound and nothing else. */
Handoff::Settings bounded(std::size_t high_water_mark);
/** A bound that no test reaches, and what becomes of those that are refused. */
Handoff::Settings shedding(Overload::Action action, const std::string& answer = "");

/** An Acceptor of copies of `members`. */
std::unique_ptr<Acceptor> acceptor_of(const Exchange& exchange, const std::vector<const Member*>& members);

/** One turn of an accepting thread, in a word: how many came, or "ended". */
std::string turn(Acceptor& acceptor, std::chrono::milliseconds slice = kPatience);
/** Turns until the thread is to end. */
void run(Acceptor& acceptor);

/** What `take` answers: "connection", "nothing" or "news". The connection goes to `out`, or is dropped. */
std::string take_text(const Exchange& exchange, std::size_t wanting = 0, Arrival* out = nullptr);
/** All that waits, oldest first. */
std::vector<Arrival> take_all(const Exchange& exchange);
/** What `news` answers: "none", "losses", or "shortage" or "fatal" and the errno. */
std::string news_text(const Exchange& exchange);
std::uint64_t refused(const Exchange& exchange, Refusal cause);

/** `count` clients that see themselves connected, and that the queue of `member` holds besides those before. */
std::vector<UniqueFd> queue_clients(const Member& member, std::size_t count);
std::vector<std::uint16_t> ports_of(const std::vector<UniqueFd>& clients);
std::vector<std::uint16_t> ports_of(const std::vector<Arrival>& arrivals);

/** From now on accept4(2) of this thread is refused with `number`, as a sandbox may do; false if that cannot be. */
bool refuse_accept(int number);
/** Leaves room for `count` more descriptors, as far as the hard limit goes. */
void leave_descriptors(std::size_t count);

}  // namespace listenq::test

#endif  // LISTENQ_TEST_SUPPORT_ACCEPT_LOOP_H_
