// Which options of the listener an accepted socket has (table 2.6).
#include <doctest/doctest.h>
#include <linux/tcp.h>

#include <array>
#include <cstring>

#include "core/socket.h"
#include "support/private_network.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

// Constants that the headers of older systems lack.
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_TXREHASH
#define SO_TXREHASH 74
#endif
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif

namespace {

struct Row {
  std::string_view option;
  int level;
  int name;
  int value;
  int unset;
  int listener;
  int accepted;
};

constexpr Row kSocketRows[] = {
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1, 0, 1, 1},
    {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1, 0, 1, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1, 0, 1, 1},
    {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1, 0, 1, 1},
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 7, 1, 7, 7},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 4, 0, 4, 0},
    {"SO_MARK", SOL_SOCKET, SO_MARK, 77, 0, 77, 77},
    {"SO_BUSY_POLL", SOL_SOCKET, SO_BUSY_POLL, 50, 0, 50, 50},
    {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, 1, 0, 1, 1},
    {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, 1, 0, 1, 1},
    {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 1, 0, 1, 1},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 100000, 131072, 200000, 200000},
    {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 100000, 16384, 200000, 200000},
    {"SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL, 1, 0, 1, 1},
    {"SO_DEBUG", SOL_SOCKET, SO_DEBUG, 1, 0, 1, 1},
};

constexpr Row kTcpRows[] = {
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1, 0, 1, 1},
    {"TCP_CORK", IPPROTO_TCP, TCP_CORK, 1, 0, 1, 1},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 33, 7200, 33, 33},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 12, 75, 12, 12},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3, 9, 3, 3},
    {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 3, 6, 3, 3},
    {"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 9, 60, 9, 9},
    {"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, 30000, 0, 30000, 30000},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 120001, 0, 120001, 120001},
    {"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000, 0, 5000, 5000},
    {"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN, 9, 0, 9, 0},
    {"TCP_SAVE_SYN", IPPROTO_TCP, TCP_SAVE_SYN, 1, 0, 1, 1},
    {"TCP_INQ", IPPROTO_TCP, TCP_INQ, 1, 0, 1, 1},
    {"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 1000, 536, 1000, 988},
    {"TCP_THIN_LINEAR_TIMEOUTS", IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, 0, 1, 1},
    {"TCP_FASTOPEN_NO_COOKIE", IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1, 0, 1, 1},
};

constexpr Row kIpRows[] = {
    {"IP_TOS", IPPROTO_IP, IP_TOS, 16, 0, 16, 16},
    {"IP_TTL", IPPROTO_IP, IP_TTL, 9, 64, 9, 9},
    {"IP_FREEBIND", IPPROTO_IP, IP_FREEBIND, 1, 0, 1, 1},
    {"IP_TRANSPARENT", IPPROTO_IP, IP_TRANSPARENT, 1, 0, 1, 1},
    {"IP_BIND_ADDRESS_NO_PORT", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, 0, 1, 1},
    {"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, 2, 1, 2, 2},
    {"IP_RECVTOS", IPPROTO_IP, IP_RECVTOS, 1, 0, 1, 1},
    {"IP_MINTTL", IPPROTO_IP, IP_MINTTL, 2, 0, 2, 2},
};

constexpr Row kPreferBusyPoll = {"SO_PREFER_BUSY_POLL", SOL_SOCKET, SO_PREFER_BUSY_POLL, 1, 0, 1, 1};
constexpr Row kTxRehash = {"SO_TXREHASH", SOL_SOCKET, SO_TXREHASH, 0, 1, 0, 0};
constexpr Row kRtoMax = {"TCP_RTO_MAX_MS", IPPROTO_TCP, TCP_RTO_MAX_MS, 5000, 120000, 5000, 5000};

void check_row(const Row& row) {
  CAPTURE(row.option);
  UniqueFd listener = tcp_listener(1);
  CHECK(option(listener.get(), row.level, row.name) == row.unset);
  set_option(listener.get(), row.level, row.name, row.value);
  CHECK(option(listener.get(), row.level, row.name) == row.listener);
  Pair pair = connected_through(listener.get());
  CHECK(option(pair.server.get(), row.level, row.name) == row.accepted);
}

// A row whose option is younger than the oldest kernel that the tests run on.
void check_newer_row(const Row& row) {
  in_private_network([&] {
    auto known = sys::getsockopt_int(tcp_listener(1).get(), row.level, row.name);
    SKIP_UNLESS(known.ok() || known.error().number != ENOPROTOOPT, "this kernel has no " + std::string(row.option));
    check_row(row);
  });
}

template <typename T>
T read_as(int fd, int level, int name) {
  T value{};
  must(sys::getsockopt(fd, level, name, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

}  // namespace

TEST_CASE("accept: which SOL_SOCKET options are inherited (2.6)") {
  in_private_network([] {
    for (const Row& row : kSocketRows) check_row(row);
  });
}

TEST_CASE("accept: which TCP options are inherited (2.6)") {
  in_private_network([] {
    for (const Row& row : kTcpRows) check_row(row);
  });
}

TEST_CASE("accept: which IP options are inherited (2.6)") {
  in_private_network([] {
    for (const Row& row : kIpRows) check_row(row);
  });
}

TEST_CASE("accept: TCP_QUICKACK is forgotten by listen and not inherited from before (2.6)") {
  UniqueFd listener = bound_to(loopback());
  set_option(listener.get(), IPPROTO_TCP, TCP_QUICKACK, 0);
  CHECK(option(listener.get(), IPPROTO_TCP, TCP_QUICKACK) == 0);
  must(sys::listen(listener.get(), 1));
  CHECK(option(listener.get(), IPPROTO_TCP, TCP_QUICKACK) == 1);
  Pair pair = connected_through(listener.get());
  CHECK(option(pair.server.get(), IPPROTO_TCP, TCP_QUICKACK) == 1);
}

TEST_CASE("accept: SO_PREFER_BUSY_POLL is inherited (2.6)") {
  check_newer_row(kPreferBusyPoll);
}

TEST_CASE("accept: SO_TXREHASH is inherited (2.6)") {
  check_newer_row(kTxRehash);
}

TEST_CASE("accept: TCP_RTO_MAX_MS is inherited (2.6)") {
  check_newer_row(kRtoMax);
}

TEST_CASE("accept: SO_INCOMING_CPU is not inherited but that of the last packet (2.6)") {
  UniqueFd listener = tcp_listener(1);
  CHECK(option(listener.get(), SOL_SOCKET, SO_INCOMING_CPU) == -1);
  Pair pair = connected_through(listener.get());
  CHECK(option(pair.server.get(), SOL_SOCKET, SO_INCOMING_CPU) >= 0);
}

TEST_CASE("accept: options are copied when the handshake completes and not at accept (2.6)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd before = client_of(listener.get());
  set_option(listener.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  UniqueFd server = accept_from(listener.get());
  CHECK(option(server.get(), SOL_SOCKET, SO_KEEPALIVE) == 0);
  Pair after = connected_through(listener.get());
  CHECK(option(after.server.get(), SOL_SOCKET, SO_KEEPALIVE) == 1);
}

TEST_CASE("accept: TCP_DEFER_ACCEPT is not inherited (2.6)") {
  UniqueFd listener = tcp_listener(1);
  set_option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
  UniqueFd client = client_of(listener.get());
  CHECK(send_text(client.get(), "x") == "1");
  UniqueFd server = accept_from(listener.get());
  CHECK(option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT) == 3);
  CHECK(option(server.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT) == 0);
}

TEST_CASE("accept: SO_LINGER and SO_BINDTODEVICE and TCP_CONGESTION are inherited (158 and 160)") {
  in_private_network([] {
    UniqueFd listener = tcp_listener(1);
    const linger seconds{1, 7};
    must(sys::setsockopt(listener.get(), SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(&seconds, 1))));
    const auto device = std::as_bytes(std::span("lo", 2));
    must(sys::setsockopt(listener.get(), SOL_SOCKET, SO_BINDTODEVICE, device));
    const auto reno = std::as_bytes(std::span("reno", 4));
    must(sys::setsockopt(listener.get(), IPPROTO_TCP, TCP_CONGESTION, reno));
    Pair pair = connected_through(listener.get());
    CHECK(read_as<linger>(pair.server.get(), SOL_SOCKET, SO_LINGER).l_onoff == 1);
    CHECK(read_as<linger>(pair.server.get(), SOL_SOCKET, SO_LINGER).l_linger == 7);
    const auto on = read_as<std::array<char, 16>>(pair.server.get(), SOL_SOCKET, SO_BINDTODEVICE);
    CHECK(std::string(on.data()) == "lo");
    const auto algorithm = read_as<std::array<char, 16>>(pair.server.get(), IPPROTO_TCP, TCP_CONGESTION);
    CHECK(std::string(algorithm.data()) == "reno");
  });
}

TEST_CASE("accept: a multicast membership stays with the listener (161)") {
  in_private_network([] {
    // IP_ADD_MEMBERSHIP refuses TCP sockets, MCAST_JOIN_GROUP does not.
    group_req group{};
    group.gr_interface = 1;
    const Address joined = inet("224.0.1.32");
    std::memcpy(&group.gr_group, &joined.storage, sizeof(sockaddr_in));
    const auto bytes = std::as_bytes(std::span(&group, 1));
    UniqueFd listener = tcp_listener(1);
    must(sys::setsockopt(listener.get(), IPPROTO_IP, MCAST_JOIN_GROUP, bytes));
    Pair pair = connected_through(listener.get());
    CHECK(outcome(sys::setsockopt(pair.server.get(), IPPROTO_IP, MCAST_LEAVE_GROUP, bytes)) == "EADDRNOTAVAIL");
    CHECK(outcome(sys::setsockopt(listener.get(), IPPROTO_IP, MCAST_LEAVE_GROUP, bytes)) == "ok");
  });
}

TEST_CASE("accept: of an AF_UNIX listener only SO_PASSCRED is inherited (164)") {
  UniqueFd listener = unix_listener(1);
  UniqueFd plain_client = start_connect(name_of(listener.get()));
  UniqueFd plain = accept_from(listener.get());
  const timeval seconds{9, 0};
  must(sys::setsockopt(listener.get(), SOL_SOCKET, SO_SNDTIMEO, std::as_bytes(std::span(&seconds, 1))));
  set_option(listener.get(), SOL_SOCKET, SO_RCVBUF, 70000);
  set_option(listener.get(), SOL_SOCKET, SO_PASSCRED, 1);
  UniqueFd client = start_connect(name_of(listener.get()));
  UniqueFd server = accept_from(listener.get());
  CHECK(option(server.get(), SOL_SOCKET, SO_PASSCRED) == 1);
  CHECK(option(server.get(), SOL_SOCKET, SO_RCVBUF) == option(plain.get(), SOL_SOCKET, SO_RCVBUF));
  CHECK(read_as<timeval>(server.get(), SOL_SOCKET, SO_SNDTIMEO).tv_sec == 0);
}
