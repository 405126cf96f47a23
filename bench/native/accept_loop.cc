// The limit: accept4(2) and close(2), in a loop. Prints "port N". Speaks as the peers in bench/peers do.
//   accept_loop <backlog> <"answer" or "close">
#include <string_view>

#include "client.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const bool answers = std::string_view(argv[2]) == "answer";
  sockaddr_in address = bench::loopback(0);
  socklen_t length = sizeof address;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), length) < 0) bench::fail("bind");
  if (::listen(listener, std::atoi(argv[1])) < 0) bench::fail("listen");
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  std::printf("port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  for (;;) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) continue;
    if (answers) ::send(fd, "x", 1, MSG_NOSIGNAL);
    ::close(fd);
  }
}
