// What a socket holds in memory, and its drops: SO_MEMINFO, and SKMEMINFO of the socket diagnostics.
#ifndef LISTENQ_CORE_SOCKET_MEMORY_H_
#define LISTENQ_CORE_SOCKET_MEMORY_H_

#include <linux/sock_diag.h>

#include <array>
#include <cstdint>

namespace listenq {

/** The words SK_MEMINFO_RMEM_ALLOC to SK_MEMINFO_DROPS of linux/sock_diag.h, which "ss -m" prints as skmem. */
using SocketMemory = std::array<std::uint32_t, SK_MEMINFO_VARS>;

}  // namespace listenq

#endif  // LISTENQ_CORE_SOCKET_MEMORY_H_
