#include "acceptor.h"

#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "accept.h"
#include "descriptor_table.h"
#include "queue.h"
#include "socket.h"

namespace listenq {

namespace {

using namespace std::chrono_literals;

/** How long a queue that holds more is emptied before the taker is woken for what came so far. */
constexpr std::chrono::milliseconds kLongestBurst = 5ms;
/** Connections that come closer together than this are load. */
constexpr std::chrono::microseconds kClose = 100us;
/** How long the next ones may gather under load, so that each burst, and not each connection, wakes two threads. */
constexpr std::chrono::microseconds kRest = 250us;
/** How often over, while the taker is busy with what it has. */
constexpr int kMostRests = 4;
/** The backlog from which on that is safe: with 100,000 connections a second a queue of this length lasts 1.28 ms. */
constexpr std::uint32_t kRoomyBacklog = 128;
/** And the bound: callers of whom few may wait are served one by one. */
constexpr std::size_t kRoomyBound = 64;
/** A time in the queue that is worth asking for. */
constexpr std::chrono::milliseconds kLong = 5ms;
/** A wait that lasted as long found the queue empty first. */
constexpr std::chrono::microseconds kSlept = 20us;
constexpr std::chrono::milliseconds kFirstPause = 5ms;
constexpr std::chrono::milliseconds kLongestPause = 100ms;
/** After nothing but connections that failed: a refusal that never ends, as of a sandbox, must not spin. */
constexpr std::chrono::milliseconds kPauseAfterFailures = 10ms;
/** How long a handshake that is under way when draining begins has to finish: a client may see itself connected while
 * its ACK is still travelling. */
constexpr std::chrono::milliseconds kSettle = 100ms;

}  // namespace

Acceptor::Acceptor(std::shared_ptr<Handoff> handoff, std::vector<std::unique_ptr<ListenerMember>> members)
    : handoff_(std::move(handoff)), refuser_(handoff_->settings().overload) {
  for (auto& member : members) {
    auto domain = sys::getsockopt_int(member->fd(), SOL_SOCKET, SO_DOMAIN);
    const bool tcp = domain.ok() && domain.value() != AF_UNIX;
    auto drops = tcp ? queue_drops(member->fd()) : std::nullopt;
    sources_.push_back({std::move(member), sources_.size(), tcp, drops});
  }
  batch_.reserve(kBatch);
  reserve_descriptors(handoff_->waker().fd(), handoff_->settings().high_water_mark);
  handoff_->joined();
}

Acceptor::~Acceptor() {
  let_go();
}

// Of the listeners. Whoever waits for that finds the sockets closed, if these were the last copies.
void Acceptor::let_go() {
  sources_.clear();
  handoff_->left();
}

std::optional<std::size_t> Acceptor::gather(std::chrono::milliseconds slice) {
  auto count = gather_some(slice);
  if (over_) let_go();
  return count;
}

std::optional<std::size_t> Acceptor::gather_some(std::chrono::milliseconds slice) {
  if (loaded_) rest();
  waited_ = slept_ = false;
  const auto now = Clock::now();
  auto orders = handoff_->orders(now);
  refuse(std::move(orders.overdue), now);
  refuser_.sweep(now);
  if (over_ || orders.state == Handoff::Orders::State::kStop) return end();
  const bool draining = orders.state == Handoff::Orders::State::kDrain;

  if (draining && !settled_at_) stop_admitting(now);
  const Leases leases = lease_all();
  if (leases.empty()) return end();
  const bool accepting = orders.room > 0 && now >= retry_at_;
  if (!accepting) wait(leases, false, next_deadline(orders, now, slice));
  if (!accepting) return 0;
  // One that is ready keeps the thread from sleeping, and not from looking at the others.
  if (!any_ready() || sources_.size() > 1) {
    wait(leases, true, any_ready() ? now : draining ? *settled_at_ : next_deadline(orders, now, slice));
    // The taker may have paused meanwhile.
    orders.room = handoff_->room_now();
  }
  if (!accept_all(leases, orders.room)) return end();
  if (draining && batch_.empty() && !any_ready() && Clock::now() >= *settled_at_) {
    for (const Source& source : sources_) source.member->group().close();
    return end();
  }
  return batch_.size();
}

// Stays until those whom it refused have had their answer. Other threads' copies of the listeners are theirs.
std::optional<std::size_t> Acceptor::end() {
  over_ = true;
  const auto sweep = refuser_.next_sweep();
  if (!sweep) return std::nullopt;
  std::this_thread::sleep_until(*sweep);
  return 0;
}

void Acceptor::rest() const {
  if (any_ready() || handoff_->settings().high_water_mark < kRoomyBound) return;
  if (!std::ranges::all_of(sources_, &Source::roomy)) return;
  for (int i = 0; i < kMostRests && (i == 0 || handoff_->taker_busy()); i++) std::this_thread::sleep_for(kRest);
}

void Acceptor::block(std::size_t index) {
  blocked_.push_back(std::move(batch_[index].fd));
}

void Acceptor::deliver() {
  if (!blocked_.empty()) {
    // Counted before they are closed, so that a client that sees its end finds it counted.
    handoff_->count_blocked(blocked_.size());
    blocked_.clear();
    std::erase_if(batch_, [](const Arrival& arrival) { return !arrival.fd.valid(); });
  }
  if (batch_.empty()) return;
  const auto now = Clock::now();
  auto refused = handoff_->put(batch_, now);
  // First those who are to be served. More of the burst may follow; a wait announces what is left.
  if (!any_ready() || now - burst_began_ > kLongestBurst) handoff_->announce();
  refuse(std::move(refused), now);
}

void Acceptor::refuse(std::vector<Arrival> arrivals, Clock::time_point now) {
  for (Arrival& arrival : arrivals) refuser_.refuse(std::move(arrival.fd), now);
}

bool Acceptor::any_ready() const {
  return std::ranges::any_of(sources_, &Source::ready);
}

// One lease for each source; those that were closed are forgotten.
Acceptor::Leases Acceptor::lease_all() {
  Leases leases;
  leases.reserve(sources_.size());
  std::erase_if(sources_, [&leases](const Source& source) {
    auto lease = source.member->lease();
    if (lease) leases.push_back(std::move(*lease));
    return !lease;
  });
  return leases;
}

// Whoever connects between the last accept(2) and close(2) would be reset. A socket that may be another process's is
// left as it is: it lives on there, with its queue.
void Acceptor::stop_admitting(Clock::time_point now) {
  settled_at_ = now;
  for (const Source& source : sources_) {
    if (source.member->stop_admitting() && source.tcp) settled_at_ = now + kSettle;
  }
}

Acceptor::Clock::time_point Acceptor::next_deadline(const Handoff::Orders& orders, Clock::time_point now,
                                                    std::chrono::milliseconds slice) const {
  auto until = now + slice;
  if (orders.next_due) until = std::min(until, *orders.next_due);
  if (auto sweep = refuser_.next_sweep()) until = std::min(until, *sweep);
  if (orders.room > 0 && now < retry_at_) until = std::min(until, retry_at_);
  return until;
}

// poll(2): what changes the orders, what ends a listener, and the listeners themselves where connections are wanted.
// What has been delivered is announced first.
void Acceptor::wait(const Leases& leases, bool for_connections, Clock::time_point until) {
  entries_.clear();
  entries_.push_back({handoff_->waker().fd(), POLLIN, 0});
  for (const Source& source : sources_) entries_.push_back({source.member->group().close_event(), POLLIN, 0});
  const std::size_t listeners = entries_.size();
  if (for_connections) {
    for (std::size_t i = 0; i < sources_.size(); i++) {
      // A negative number is passed over.
      entries_.push_back({sources_[i].spent ? -1 : leases[i].fd(), POLLIN, 0});
    }
  }
  handoff_->announce();
  waited_ = true;
  const auto before = Clock::now();
  const int ceiling = milliseconds_until(until);
  // A signal that ends the wait early is as good as a time that is up: the caller comes again.
  const int count = ::poll(entries_.data(), entries_.size(), ceiling);
  if (count < 0 && errno != EINTR) return rest_and_try(until);
  slept_ = for_connections && ceiling > 0 && Clock::now() - before > kSlept;
  if (count <= 0) return;
  if (entries_[0].revents != 0) handoff_->waker().clear();
  for (std::size_t i = listeners; i < entries_.size(); i++) sources_[i - listeners].ready = entries_[i].revents != 0;
}

// poll(2) refuses to look at more descriptors than the process may have: accept(2) will tell of that shortage.
void Acceptor::rest_and_try(Clock::time_point until) {
  std::this_thread::sleep_until(std::min(until, Clock::now() + kFirstPause));
  for (Source& source : sources_) source.ready = !source.spent;
}

bool Acceptor::accept_all(const Leases& leases, std::size_t room) {
  const bool in_burst = !waited_;
  // Another listener begins each time, so that one that is never empty does not starve the rest.
  first_ = (first_ + 1) % sources_.size();
  for (std::size_t i = 0; i < sources_.size(); i++) {
    const std::size_t at = (first_ + i) % sources_.size();
    const std::size_t most = std::min(room, kBatch) - batch_.size();
    if (most == 0) break;
    if (sources_[at].ready && !accept_from(sources_[at], leases[at].fd(), most)) return false;
  }
  if (batch_.empty()) return true;
  const auto now = Clock::now();
  if (!in_burst) burst_began_ = now;
  loaded_ = batch_.size() > 1 || now - last_arrival_ < kClose;
  last_arrival_ = now;
  return true;
}

bool Acceptor::accept_from(Source& source, int fd, std::size_t most) {
  const auto now = Clock::now();
  std::optional<std::size_t> queued;
  if (auto depth = source.tcp ? queue_depth(fd) : std::nullopt) {
    handoff_->saw_queue(depth->length);
    look_for_drops(source, fd, *depth);
    source.roomy = depth->limit >= kRoomyBacklog;
    // One at least, as poll(2) said so.
    queued = std::max<std::size_t>(depth->length, 1);
  }
  const auto max_wait = handoff_->settings().max_wait;
  const auto worth_asking = std::min(kLong, max_wait.value_or(kLong));
  bool look = source.tcp && (!slept_ || max_wait);
  std::uint64_t failed = 0;
  std::optional<SystemError> refusal;
  std::size_t turn = 0;
  // So many as are queued and no more: the call that would find nothing is saved.
  for (; turn < std::min(most, queued.value_or(most)) && !refusal; turn++) {
    auto accepted = accept(fd, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!accepted.ok()) {
      if (classify_accept(accepted.error().number) == AcceptFailure::kConnection) {
        failed++;
      } else {
        refusal = accepted.error();
      }
      continue;
    }
    const auto in_queue = look ? time_since_handshake(accepted.value().fd.get()).value_or(0ms) : 0ms;
    // First in, first out: those that follow have waited less.
    look = look && in_queue >= worth_asking;
    batch_.push_back({std::move(accepted.value().fd), accepted.value().peer, now - in_queue, source.number});
  }
  source.since_look += turn;
  source.ready = !refusal && queued != turn;
  if (failed > 0) handoff_->count_failed(failed);
  if (failed > 0 && batch_.empty()) retry_at_ = now + kPauseAfterFailures;
  if (refusal) return survive(*refusal, source, fd, now);
  pause_ = 0ms;
  return true;
}

// There are none unless the queue has been full: it holds much still, or many have left it since the last look.
void Acceptor::look_for_drops(Source& source, int fd, const QueueDepth& depth) {
  if (!source.drops || 2 * (depth.length + source.since_look) <= depth.limit) return;
  source.since_look = 0;
  const std::uint32_t drops = queue_drops(fd).value_or(*source.drops);
  // The kernel's count wraps.
  if (const std::uint32_t grown = drops - *source.drops; grown > 0) handoff_->count_drops(grown);
  source.drops = drops;
}

// What a refused accept(2) means for the loop; false if the listener has failed.
bool Acceptor::survive(const SystemError& error, Source& source, int fd, Clock::time_point now) {
  const AcceptFailure failure = classify_accept(error.number);
  const bool shut_down = failure == AcceptFailure::kWouldBlock && !source.tcp && is_shut_down(fd);
  // By this thread, if it is draining.
  source.spent = shut_down && settled_at_;
  if (failure == AcceptFailure::kWouldBlock && (!shut_down || source.spent)) return true;
  // What came before is delivered first: the next call meets the error again.
  source.ready = true;
  if (!batch_.empty()) return true;
  if (failure != AcceptFailure::kShortage) {
    handoff_->report_failure(shut_down ? SystemError{EINVAL, "accept"} : error);
    return false;
  }
  handoff_->report_shortage(error, now);
  refuser_.give_up();
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  retry_at_ = now + pause_;
  return true;
}

}  // namespace listenq
