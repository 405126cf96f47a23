// An open loop: clients arrive at a fixed rate, whether or not earlier ones were served. A client's time runs from when
// it was due to when the server's byte is there. After the last arrival those that wait get a bounded grace.
//   open_loop <port> <arrivals per second> <seconds> <seconds of grace>
#include "client.h"

namespace {

using bench::Clock;

class OpenLoop {
 public:
  OpenLoop(const sockaddr_in& server, double rate, std::size_t arrivals)
      : server_(server), rate_(rate), arrivals_(arrivals), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    descriptors_.reserve(arrivals);
    milliseconds_.reserve(arrivals);
    bench::allow_descriptors(arrivals + 64);
  }

  void run(double grace) {
    const double last = static_cast<double>(arrivals_) / rate_;
    started_ = Clock::now();
    while (descriptors_.size() < arrivals_ || (settled() < arrivals_ && now() < last + grace)) {
      while (descriptors_.size() < arrivals_ && due(descriptors_.size()) <= now()) arrive();
      // Spins while clients arrive: a sleep would end later than the next one is due.
      collect(descriptors_.size() < arrivals_ ? 0 : 10);
    }
  }

  void print() {
    std::printf("{\"arrived\":%zu,\"served\":%zu,\"refused\":%zu,\"unserved\":%zu,", arrivals_, milliseconds_.size(),
                refused_, arrivals_ - settled());
    bench::print_number("p50", bench::percentile(milliseconds_, 0.5), ",");
    bench::print_number("p99", bench::percentile(milliseconds_, 0.99), ",");
    bench::print_number("max", bench::percentile(milliseconds_, 1), "}\n");
  }

 private:
  [[nodiscard]] double now() const { return bench::seconds_since(started_); }
  [[nodiscard]] double due(std::size_t client) const { return static_cast<double>(client) / rate_; }
  [[nodiscard]] std::size_t settled() const { return milliseconds_.size() + refused_; }

  void arrive() {
    const int fd = bench::start_connect(server_, SOCK_NONBLOCK);
    if (fd < 0) {
      refused_++;
    } else {
      bench::watch(epoll_, fd, EPOLLIN, descriptors_.size());
    }
    descriptors_.push_back(fd);
  }

  void collect(int timeout) {
    std::vector<epoll_event>& events = events_;
    const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < ready; i++) take(events[static_cast<std::size_t>(i)].data.u64);
  }

  void take(std::size_t client) {
    char byte = 0;
    const ssize_t length = ::recv(descriptors_[client], &byte, 1, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length == 1) {
      milliseconds_.push_back((now() - due(client)) * 1000);
    } else {
      refused_++;
    }
    ::close(descriptors_[client]);
  }

  sockaddr_in server_;
  double rate_;
  std::size_t arrivals_;
  int epoll_;
  Clock::time_point started_;
  std::vector<int> descriptors_;
  std::vector<double> milliseconds_;
  std::vector<epoll_event> events_ = std::vector<epoll_event>(1024);
  std::size_t refused_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const double rate = std::atof(argv[2]);
  const auto arrivals = static_cast<std::size_t>(rate * std::atof(argv[3]));
  OpenLoop loop(bench::loopback(std::atoi(argv[1])), rate, arrivals);
  loop.run(std::atof(argv[4]));
  loop.print();
  return 0;
}
