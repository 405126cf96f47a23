// Blocking-style transfer on non-blocking descriptors, a slice of time at a go.
#ifndef LISTENQ_CORE_STREAM_H_
#define LISTENQ_CORE_STREAM_H_

#include <chrono>
#include <cstddef>
#include <span>

#include "attempt.h"
#include "result.h"

namespace listenq {

/** Bytes moved. */
using Transferred = Attempted<std::size_t>;

/** recv(2), and if that would block, poll(2) for at most `slice` and recv(2) once more. 0 bytes is end of stream. */
Transferred recv_within(int fd, std::span<std::byte> buffer, int flags, std::span<const int> wakers,
                        std::chrono::milliseconds slice);

/** send(2) with MSG_NOSIGNAL added, so that a closed peer is EPIPE and never SIGPIPE; waits as recv_within does. */
Transferred send_within(int fd, std::span<const std::byte> bytes, int flags, std::span<const int> wakers,
                        std::chrono::milliseconds slice);

/** Waits for the outcome of a connect(2) under way: true once connected, false if it is still under way after `slice`
 * or a waker woke. The error is the one that SO_ERROR holds, as of connect(2). */
Result<bool> connected_within(int fd, std::span<const int> wakers, std::chrono::milliseconds slice);

}  // namespace listenq

#endif  // LISTENQ_CORE_STREAM_H_
