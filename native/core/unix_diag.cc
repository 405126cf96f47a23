#include "unix_diag.h"

#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

#include "netlink.h"

namespace listenq {

namespace {

constexpr std::uint32_t kListen = 1U << 10;  // TCP_LISTEN, whose numbers AF_UNIX borrows

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

Request request_for(unsigned short flags, std::uint32_t show) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | flags;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_show = show;
  // "No cookie": the inode alone decides.
  request.body.udiag_cookie[0] = request.body.udiag_cookie[1] = ~0U;
  return request;
}

std::optional<UnixQueue> queue_in(Payload payload) {
  auto lengths = leading<unix_diag_rqlen>(attribute(payload, sizeof(unix_diag_msg), UNIX_DIAG_RQLEN));
  if (!lengths) return std::nullopt;
  return UnixQueue{lengths->udiag_rqueue, lengths->udiag_wqueue};
}

// A path comes with its final NUL if it was bound with one; an abstract name begins with a NUL and may hold more.
std::string name_in(Payload payload) {
  const Payload name = attribute(payload, sizeof(unix_diag_msg), UNIX_DIAG_NAME);
  std::string text(reinterpret_cast<const char*>(name.data()), name.size());
  if (!text.empty() && text.front() != '\0') text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

std::optional<UnixListener> listener_in(Payload payload) {
  auto message = leading<unix_diag_msg>(payload);
  auto queue = queue_in(payload);
  if (!message || !queue) return std::nullopt;
  const auto behind = sizeof *message;
  return UnixListener{
      message->udiag_type,
      name_in(payload),
      *queue,
      message->udiag_ino,
      static_cast<std::uint64_t>(message->udiag_cookie[1]) << 32 | message->udiag_cookie[0],
      leading<std::uint32_t>(attribute(payload, behind, UNIX_DIAG_UID)),
      leading<SocketMemory>(attribute(payload, behind, UNIX_DIAG_MEMINFO)),
  };
}

}  // namespace

Result<UnixQueue> unix_queue(int fd) {
  struct stat found {};
  if (::fstat(fd, &found) < 0) return last_error("fstat");
  auto diagnostics = SocketDiagnostics::open();
  if (!diagnostics.ok()) return diagnostics.error();
  Request request = request_for(0, UDIAG_SHOW_RQLEN);
  request.body.udiag_states = ~0U;
  request.body.udiag_ino = static_cast<std::uint32_t>(found.st_ino);
  std::optional<UnixQueue> queue;
  auto asked = diagnostics.value().ask(bytes_of(request), [&](Payload payload) { queue = queue_in(payload); });
  if (!asked.ok()) return asked.error();
  if (!queue) return SystemError{EBADMSG, "sock_diag"};
  return *queue;
}

Result<std::vector<UnixListener>> unix_listeners() {
  auto diagnostics = SocketDiagnostics::open();
  if (!diagnostics.ok()) return diagnostics.error();
  Request request = request_for(NLM_F_DUMP, UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO | UDIAG_SHOW_UID);
  request.body.udiag_states = kListen;
  std::vector<UnixListener> listeners;
  auto asked = diagnostics.value().ask(bytes_of(request), [&](Payload payload) {
    if (auto listener = listener_in(payload)) listeners.push_back(std::move(*listener));
  });
  if (!asked.ok()) return asked.error();
  return listeners;
}

}  // namespace listenq
