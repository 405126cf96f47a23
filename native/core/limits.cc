#include "limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "unique_fd.h"

namespace listenq {

std::optional<std::int64_t> read_sysctl(const char* name) {
  const std::string path = std::string("/proc/sys/") + name;
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  char text[32] = "";
  ssize_t size = ::read(file.get(), text, sizeof text - 1);
  if (size <= 0) return std::nullopt;
  char* end = text;
  errno = 0;
  const std::int64_t value = std::strtoll(text, &end, 10);
  if (end == text || errno != 0) return std::nullopt;
  return value;
}

}  // namespace listenq
