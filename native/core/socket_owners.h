// Which processes hold a socket, as far as /proc lets the caller see.
#ifndef LISTENQ_CORE_SOCKET_OWNERS_H_
#define LISTENQ_CORE_SOCKET_OWNERS_H_

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "result.h"

namespace listenq {

struct SocketOwner {
  std::uint32_t inode = 0;
  int pid = 0;
  /** The descriptor in that process. */
  int fd = 0;
  /** The process's name: /proc/PID/comm. */
  std::string name;
};

struct SocketOwners {
  std::vector<SocketOwner> owners;
  /** Processes that the caller may not look into. Those that /proc does not list at all are not counted. */
  int hidden = 0;
};

/**
 * Looks for the sockets of these inodes among the descriptors of all processes: readdir(3) and readlink(2) below
 * /proc, which takes as long as there are descriptors. Errors: ENOENT without /proc, EMFILE and ENFILE.
 */
Result<SocketOwners> socket_owners(const std::unordered_set<std::uint32_t>& inodes);

}  // namespace listenq

#endif  // LISTENQ_CORE_SOCKET_OWNERS_H_
