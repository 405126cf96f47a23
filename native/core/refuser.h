// Ends connections that are not to be served.
#ifndef LISTENQ_CORE_REFUSER_H_
#define LISTENQ_CORE_REFUSER_H_

#include <chrono>
#include <deque>
#include <optional>

#include "handoff.h"
#include "unique_fd.h"

namespace listenq {

/** Resets a connection: SO_LINGER with time 0, so that close(2) sends RST. AF_UNIX has no reset: a plain close. */
void reset(UniqueFd connection);

/**
 * Refuses connections as an Overload says. Belongs to one thread.
 *
 * An answer is sent by one send(2) that does not wait: what finds no room in the send buffer is lost. Then shutdown(2)
 * of the write side, and the rest of what the client sends is read and thrown away, until it ends the stream or a
 * second has passed: close(2) with unread bytes would send RST, on which the client may lose the answer.
 */
class Refuser {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Refuser(const Overload& overload) : overload_(overload) {}

  void refuse(UniqueFd connection, Clock::time_point now);
  /** Reads and closes those that are ending. Does not block. */
  void sweep(Clock::time_point now);
  /** When to sweep again; nothing if none is ending. */
  std::optional<Clock::time_point> next_sweep() const { return next_sweep_; }
  /** Closes those that are ending, for their descriptors. */
  void give_up();

 private:
  struct Ending {
    UniqueFd fd;
    Clock::time_point deadline;
  };

  const Overload& overload_;
  std::deque<Ending> ending_;
  std::optional<Clock::time_point> next_sweep_;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_REFUSER_H_
