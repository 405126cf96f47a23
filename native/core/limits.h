// The limits that the kernel puts on listening sockets, read from /proc/sys at the call.
#ifndef LISTENQ_CORE_LIMITS_H_
#define LISTENQ_CORE_LIMITS_H_

#include <cstdint>
#include <optional>

namespace listenq {

/**
 * A whole-number sysctl of the network namespace that the calling thread is in: /proc/sys shows each task its own.
 * `name` is the path below /proc/sys. Nothing if the file is not there, cannot be read or holds no number; never a
 * guess.
 */
std::optional<std::int64_t> read_sysctl(const char* name);

}  // namespace listenq

#endif  // LISTENQ_CORE_LIMITS_H_
