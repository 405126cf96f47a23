// A network namespace of one's own, to try things in.
#ifndef LISTENQ_CORE_NETWORK_NAMESPACE_H_
#define LISTENQ_CORE_NETWORK_NAMESPACE_H_

#include "result.h"

namespace listenq {

/**
 * Moves the calling thread into a new network namespace that holds nothing but a loopback interface, brought up.
 *
 * unshare(CLONE_NEWNET), then SIOCSIFFLAGS for `lo`. What the thread opens, starts or reads under /proc/sys/net from
 * now on is of that namespace; descriptors that it has stay where they are, and so do the other threads. There is no
 * way back. Errors: EPERM without CAP_SYS_ADMIN.
 */
Status enter_private_network();

/** Brings the loopback interface of the calling thread's namespace up. Errors: EPERM without CAP_NET_ADMIN there. */
Status bring_up_loopback();

}  // namespace listenq

#endif  // LISTENQ_CORE_NETWORK_NAMESPACE_H_
