#include "descriptor_passing.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <span>

namespace listenq {

namespace {

// SCM_MAX_FD (include/net/scm.h): as many as the kernel lets anybody send in one message.
constexpr std::size_t kMostDescriptors = 253;

/** One part of data, and room for descriptors; the caller keeps both. */
msghdr message_of(iovec& part, std::span<std::byte> control) {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  return message;
}

Result<std::monostate> send_descriptor(int channel, int fd) {
  std::byte data{};
  iovec part{&data, sizeof data};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof fd)> control{};
  msghdr message = message_of(part, control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return last_error("sendmsg");
  return success();
}

// Owns every descriptor of the message; keeps the first, if it stays the only one.
Delivery take_descriptors(msghdr& message) {
  Delivery delivery;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; i++) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
      UniqueFd fd(number);
      if (delivery.count++ == 0) delivery.fd = std::move(fd);
    }
  }
  if (delivery.count > 1) delivery.fd.reset();
  return delivery;
}

Result<Delivery> receive_descriptor(int channel) {
  std::byte data{};
  iovec part{&data, sizeof data};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMostDescriptors)> control{};
  msghdr message = message_of(part, control);
  const ssize_t received = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) return last_error("recvmsg");
  Delivery delivery = take_descriptors(message);
  // There was room for all: what is cut off, the kernel had no number for.
  if ((message.msg_flags & MSG_CTRUNC) != 0 && delivery.count <= 1) return SystemError{EMFILE, "recvmsg"};
  delivery.ended = received == 0 && delivery.count == 0;
  return delivery;
}

}  // namespace

Attempted<std::monostate> send_descriptor_within(int channel, int fd, std::span<const int> wakers,
                                                 std::chrono::milliseconds slice) {
  return attempt_within(channel, POLLOUT, wakers, slice, [&] { return send_descriptor(channel, fd); });
}

Attempted<Delivery> receive_descriptor_within(int channel, std::span<const int> wakers,
                                              std::chrono::milliseconds slice) {
  return attempt_within(channel, POLLIN, wakers, slice, [&] { return receive_descriptor(channel); });
}

}  // namespace listenq
