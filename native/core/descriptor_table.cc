#include "descriptor_table.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "rlimit.h"
#include "socket.h"
#include "unique_fd.h"

namespace listenq {

namespace {

/** Half a megabyte of table, whatever limits there are. */
constexpr std::size_t kMost = 65'536;

}  // namespace

void reserve_descriptors(int fd, std::size_t count) {
  auto limits = sys::getrlimit(RLIMIT_NOFILE);
  auto next = sys::dup_cloexec(fd);
  if (!limits.ok() || !next.ok() || limits.value().rlim_cur == 0) return;
  const std::size_t wanted = static_cast<std::size_t>(next.value().get()) + std::min(count, kMost);
  const auto highest = std::min<std::size_t>(wanted, limits.value().rlim_cur - 1);
  UniqueFd there(::fcntl(fd, F_DUPFD_CLOEXEC, static_cast<int>(highest)));
}

}  // namespace listenq
