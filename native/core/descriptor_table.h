// The process's table of descriptors.
#ifndef LISTENQ_CORE_DESCRIPTOR_TABLE_H_
#define LISTENQ_CORE_DESCRIPTOR_TABLE_H_

#include <cstddef>

namespace listenq {

/**
 * Makes room in the table for `count` more descriptors, as far as RLIMIT_NOFILE allows, and for 65,536 at the most.
 *
 * The table grows by doubling, and in a process with threads each time waits for an RCU grace period (fs/file.c,
 * expand_fdtable): milliseconds in which whoever wants a descriptor stands still, accept(2) with a full queue before
 * all. This does it once and beforehand: fcntl(F_DUPFD_CLOEXEC) of `fd` to a high number, which is closed again. It
 * costs 8 bytes for each. Blocks for that time; what the kernel refuses is left.
 */
void reserve_descriptors(int fd, std::size_t count);

}  // namespace listenq

#endif  // LISTENQ_CORE_DESCRIPTOR_TABLE_H_
