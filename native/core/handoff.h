// What lies between the thread that accepts connections and the thread that takes them.
#ifndef LISTENQ_CORE_HANDOFF_H_
#define LISTENQ_CORE_HANDOFF_H_

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "address.h"
#include "result.h"
#include "unique_fd.h"
#include "wait.h"

namespace listenq {

/** A connection that was accepted and that nobody has taken yet. */
struct Arrival {
  UniqueFd fd;
  Address peer;
  /** When its wait began: the end of the handshake where that was read, else accept(2). */
  std::chrono::steady_clock::time_point since;
  /** Which of the listeners it came from: of one, the first to come is the first to go, whatever the clocks say. */
  std::size_t source = 0;
  /** Set when it is taken: for how long it waited. */
  std::chrono::steady_clock::duration waited{};
};

/** Why a connection was refused after accept(2). */
enum class Refusal { kMaxWait, kMaxWaiting, kMaxConnections, kBlocked };
inline constexpr std::size_t kRefusals = 4;

/** How a refused connection ends. */
struct Overload {
  enum class Action { kWait, kReset, kClose };
  /** kWait: nobody is refused for having waited, or for how many wait. */
  Action action = Action::kWait;
  /** Sent before kClose. */
  std::vector<std::byte> answer;
};

/**
 * A queue of accepted connections with a bound, filled by one thread and emptied by another, and what the two tell each
 * other: how much room there is, when to pause and stop, what went wrong.
 *
 * Connections in it belong to it: whichever thread ends, they are closed. The taker's event loop is woken when there is
 * something to take and it does not know yet, that is once for a burst. All members may be called from any thread;
 * `notify` is called under the lock and must not call back.
 */
class Handoff {
 public:
  using Clock = std::chrono::steady_clock;

  struct Settings {
    /** How many may wait here. At the bound the rest waits in the kernel. 0: only as many as the taker asks for. */
    std::size_t high_water_mark = 0;
    std::optional<std::chrono::milliseconds> max_wait;
    std::optional<std::size_t> max_waiting;
    /** Of those that were handed over and not closed yet. */
    std::optional<std::size_t> max_connections;
    Overload overload;
  };

  struct Stats {
    std::uint64_t accepted = 0;
    std::uint64_t delivered = 0;
    std::uint64_t waiting = 0;
    std::uint64_t open = 0;
    std::array<std::uint64_t, kRefusals> refused{};
    /** Connections that accept(2) itself reported as failed. */
    std::uint64_t failed = 0;
    std::uint64_t shortages = 0;
    std::chrono::milliseconds longest_wait{};
    std::uint32_t longest_queue = 0;
    /** SYNs that the listeners dropped meanwhile, as far as the accepting thread has looked. */
    std::uint64_t drops = 0;
  };

  /** Something that the taker should hear of. */
  struct News {
    /** kFailure: the accepting thread has ended because of it. kLosses: connections were refused, or SYNs dropped; the
     * stats tell how many, and there is no error. */
    enum class Kind { kFailure, kShortage, kLosses };
    Kind kind;
    SystemError error;
  };

  /** Makes one, and its eventfd. `notify` wakes the taker's event loop. Errors: EMFILE, ENFILE, ENOMEM. */
  static Result<std::shared_ptr<Handoff>> create(Settings settings, std::function<void()> notify);
  /** The one that `token` names; null if it is gone. */
  static std::shared_ptr<Handoff> find(std::uint64_t token);

  Handoff(Waker waker, Settings settings, std::function<void()> notify);
  ~Handoff();
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;

  std::uint64_t token() const { return token_; }
  const Settings& settings() const { return settings_; }

  // For the thread that accepts.

  struct Orders {
    enum class State { kAccept, kDrain, kStop };
    State state;
    /** How many may be accepted now. */
    std::size_t room;
    /** Those that have waited longer than max_wait: to be refused. */
    std::vector<Arrival> overdue;
    /** When the next one will have. */
    std::optional<Clock::time_point> next_due;
  };
  Orders orders(Clock::time_point now);
  /** How many may be accepted, asked again after a wait. */
  std::size_t room_now() const;
  /** Hands connections over; gives back those that are to be refused. Leaves `arrivals` empty. */
  std::vector<Arrival> put(std::vector<Arrival>& arrivals, Clock::time_point now);
  /** Wakes the taker for what was put, if it does not know yet. */
  void announce();
  /** Readable when the orders have changed in a way that the accepting thread waits for. It clears it. */
  const Waker& waker() const { return waker_; }
  /** Whether the taker was woken, and has not found the queue empty since. */
  bool taker_busy() const;
  void count_blocked(std::uint64_t connections);
  void count_failed(std::uint64_t connections);
  /** What the kernel's queue held. */
  void saw_queue(std::uint32_t length);
  /** SYNs that a listener has dropped. */
  void count_drops(std::uint64_t segments);
  /** Reports a shortage; the taker hears of the first in a while. */
  void report_shortage(const SystemError& error, Clock::time_point now);
  void report_failure(const SystemError& error);
  /** The accepting thread has a copy of the listeners from now on; and none any more, nor will it hand anything over.
   */
  void joined();
  void left();

  // For the thread that takes.

  enum class Taken { kConnection, kNothing, kNews };
  /** Takes the oldest into `arrival`. `wanting` says how many wait for one, this call included. After kNothing the next
   * connection, or news, wakes the taker. */
  Taken take(std::size_t wanting, Arrival& arrival);
  /** Changes how many wait for a connection. */
  void want(std::size_t wanting);
  std::optional<News> news();
  /** Has the taker told of the next loss: once. Until it asks again, it is not woken for more. */
  void hear_of_losses();
  void pause(bool on);
  /** Tells the accepting thread to end; with `drain` once it has handed over all that the kernel has queued. */
  void stop(bool drain);
  /** Waits until the accepting thread has let go of the listeners, after stop() or the end of each of them: blocks, for
   * `timeout` at most. False if time was up. */
  bool wait_until_left(std::chrono::milliseconds timeout);
  /** A connection that was handed over was closed. */
  void closed();
  /** Closes what waits; nothing is taken over from now on, and nobody notified. How many it closed. */
  std::size_t end();
  Stats stats() const;

 private:
  std::size_t room() const;
  bool sheds() const { return settings_.overload.action != Overload::Action::kWait; }
  std::optional<Refusal> refusal_of(const Arrival& arrival, Clock::time_point now) const;
  void insert(Arrival arrival);
  void count_wait(const Arrival& arrival, Clock::time_point now);
  void count_refusals(Refusal cause, std::uint64_t connections);
  void tell_of_losses();
  void notify_taker();
  void call_accepting_thread();

  const Waker waker_;
  const Settings settings_;
  const std::uint64_t token_;

  mutable std::mutex mutex_;
  std::function<void()> notify_;
  std::deque<Arrival> waiting_;
  std::size_t wanting_ = 0;
  bool paused_ = false;
  bool joined_ = false;
  std::condition_variable left_;
  Orders::State state_ = Orders::State::kAccept;
  bool ended_ = false;
  bool taker_busy_ = false;
  /** The accepting thread waits for room. */
  bool held_ = false;
  std::optional<News> news_;
  bool hears_of_losses_ = false;
  bool has_lost_ = false;
  std::optional<Clock::time_point> last_shortage_;
  Stats stats_;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_HANDOFF_H_
