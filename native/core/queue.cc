#include "queue.h"

#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <span>

#include "socket.h"
#include "socket_memory.h"
#include "unix_diag.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace listenq {

namespace {

// linux/tcp.h and netinet/tcp.h, which has the states, cannot be included together.
constexpr std::uint8_t kTcpListen = 10;

Result<tcp_info> read_tcp_info(int fd) {
  tcp_info info{};
  auto read = sys::getsockopt(fd, IPPROTO_TCP, TCP_INFO, std::as_writable_bytes(std::span(&info, 1)));
  if (!read.ok()) return read.error();
  return info;
}

Result<Queue> tcp_queue(int fd) {
  auto info = read_tcp_info(fd);
  // Which of the two it is depends on the family.
  if (!info.ok() && info.error().number == ENOPROTOOPT) return SystemError{EOPNOTSUPP, info.error().call};
  if (!info.ok()) return info.error();
  if (info.value().tcpi_state != kTcpListen) return SystemError{EINVAL, "getsockopt"};
  return Queue{info.value().tcpi_unacked, info.value().tcpi_sacked, queue_drops(fd)};
}

}  // namespace

Result<Queue> read_queue(int fd) {
  // TCP first, whose listeners are asked for each request: only a refusal costs the question what it is.
  auto queue = tcp_queue(fd);
  if (queue.ok() || queue.error().number != EOPNOTSUPP) return queue;
  auto domain = sys::getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN);
  if (!domain.ok()) return domain.error();
  if (domain.value() != AF_UNIX) return queue;
  auto listening = sys::is_listening(fd);
  if (!listening.ok()) return listening.error();
  if (!listening.value()) return SystemError{EINVAL, "getsockopt"};
  auto asked = unix_queue(fd);
  if (!asked.ok()) return asked.error();
  return Queue{asked.value().length, asked.value().limit, std::nullopt};
}

std::optional<std::uint32_t> queue_drops(int fd) {
  // MPTCP drops in a TCP socket of its own, which SO_MEMINFO does not show: it would say 0.
  auto protocol = sys::getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL);
  if (!protocol.ok() || protocol.value() != IPPROTO_TCP) return std::nullopt;
  SocketMemory words{};
  auto read = sys::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, std::as_writable_bytes(std::span(words)));
  if (!read.ok() || read.value() <= SK_MEMINFO_DROPS * sizeof words[0]) return std::nullopt;
  return words[SK_MEMINFO_DROPS];
}

std::optional<QueueDepth> queue_depth(int fd) {
  auto info = read_tcp_info(fd);
  if (!info.ok() || info.value().tcpi_state != kTcpListen) return std::nullopt;
  return QueueDepth{info.value().tcpi_unacked, info.value().tcpi_sacked};
}

std::optional<std::chrono::milliseconds> time_since_handshake(int fd) {
  auto info = read_tcp_info(fd);
  if (!info.ok() || info.value().tcpi_state == kTcpListen || info.value().tcpi_data_segs_out > 0) return std::nullopt;
  return std::chrono::milliseconds(info.value().tcpi_last_data_sent);
}

}  // namespace listenq
