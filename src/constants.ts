import { native } from './native/load';

/** A constant of the C headers that the addon was built with. Not there (undefined) where there is no addon. */
function c(name: string): number {
  return native.constants[name] as number;
}

// Address families
export const AF_UNSPEC = c('AF_UNSPEC');
export const AF_UNIX = c('AF_UNIX');
export const AF_INET = c('AF_INET');
export const AF_INET6 = c('AF_INET6');
export const AF_NETLINK = c('AF_NETLINK');
export const AF_VSOCK = c('AF_VSOCK');

// Socket types, and the flags that may be added to them
export const SOCK_STREAM = c('SOCK_STREAM');
export const SOCK_DGRAM = c('SOCK_DGRAM');
export const SOCK_RAW = c('SOCK_RAW');
export const SOCK_SEQPACKET = c('SOCK_SEQPACKET');
export const SOCK_NONBLOCK = c('SOCK_NONBLOCK');
export const SOCK_CLOEXEC = c('SOCK_CLOEXEC');

// Levels of getsockopt(2) and setsockopt(2)
export const SOL_SOCKET = c('SOL_SOCKET');
export const SOL_TCP = c('SOL_TCP');
export const SOL_IP = c('SOL_IP');
export const SOL_IPV6 = c('SOL_IPV6');

// Options of SOL_SOCKET: socket(7)
export const SO_ACCEPTCONN = c('SO_ACCEPTCONN');
export const SO_ATTACH_BPF = c('SO_ATTACH_BPF');
export const SO_ATTACH_FILTER = c('SO_ATTACH_FILTER');
export const SO_ATTACH_REUSEPORT_CBPF = c('SO_ATTACH_REUSEPORT_CBPF');
export const SO_ATTACH_REUSEPORT_EBPF = c('SO_ATTACH_REUSEPORT_EBPF');
export const SO_BINDTODEVICE = c('SO_BINDTODEVICE');
export const SO_BROADCAST = c('SO_BROADCAST');
export const SO_BUF_LOCK = c('SO_BUF_LOCK');
export const SO_BUSY_POLL = c('SO_BUSY_POLL');
export const SO_COOKIE = c('SO_COOKIE');
export const SO_DEBUG = c('SO_DEBUG');
export const SO_DETACH_FILTER = c('SO_DETACH_FILTER');
export const SO_DOMAIN = c('SO_DOMAIN');
export const SO_DONTROUTE = c('SO_DONTROUTE');
export const SO_ERROR = c('SO_ERROR');
export const SO_INCOMING_CPU = c('SO_INCOMING_CPU');
export const SO_INCOMING_NAPI_ID = c('SO_INCOMING_NAPI_ID');
export const SO_KEEPALIVE = c('SO_KEEPALIVE');
export const SO_LINGER = c('SO_LINGER');
export const SO_MARK = c('SO_MARK');
export const SO_MAX_PACING_RATE = c('SO_MAX_PACING_RATE');
export const SO_MEMINFO = c('SO_MEMINFO');
export const SO_NETNS_COOKIE = c('SO_NETNS_COOKIE');
export const SO_OOBINLINE = c('SO_OOBINLINE');
export const SO_PASSCRED = c('SO_PASSCRED');
export const SO_PEERCRED = c('SO_PEERCRED');
export const SO_PREFER_BUSY_POLL = c('SO_PREFER_BUSY_POLL');
export const SO_PRIORITY = c('SO_PRIORITY');
export const SO_PROTOCOL = c('SO_PROTOCOL');
export const SO_RCVBUF = c('SO_RCVBUF');
export const SO_RCVBUFFORCE = c('SO_RCVBUFFORCE');
export const SO_RCVLOWAT = c('SO_RCVLOWAT');
export const SO_RCVTIMEO = c('SO_RCVTIMEO');
export const SO_REUSEADDR = c('SO_REUSEADDR');
export const SO_REUSEPORT = c('SO_REUSEPORT');
export const SO_RXQ_OVFL = c('SO_RXQ_OVFL');
export const SO_SNDBUF = c('SO_SNDBUF');
export const SO_SNDBUFFORCE = c('SO_SNDBUFFORCE');
export const SO_SNDLOWAT = c('SO_SNDLOWAT');
export const SO_SNDTIMEO = c('SO_SNDTIMEO');
export const SO_TIMESTAMP = c('SO_TIMESTAMP');
export const SO_TXREHASH = c('SO_TXREHASH');
export const SO_TYPE = c('SO_TYPE');
export const SO_ZEROCOPY = c('SO_ZEROCOPY');

/** The compile-time constant of the C headers; not the sysctl, which `limits()` reads. */
export const SOMAXCONN = c('SOMAXCONN');

// Protocols, which are levels too
export const IPPROTO_IP = c('IPPROTO_IP');
export const IPPROTO_IPV6 = c('IPPROTO_IPV6');
export const IPPROTO_ICMP = c('IPPROTO_ICMP');
export const IPPROTO_TCP = c('IPPROTO_TCP');
export const IPPROTO_UDP = c('IPPROTO_UDP');
export const IPPROTO_MPTCP = c('IPPROTO_MPTCP');

// Options of IPPROTO_IP: ip(7)
export const IP_BIND_ADDRESS_NO_PORT = c('IP_BIND_ADDRESS_NO_PORT');
export const IP_FREEBIND = c('IP_FREEBIND');
export const IP_LOCAL_PORT_RANGE = c('IP_LOCAL_PORT_RANGE');
export const IP_MINTTL = c('IP_MINTTL');
export const IP_MTU_DISCOVER = c('IP_MTU_DISCOVER');
export const IP_RECVTOS = c('IP_RECVTOS');
export const IP_TOS = c('IP_TOS');
export const IP_TRANSPARENT = c('IP_TRANSPARENT');
export const IP_TTL = c('IP_TTL');

// Options of IPPROTO_IPV6: ipv6(7)
export const IPV6_FREEBIND = c('IPV6_FREEBIND');
export const IPV6_TCLASS = c('IPV6_TCLASS');
export const IPV6_TRANSPARENT = c('IPV6_TRANSPARENT');
export const IPV6_UNICAST_HOPS = c('IPV6_UNICAST_HOPS');
export const IPV6_V6ONLY = c('IPV6_V6ONLY');

// Options of IPPROTO_TCP: tcp(7)
export const TCP_CONGESTION = c('TCP_CONGESTION');
export const TCP_CORK = c('TCP_CORK');
export const TCP_DEFER_ACCEPT = c('TCP_DEFER_ACCEPT');
export const TCP_FASTOPEN = c('TCP_FASTOPEN');
export const TCP_FASTOPEN_CONNECT = c('TCP_FASTOPEN_CONNECT');
export const TCP_FASTOPEN_NO_COOKIE = c('TCP_FASTOPEN_NO_COOKIE');
export const TCP_INFO = c('TCP_INFO');
export const TCP_INQ = c('TCP_INQ');
export const TCP_KEEPCNT = c('TCP_KEEPCNT');
export const TCP_KEEPIDLE = c('TCP_KEEPIDLE');
export const TCP_KEEPINTVL = c('TCP_KEEPINTVL');
export const TCP_LINGER2 = c('TCP_LINGER2');
export const TCP_MAXSEG = c('TCP_MAXSEG');
export const TCP_NODELAY = c('TCP_NODELAY');
export const TCP_NOTSENT_LOWAT = c('TCP_NOTSENT_LOWAT');
export const TCP_QUICKACK = c('TCP_QUICKACK');
export const TCP_RTO_MAX_MS = c('TCP_RTO_MAX_MS');
export const TCP_SAVE_SYN = c('TCP_SAVE_SYN');
export const TCP_SAVED_SYN = c('TCP_SAVED_SYN');
export const TCP_SYNCNT = c('TCP_SYNCNT');
export const TCP_THIN_LINEAR_TIMEOUTS = c('TCP_THIN_LINEAR_TIMEOUTS');
export const TCP_USER_TIMEOUT = c('TCP_USER_TIMEOUT');
export const TCP_WINDOW_CLAMP = c('TCP_WINDOW_CLAMP');

// Flags of recv(2) and send(2)
export const MSG_DONTWAIT = c('MSG_DONTWAIT');
export const MSG_ERRQUEUE = c('MSG_ERRQUEUE');
export const MSG_FASTOPEN = c('MSG_FASTOPEN');
export const MSG_MORE = c('MSG_MORE');
export const MSG_NOSIGNAL = c('MSG_NOSIGNAL');
export const MSG_OOB = c('MSG_OOB');
export const MSG_PEEK = c('MSG_PEEK');
export const MSG_TRUNC = c('MSG_TRUNC');
export const MSG_WAITALL = c('MSG_WAITALL');

// Directions of shutdown(2)
export const SHUT_RD = c('SHUT_RD');
export const SHUT_WR = c('SHUT_WR');
export const SHUT_RDWR = c('SHUT_RDWR');

// Events of poll(2)
export const POLLIN = c('POLLIN');
export const POLLPRI = c('POLLPRI');
export const POLLOUT = c('POLLOUT');
export const POLLERR = c('POLLERR');
export const POLLHUP = c('POLLHUP');
export const POLLNVAL = c('POLLNVAL');
export const POLLRDNORM = c('POLLRDNORM');
export const POLLRDBAND = c('POLLRDBAND');
export const POLLWRNORM = c('POLLWRNORM');
export const POLLWRBAND = c('POLLWRBAND');
export const POLLRDHUP = c('POLLRDHUP');

// Resources of getrlimit(2)
export const RLIMIT_NOFILE = c('RLIMIT_NOFILE');
