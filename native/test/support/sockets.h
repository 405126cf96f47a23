// Sockets in the states that tests start from. Every descriptor made here is CLOEXEC.
#ifndef LISTENQ_TEST_SUPPORT_SOCKETS_H_
#define LISTENQ_TEST_SUPPORT_SOCKETS_H_

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/accept.h"
#include "core/address.h"
#include "core/queue.h"
#include "core/socket.h"
#include "core/unique_fd.h"
#include "support/outcome.h"
#include "support/threads.h"

namespace listenq::test {

inline constexpr int kBlocking = SOCK_STREAM | SOCK_CLOEXEC;
inline constexpr int kStream = kBlocking | SOCK_NONBLOCK;

/** An IPv4 or IPv6 address from its text. */
Address inet(const std::string& text, std::uint16_t port = 0);
inline Address loopback(std::uint16_t port = 0) {
  return inet("127.0.0.1", port);
}
/** An abstract AF_UNIX name that no other test or process uses. */
Address abstract_name();

bool have_ipv6();

/** A non-blocking TCP socket of the family of `address`, bound to it. */
UniqueFd bound_to(const Address& address, int type = kStream);
/** The same, listening. */
UniqueFd listening_on(const Address& address, int backlog, int type = kStream);
inline UniqueFd tcp_listener(int backlog) {
  return listening_on(loopback(), backlog);
}
/** A non-blocking AF_UNIX listener with an abstract name; `type` is SOCK_STREAM or SOCK_SEQPACKET. */
UniqueFd unix_listener(int backlog, int type = SOCK_STREAM);

Address name_of(int fd);
/** By which the socket diagnostics and /proc name a socket. */
std::uint32_t inode_of(int fd);
std::uint16_t port_of(int fd);

/** A non-blocking socket whose connect(2) to `address` has begun; what it answered goes to `answer`. */
UniqueFd start_connect(const Address& address, std::string* answer = nullptr, int type = kStream);
/** A client of the listener `fd` that sees itself connected. */
UniqueFd client_of(int fd);
/** The oldest connection of the non-blocking listener `fd`; waits for it. */
UniqueFd accept_from(int fd, int flags = SOCK_CLOEXEC | SOCK_NONBLOCK);

struct Pair {
  UniqueFd client;
  UniqueFd server;
};
/** Both ends of a connection through the listener `fd`. */
Pair connected_through(int fd);
/** Both ends of a fresh TCP connection over loopback; both non-blocking. */
Pair tcp_pair();

/** One connection attempt at a TCP listener, run to the point where the listener has taken or dropped its SYN. */
struct Attempt {
  UniqueFd client;
  bool admitted = false;
};
Attempt attempt_at(int listener);

/** The state of a TCP socket as TCP_INFO gives it: "LISTEN", "ESTABLISHED" … */
std::string tcp_state(int fd);
/** How often a TCP socket has sent a segment again. */
std::uint32_t retransmissions(int fd);
/** "length/limit" as read_queue gives them. */
std::string queue_text(int fd);
/** An integer option, which must be readable. */
int option(int fd, int level, int name);
void set_option(int fd, int level, int name, int value);

/** The events among `asked` that poll(2) finds now (or within `patience`), named and joined by "|"; "0" if none. */
std::string poll_text(int fd, int asked, std::chrono::milliseconds patience = std::chrono::milliseconds(0));
inline constexpr int kAllEvents = 0x3fff;

/** recv(2) of up to 64 bytes: what came, in quotes, or the errno; waits for it unless `now`. */
std::string recv_text(int fd, int flags = 0);
std::string send_text(int fd, const std::string& text, int flags = MSG_NOSIGNAL);

/** close(2) that sends RST. */
void reset_connection(UniqueFd fd);

}  // namespace listenq::test

#endif  // LISTENQ_TEST_SUPPORT_SOCKETS_H_
