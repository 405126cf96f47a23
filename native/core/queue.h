// The accept queue of a listener, as the kernel holds it.
#ifndef LISTENQ_CORE_QUEUE_H_
#define LISTENQ_CORE_QUEUE_H_

#include <cstdint>
#include <optional>

#include "result.h"

namespace listenq {

struct Queue {
  /** Connections that wait to be accepted. */
  std::uint32_t length = 0;
  /** The effective backlog: min(backlog as unsigned, somaxconn). One more than this can wait. */
  std::uint32_t limit = 0;
  /** SYNs that this TCP listener dropped since it was made; AF_UNIX and MPTCP have no such count. */
  std::optional<std::uint32_t> drops;
};

/**
 * Reads the queue of the listening socket `fd`.
 *
 * TCP and MPTCP: getsockopt(TCP_INFO), whose tcpi_unacked and tcpi_sacked hold length and limit in state LISTEN
 * (net/ipv4/tcp.c, tcp_get_info), and for TCP SO_MEMINFO word SK_MEMINFO_DROPS. AF_UNIX: the socket diagnostics, see
 * unix_queue. Errors: EINVAL if the socket does not listen, EOPNOTSUPP if its protocol has no queue to show.
 */
Result<Queue> read_queue(int fd);

}  // namespace listenq

#endif  // LISTENQ_CORE_QUEUE_H_
