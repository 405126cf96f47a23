// Whether a listener lets new clients in.
#ifndef LISTENQ_CORE_ADMISSION_H_
#define LISTENQ_CORE_ADMISSION_H_

#include "result.h"

namespace listenq {

/**
 * Has a listening socket admit nobody any more, and keep those that it has: connections in its accept queue, and for
 * TCP handshakes that are under way.
 *
 * TCP: setsockopt(SO_ATTACH_FILTER) with a program that drops SYNs. A client tries again after a second, and finds the
 * port closed, or its next listener. Connections accepted from then on inherit the filter, which lets all else pass.
 * AF_UNIX: shutdown(SHUT_RD); a client gets ECONNREFUSED (net/unix/af_unix.c, unix_stream_connect). It is the socket
 * that is changed, for all processes that have it, and for good. Errors: those of the two calls; EOPNOTSUPP for MPTCP.
 */
Status stop_admitting(int fd);

}  // namespace listenq

#endif  // LISTENQ_CORE_ADMISSION_H_
