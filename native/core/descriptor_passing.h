// One descriptor over a Unix-domain socket, in one message.
#ifndef LISTENQ_CORE_DESCRIPTOR_PASSING_H_
#define LISTENQ_CORE_DESCRIPTOR_PASSING_H_

#include <chrono>
#include <cstddef>
#include <span>
#include <variant>

#include "attempt.h"
#include "unique_fd.h"

namespace listenq {

/**
 * Sends a copy of the descriptor `fd` over `channel`, with one byte: sendmsg(2) with SCM_RIGHTS, MSG_NOSIGNAL and
 * MSG_DONTWAIT; waits for room up to `slice`. `fd` stays the caller's, and may be closed while the message is under way
 * (unix(7)). Errors: EBADF, if `fd` is not open; EPIPE, ENOTCONN; ETOOMANYREFS, if more than RLIMIT_NOFILE are under
 * way.
 */
Attempted<std::monostate> send_descriptor_within(int channel, int fd, std::span<const int> wakers,
                                                 std::chrono::milliseconds slice);

/** What one message brought. */
struct Delivery {
  /** The descriptor, CLOEXEC, if exactly one came; several are closed. */
  UniqueFd fd;
  /** How many came. */
  std::size_t count = 0;
  /** The stream is at its end. */
  bool ended = false;
};

/**
 * Receives one message and one byte of its data: recvmsg(2) with MSG_CMSG_CLOEXEC and MSG_DONTWAIT; waits for it up to
 * `slice`. What else it carries, such as SCM_CREDENTIALS, is passed over.
 *
 * Errors: EMFILE, if this process has no number for what came: it is lost, and the sender has its own still.
 * ECONNRESET; EINVAL or ENOTCONN, if `channel` is not connected. On failure nothing that came is left open.
 */
Attempted<Delivery> receive_descriptor_within(int channel, std::span<const int> wakers,
                                              std::chrono::milliseconds slice);

}  // namespace listenq

#endif  // LISTENQ_CORE_DESCRIPTOR_PASSING_H_
