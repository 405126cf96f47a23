// TCP_DEFER_ACCEPT, and the SYN queue that a deferring listener makes visible without raw packets (2.4).
#include <doctest/doctest.h>
#include <linux/tcp.h>

#include <algorithm>
#include <vector>

#include "core/accept.h"
#include "core/queue.h"
#include "core/socket.h"
#include "support/private_network.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

UniqueFd deferring_listener(int backlog, int seconds = 30) {
  UniqueFd listener = tcp_listener(backlog);
  set_option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds);
  return listener;
}

// Connects silent clients one after another until the listener has dropped `losers` of them: how many it admitted.
int silent_clients_admitted(int listener, int losers, std::vector<UniqueFd>& clients) {
  int admitted = 0;
  for (int dropped = 0; dropped < losers;) {
    const auto drops = must(read_queue(listener)).drops;
    UniqueFd client = start_connect(name_of(listener));
    bool connected = false;
    REQUIRE(wait_until([&] {
      connected = tcp_state(client.get()) == "ESTABLISHED";
      return connected || must(read_queue(listener)).drops > drops;
    }));
    (connected ? admitted : dropped)++;
    // Those that were dropped are not kept: their next SYN would be one more drop.
    if (connected) clients.push_back(std::move(client));
  }
  return admitted;
}

}  // namespace

TEST_CASE("TCP_DEFER_ACCEPT: seconds are rounded up to what the SYN-ACK timer can do (220 to 230)") {
  struct Row {
    int set;
    int read;
  };
  constexpr Row kRows[] = {{1, 1}, {2, 3}, {3, 3}, {5, 7}, {7, 7}, {8, 15}, {31, 31}, {60, 63}, {120, 127}};
  UniqueFd listener = tcp_listener(1);
  for (const Row& row : kRows) {
    CAPTURE(row.set);
    set_option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, row.set);
    CHECK(option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT) == row.read);
  }
}

TEST_CASE("TCP_DEFER_ACCEPT: a silent client is not accepted and one that sends is (232 and 233)") {
  UniqueFd listener = deferring_listener(5);
  UniqueFd client = client_of(listener.get());
  CHECK(tcp_state(client.get()) == "ESTABLISHED");
  CHECK(outcome(accept(listener.get(), SOCK_CLOEXEC)) == "EAGAIN");
  CHECK(queue_text(listener.get()) == "0/5");
  CHECK(send_text(client.get(), "hello") == "5");
  UniqueFd server = accept_from(listener.get());
  CHECK(recv_text(server.get()) == "'hello'");
}

TEST_CASE("TCP_DEFER_ACCEPT: a silent client is accepted after the time (234)") {
  UniqueFd listener = deferring_listener(5, 1);
  const auto start = std::chrono::steady_clock::now();
  UniqueFd client = client_of(listener.get());
  UniqueFd server = accept_from(listener.get());
  CHECK(std::chrono::steady_clock::now() - start >= 900ms);
  CHECK(recv_text(server.get()) == "EAGAIN");
}

TEST_CASE("TCP_DEFER_ACCEPT: silent clients fill the SYN queue where there are no cookies (236)") {
  in_private_network([] {
    set_sysctl("net/ipv4/tcp_syncookies", 0);
    UniqueFd listener = deferring_listener(2);
    std::vector<UniqueFd> clients;
    const Counters before = read_counters();
    CHECK(silent_clients_admitted(listener.get(), 7, clients) == 3);
    const Counters after = read_counters();
    CHECK(queue_text(listener.get()) == "0/2");
    CHECK(after.at("ListenDrops") - before.at("ListenDrops") >= 7);
    CHECK(after.at("TCPReqQFullDrop") - before.at("TCPReqQFullDrop") >= 7);
    CHECK(after.at("ListenOverflows") == before.at("ListenOverflows"));
  });
}

TEST_CASE("TCP_DEFER_ACCEPT: cookies cannot defer (237)") {
  in_private_network([] {
    set_sysctl("net/ipv4/tcp_syncookies", 1);
    UniqueFd listener = deferring_listener(2);
    std::vector<UniqueFd> clients;
    CHECK(silent_clients_admitted(listener.get(), 4, clients) == 6);
    CHECK(queue_text(listener.get()) == "3/2");
    CHECK(read_counters().at("SyncookiesSent") >= 3);
    CHECK(read_counters().at("TCPReqQFullDoCookies") >= 3);
  });
}

TEST_CASE("SYN queue: without cookies it is min of B + 1 and T - T/4 + 1 (2.4)") {
  in_private_network([] {
    set_sysctl("net/ipv4/tcp_syncookies", 0);
    // A peer that the kernel remembers would be let past the T rule.
    set_sysctl("net/ipv4/tcp_no_metrics_save", 1);
    for (int t : {0, 1, 2, 4, 5, 8, 16, 64, 128, 256, 1024, 2048}) {
      set_sysctl("net/ipv4/tcp_max_syn_backlog", t);
      for (int b : {0, 1, 2, 5, 16, 64, 128, 511, 1024, 4096}) {
        CAPTURE(t);
        CAPTURE(b);
        UniqueFd listener = deferring_listener(b);
        std::vector<UniqueFd> clients;
        CHECK(silent_clients_admitted(listener.get(), 2, clients) == std::min(b + 1, t - t / 4 + 1));
      }
    }
  });
}

TEST_CASE("SYN queue: which counter tells what stopped the SYN (2.4)") {
  in_private_network([] {
    set_sysctl("net/ipv4/tcp_syncookies", 0);
    set_sysctl("net/ipv4/tcp_no_metrics_save", 1);
    struct Row {
      int syn_backlog;
      int backlog;
      bool full_drop;
    };
    for (const Row& row : {Row{2048, 4, true}, Row{4, 64, false}}) {
      CAPTURE(row.backlog);
      set_sysctl("net/ipv4/tcp_max_syn_backlog", row.syn_backlog);
      UniqueFd listener = deferring_listener(row.backlog);
      std::vector<UniqueFd> clients;
      const Counters before = read_counters();
      silent_clients_admitted(listener.get(), 3, clients);
      const Counters after = read_counters();
      CHECK(after.at("ListenDrops") - before.at("ListenDrops") >= 3);
      CHECK((after.at("TCPReqQFullDrop") > before.at("TCPReqQFullDrop")) == row.full_drop);
      CHECK(after.at("ListenOverflows") == before.at("ListenOverflows"));
    }
  });
}
