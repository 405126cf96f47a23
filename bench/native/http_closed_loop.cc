// A closed loop of HTTP clients: each asks, waits for the answer, and asks again, over the same connection or over a
// new one. Prints how many were answered with 200.
//   http_closed_loop <port> <clients> <seconds> <"keep-alive" or "close">
#include "http_client.h"

namespace {

using bench::Clock;
using bench::HttpClient;

class ClosedLoop {
 public:
  ClosedLoop(const sockaddr_in& server, std::size_t clients, bool keep_alive)
      : server_(server),
        request_(keep_alive ? bench::kRequest : bench::kLastRequest),
        keep_alive_(keep_alive),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        clients_(clients) {
    for (std::size_t i = 0; i < clients; i++) open(i);
  }

  void run(double seconds) {
    std::vector<epoll_event> events(256);
    const auto started = Clock::now();
    while (bench::seconds_since(started) < seconds) {
      const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < ready; i++) take(events[static_cast<std::size_t>(i)].data.u64);
    }
    std::printf("{\"served\":%ld,\"failed\":%ld,\"seconds\":%.3f}\n", served_, failed_, bench::seconds_since(started));
  }

 private:
  void open(std::size_t client) {
    if (!clients_[client].open(server_, epoll_, client, request_)) bench::fail("connect");
  }

  void take(std::size_t index) {
    HttpClient& client = clients_[index];
    HttpClient::State state = client.proceed();
    // Over a connection that is to be closed, the answer is complete with its end.
    while (state == HttpClient::State::kWhole && keep_alive_) {
      served_++;
      client.again();
      state = client.proceed();
    }
    if (state == HttpClient::State::kWaits || state == HttpClient::State::kWhole) return;
    const bool served = state == HttpClient::State::kEnded && client.answer().whole() && !keep_alive_;
    served&& client.answer().status() == 200 ? served_++ : failed_++;
    client.close();
    open(index);
  }

  sockaddr_in server_;
  std::string_view request_;
  bool keep_alive_;
  int epoll_;
  std::vector<HttpClient> clients_;
  long served_ = 0;
  long failed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const bool keep_alive = std::string_view(argv[4]) == "keep-alive";
  ClosedLoop loop(bench::loopback(std::atoi(argv[1])), static_cast<std::size_t>(std::atoi(argv[2])), keep_alive);
  loop.run(std::atof(argv[3]));
  return 0;
}
