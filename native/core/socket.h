// One function, one system call: nothing added, nothing retried.
#ifndef LISTENQ_CORE_SOCKET_H_
#define LISTENQ_CORE_SOCKET_H_

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <utility>

#include "address.h"
#include "result.h"
#include "unique_fd.h"

namespace listenq::sys {

/** socket(2). No flags added: pass SOCK_CLOEXEC and SOCK_NONBLOCK in `type` to have them. The caller owns the result.
 */
Result<UniqueFd> socket(int domain, int type, int protocol);

/** socketpair(2). No flags added. The caller owns both. */
Result<std::pair<UniqueFd, UniqueFd>> socketpair(int domain, int type, int protocol);

/** bind(2). The address goes as it is; whether its family fits the socket is the kernel's to say. */
Status bind(int fd, const Address& address);

/** listen(2). `backlog` reaches the kernel as it is: it is read there as unsigned and capped by net.core.somaxconn
 * (net/socket.c, __sys_listen). A second call on a listening socket changes the backlog and drops nobody. */
Status listen(int fd, int backlog);

/** connect(2). EINPROGRESS of a non-blocking socket is an error like the rest. */
Status connect(int fd, const Address& address);

Result<Address> getsockname(int fd);
Result<Address> getpeername(int fd);

/** getsockopt(2) into `value`; yields how many bytes the kernel wrote. */
Result<std::size_t> getsockopt(int fd, int level, int name, std::span<std::byte> value);
Result<int> getsockopt_int(int fd, int level, int name);
Status setsockopt(int fd, int level, int name, std::span<const std::byte> value);
Status setsockopt_int(int fd, int level, int name, int value);

/** recv(2). 0 is end of stream (or a request for no bytes). */
Result<std::size_t> recv(int fd, std::span<std::byte> buffer, int flags);
/** send(2). Fewer bytes than given may have been taken. MSG_NOSIGNAL is the caller's to pass. */
Result<std::size_t> send(int fd, std::span<const std::byte> bytes, int flags);

Status shutdown(int fd, int how);
/** close(2) by number, for callers that own the number themselves. The number is free afterwards, whatever is returned.
 */
Status close(int fd);

/** dup(2): the copy shares file status flags and is not CLOEXEC. */
Result<UniqueFd> dup(int fd);
/** fcntl(F_DUPFD_CLOEXEC): as dup, CLOEXEC from birth. */
Result<UniqueFd> dup_cloexec(int fd);

/** O_NONBLOCK through fcntl(F_GETFL, F_SETFL); it belongs to the open file, so every copy of the descriptor has it. */
Result<bool> get_nonblocking(int fd);
Status set_nonblocking(int fd, bool on);
/** FD_CLOEXEC through fcntl(F_SETFD); for descriptors that others made. Ours have it from birth. */
Status set_cloexec(int fd);
/** Whether the socket listens: getsockopt(SO_ACCEPTCONN). */
Result<bool> is_listening(int fd);

}  // namespace listenq::sys

#endif  // LISTENQ_CORE_SOCKET_H_
