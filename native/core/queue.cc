#include "queue.h"

#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <span>

#include "diag.h"
#include "socket.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace listenq {

namespace {

// linux/tcp.h and netinet/tcp.h, which has the states, cannot be included together.
constexpr std::uint8_t kTcpListen = 10;

std::optional<std::uint32_t> read_drops(int fd) {
  // MPTCP drops in a TCP socket of its own, which SO_MEMINFO does not show: it would say 0.
  auto protocol = sys::getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL);
  if (!protocol.ok() || protocol.value() != IPPROTO_TCP) return std::nullopt;
  std::array<std::uint32_t, SK_MEMINFO_VARS> words{};
  auto read = sys::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, std::as_writable_bytes(std::span(words)));
  if (!read.ok() || read.value() <= SK_MEMINFO_DROPS * sizeof words[0]) return std::nullopt;
  return words[SK_MEMINFO_DROPS];
}

Result<Queue> tcp_queue(int fd) {
  tcp_info info{};
  auto read = sys::getsockopt(fd, IPPROTO_TCP, TCP_INFO, std::as_writable_bytes(std::span(&info, 1)));
  // Which of the two it is depends on the family.
  if (!read.ok() && read.error().number == ENOPROTOOPT) return SystemError{EOPNOTSUPP, read.error().call};
  if (!read.ok()) return read.error();
  if (info.tcpi_state != kTcpListen) return SystemError{EINVAL, "getsockopt"};
  return Queue{info.tcpi_unacked, info.tcpi_sacked, read_drops(fd)};
}

}  // namespace

Result<Queue> read_queue(int fd) {
  auto domain = sys::getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN);
  if (!domain.ok()) return domain.error();
  if (domain.value() != AF_UNIX) return tcp_queue(fd);
  auto listening = sys::is_listening(fd);
  if (!listening.ok()) return listening.error();
  if (!listening.value()) return SystemError{EINVAL, "getsockopt"};
  auto queue = unix_queue(fd);
  if (!queue.ok()) return queue.error();
  return Queue{queue.value().length, queue.value().limit, std::nullopt};
}

}  // namespace listenq
