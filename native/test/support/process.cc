#include "support/process.h"

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "core/rlimit.h"
#include "core/unique_fd.h"
#include "support/outcome.h"

namespace listenq::test {

namespace {

std::string read_all(int fd) {
  std::string text;
  std::array<char, 1024> buffer{};
  for (;;) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace

std::set<int> open_descriptors() {
  std::set<int> found;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  REQUIRE(directory != nullptr);
  while (const dirent* entry = ::readdir(directory.get())) {
    const int fd = entry->d_name[0] == '.' ? -1 : std::atoi(entry->d_name);
    if (fd >= 0 && fd != ::dirfd(directory.get())) found.insert(fd);
  }
  return found;
}

bool is_cloexec(int fd) {
  return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  UniqueFd from_child(ends[0]);
  UniqueFd to_parent(ends[1]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // A child that hangs ends by itself, and leaves no one behind.
    ::alarm(60);
    std::string text = "a step of the child failed";
    try {
      text = body();
    } catch (...) {
      // Left to the parent, which has the test to fail.
    }
    const bool written = ::write(to_parent.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::_exit(written ? 0 : 1);
  }
  to_parent.reset();
  std::string text = read_all(from_child.get());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "exit " + std::to_string(WEXITSTATUS(status));
  return text;
}

void exhaust_descriptors() {
  // The soft limit may lie below descriptors that are open: those stay, and no new one is given out.
  rlimit limits = must(sys::getrlimit(RLIMIT_NOFILE));
  limits.rlim_cur = 0;
  must(sys::setrlimit(RLIMIT_NOFILE, limits));
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = std::filesystem::temp_directory_path() / "listenq-XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace listenq::test
