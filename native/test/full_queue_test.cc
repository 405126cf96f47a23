// A full accept queue as the client sees it (table 2.2), and how a client bounds its wait.
#include <doctest/doctest.h>
#include <linux/tcp.h>

#include <vector>

#include "core/queue.h"
#include "core/socket.h"
#include "support/private_network.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::int64_t counter(const std::string& name) {
  return read_counters().at(name);
}

// Eight clients whose handshake a deferring listener has answered but not ended; the backlog is lowered, they send.
std::vector<UniqueFd> overrun_deferring_listener(int listener) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 8; i++) clients.push_back(client_of(listener));
  REQUIRE(queue_text(listener) == "0/20");
  must(sys::listen(listener, 2));
  for (const UniqueFd& client : clients) REQUIRE(send_text(client.get(), "hello") == "5");
  return clients;
}

UniqueFd deferring_listener() {
  UniqueFd listener = tcp_listener(20);
  set_option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, 30);
  return listener;
}

int count_of(const std::vector<UniqueFd>& clients, const std::string& state) {
  int count = 0;
  for (const UniqueFd& client : clients) count += tcp_state(client.get()) == state ? 1 : 0;
  return count;
}

// A blocking client of a full listener, its answer, and that it took at least `least` to come to it.
std::string connect_to_full_listener(std::chrono::milliseconds least, const std::function<void(int)>& prepare) {
  UniqueFd listener = tcp_listener(1);
  UniqueFd first = attempt_at(listener.get()).client;
  UniqueFd second = attempt_at(listener.get()).client;
  UniqueFd client = must(sys::socket(AF_INET, kBlocking, 0));
  prepare(client.get());
  const auto start = std::chrono::steady_clock::now();
  const std::string answer = outcome(sys::connect(client.get(), name_of(listener.get())));
  CHECK(std::chrono::steady_clock::now() - start >= least);
  return answer;
}

}  // namespace

TEST_CASE("full queue: the SYN is dropped in silence with and without tcp_abort_on_overflow (240 and 241)") {
  in_private_network([] {
    for (int abort : {0, 1}) {
      CAPTURE(abort);
      set_sysctl("net/ipv4/tcp_abort_on_overflow", abort);
      UniqueFd listener = tcp_listener(1);
      const std::int64_t resets = counter("OutRsts");
      std::vector<UniqueFd> clients;
      for (int i = 0; i < 6; i++) clients.push_back(attempt_at(listener.get()).client);
      CHECK(count_of(clients, "ESTABLISHED") == 2);
      CHECK(count_of(clients, "SYN_SENT") == 4);
      CHECK(counter("OutRsts") == resets);
      CHECK(queue_text(listener.get()) == "2/1");
    }
  });
}

TEST_CASE("full queue: a late final ACK is dropped and the client is left believing (238)") {
  in_private_network([] {
    run_on_one_cpu();
    UniqueFd listener = deferring_listener();
    const std::int64_t before = counter("ListenOverflows");
    std::vector<UniqueFd> clients = overrun_deferring_listener(listener.get());
    CHECK(wait_until([&] { return counter("ListenOverflows") - before >= 5; }));
    CHECK(queue_text(listener.get()) == "3/2");
    CHECK(count_of(clients, "ESTABLISHED") == 8);
    for (const UniqueFd& client : clients) CHECK(recv_text(client.get()) == "EAGAIN");
  });
}

TEST_CASE("full queue: with tcp_abort_on_overflow a late final ACK is answered by RST (2.2)") {
  in_private_network([] {
    set_sysctl("net/ipv4/tcp_abort_on_overflow", 1);
    run_on_one_cpu();
    UniqueFd listener = deferring_listener();
    const std::int64_t before = counter("ListenOverflows");
    std::vector<UniqueFd> clients = overrun_deferring_listener(listener.get());
    CHECK(wait_until([&] { return count_of(clients, "CLOSE") == 5; }));
    CHECK(counter("ListenOverflows") - before == 5);
    CHECK(queue_text(listener.get()) == "3/2");
    int reset = 0;
    for (const UniqueFd& client : clients) reset += recv_text(client.get()) == "ECONNRESET" ? 1 : 0;
    CHECK(reset == 5);
  });
}

TEST_CASE("full queue: TCP_USER_TIMEOUT bounds a blocking connect (108)") {
  CHECK(connect_to_full_listener(1400ms, [](int fd) { set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500); }) ==
        "ETIMEDOUT");
}

TEST_CASE("full queue: SO_SNDTIMEO bounds a blocking connect (109)") {
  CHECK(connect_to_full_listener(280ms, [](int fd) {
          const timeval time{0, 300000};
          must(sys::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, std::as_bytes(std::span(&time, 1))));
        }) == "EINPROGRESS");
}

TEST_CASE("full queue: TCP_SYNCNT bounds a blocking connect (110)") {
  CHECK(connect_to_full_listener(1500ms, [](int fd) { set_option(fd, IPPROTO_TCP, TCP_SYNCNT, 1); }) == "ETIMEDOUT");
}

TEST_CASE("full queue: each listener has a drop count of its own (469)") {
  in_private_network([] {
    UniqueFd listener = listening_on(loopback(4469), 0);
    UniqueFd other = tcp_listener(0);
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 5; i++) clients.push_back(attempt_at(listener.get()).client);
    const std::uint32_t drops = must(read_queue(listener.get())).drops.value();
    CHECK(drops >= 4);
    CHECK(counter("ListenDrops") >= drops);
    CHECK(must(read_queue(other.get())).drops == 0U);
    // It belongs to the socket, and outlives what makes the socket listen anew.
    clients.clear();
    must(sys::listen(listener.get(), 7));
    CHECK(must(read_queue(listener.get())).drops >= drops);
    must(sys::shutdown(listener.get(), SHUT_RD));
    must(sys::listen(listener.get(), 7));
    CHECK(must(read_queue(listener.get())).drops >= drops);
  });
}
