#include "diag.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cstring>

#include "socket.h"

namespace listenq {

namespace {

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

Request request_for(std::uint32_t inode) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_ino = inode;
  request.body.udiag_show = UDIAG_SHOW_RQLEN;
  // "No cookie": the inode alone decides.
  request.body.udiag_cookie[0] = request.body.udiag_cookie[1] = ~0U;
  return request;
}

Result<UnixQueue> queue_in(std::span<std::byte> reply) {
  auto* header = reinterpret_cast<nlmsghdr*>(reply.data());
  auto left = static_cast<unsigned>(reply.size());
  if (!NLMSG_OK(header, left)) return SystemError{EBADMSG, "sock_diag"};
  if (header->nlmsg_type == NLMSG_ERROR) {
    return SystemError{-static_cast<nlmsgerr*>(NLMSG_DATA(header))->error, "sock_diag"};
  }
  auto* message = static_cast<unix_diag_msg*>(NLMSG_DATA(header));
  auto* attribute = reinterpret_cast<rtattr*>(message + 1);
  auto size = static_cast<int>(header->nlmsg_len - NLMSG_LENGTH(sizeof *message));
  for (; RTA_OK(attribute, size); attribute = RTA_NEXT(attribute, size)) {
    if (attribute->rta_type != UNIX_DIAG_RQLEN || RTA_PAYLOAD(attribute) < sizeof(unix_diag_rqlen)) continue;
    unix_diag_rqlen lengths{};
    std::memcpy(&lengths, RTA_DATA(attribute), sizeof lengths);
    return UnixQueue{lengths.udiag_rqueue, lengths.udiag_wqueue};
  }
  return SystemError{EBADMSG, "sock_diag"};
}

}  // namespace

Result<UnixQueue> unix_queue(int fd) {
  struct stat found {};
  if (::fstat(fd, &found) < 0) return last_error("fstat");
  auto netlink = sys::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  if (!netlink.ok()) return netlink.error();
  const Request request = request_for(static_cast<std::uint32_t>(found.st_ino));
  auto sent = sys::send(netlink.value().get(), std::as_bytes(std::span(&request, 1)), 0);
  if (!sent.ok()) return sent.error();
  alignas(nlmsghdr) std::array<std::byte, 1024> reply{};
  auto received = sys::recv(netlink.value().get(), reply, 0);
  if (!received.ok()) return received.error();
  return queue_in(std::span(reply).first(received.value()));
}

}  // namespace listenq
