#include "netlink.h"

#include <sys/socket.h>

#include <vector>

#include "socket.h"

namespace listenq {

namespace {

// As much as the kernel puts into one part of an answer (net/netlink/af_netlink.c, netlink_dump).
constexpr std::size_t kPart = 32768;

constexpr SystemError kNonsense{EBADMSG, "sock_diag"};

enum class Progress { kMore, kDone };

// Visits the messages of one part.
Result<Progress> read_part(std::span<std::byte> part, const std::function<void(Payload)>& visit) {
  auto* header = reinterpret_cast<nlmsghdr*>(part.data());
  auto left = static_cast<int>(part.size());
  for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
    const Payload payload(static_cast<const std::byte*>(NLMSG_DATA(header)), NLMSG_PAYLOAD(header, 0));
    if (header->nlmsg_type == NLMSG_DONE) {
      // A list that could not be made, or not to its end, ends with the number of the error.
      const int error = leading<int>(payload).value_or(0);
      if (error < 0) return SystemError{-error, "sock_diag"};
      return Progress::kDone;
    }
    if (header->nlmsg_type == NLMSG_ERROR) {
      // An acknowledgement is an error whose number is 0.
      auto answer = leading<nlmsgerr>(payload);
      if (!answer || answer->error == 0) return Progress::kDone;
      return SystemError{-answer->error, "sock_diag"};
    }
    visit(payload);
    if ((header->nlmsg_flags & NLM_F_MULTI) == 0) return Progress::kDone;
  }
  return Progress::kMore;
}

}  // namespace

Result<SocketDiagnostics> SocketDiagnostics::open() {
  auto fd = sys::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  if (!fd.ok()) return fd.error();
  return SocketDiagnostics(std::move(fd.value()));
}

Status SocketDiagnostics::ask(std::span<const std::byte> request, const std::function<void(Payload)>& visit) {
  auto sent = sys::send(fd_.get(), request, 0);
  if (!sent.ok()) return sent.error();
  alignas(nlmsghdr) std::array<std::byte, kPart> part;
  for (;;) {
    auto received = sys::recv(fd_.get(), part, 0);
    if (!received.ok()) return received.error();
    if (received.value() == 0) return kNonsense;
    auto progress = read_part(std::span(part).first(received.value()), visit);
    if (!progress.ok()) return progress.error();
    if (progress.value() == Progress::kDone) return success();
  }
}

Payload attribute(Payload payload, std::size_t skip, unsigned short type) {
  if (payload.size() <= skip) return {};
  auto* found = reinterpret_cast<const rtattr*>(payload.data() + skip);
  auto left = static_cast<int>(payload.size() - skip);
  for (; RTA_OK(found, left); found = RTA_NEXT(found, left)) {
    if (found->rta_type == type) return {static_cast<const std::byte*>(RTA_DATA(found)), RTA_PAYLOAD(found)};
  }
  return {};
}

}  // namespace listenq
