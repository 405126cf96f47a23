// The limit: the same system calls in plain C++, timed in one process. Prints nanoseconds per call, one line a call.
//   syscall_cost <calls of getsockname> <connections to accept>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double nanoseconds_per(Clock::time_point start, int calls) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls;
}

[[noreturn]] void fail(const char* call) {
  std::perror(call);
  std::exit(1);
}

int listen_on_loopback(sockaddr_in& address, int backlog) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) < 0) fail("bind");
  if (::listen(fd, backlog) < 0) fail("listen");
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return fd;
}

// A client that resets at once keeps its place in the queue, and costs no descriptor.
void fill(const sockaddr_in& address, int connections) {
  for (int i = 0; i < connections; i++) {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) fail("connect");
    ::close(fd);
  }
}

double time_getsockname(int fd, int calls) {
  const auto start = Clock::now();
  for (int i = 0; i < calls; i++) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) < 0) fail("getsockname");
  }
  return nanoseconds_per(start, calls);
}

double time_accept(int fd, int connections) {
  std::vector<int> accepted;
  accepted.reserve(static_cast<std::size_t>(connections));
  const auto start = Clock::now();
  for (int i = 0; i < connections; i++) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    int one = ::accept4(fd, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (one < 0) fail("accept4");
    accepted.push_back(one);
  }
  const double cost = nanoseconds_per(start, connections);
  for (int one : accepted) ::close(one);
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int calls = std::atoi(argv[1]);
  const int connections = std::atoi(argv[2]);
  sockaddr_in address{};
  const int fd = listen_on_loopback(address, connections);
  std::printf("getsockname %.1f\n", time_getsockname(fd, calls));
  fill(address, connections);
  std::printf("accept %.1f\n", time_accept(fd, connections));
  return 0;
}
