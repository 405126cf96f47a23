#include "stream.h"

#include <poll.h>
#include <sys/socket.h>

#include "attempt.h"
#include "socket.h"
#include "wait.h"

namespace listenq {

Transferred recv_within(int fd, std::span<std::byte> buffer, int flags, std::span<const int> wakers,
                        std::chrono::milliseconds slice) {
  return attempt_within(fd, POLLIN, wakers, slice, [&] { return sys::recv(fd, buffer, flags); });
}

Transferred send_within(int fd, std::span<const std::byte> bytes, int flags, std::span<const int> wakers,
                        std::chrono::milliseconds slice) {
  return attempt_within(fd, POLLOUT, wakers, slice, [&] { return sys::send(fd, bytes, flags | MSG_NOSIGNAL); });
}

Result<bool> connected_within(int fd, std::span<const int> wakers, std::chrono::milliseconds slice) {
  auto waited = wait_for(fd, POLLOUT, wakers, slice);
  if (!waited.ok()) return waited.error();
  if (waited.value() != Waited::kReady) return false;
  auto error = sys::getsockopt_int(fd, SOL_SOCKET, SO_ERROR);
  if (!error.ok()) return error.error();
  if (error.value() != 0) return SystemError{error.value(), "connect"};
  return true;
}

}  // namespace listenq
