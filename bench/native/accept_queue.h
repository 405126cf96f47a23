// The length of a listening socket's accept queue, seen from another process: the kernel's socket diagnostics.
#pragma once

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "client.h"

namespace bench {

class AcceptQueue {
 public:
  explicit AcceptQueue(const sockaddr_in& listener)
      : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {
    if (netlink_ < 0) fail("socket(NETLINK_SOCK_DIAG)");
    request_.header.nlmsg_len = sizeof request_;
    request_.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request_.header.nlmsg_flags = NLM_F_REQUEST;
    request_.body.sdiag_family = AF_INET;
    request_.body.sdiag_protocol = IPPROTO_TCP;
    request_.body.idiag_states = ~0U;
    request_.body.id.idiag_sport = listener.sin_port;
    request_.body.id.idiag_src[0] = listener.sin_addr.s_addr;
    request_.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request_.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  }

  [[nodiscard]] std::uint32_t length() const {
    if (::send(netlink_, &request_, sizeof request_, 0) < 0) fail("send");
    alignas(nlmsghdr) std::array<char, 4096> buffer{};
    if (::recv(netlink_, buffer.data(), buffer.size(), 0) < static_cast<ssize_t>(kReply)) fail("recv");
    nlmsghdr header{};
    inet_diag_msg message{};
    std::memcpy(&header, buffer.data(), sizeof header);
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) fail("sock_diag");
    std::memcpy(&message, buffer.data() + NLMSG_HDRLEN, sizeof message);
    return message.idiag_rqueue;
  }

 private:
  // An error is shorter than a reply, by more than the padding.
  static constexpr std::size_t kReply = NLMSG_HDRLEN + sizeof(inet_diag_msg);

  struct Request {
    nlmsghdr header;
    inet_diag_req_v2 body;
  };

  Request request_{};
  int netlink_;
};

}  // namespace bench
