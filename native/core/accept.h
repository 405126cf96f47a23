// Taking connections out of the accept queue.
#ifndef LISTENQ_CORE_ACCEPT_H_
#define LISTENQ_CORE_ACCEPT_H_

#include "address.h"
#include "result.h"
#include "unique_fd.h"

namespace listenq {

struct Accepted {
  UniqueFd fd;
  Address peer;
};

/**
 * accept4(2): takes the oldest connection out of the queue. `flags` are those of the new descriptor (SOCK_CLOEXEC,
 * SOCK_NONBLOCK), passed as they are; nothing is inherited from the listener's own flags.
 *
 * The address buffer is always a whole sockaddr_storage: Linux dequeues before it looks at the buffer, so that a bad
 * one would cost the connection. The caller owns the descriptor. Blocks if the listener blocks.
 */
Result<Accepted> accept(int fd, int flags);

/** What a refused accept(2) is a failure of, and so what a loop does next. */
enum class AcceptFailure {
  kWouldBlock,  // nothing queued, or a signal came: wait
  kConnection,  // of that one connection, which is gone: count it and go on
  kShortage,    // of descriptors or memory: report, wait, leave the queue alone
  kListener,    // of the listener: stop
};

/** Sorts an errno of accept(2); accept(2), "Error handling". */
AcceptFailure classify_accept(int number);

/** Whether somebody called shutdown(2) on this AF_UNIX listener: it is then readable for ever, and EAGAIN for ever
 * where a blocking accept(2) gets EINVAL. */
bool is_shut_down(int fd);

}  // namespace listenq

#endif  // LISTENQ_CORE_ACCEPT_H_
