// A closed loop of clients: each connects, waits for the end of the stream, and does so again. Ends after a time or
// after a number of connections, whichever comes first, and prints how many were served.
//   closed_loop <port> <clients> <seconds> <connections>
#include "client.h"

namespace {

using bench::Clock;

struct Count {
  long served = 0;
  long failed = 0;
};

class ClosedLoop {
 public:
  ClosedLoop(const sockaddr_in& server, int clients)
      : server_(server), epoll_(::epoll_create1(EPOLL_CLOEXEC)), started_(Clock::now()) {
    for (int i = 0; i < clients; i++) open();
  }

  Count run(double seconds, long connections) {
    std::vector<epoll_event> events(256);
    while (count_.served < connections && bench::seconds_since(started_) < seconds) {
      const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < ready; i++) take(static_cast<int>(events[static_cast<std::size_t>(i)].data.u64));
    }
    return count_;
  }

  [[nodiscard]] double seconds() const { return bench::seconds_since(started_); }

 private:
  void open() {
    const int fd = bench::start_connect(server_, SOCK_NONBLOCK);
    if (fd < 0) bench::fail("connect");
    bench::watch(epoll_, fd, EPOLLIN, static_cast<std::uint64_t>(fd));
  }

  void take(int fd) {
    char byte = 0;
    const ssize_t length = ::recv(fd, &byte, 1, 0);
    if (length > 0 || (length < 0 && errno == EAGAIN)) return;
    ::close(fd);
    length == 0 ? count_.served++ : count_.failed++;
    open();
  }

  sockaddr_in server_;
  int epoll_;
  Clock::time_point started_;
  Count count_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  ClosedLoop loop(bench::loopback(std::atoi(argv[1])), std::atoi(argv[2]));
  const Count count = loop.run(std::atof(argv[3]), std::atol(argv[4]));
  std::printf("{\"served\":%ld,\"failed\":%ld,\"seconds\":%.3f}\n", count.served, count.failed, loop.seconds());
  return 0;
}
