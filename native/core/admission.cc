#include "admission.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <span>

#include "socket.h"

namespace listenq {

namespace {

// A socket's filter sees a segment from its TCP header on; the flags are in byte 13.
constexpr unsigned kFlagsAt = 13;
constexpr unsigned kSyn = 0x02;
constexpr unsigned kAck = 0x10;
constexpr unsigned kPass = 0xffffffff;

}  // namespace

Status stop_admitting(int fd) {
  auto domain = sys::getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN);
  if (!domain.ok()) return domain.error();
  if (domain.value() == AF_UNIX) return sys::shutdown(fd, SHUT_RD);
  auto protocol = sys::getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL);
  if (!protocol.ok()) return protocol.error();
  // MPTCP listens on a TCP socket of its own, which the filter would not reach.
  if (protocol.value() != IPPROTO_TCP) return SystemError{EOPNOTSUPP, "setsockopt"};
  std::array program{sock_filter BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsAt),
                     sock_filter BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSyn | kAck),
                     sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 0, 1),
                     sock_filter BPF_STMT(BPF_RET | BPF_K, 0), sock_filter BPF_STMT(BPF_RET | BPF_K, kPass)};
  const sock_fprog filter{program.size(), program.data()};
  return sys::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, std::as_bytes(std::span(&filter, 1)));
}

}  // namespace listenq
