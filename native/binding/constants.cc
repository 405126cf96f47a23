// The constants of the C headers, under their C names. src/constants.ts lists the same names.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "exports.h"

// Newer than the headers of some systems that this builds on; the numbers are the kernel's ABI.
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#ifndef SO_INCOMING_NAPI_ID
#define SO_INCOMING_NAPI_ID 56
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#ifndef SO_TXREHASH
#define SO_TXREHASH 74
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

namespace listenq::binding {

namespace {

struct Constant {
  const char* name;
  std::int64_t value;
};

#define C(name) \
  Constant {    \
#name, name \
  }
constexpr Constant kConstants[] = {
    C(AF_UNSPEC),
    C(AF_UNIX),
    C(AF_INET),
    C(AF_INET6),
    C(AF_NETLINK),
    C(AF_VSOCK),
    C(SOCK_STREAM),
    C(SOCK_DGRAM),
    C(SOCK_RAW),
    C(SOCK_SEQPACKET),
    C(SOCK_NONBLOCK),
    C(SOCK_CLOEXEC),
    C(SOL_SOCKET),
    C(SOL_TCP),
    C(SOL_IP),
    C(SOL_IPV6),
    C(SO_ACCEPTCONN),
    C(SO_ATTACH_BPF),
    C(SO_ATTACH_FILTER),
    C(SO_ATTACH_REUSEPORT_CBPF),
    C(SO_ATTACH_REUSEPORT_EBPF),
    C(SO_BINDTODEVICE),
    C(SO_BROADCAST),
    C(SO_BUF_LOCK),
    C(SO_BUSY_POLL),
    C(SO_COOKIE),
    C(SO_DEBUG),
    C(SO_DETACH_FILTER),
    C(SO_DOMAIN),
    C(SO_DONTROUTE),
    C(SO_ERROR),
    C(SO_INCOMING_CPU),
    C(SO_INCOMING_NAPI_ID),
    C(SO_KEEPALIVE),
    C(SO_LINGER),
    C(SO_MARK),
    C(SO_MAX_PACING_RATE),
    C(SO_MEMINFO),
    C(SO_NETNS_COOKIE),
    C(SO_OOBINLINE),
    C(SO_PASSCRED),
    C(SO_PEERCRED),
    C(SO_PREFER_BUSY_POLL),
    C(SO_PRIORITY),
    C(SO_PROTOCOL),
    C(SO_RCVBUF),
    C(SO_RCVBUFFORCE),
    C(SO_RCVLOWAT),
    C(SO_RCVTIMEO),
    C(SO_REUSEADDR),
    C(SO_REUSEPORT),
    C(SO_RXQ_OVFL),
    C(SO_SNDBUF),
    C(SO_SNDBUFFORCE),
    C(SO_SNDLOWAT),
    C(SO_SNDTIMEO),
    C(SO_TIMESTAMP),
    C(SO_TXREHASH),
    C(SO_TYPE),
    C(SO_ZEROCOPY),
    C(SOMAXCONN),
    C(IPPROTO_IP),
    C(IPPROTO_IPV6),
    C(IPPROTO_ICMP),
    C(IPPROTO_TCP),
    C(IPPROTO_UDP),
    C(IPPROTO_MPTCP),
    C(IP_BIND_ADDRESS_NO_PORT),
    C(IP_FREEBIND),
    C(IP_LOCAL_PORT_RANGE),
    C(IP_MINTTL),
    C(IP_MTU_DISCOVER),
    C(IP_RECVTOS),
    C(IP_TOS),
    C(IP_TRANSPARENT),
    C(IP_TTL),
    C(IPV6_FREEBIND),
    C(IPV6_TCLASS),
    C(IPV6_TRANSPARENT),
    C(IPV6_UNICAST_HOPS),
    C(IPV6_V6ONLY),
    C(TCP_CONGESTION),
    C(TCP_CORK),
    C(TCP_DEFER_ACCEPT),
    C(TCP_FASTOPEN),
    C(TCP_FASTOPEN_CONNECT),
    C(TCP_FASTOPEN_NO_COOKIE),
    C(TCP_INFO),
    C(TCP_INQ),
    C(TCP_KEEPCNT),
    C(TCP_KEEPIDLE),
    C(TCP_KEEPINTVL),
    C(TCP_LINGER2),
    C(TCP_MAXSEG),
    C(TCP_NODELAY),
    C(TCP_NOTSENT_LOWAT),
    C(TCP_QUICKACK),
    C(TCP_RTO_MAX_MS),
    C(TCP_SAVE_SYN),
    C(TCP_SAVED_SYN),
    C(TCP_SYNCNT),
    C(TCP_THIN_LINEAR_TIMEOUTS),
    C(TCP_USER_TIMEOUT),
    C(TCP_WINDOW_CLAMP),
    C(MSG_DONTWAIT),
    C(MSG_ERRQUEUE),
    C(MSG_FASTOPEN),
    C(MSG_MORE),
    C(MSG_NOSIGNAL),
    C(MSG_OOB),
    C(MSG_PEEK),
    C(MSG_TRUNC),
    C(MSG_WAITALL),
    C(SHUT_RD),
    C(SHUT_WR),
    C(SHUT_RDWR),
    C(POLLIN),
    C(POLLPRI),
    C(POLLOUT),
    C(POLLERR),
    C(POLLHUP),
    C(POLLNVAL),
    C(POLLRDNORM),
    C(POLLRDBAND),
    C(POLLWRNORM),
    C(POLLWRBAND),
    C(POLLRDHUP),
    C(RLIMIT_NOFILE),
};
#undef C

}  // namespace

void put_constants(Napi::Object exports) {
  auto table = Napi::Object::New(exports.Env());
  for (const Constant& constant : kConstants) table.Set(constant.name, static_cast<double>(constant.value));
  table.Freeze();
  exports.Set("constants", table);
}

}  // namespace listenq::binding
