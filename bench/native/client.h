// What the load generators share: clients of 127.0.0.1, the clock, the descriptor limit, percentiles.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] inline void fail(const char* call) {
  std::perror(call);
  std::exit(1);
}

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Asks for as many descriptors as a test needs, or for as many as may be had.
inline void allow_descriptors(std::size_t count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
}

// Starts to connect, and returns the descriptor; -1 if the kernel refused at once. Its close(2) will be a reset: a
// client that has what it came for leaves no TIME_WAIT behind at either end, and a long run costs what a short one
// does.
inline int start_connect(const sockaddr_in& server, int flags) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) fail("socket");
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server);
  if (result == 0 || errno == EINPROGRESS) return fd;
  ::close(fd);
  return -1;
}

inline void watch(int epoll, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

// The smallest sample that at least this share of all samples does not exceed. Sorts the samples.
inline double percentile(std::vector<double>& samples, double share) {
  if (samples.empty()) return std::nan("");
  std::sort(samples.begin(), samples.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size())));
  return samples[std::max<std::size_t>(rank, 1) - 1];
}

// JSON has no NaN.
inline void print_number(const char* name, double value, const char* after) {
  if (std::isnan(value)) {
    std::printf("\"%s\":null%s", name, after);
  } else {
    std::printf("\"%s\":%.3f%s", name, value, after);
  }
}

}  // namespace bench
