// Sees each listen(2) of this process, and of those it starts, as the kernel receives it.
#ifndef LISTENQ_CORE_LISTEN_OBSERVER_H_
#define LISTENQ_CORE_LISTEN_OBSERVER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "result.h"

namespace listenq {

/** One listen(2) at its entry into the kernel: who called, and the two integers in its registers. */
struct ListenCall {
  int thread_id;
  int fd;
  int backlog;
};

/**
 * A seccomp user notification for listen(2): the kernel stops each such call of the calling thread (and of all threads
 * and processes that it starts from then on), hands its number and arguments to a thread here, and goes on with the
 * call untouched (seccomp_unotify(2), SECCOMP_USER_NOTIF_FLAG_CONTINUE). Nothing is inferred, and no tracer is needed.
 *
 * There is no way back: the filter stays for the life of the thread and sets PR_SET_NO_NEW_PRIVS. For processes that
 * are started to be observed. The observing thread ends with the last of those that it observes, or with this process;
 * calls of processes that outlive it fail with ENOSYS.
 */
class ListenObserver {
 public:
  /** Errors: ENOSYS or EINVAL on kernels before 5.5, EBUSY if a listener is installed already, EPERM in a sandbox. */
  static Result<std::unique_ptr<ListenObserver>> install();

  /** The calls seen since the last take, in order. */
  std::vector<ListenCall> take();

 private:
  struct Shared;
  explicit ListenObserver(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_LISTEN_OBSERVER_H_
