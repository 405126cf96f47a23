#include "handoff.h"

#include <algorithm>
#include <limits>

#include "token_directory.h"

namespace listenq {

namespace {

// A shortage that comes back within this time is the same one, and no news.
constexpr std::chrono::seconds kSameShortage{1};

TokenDirectory<Handoff>& directory() {
  static auto* const instance = new TokenDirectory<Handoff>;
  return *instance;
}

std::chrono::milliseconds waited(const Arrival& arrival, Handoff::Clock::time_point now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - arrival.since);
}

}  // namespace

Result<std::shared_ptr<Handoff>> Handoff::create(Settings settings, std::function<void()> notify) {
  auto waker = Waker::create();
  if (!waker.ok()) return waker.error();
  auto handoff = std::make_shared<Handoff>(std::move(waker.value()), std::move(settings), std::move(notify));
  directory().add(handoff);
  return handoff;
}

std::shared_ptr<Handoff> Handoff::find(std::uint64_t token) {
  return directory().find(token);
}

Handoff::Handoff(Waker waker, Settings settings, std::function<void()> notify)
    : waker_(std::move(waker)), settings_(std::move(settings)), token_(new_token()), notify_(std::move(notify)) {}

Handoff::~Handoff() {
  directory().remove(token_);
}

// The private members below expect the caller to hold mutex_.

std::size_t Handoff::room() const {
  if (state_ == Orders::State::kDrain) return std::numeric_limits<std::size_t>::max();
  if (paused_ || state_ == Orders::State::kStop) return 0;
  // Who comes when max_waiting wait must be accepted to be refused.
  if (sheds() && settings_.max_waiting) return std::numeric_limits<std::size_t>::max();
  const std::size_t bound = settings_.high_water_mark + wanting_;
  return bound > waiting_.size() ? bound - waiting_.size() : 0;
}

std::optional<Refusal> Handoff::refusal_of(const Arrival& arrival, Clock::time_point now) const {
  if (settings_.max_connections && stats_.open >= *settings_.max_connections) return Refusal::kMaxConnections;
  // What was queued when draining began is to be served.
  if (!sheds() || state_ == Orders::State::kDrain) return std::nullopt;
  if (settings_.max_wait && waited(arrival, now) > *settings_.max_wait) return Refusal::kMaxWait;
  if (settings_.max_waiting && waiting_.size() >= *settings_.max_waiting + wanting_) return Refusal::kMaxWaiting;
  return std::nullopt;
}

// Oldest first, whichever listener it came from.
void Handoff::insert(Arrival arrival) {
  auto place = waiting_.end();
  while (place != waiting_.begin()) {
    const auto before = std::prev(place);
    if (before->source == arrival.source || before->since <= arrival.since) break;
    place = before;
  }
  waiting_.insert(place, std::move(arrival));
}

void Handoff::count_wait(const Arrival& arrival, Clock::time_point now) {
  stats_.longest_wait = std::max(stats_.longest_wait, waited(arrival, now));
}

void Handoff::count_refusals(Refusal cause, std::uint64_t connections) {
  stats_.refused[static_cast<std::size_t>(cause)] += connections;
  tell_of_losses();
}

void Handoff::tell_of_losses() {
  if (!std::exchange(hears_of_losses_, false)) return;
  has_lost_ = true;
  notify_taker();
}

void Handoff::notify_taker() {
  if (ended_) return;
  taker_busy_ = true;
  notify_();
}

void Handoff::call_accepting_thread() {
  if (!held_ || room() == 0) return;
  held_ = false;
  waker_.wake();
}

Handoff::Orders Handoff::orders(Clock::time_point now) {
  std::lock_guard lock(mutex_);
  Orders orders{state_, 0, {}, std::nullopt};
  if (state_ == Orders::State::kAccept && sheds() && settings_.max_wait) {
    while (!waiting_.empty() && waited(waiting_.front(), now) > *settings_.max_wait) {
      count_wait(waiting_.front(), now);
      count_refusals(Refusal::kMaxWait, 1);
      stats_.open--;
      orders.overdue.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    if (!waiting_.empty())
      orders.next_due = waiting_.front().since + *settings_.max_wait + std::chrono::milliseconds(1);
  }
  orders.room = room();
  held_ = orders.room == 0;
  return orders;
}

std::size_t Handoff::room_now() const {
  std::lock_guard lock(mutex_);
  return room();
}

std::vector<Arrival> Handoff::put(std::vector<Arrival>& arrivals, Clock::time_point now) {
  std::vector<Arrival> refused;
  std::lock_guard lock(mutex_);
  for (Arrival& arrival : arrivals) {
    if (ended_) continue;
    stats_.accepted++;
    if (auto refusal = refusal_of(arrival, now)) {
      count_wait(arrival, now);
      count_refusals(*refusal, 1);
      refused.push_back(std::move(arrival));
    } else {
      stats_.open++;
      insert(std::move(arrival));
    }
  }
  arrivals.clear();
  return refused;
}

void Handoff::announce() {
  std::lock_guard lock(mutex_);
  if (!waiting_.empty() && !taker_busy_) notify_taker();
}

bool Handoff::taker_busy() const {
  std::lock_guard lock(mutex_);
  return taker_busy_;
}

void Handoff::count_blocked(std::uint64_t connections) {
  std::lock_guard lock(mutex_);
  stats_.accepted += connections;
  count_refusals(Refusal::kBlocked, connections);
}

void Handoff::count_failed(std::uint64_t connections) {
  std::lock_guard lock(mutex_);
  stats_.failed += connections;
}

void Handoff::saw_queue(std::uint32_t length) {
  std::lock_guard lock(mutex_);
  stats_.longest_queue = std::max(stats_.longest_queue, length);
}

void Handoff::count_drops(std::uint64_t segments) {
  std::lock_guard lock(mutex_);
  stats_.drops += segments;
  tell_of_losses();
}

void Handoff::report_shortage(const SystemError& error, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  const bool fresh = !last_shortage_ || now - *last_shortage_ > kSameShortage;
  last_shortage_ = now;
  if (!fresh) return;
  stats_.shortages++;
  news_ = News{News::Kind::kShortage, error};
  notify_taker();
}

void Handoff::report_failure(const SystemError& error) {
  std::lock_guard lock(mutex_);
  news_ = News{News::Kind::kFailure, error};
  notify_taker();
}

void Handoff::joined() {
  std::lock_guard lock(mutex_);
  joined_ = true;
}

void Handoff::left() {
  std::lock_guard lock(mutex_);
  joined_ = false;
  left_.notify_all();
}

bool Handoff::wait_until_left(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return left_.wait_for(lock, timeout, [this] { return !joined_; });
}

Handoff::Taken Handoff::take(std::size_t wanting, Arrival& arrival) {
  std::lock_guard lock(mutex_);
  if (news_ || has_lost_) return Taken::kNews;
  const bool found = !waiting_.empty();
  if (found) {
    const auto now = Clock::now();
    arrival = std::move(waiting_.front());
    waiting_.pop_front();
    arrival.waited = now - arrival.since;
    count_wait(arrival, now);
    stats_.delivered++;
  } else {
    taker_busy_ = false;
  }
  wanting_ = found && wanting > 0 ? wanting - 1 : wanting;
  call_accepting_thread();
  return found ? Taken::kConnection : Taken::kNothing;
}

void Handoff::want(std::size_t wanting) {
  std::lock_guard lock(mutex_);
  wanting_ = wanting;
  call_accepting_thread();
}

std::optional<Handoff::News> Handoff::news() {
  std::lock_guard lock(mutex_);
  if (news_) return std::exchange(news_, std::nullopt);
  if (!std::exchange(has_lost_, false)) return std::nullopt;
  return News{News::Kind::kLosses, {}};
}

void Handoff::hear_of_losses() {
  std::lock_guard lock(mutex_);
  hears_of_losses_ = true;
}

void Handoff::pause(bool on) {
  std::lock_guard lock(mutex_);
  paused_ = on;
  call_accepting_thread();
}

void Handoff::stop(bool drain) {
  std::lock_guard lock(mutex_);
  // Nobody is left to take what a drain would bring.
  state_ = drain && !ended_ ? Orders::State::kDrain : Orders::State::kStop;
  waker_.wake();
}

void Handoff::closed() {
  std::lock_guard lock(mutex_);
  stats_.open--;
}

std::size_t Handoff::end() {
  std::deque<Arrival> left;
  std::lock_guard lock(mutex_);
  ended_ = true;
  state_ = Orders::State::kStop;
  waker_.wake();
  stats_.open -= waiting_.size();
  left.swap(waiting_);
  return left.size();
}

Handoff::Stats Handoff::stats() const {
  std::lock_guard lock(mutex_);
  Stats now = stats_;
  now.waiting = waiting_.size();
  return now;
}

}  // namespace listenq
