// The limit of queueOf: the getsockopt calls that it makes, in C++. Prints nanoseconds per reading, one line a way.
//   queue_cost <readings>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

using Clock = std::chrono::steady_clock;

template <typename Value>
void read_option(int fd, int level, int name, Value& value) {
  socklen_t length = sizeof value;
  if (::getsockopt(fd, level, name, &value, &length) == 0) return;
  std::perror("getsockopt");
  std::exit(1);
}

template <typename Read>
double time_readings(int readings, Read read) {
  const auto start = Clock::now();
  for (int i = 0; i < readings; i++) read();
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / readings;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int readings = std::atoi(argv[1]);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::listen(fd, 511) < 0) return 1;
  tcp_info info{};
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  int protocol = 0;
  std::printf("info %.1f\n", time_readings(readings, [&] { read_option(fd, IPPROTO_TCP, TCP_INFO, info); }));
  std::printf("all %.1f\n", time_readings(readings, [&] {
                read_option(fd, IPPROTO_TCP, TCP_INFO, info);
                read_option(fd, SOL_SOCKET, SO_PROTOCOL, protocol);
                read_option(fd, SOL_SOCKET, SO_MEMINFO, memory);
              }));
  return 0;
}
