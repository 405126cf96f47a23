// A call on a non-blocking descriptor, given some time.
#ifndef LISTENQ_CORE_ATTEMPT_H_
#define LISTENQ_CORE_ATTEMPT_H_

#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "result.h"
#include "wait.h"

namespace listenq {

/** What came of it; nothing if `slice` passed, or a waker woke, before anything could. */
template <typename T>
using Attempted = Result<std::optional<T>>;

/** One attempt, one wait for `events` of at most `slice`, one more attempt: the caller decides whether to come back. */
template <typename Attempt, typename Outcome = decltype(std::declval<Attempt>()().value())>
Attempted<std::decay_t<Outcome>> attempt_within(int fd, short events, std::span<const int> wakers,
                                                std::chrono::milliseconds slice, Attempt attempt) {
  using Value = std::decay_t<Outcome>;
  const auto would_block = [](const SystemError& error) { return error.number == EAGAIN || error.number == EINTR; };
  auto first = attempt();
  if (first.ok()) return std::optional<Value>(std::move(first.value()));
  if (!would_block(first.error())) return first.error();
  auto waited = wait_for(fd, events, wakers, slice);
  if (!waited.ok()) return waited.error();
  if (waited.value() != Waited::kReady) return std::optional<Value>();
  auto second = attempt();
  if (second.ok()) return std::optional<Value>(std::move(second.value()));
  if (!would_block(second.error())) return second.error();
  return std::optional<Value>();
}

}  // namespace listenq

#endif  // LISTENQ_CORE_ATTEMPT_H_
