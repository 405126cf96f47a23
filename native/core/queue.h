// The accept queue of a listener, as the kernel holds it.
#ifndef LISTENQ_CORE_QUEUE_H_
#define LISTENQ_CORE_QUEUE_H_

#include <chrono>
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

struct QueueDepth {
  std::uint32_t length = 0;
  std::uint32_t limit = 0;
};

/** SYNs that the listening socket `fd` has dropped since it was made: SO_MEMINFO, word SK_MEMINFO_DROPS, which wraps.
 * Nothing where the kernel keeps no such count: AF_UNIX, MPTCP, before Linux 4.12. */
std::optional<std::uint32_t> queue_drops(int fd);

/** Length and limit alone, of a listener of TCP or MPTCP: one getsockopt(TCP_INFO). Nothing for any other socket. */
std::optional<QueueDepth> queue_depth(int fd);

/**
 * How long ago the handshake of the connection `fd` was completed: right after accept(2), how long it was queued.
 *
 * TCP_INFO, tcpi_last_data_sent: a connection that has sent nothing counts it from the moment when the handshake was
 * completed (net/ipv4/tcp_minisocks.c, tcp_create_openreq_child). In steps of a kernel tick. It does not tell how long
 * the client went on trying while the queue was full, and with TCP_DEFER_ACCEPT it begins at the first data. Nothing
 * once data has been sent, and for AF_UNIX, where the kernel keeps no such time.
 */
std::optional<std::chrono::milliseconds> time_since_handshake(int fd);

}  // namespace listenq

#endif  // LISTENQ_CORE_QUEUE_H_
