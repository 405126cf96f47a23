// Clients that connect and stay, so that the server's queue fills. Prints "held" once all are connected. On a line of
// standard input it continues the server, if it was told which, and times until the queue is empty, and until all
// streams have ended.
//   full_queue <port> <clients> <process to continue, or 0>
#include <poll.h>
#include <signal.h>

#include <thread>

#include "accept_queue.h"
#include "client.h"

namespace {

using bench::Clock;

struct Drained {
  std::size_t ended = 0;
  double empty_after = std::nan("");
  double ended_after = std::nan("");
};

std::vector<int> hold(const sockaddr_in& server, int clients) {
  std::vector<int> descriptors;
  for (int i = 0; i < clients; i++) {
    const int fd = bench::start_connect(server, SOCK_NONBLOCK);
    if (fd < 0) bench::fail("connect");
    // One after another: of those that connect at the same moment, one more than the queue holds may get in.
    pollfd connected{fd, POLLOUT, 0};
    if (::poll(&connected, 1, 500) != 1) {
      std::fprintf(stderr, "the queue is full after %d clients\n", i);
      std::exit(1);
    }
    descriptors.push_back(fd);
  }
  return descriptors;
}

// Looks now and then, instead of being woken: each end that woke this program would cost the server time.
Drained await_ends(const bench::AcceptQueue& queue, int epoll, std::size_t clients) {
  std::vector<epoll_event> events(clients);
  const auto start = Clock::now();
  Drained drained;
  while (drained.ended < clients && bench::seconds_since(start) < 10) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    if (std::isnan(drained.empty_after) && queue.length() == 0) drained.empty_after = bench::seconds_since(start);
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 0);
    drained.ended += static_cast<std::size_t>(std::max(ready, 0));
  }
  drained.ended_after = bench::seconds_since(start);
  return drained;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const sockaddr_in server = bench::loopback(std::atoi(argv[1]));
  const int clients = std::atoi(argv[2]);
  const pid_t stopped = std::atoi(argv[3]);
  bench::allow_descriptors(static_cast<std::size_t>(clients) + 64);
  const std::vector<int> descriptors = hold(server, clients);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  // Edge-triggered: an end counts once, without a read.
  for (const int fd : descriptors) bench::watch(epoll, fd, EPOLLRDHUP | EPOLLET, static_cast<std::uint64_t>(fd));
  const bench::AcceptQueue queue(server);
  std::printf("held\n");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 0;
  if (stopped > 0 && ::kill(stopped, SIGCONT) < 0) bench::fail("kill");
  const Drained drained = await_ends(queue, epoll, descriptors.size());
  std::printf("{\"ended\":%zu,", drained.ended);
  bench::print_number("emptyAfter", drained.empty_after * 1e6, ",");
  bench::print_number("endedAfter", drained.ended_after * 1e6, "}\n");
  return 0;
}
