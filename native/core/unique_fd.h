// The one owner of a descriptor.
#ifndef LISTENQ_CORE_UNIQUE_FD_H_
#define LISTENQ_CORE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace listenq {

/**
 * Owns a descriptor and closes it when it goes out of scope. Moves, never copies. -1 is "none"; 0 is a descriptor.
 *
 * close(2) is called once and never again after EINTR: Linux has freed the number by then, and another thread may
 * already hold it (close(2), "Dealing with error returns").
 */
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  /** Lends the number; it stays owned here. */
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  /** Gives the number away; the caller closes it from now on. */
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    int old = std::exchange(fd_, fd);
    if (old >= 0) ::close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_UNIQUE_FD_H_
