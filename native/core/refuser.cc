#include "refuser.h"

#include <sys/socket.h>

#include <array>

#include "socket.h"

namespace listenq {

namespace {

constexpr std::chrono::milliseconds kSweepEvery{20};
constexpr std::chrono::seconds kEndWithin{1};
/** So that a flood of refused clients does not use the descriptors up. */
constexpr std::size_t kMostEnding = 1024;
/** Reads of one connection in one sweep, lest a client that sends without end hold the thread. */
constexpr int kMostReads = 16;

enum class Rest { kMore, kNone };

// Reads what the client has sent so far.
Rest read_away(int fd) {
  std::array<std::byte, 16384> bytes;
  for (int i = 0; i < kMostReads; i++) {
    auto got = sys::recv(fd, bytes, MSG_DONTWAIT);
    if (got.ok() && got.value() > 0) continue;
    if (!got.ok() && (got.error().number == EAGAIN || got.error().number == EINTR)) return Rest::kMore;
    return Rest::kNone;
  }
  return Rest::kMore;
}

}  // namespace

void reset(UniqueFd connection) {
  const linger now{1, 0};
  [[maybe_unused]] auto ignored =
      sys::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(&now, 1)));
}

void Refuser::refuse(UniqueFd connection, Clock::time_point now) {
  if (overload_.action == Overload::Action::kReset) return reset(std::move(connection));
  if (!overload_.answer.empty()) {
    [[maybe_unused]] auto sent = sys::send(connection.get(), overload_.answer, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  [[maybe_unused]] auto ended = sys::shutdown(connection.get(), SHUT_WR);
  if (read_away(connection.get()) == Rest::kNone) return;
  if (ending_.size() >= kMostEnding) ending_.pop_front();
  ending_.push_back({std::move(connection), now + kEndWithin});
  if (!next_sweep_) next_sweep_ = now + kSweepEvery;
}

void Refuser::sweep(Clock::time_point now) {
  if (!next_sweep_ || now < *next_sweep_) return;
  std::erase_if(ending_,
                [now](const Ending& one) { return read_away(one.fd.get()) == Rest::kNone || now >= one.deadline; });
  next_sweep_ = ending_.empty() ? std::nullopt : std::optional(now + kSweepEvery);
}

void Refuser::give_up() {
  ending_.clear();
  next_sweep_.reset();
}

}  // namespace listenq
