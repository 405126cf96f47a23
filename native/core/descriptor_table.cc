#include "descriptor_table.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "rlimit.h"
#include "socket.h"
#include "unique_fd.h"

namespace listenq {

void reserve_descriptors(int fd, std::size_t count) {
  auto limits = sys::getrlimit(RLIMIT_NOFILE);
  auto next = sys::dup_cloexec(fd);
  if (!limits.ok() || !next.ok() || limits.value().rlim_cur == 0) return;
  const std::size_t wanted = static_cast<std::size_t>(next.value().get()) + count;
  const auto highest = std::min<std::size_t>(wanted, limits.value().rlim_cur - 1);
  UniqueFd there(::fcntl(fd, F_DUPFD_CLOEXEC, static_cast<int>(highest)));
}

}  // namespace listenq
