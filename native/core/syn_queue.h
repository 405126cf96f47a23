// The SYN queue of a listener: its half-open connections, of which the kernel shows each, and to whom it came.
#ifndef LISTENQ_CORE_SYN_QUEUE_H_
#define LISTENQ_CORE_SYN_QUEUE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "inet_diag.h"
#include "result.h"

namespace listenq {

/**
 * How many half-open connections each listener has, in the order of `listeners`.
 *
 * The diagnostics do not say which listener a half-open connection belongs to, but its local address and interface,
 * from which it follows as the kernel finds the listener of a SYN (net/ipv4/inet_hashtables.c, compute_score): the
 * exact address before any address, IPv4 before dual-stack. Listeners that share a port by SO_REUSEPORT cannot be told
 * apart: each is given the number of all.
 */
std::vector<std::uint32_t> syn_lengths(const std::vector<InetListener>& listeners, const std::vector<HalfOpen>& groups);

/**
 * The half-open connections of the listener `fd`. Nothing if the calling thread's network namespace has no such
 * listener, as when `fd` was made in another one, or is no socket of TCP or MPTCP. Errors: as inet_listeners.
 */
Result<std::optional<std::uint32_t>> syn_length(int fd);

}  // namespace listenq

#endif  // LISTENQ_CORE_SYN_QUEUE_H_
