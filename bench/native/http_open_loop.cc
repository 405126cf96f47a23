// An open loop of HTTP clients, one request a connection: they arrive at a fixed rate, whether or not earlier ones were
// answered. A client's time runs from when it was due to the end of its answer; it gives up after a time of its own.
//   http_open_loop <port> <arrivals per second> <seconds> <seconds until a client gives up>
#include "http_client.h"

namespace {

using bench::Clock;
using bench::HttpClient;

struct Counts {
  std::size_t served = 0;
  /** Answered with 503. */
  std::size_t busy = 0;
  std::size_t refused = 0;
  std::size_t reset = 0;
  /** The stream ended without a whole answer. */
  std::size_t cut = 0;
  std::size_t timed_out = 0;
};

class OpenLoop {
 public:
  OpenLoop(const sockaddr_in& server, double rate, std::size_t arrivals, double patience)
      : server_(server),
        rate_(rate),
        patience_(patience),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        clients_(arrivals),
        settled_(arrivals) {
    bench::allow_descriptors(arrivals + 64);
    answered_after_.reserve(arrivals);
  }

  void run() {
    started_ = Clock::now();
    while (first_open_ < clients_.size()) {
      while (arrived_ < clients_.size() && due(arrived_) <= now()) arrive();
      // Spins while clients arrive: a sleep would end later than the next one is due.
      collect(arrived_ < clients_.size() ? 0 : 10);
      give_up();
    }
  }

  void print() {
    std::printf(
        "{\"arrived\":%zu,\"served\":%zu,\"busy\":%zu,\"refused\":%zu,\"reset\":%zu,\"cut\":%zu,\"timedOut\":%zu,",
        clients_.size(), counts_.served, counts_.busy, counts_.refused, counts_.reset, counts_.cut, counts_.timed_out);
    bench::print_number("p50", bench::percentile(answered_after_, 0.5), ",");
    bench::print_number("p90", bench::percentile(answered_after_, 0.9), ",");
    bench::print_number("p99", bench::percentile(answered_after_, 0.99), ",");
    bench::print_number("max", bench::percentile(answered_after_, 1), "}\n");
  }

 private:
  [[nodiscard]] double now() const { return bench::seconds_since(started_); }
  [[nodiscard]] double due(std::size_t client) const { return static_cast<double>(client) / rate_; }

  void arrive() {
    const std::size_t client = arrived_++;
    if (clients_[client].open(server_, epoll_, client, bench::kLastRequest)) {
      proceed(client);
    } else {
      settle(client, counts_.refused);
    }
  }

  void collect(int timeout) {
    const int ready = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), timeout);
    for (int i = 0; i < ready; i++) proceed(events_[static_cast<std::size_t>(i)].data.u64);
  }

  void proceed(std::size_t index) {
    const HttpClient& client = clients_[index];
    switch (clients_[index].proceed()) {
      case HttpClient::State::kWaits:
      case HttpClient::State::kWhole:  // its end is still to come
        return;
      case HttpClient::State::kEnded:
        return settle(index, client.answer().whole() ? answered(index) : counts_.cut);
      case HttpClient::State::kFailed:
        return settle(index, client.error() == ECONNREFUSED ? counts_.refused : counts_.reset);
    }
  }

  std::size_t& answered(std::size_t client) {
    answered_after_.push_back((now() - due(client)) * 1000);
    return clients_[client].answer().status() == 200 ? counts_.served : counts_.busy;
  }

  void settle(std::size_t client, std::size_t& count) {
    count++;
    settled_[client] = true;
    clients_[client].close();
  }

  // They became due one after another, and so their time is up one after another.
  void give_up() {
    for (; first_open_ < arrived_; first_open_++) {
      if (settled_[first_open_]) continue;
      if (now() - due(first_open_) < patience_) return;
      settle(first_open_, counts_.timed_out);
    }
  }

  sockaddr_in server_;
  double rate_;
  double patience_;
  int epoll_;
  Clock::time_point started_;
  std::vector<HttpClient> clients_;
  std::vector<bool> settled_;
  std::size_t arrived_ = 0;
  std::size_t first_open_ = 0;
  std::vector<double> answered_after_;
  std::vector<epoll_event> events_ = std::vector<epoll_event>(1024);
  Counts counts_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const double rate = std::atof(argv[2]);
  const auto arrivals = static_cast<std::size_t>(rate * std::atof(argv[3]));
  OpenLoop loop(bench::loopback(std::atoi(argv[1])), rate, arrivals, std::atof(argv[4]));
  loop.run();
  loop.print();
  return 0;
}
