// The kernel's socket diagnostics: NETLINK_SOCK_DIAG, sock_diag(7).
#ifndef LISTENQ_CORE_DIAG_H_
#define LISTENQ_CORE_DIAG_H_

#include <cstdint>

#include "result.h"

namespace listenq {

struct UnixQueue {
  std::uint32_t length;
  std::uint32_t limit;
};

/**
 * Asks for the queue of the AF_UNIX listener `fd`, found by its inode: UNIX_DIAG_RQLEN holds the waiting connections
 * and the backlog (net/unix/diag.c, sk_diag_show_rqlen).
 *
 * One netlink request and its answer, which the kernel queues while it takes the request: nothing to wait for. The
 * netlink socket belongs to this call. Errors: ENOENT if the kernel has no unix_diag, or `fd` was made in another
 * network namespace than the calling thread is in.
 */
Result<UnixQueue> unix_queue(int fd);

}  // namespace listenq

#endif  // LISTENQ_CORE_DIAG_H_
