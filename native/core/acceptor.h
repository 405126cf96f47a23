// The accepting thread's side of a Handoff: from the kernel's queue into it.
#ifndef LISTENQ_CORE_ACCEPTOR_H_
#define LISTENQ_CORE_ACCEPTOR_H_

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "handoff.h"
#include "listener_group.h"
#include "queue.h"
#include "refuser.h"

namespace listenq {

/**
 * Waits for connections on one or several listeners and accepts them into a Handoff. Belongs to one thread, which calls
 * gather() and then deliver(), over and over.
 *
 * Each listener's queue is emptied before the next wait, as far as there is room. A shortage of descriptors or memory
 * leaves the queue as it is, and is tried again with growing pauses.
 */
class Acceptor {
 public:
  using Clock = std::chrono::steady_clock;

  /** The most connections that one gather() brings. */
  static constexpr std::size_t kBatch = 64;

  Acceptor(std::shared_ptr<Handoff> handoff, std::vector<std::unique_ptr<ListenerMember>> members);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /**
   * Waits for connections and accepts them: poll(2), accept4(2) with SOCK_CLOEXEC and SOCK_NONBLOCK, and TCP_INFO.
   * Blocks for `slice` at most; the Handoff, and the end of a listener, wake it.
   *
   * @returns how many came, 0 included; nothing once the thread is to end: it was told to stop, has drained, the
   *   listeners are closed, or one has failed (of which the Handoff was told). Those who were refused have had
   *   their answer then, within a second
   */
  std::optional<std::size_t> gather(std::chrono::milliseconds slice);
  std::size_t gathered() const { return batch_.size(); }
  /** The peer of the connection that came at `index`. */
  const Address& peer(std::size_t index) const { return batch_[index].peer; }
  /** Closes the connection that came at `index`, instead of delivering it. */
  void block(std::size_t index);
  /** Hands over what came, and refuses what the Handoff does not want. */
  void deliver();

 private:
  struct Source {
    std::unique_ptr<ListenerMember> member;
    std::size_t number;
    bool tcp;
    /** SYNs that it had dropped when that was looked at, and how many connections came since. */
    std::optional<std::uint32_t> drops;
    std::size_t since_look = 0;
    /** Its queue does not fill within a rest. */
    bool roomy = false;
    /** May hold connections. */
    bool ready = false;
    /** Admits nobody any more, and its queue is empty. */
    bool spent = false;
  };
  using Leases = std::vector<ListenerMember::Lease>;

  std::optional<std::size_t> gather_some(std::chrono::milliseconds slice);
  std::optional<std::size_t> end();
  void let_go();
  bool any_ready() const;
  /** Lets connections gather, while they come in numbers. */
  void rest() const;
  Leases lease_all();
  void wait(const Leases& leases, bool for_connections, Clock::time_point until);
  void rest_and_try(Clock::time_point until);
  void stop_admitting(Clock::time_point now);
  Clock::time_point next_deadline(const Handoff::Orders& orders, Clock::time_point now,
                                  std::chrono::milliseconds slice) const;
  // These three are false if the listener has failed.
  bool accept_all(const Leases& leases, std::size_t room);
  bool accept_from(Source& source, int fd, std::size_t most);
  void look_for_drops(Source& source, int fd, const QueueDepth& depth);
  bool survive(const SystemError& error, Source& source, int fd, Clock::time_point now);
  void refuse(std::vector<Arrival> arrivals, Clock::time_point now);

  const std::shared_ptr<Handoff> handoff_;
  std::vector<Source> sources_;
  std::vector<pollfd> entries_;
  std::vector<Arrival> batch_;
  std::vector<UniqueFd> blocked_;
  Refuser refuser_;
  std::size_t first_ = 0;
  Clock::time_point last_arrival_{};
  bool over_ = false;
  bool loaded_ = false;
  /** This turn began with a wait: what it brings is a burst of its own. */
  bool waited_ = false;
  Clock::time_point burst_began_{};
  /** The last wait found every queue empty at first: what ended it has only just come. */
  bool slept_ = false;
  Clock::time_point retry_at_{};
  /** While draining: when those whose handshake was under way must have come. */
  std::optional<Clock::time_point> settled_at_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace listenq

#endif  // LISTENQ_CORE_ACCEPTOR_H_
