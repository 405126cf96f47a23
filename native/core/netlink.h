// Questions to the kernel's socket diagnostics: NETLINK_SOCK_DIAG, sock_diag(7).
#ifndef LISTENQ_CORE_NETLINK_H_
#define LISTENQ_CORE_NETLINK_H_

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <span>

#include "result.h"
#include "unique_fd.h"

namespace listenq {

/** What follows the header of one message. */
using Payload = std::span<const std::byte>;

/** A netlink socket of the network namespace that the calling thread is in; CLOEXEC and non-blocking. */
class SocketDiagnostics {
 public:
  /** socket(2). EPROTONOSUPPORT if the kernel has no socket diagnostics; EACCES and EPERM where a policy forbids. */
  static Result<SocketDiagnostics> open();

  /**
   * Sends `request` (which begins with an nlmsghdr) and calls `visit` for each message of the answer.
   *
   * The kernel prepares an answer, or the next part of a long one, while it takes the call that asks for it: there is
   * nothing to wait for. A long answer is no snapshot: sockets come and go between its parts. Errors: what the kernel
   * answered, as ENOENT of a protocol that it cannot list; `call` is then "sock_diag".
   */
  Status ask(std::span<const std::byte> request, const std::function<void(Payload)>& visit);

 private:
  explicit SocketDiagnostics(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

/** The bytes of a fixed structure. */
template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/** A message's fixed part: nothing if it is shorter. */
template <typename T>
std::optional<T> leading(Payload payload) {
  if (payload.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

/** The attribute of that type behind a fixed part of `skip` bytes; empty if there is none. */
Payload attribute(Payload payload, std::size_t skip, unsigned short type);

}  // namespace listenq

#endif  // LISTENQ_CORE_NETLINK_H_
