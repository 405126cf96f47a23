// AF_UNIX listeners, as the socket diagnostics show them: net/unix/diag.c.
#ifndef LISTENQ_CORE_UNIX_DIAG_H_
#define LISTENQ_CORE_UNIX_DIAG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "result.h"
#include "socket_memory.h"

namespace listenq {

struct UnixQueue {
  /** Connections that wait to be accepted. */
  std::uint32_t length = 0;
  /** The effective backlog; one more than this can wait. */
  std::uint32_t limit = 0;
};

struct UnixListener {
  /** SOCK_STREAM or SOCK_SEQPACKET. */
  int type = 0;
  /** The path, an abstract name with its leading NUL, or nothing for a socket that was never bound. */
  std::string name;
  UnixQueue queue;
  std::uint32_t inode = 0;
  std::uint64_t cookie = 0;
  /** Linux 5.3 and later. */
  std::optional<std::uint32_t> uid;
  std::optional<SocketMemory> memory;
};

/**
 * Asks for the queue of the AF_UNIX listener `fd`, found by its inode: UNIX_DIAG_RQLEN. The netlink socket belongs to
 * this call. Errors: ENOENT if the kernel has no unix_diag, or `fd` was made in another network namespace than the
 * calling thread is in.
 */
Result<UnixQueue> unix_queue(int fd);

/** Every AF_UNIX listener of the calling thread's network namespace. Errors: ENOENT if the kernel has no unix_diag. */
Result<std::vector<UnixListener>> unix_listeners();

}  // namespace listenq

#endif  // LISTENQ_CORE_UNIX_DIAG_H_
