// One listening socket and all the copies of its descriptor that the threads of this process hold.
#ifndef LISTENQ_CORE_LISTENER_GROUP_H_
#define LISTENQ_CORE_LISTENER_GROUP_H_

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "accept.h"
#include "result.h"
#include "unique_fd.h"
#include "wait.h"

namespace listenq {

class ListenerMember;

/**
 * What the copies share: whether the listener is closed, the waker of those that wait for it, and the list of copies.
 *
 * Each thread has a copy of its own (dup), so that no thread uses a number that another may close, and an epoll
 * instance of its own once it has waited, so that the kernel wakes one thread for each connection. close() ends them
 * all: idle copies are closed there and then, a copy whose thread is inside a call is woken and closed by that thread
 * when it leaves. The kernel stops listening when the last copy is closed. shutdown(2) has no part in this: it would
 * reset all that queue and, on a port that the kernel chose, give the port back.
 */
class ListenerGroup : public std::enable_shared_from_this<ListenerGroup> {
 public:
  /** Takes `fd` over as the first copy. On failure (EMFILE for the waker's eventfd) `fd` is left open with its caller.
   */
  static Result<std::unique_ptr<ListenerMember>> adopt(int fd);

  /** A further copy, for the listener that `token` names; nothing if it is closed or never was. */
  static std::optional<Result<std::unique_ptr<ListenerMember>>> join(std::uint64_t token);

  /** Whether `fd` is the copy of some listener of this process. */
  static bool holds(int fd);

  /** Names this listener to other threads of this process; no address, and of no use elsewhere. */
  std::uint64_t token() const { return token_; }

  /** Makes close() remove the socket file at `path` (as lstat finds it now), if it is still the same file then. */
  void own_path(std::string path);
  /** Makes close() leave that file alone, after all: whoever has the socket too goes on with it. */
  void leave_path();

  /** Somebody outside has learnt the number, and may have handed the socket to another process. */
  void lend();
  /** Whether the socket may be another process's too. */
  bool lent() const;

  bool closed() const;
  void close();
  /** Readable from close() on; an eventfd that belongs to the group. */
  int close_event() const { return waker_.fd(); }

  explicit ListenerGroup(Waker waker, std::uint64_t token) : waker_(std::move(waker)), token_(token) {}
  ~ListenerGroup();

 private:
  friend class ListenerMember;

  struct Copy {
    UniqueFd fd;
    bool in_use = false;
    /** Made at the first wait. Dropped before `fd`: it would go on watching the socket, which the others keep open. */
    std::optional<ExclusiveWait> wait{};

    void close();
  };
  struct OwnedPath {
    std::string path;
    std::uint64_t device;
    std::uint64_t inode;
  };

  std::unique_ptr<ListenerMember> add(UniqueFd fd);
  void remove_path() const;

  mutable std::mutex mutex_;
  const Waker waker_;
  const std::uint64_t token_;
  bool closed_ = false;
  bool lent_ = false;
  std::list<Copy> copies_;
  std::optional<OwnedPath> path_;
};

/** One thread's copy. Dropping it closes that copy alone. Its calls belong to one thread; close() to any. */
class ListenerMember {
 public:
  ~ListenerMember();
  ListenerMember(const ListenerMember&) = delete;
  ListenerMember& operator=(const ListenerMember&) = delete;

  ListenerGroup& group() const { return *group_; }

  /** Lends the number for one call, during which nobody closes it; nothing once the listener is closed. */
  class Lease {
   public:
    Lease(Lease&& other) noexcept : member_(std::exchange(other.member_, nullptr)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    int fd() const { return member_->copy_->fd.get(); }

   private:
    friend class ListenerMember;
    explicit Lease(ListenerMember* member) : member_(member) {}
    ListenerMember* member_;
  };
  std::optional<Lease> lease();

  /** The number, for show; -1 once closed. */
  int fd() const;

  /** Lets no new client in (see admission.h), unless the socket may be another process's too: false then, or if the
   * kernel refused. */
  bool stop_admitting();

  /** Gives this copy's number away; the other copies go on. -1 once closed. */
  int detach();

  /**
   * Accepts what is queued, at most `most`, into `out`; if nothing is, waits up to `slice` for the first.
   *
   * accept4(2) with SOCK_CLOEXEC and SOCK_NONBLOCK, and epoll_wait(2) only if nothing is queued. Of the threads that
   * wait in the group the kernel wakes one for each connection; where no epoll instance can be had (EMFILE …), it is
   * poll(2), which wakes all. A thread that is woken and leaves without accepting, for a waker came too, leaves the
   * connection queued: the others find it when their `slice` ends, or with the next connection. `thread_waker`, -1 for
   * none, must stay the same eventfd for as long as it is passed.
   *
   * Connections that failed on their own are counted in `failed` and passed over; they count towards `most`. Yields how
   * many came, 0 if time passed, a waker woke, another thread was faster or `most` failed; nothing at all once the
   * listener is closed, by whichever thread. A shortage (EMFILE …) after some came is left for the next call. The
   * listener must be non-blocking. Errors: those of accept(2); EINVAL also for an AF_UNIX listener that somebody shut
   * down.
   */
  std::optional<Result<std::size_t>> accept_within(std::vector<Accepted>& out, std::size_t most, int thread_waker,
                                                   std::chrono::milliseconds slice, std::uint64_t& failed);

 private:
  friend class ListenerGroup;
  ListenerMember(std::shared_ptr<ListenerGroup> group, std::list<ListenerGroup::Copy>::iterator copy)
      : group_(std::move(group)), copy_(copy) {}

  Result<Waited> wait(int thread_waker, std::chrono::milliseconds slice);
  Result<Waited> timed_wait(int thread_waker, std::chrono::milliseconds slice);

  std::shared_ptr<ListenerGroup> group_;
  std::list<ListenerGroup::Copy>::iterator copy_;
  /** The last wait was one: what was queued did not last. */
  bool expects_to_wait_ = false;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_LISTENER_GROUP_H_
