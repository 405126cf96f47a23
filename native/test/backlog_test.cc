// The backlog of listen(2): how many it lets wait (table 2.1), and what becomes of it while the listener runs.
#include <doctest/doctest.h>

#include <climits>
#include <cstring>
#include <vector>

#include "core/queue.h"
#include "core/socket.h"
#include "support/private_network.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

constexpr std::int64_t kMost = INT_MAX;

struct Cell {
  int backlog;
  std::int64_t somaxconn;
  std::uint32_t admitted;
  std::uint32_t limit;
};

std::uint32_t drops_of(int listener) {
  return must(read_queue(listener)).drops.value();
}

// Lets `count` clients into a queue that has room for more. They are closed as soon as they are connected (by RST): a
// dead connection keeps its slot, and so the descriptors of the process set no bound.
void fill_queue(int listener, std::uint32_t count) {
  const Address address = name_of(listener);
  for (std::uint32_t i = 0; i < count; i++) {
    UniqueFd client = must(sys::socket(AF_INET, kBlocking, 0));
    must(sys::connect(client.get(), address));
    reset_connection(std::move(client));
  }
  REQUIRE(wait_until([&] { return must(read_queue(listener)).length == count; }));
}

// Connects until the listener has dropped `losers`, and checks what each side says. Near the limit one after another,
// each when the one before has arrived: two at a time are let in past the limit (2.3).
void check_admissions(const Cell& cell, std::uint32_t losers) {
  CAPTURE(cell.backlog);
  CAPTURE(cell.somaxconn);
  UniqueFd listener = tcp_listener(cell.backlog);
  const Counters before = read_counters();
  std::uint32_t admitted = cell.admitted > 16 ? cell.admitted - 8 : 0;
  fill_queue(listener.get(), admitted);
  std::uint32_t dropped = 0;
  std::uint32_t repeated = 0;
  while (dropped < losers && admitted <= cell.admitted) {
    Attempt attempt = attempt_at(listener.get());
    (attempt.admitted ? admitted : dropped)++;
    if (!attempt.admitted) {
      CHECK(tcp_state(attempt.client.get()) == "SYN_SENT");
      repeated += retransmissions(attempt.client.get());
    }
    reset_connection(std::move(attempt.client));
  }
  const Counters after = read_counters();
  CHECK(admitted == cell.admitted);
  CHECK(queue_text(listener.get()) == std::to_string(cell.admitted) + "/" + std::to_string(cell.limit));
  // A client that had to wait for long has sent its SYN again, which counts again.
  CHECK(drops_of(listener.get()) == losers + repeated);
  CHECK(after.at("ListenOverflows") - before.at("ListenOverflows") == losers + repeated);
  CHECK(after.at("ListenDrops") - before.at("ListenDrops") == losers + repeated);
  for (std::string_view name : {"TCPReqQFullDrop", "TCPReqQFullDoCookies", "SyncookiesSent"}) {
    CAPTURE(name);
    CHECK(after.at(std::string(name)) == before.at(std::string(name)));
  }
  for (std::uint32_t i = 0; i < cell.admitted; i++) REQUIRE(accept(listener.get(), SOCK_CLOEXEC).ok());
  CHECK(outcome(accept(listener.get(), SOCK_CLOEXEC)) == "EAGAIN");
}

void check_column(std::int64_t somaxconn, std::initializer_list<int> backlogs) {
  in_private_network([&] {
    set_sysctl("net/core/somaxconn", somaxconn);
    for (int backlog : backlogs) {
      const auto asked = static_cast<std::uint32_t>(backlog);
      const auto limit = static_cast<std::uint32_t>(std::min<std::int64_t>(asked, somaxconn));
      check_admissions(Cell{backlog, somaxconn, limit + 1, limit}, 9);
    }
  });
}

}  // namespace

TEST_CASE("listen: backlog 0 reaches the kernel unchanged (2.1)") {
  in_private_network([] { check_admissions(Cell{0, 4096, 1, 0}, 9); });
}

TEST_CASE("listen: min of backlog and somaxconn 0 plus one wait (2.1)") {
  check_column(0, {-1, 0, 1, 2, 5, 128, 4096, 65536});
}

TEST_CASE("listen: min of backlog and somaxconn 1 plus one wait (2.1)") {
  check_column(1, {-1, 0, 1, 2, 5, 128, 4096, 65536});
}

TEST_CASE("listen: min of backlog and somaxconn 128 plus one wait (2.1)") {
  check_column(128, {-1, 0, 1, 2, 5, 128, 4096, 65536});
}

TEST_CASE("listen: min of small backlogs and somaxconn 4096 plus one wait (2.1)") {
  check_column(4096, {0, 1, 2, 5, 128});
}

TEST_CASE("listen: min of large backlogs and somaxconn 4096 plus one wait (2.1)") {
  check_column(4096, {-1, 4096, 65536});
}

TEST_CASE("listen: small backlogs plus one wait where somaxconn is no bound (2.1)") {
  check_column(kMost, {0, 1, 2, 5, 128, 4096});
}

TEST_CASE("listen: backlog 65536 is nothing special (2.1)") {
  check_column(kMost, {65536});
}

TEST_CASE("listen: backlog -1 with the largest somaxconn admits 70000 (2.1)") {
  in_private_network([] {
    set_sysctl("net/core/somaxconn", kMost);
    UniqueFd listener = tcp_listener(-1);
    fill_queue(listener.get(), 70000);
    CHECK(queue_text(listener.get()) == "70000/2147483647");
  });
}

TEST_CASE("listen: tcp_abort_on_overflow changes nothing of who is admitted (2.1 and 241)") {
  in_private_network([] {
    set_sysctl("net/ipv4/tcp_abort_on_overflow", 1);
    for (std::uint32_t backlog : {0, 1, 5, 128}) {
      check_admissions(Cell{static_cast<int>(backlog), 4096, backlog + 1, backlog}, 9);
    }
  });
}

TEST_CASE("listen: a negative backlog is somaxconn (104)") {
  in_private_network([] {
    set_sysctl("net/core/somaxconn", 77);
    for (int backlog : {-1, -5, INT_MIN, INT_MAX, 78, 77}) {
      CAPTURE(backlog);
      CHECK(queue_text(tcp_listener(backlog).get()) == "0/77");
      CHECK(queue_text(unix_listener(backlog).get()) == "0/77");
    }
  });
}

TEST_CASE("listen: somaxconn is read at the call and not later (2.1)") {
  in_private_network([] {
    UniqueFd fd = tcp_listener(100);
    set_sysctl("net/core/somaxconn", 3);
    CHECK(queue_text(fd.get()) == "0/100");
    must(sys::listen(fd.get(), 100));
    CHECK(queue_text(fd.get()) == "0/3");
    set_sysctl("net/core/somaxconn", 50);
    CHECK(queue_text(fd.get()) == "0/3");
    must(sys::listen(fd.get(), 100));
    CHECK(queue_text(fd.get()) == "0/50");
  });
}

TEST_CASE("sysctl: which limits the kernel takes (105 and 106)") {
  in_private_network([] {
    CHECK(write_sysctl("net/core/somaxconn", "0") == "ok");
    CHECK(write_sysctl("net/core/somaxconn", "2147483647") == "ok");
    CHECK(write_sysctl("net/core/somaxconn", "2147483648") == "EINVAL");
    CHECK(write_sysctl("net/core/somaxconn", "-1") == "EINVAL");
    CHECK(write_sysctl("net/ipv4/tcp_max_syn_backlog", "0") == "ok");
    CHECK(write_sysctl("net/ipv4/tcp_max_syn_backlog", "-1") == "ok");
    CHECK(write_sysctl("net/ipv4/tcp_max_syn_backlog", "2147483647") == "ok");
  });
}

TEST_CASE("listen: a lower backlog drops nobody who waits (100 and 101)") {
  in_private_network([] {
    UniqueFd listener = tcp_listener(5);
    std::vector<UniqueFd> waiting;
    std::vector<UniqueFd> accepted;
    for (int i = 0; i < 6; i++) waiting.push_back(attempt_at(listener.get()).client);
    must(sys::listen(listener.get(), 2));
    CHECK(queue_text(listener.get()) == "6/2");
    // A client is admitted again once no more than the limit wait.
    for (int left = 5; left >= 2; left--) {
      CAPTURE(left);
      CHECK_FALSE(attempt_at(listener.get()).admitted);
      accepted.push_back(accept_from(listener.get()));
      CHECK(queue_text(listener.get()) == std::to_string(left) + "/2");
    }
    Attempt next = attempt_at(listener.get());
    CHECK(next.admitted);
    CHECK(queue_text(listener.get()) == "3/2");
    for (const UniqueFd& client : waiting) CHECK(tcp_state(client.get()) == "ESTABLISHED");
  });
}

TEST_CASE("listen: a higher backlog lets those in who retry (102)") {
  in_private_network([] {
    UniqueFd listener = tcp_listener(2);
    std::vector<Attempt> attempts;
    for (int i = 0; i < 6; i++) attempts.push_back(attempt_at(listener.get()));
    CHECK(queue_text(listener.get()) == "3/2");
    must(sys::listen(listener.get(), 10));
    CHECK(queue_text(listener.get()) == "3/10");
    CHECK(wait_until([&] { return queue_text(listener.get()) == "6/10"; }));
    for (const Attempt& attempt : attempts) {
      CHECK(poll_text(attempt.client.get(), POLLOUT, kPatience) == "OUT");
      CHECK((attempt.admitted || retransmissions(attempt.client.get()) > 0));
    }
  });
}
