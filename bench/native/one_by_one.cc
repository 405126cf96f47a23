// One client at a time, with a pause between them: from before connect(2) to when the server's byte is there. Spins
// while it waits, so that only the server's waking up is timed, not the client's own.
//   one_by_one <port> <clients> <milliseconds between them>
#include <thread>

#include "client.h"

namespace {

double microseconds_of_one(const sockaddr_in& server) {
  const auto start = bench::Clock::now();
  const int fd = bench::start_connect(server, 0);
  if (fd < 0) bench::fail("connect");
  char byte = 0;
  ssize_t length = 0;
  do {
    length = ::recv(fd, &byte, 1, MSG_DONTWAIT);
  } while (length < 0 && errno == EAGAIN);
  const double microseconds = bench::seconds_since(start) * 1e6;
  if (length != 1) bench::fail("recv");
  ::close(fd);
  return microseconds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const sockaddr_in server = bench::loopback(std::atoi(argv[1]));
  const int clients = std::atoi(argv[2]);
  const std::chrono::duration<double, std::milli> pause(std::atof(argv[3]));
  std::vector<double> samples;
  for (int i = 0; i < clients; i++) {
    std::this_thread::sleep_for(pause);
    samples.push_back(microseconds_of_one(server));
  }
  std::printf("{");
  bench::print_number("p50", bench::percentile(samples, 0.5), ",");
  bench::print_number("p99", bench::percentile(samples, 0.99), "}\n");
  return 0;
}
