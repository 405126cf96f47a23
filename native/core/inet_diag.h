// TCP and MPTCP listeners, as the socket diagnostics show them: net/ipv4/inet_diag.c, net/mptcp/mptcp_diag.c.
#ifndef LISTENQ_CORE_INET_DIAG_H_
#define LISTENQ_CORE_INET_DIAG_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "address.h"
#include "result.h"
#include "socket_memory.h"

namespace listenq {

struct InetListener {
  /** IPPROTO_TCP or IPPROTO_MPTCP. */
  int protocol = 0;
  Endpoint local;
  /** The interface that it is bound to (SO_BINDTODEVICE); 0 for none. */
  std::uint32_t interface = 0;
  /** Of IPv6 alone. */
  std::optional<bool> v6only;
  /** Connections that wait to be accepted, and the effective backlog. */
  std::uint32_t length = 0;
  std::uint32_t limit = 0;
  std::uint32_t inode = 0;
  std::uint32_t uid = 0;
  /** The kernel's own name of the socket: SO_COOKIE. */
  std::uint64_t cookie = 0;
  /** Of an MPTCP listener: that of the TCP socket in it, where the drops are counted. */
  std::optional<SocketMemory> memory;
};

/**
 * The listeners of the calling thread's network namespace, those at `port` alone if that is not 0. An MPTCP listener
 * is one of them, and the TCP socket that the kernel keeps in it is none. Errors: EPERM and EACCES where a policy
 * forbids the socket diagnostics, ENOENT if the kernel cannot list TCP. What it cannot list of IPv6 or MPTCP is taken
 * as not there.
 */
Result<std::vector<InetListener>> inet_listeners(std::uint16_t port);

/** Half-open connections (SYN_RECV) that came to one local address. */
struct HalfOpen {
  Endpoint local;
  std::uint32_t interface = 0;
  std::uint32_t count = 0;
};

/** The half-open connections of `listeners`, those to `port` alone if that is not 0. For each family that they have,
 * the kernel walks all its connections. Errors: as inet_listeners. */
Result<std::vector<HalfOpen>> half_open(std::uint16_t port, const std::vector<InetListener>& listeners);

/** A socket to be destroyed. */
struct InetSocket {
  Endpoint local;
  /** Of a listener: the family, and nothing else. */
  Endpoint remote;
  std::uint32_t interface = 0;
  /** Nothing: whichever socket has these addresses. */
  std::optional<std::uint64_t> cookie;
};

/**
 * SOCK_DESTROY: the kernel ends the TCP socket, whoever has it; its peer is reset, and its owner's calls fail with
 * ECONNABORTED. Errors: EPERM without CAP_NET_ADMIN, ENOENT if there is no such socket, EOPNOTSUPP if the kernel is
 * built without INET_DIAG_DESTROY.
 */
Status destroy_socket(const InetSocket& socket);

}  // namespace listenq

#endif  // LISTENQ_CORE_INET_DIAG_H_
