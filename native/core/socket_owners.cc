#include "socket_owners.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>

#include "unique_fd.h"

namespace listenq {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// The directory of that name in the open one `at`; nothing, with errno set, if it cannot be read.
Directory open_directory(int at, const char* name) {
  UniqueFd fd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return nullptr;
  Directory directory(::fdopendir(fd.get()));
  if (directory) fd.release();
  return directory;
}

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// The inode in "socket:[123]".
std::optional<std::uint32_t> inode_in(std::string_view link) {
  constexpr std::string_view kBefore = "socket:[";
  if (!link.starts_with(kBefore) || !link.ends_with(']')) return std::nullopt;
  link.remove_prefix(kBefore.size());
  link.remove_suffix(1);
  return number_in<std::uint32_t>(link);
}

std::string name_of(int process) {
  UniqueFd file(::openat(process, "comm", O_RDONLY | O_CLOEXEC));
  char text[64] = "";
  const ssize_t size = file.valid() ? ::read(file.get(), text, sizeof text) : 0;
  return size > 0 ? std::string(text, static_cast<std::size_t>(size) - (text[size - 1] == '\n' ? 1 : 0)) : "";
}

// What errno says of a process that cannot be opened: one that has ended hides nothing; a shortage is this process's
// own.
Status count_hidden(SocketOwners& found) {
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) return last_error("open");
  if (errno != ENOENT && errno != ESRCH) ++found.hidden;
  return success();
}

Status look_into(int process, int pid, const std::unordered_set<std::uint32_t>& inodes, SocketOwners& found) {
  Directory descriptors = open_directory(process, "fd");
  if (!descriptors) return count_hidden(found);
  std::optional<std::string> name;
  while (const dirent* entry = ::readdir(descriptors.get())) {
    char link[64];
    const ssize_t size = ::readlinkat(::dirfd(descriptors.get()), entry->d_name, link, sizeof link);
    if (size <= 0) continue;
    const auto inode = inode_in(std::string_view(link, static_cast<std::size_t>(size)));
    const auto fd = number_in<int>(entry->d_name);
    if (!inode || !fd || !inodes.contains(*inode)) continue;
    if (!name) name = name_of(process);
    found.owners.push_back(SocketOwner{*inode, pid, *fd, *name});
  }
  return success();
}

}  // namespace

Result<SocketOwners> socket_owners(const std::unordered_set<std::uint32_t>& inodes) {
  Directory processes = open_directory(AT_FDCWD, "/proc");
  if (!processes) return last_error("open");
  SocketOwners found;
  bool proc = false;
  while (const dirent* entry = ::readdir(processes.get())) {
    const auto pid = number_in<int>(entry->d_name);
    if (!pid) continue;
    proc = true;
    UniqueFd process(::openat(::dirfd(processes.get()), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto looked = process.valid() ? look_into(process.get(), *pid, inodes, found) : count_hidden(found);
    if (!looked.ok()) return looked.error();
  }
  // The empty directory of a system on which /proc is not mounted.
  if (!proc) return SystemError{ENOENT, "open"};
  return found;
}

}  // namespace listenq
