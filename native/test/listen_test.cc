// listen(2): what it refuses, and what it does to sockets in each state.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/netlink.h>

#include "core/queue.h"
#include "core/socket.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

Address unspecified() {
  Address address;
  address.storage.ss_family = AF_UNSPEC;
  address.length = sizeof(sockaddr_in);
  return address;
}

std::string accepts_a_client(int listener) {
  UniqueFd client = start_connect(name_of(listener));
  if (poll_text(listener, POLLIN, kPatience) != "IN") return "nobody came";
  return outcome(accept(listener, SOCK_CLOEXEC));
}

}  // namespace

TEST_CASE("listen: a number that is no socket names call and errno (60 to 62)") {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  UniqueFd path_only(::open("/", O_PATH | O_CLOEXEC));
  CHECK(outcome(sys::listen(null.get(), 0)) == "ENOTSOCK");
  CHECK(outcome(sys::listen(path_only.get(), 0)) == "EBADF");
  const int number = null.get();
  null.reset();
  auto refused = sys::listen(number, 0);
  CHECK(outcome(refused) == "EBADF");
  CHECK(std::string(refused.error().call) == "listen");
}

TEST_CASE("listen: sockets that cannot listen (64 to 70)") {
  struct Row {
    std::string_view row;
    int domain;
    int type;
    int protocol;
    std::string_view expected;
  };
  constexpr Row kRows[] = {
      {"64", AF_INET, SOCK_DGRAM, 0, "EOPNOTSUPP"},
      {"66", AF_UNIX, SOCK_DGRAM, 0, "EOPNOTSUPP"},
      {"68", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "EOPNOTSUPP"},
      {"69", AF_UNIX, SOCK_STREAM, 0, "EINVAL"},
      {"70", AF_UNIX, SOCK_SEQPACKET, 0, "EINVAL"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.row);
    UniqueFd fd = must(sys::socket(row.domain, row.type | SOCK_CLOEXEC, row.protocol));
    CHECK(outcome(sys::listen(fd.get(), 1)) == row.expected);
    CHECK_FALSE(must(sys::is_listening(fd.get())));
  }
}

TEST_CASE("listen: a raw socket cannot (65)") {
  auto raw = sys::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
  SKIP_UNLESS(raw.ok(), "a raw socket needs CAP_NET_RAW");
  CHECK(outcome(sys::listen(raw.value().get(), 1)) == "EOPNOTSUPP");
}

TEST_CASE("listen: UDP over IPv6 cannot (64)") {
  SKIP_UNLESS(have_ipv6(), "no IPv6 here");
  UniqueFd fd = must(sys::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  CHECK(outcome(sys::listen(fd.get(), 1)) == "EOPNOTSUPP");
}

TEST_CASE("listen: an unbound IPv4 socket gets an address and a port (72)") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  CHECK(outcome(sys::listen(fd.get(), 1)) == "ok");
  CHECK(endpoint_of(name_of(fd.get())).text == "0.0.0.0");
  CHECK(port_of(fd.get()) != 0);
  CHECK(must(sys::is_listening(fd.get())));
}

TEST_CASE("listen: an unbound IPv6 socket gets an address and a port (73)") {
  SKIP_UNLESS(have_ipv6(), "no IPv6 here");
  UniqueFd fd = must(sys::socket(AF_INET6, kStream, 0));
  CHECK(outcome(sys::listen(fd.get(), 1)) == "ok");
  CHECK(endpoint_of(name_of(fd.get())).text == "::");
  CHECK(port_of(fd.get()) != 0);
}

TEST_CASE("listen: a socket that is or was connected cannot (74 to 78)") {
  Pair pair = tcp_pair();
  CHECK(outcome(sys::listen(pair.client.get(), 1)) == "EINVAL");
  CHECK(outcome(sys::listen(pair.server.get(), 1)) == "EINVAL");
  pair.client.reset();
  REQUIRE(wait_until([&] { return tcp_state(pair.server.get()) == "CLOSE_WAIT"; }));
  CHECK(outcome(sys::listen(pair.server.get(), 1)) == "EINVAL");
  Pair second = tcp_pair();
  reset_connection(std::move(second.client));
  REQUIRE(wait_until([&] { return tcp_state(second.server.get()) == "CLOSE"; }));
  CHECK(outcome(sys::listen(second.server.get(), 1)) == "EINVAL");
}

TEST_CASE("listen: again on a listener with the same or a larger or a smaller backlog (80)") {
  UniqueFd fd = tcp_listener(5);
  const std::uint16_t port = port_of(fd.get());
  for (int backlog : {5, 9, 2}) {
    CAPTURE(backlog);
    CHECK(outcome(sys::listen(fd.get(), backlog)) == "ok");
    CHECK(queue_text(fd.get()) == "0/" + std::to_string(backlog));
  }
  CHECK(port_of(fd.get()) == port);
}

TEST_CASE("bind: a listener is not bound again (81)") {
  UniqueFd fd = tcp_listener(5);
  CHECK(outcome(sys::bind(fd.get(), loopback())) == "EINVAL");
}

TEST_CASE("listen: the second of two sockets that share a port by SO_REUSEADDR (82)") {
  in_private_network([] {
    UniqueFd first = must(sys::socket(AF_INET, kStream, 0));
    UniqueFd second = must(sys::socket(AF_INET, kStream, 0));
    for (int fd : {first.get(), second.get()}) {
      set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      must(sys::bind(fd, loopback(4482)));
    }
    CHECK(outcome(sys::listen(first.get(), 1)) == "ok");
    CHECK(outcome(sys::listen(second.get(), 1)) == "EADDRINUSE");
  });
}

TEST_CASE("listen: after shutdown an explicit port is kept (84 and 86)") {
  in_private_network([] {
    for (int how : {SHUT_RD, SHUT_RDWR}) {
      CAPTURE(how);
      UniqueFd fd = listening_on(loopback(4484), 1);
      must(sys::shutdown(fd.get(), how));
      CHECK(outcome(sys::listen(fd.get(), 1)) == "ok");
      CHECK(port_of(fd.get()) == 4484);
      // Only TIME_WAIT would keep the second round from the port, and no connection is closed here by the listener.
      UniqueFd client = client_of(fd.get());
      UniqueFd server = accept_from(fd.get());
      reset_connection(std::move(client));
    }
  });
}

TEST_CASE("listen: after shutdown a port that the kernel chose is given back (85)") {
  in_private_network([] {
    UniqueFd fd = tcp_listener(1);
    const std::uint16_t first = port_of(fd.get());
    must(sys::shutdown(fd.get(), SHUT_RD));
    // getsockname still shows the port, but it is free: taken here, so that the kernel cannot choose it again.
    UniqueFd other = bound_to(loopback(first));
    CHECK(outcome(sys::listen(fd.get(), 1)) == "ok");
    CHECK(port_of(fd.get()) != 0);
    CHECK(port_of(fd.get()) != first);
    CHECK(accepts_a_client(fd.get()) == "ok");
  });
}

TEST_CASE("listen: after shutdown the port may have gone to another (88)") {
  in_private_network([] {
    UniqueFd first = must(sys::socket(AF_INET, kStream, 0));
    UniqueFd second = must(sys::socket(AF_INET, kStream, 0));
    set_option(first.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(second.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    must(sys::bind(first.get(), loopback(4488)));
    must(sys::listen(first.get(), 1));
    must(sys::shutdown(first.get(), SHUT_RD));
    CHECK(outcome(sys::bind(second.get(), loopback(4488))) == "ok");
    CHECK(outcome(sys::listen(second.get(), 1)) == "ok");
    CHECK(outcome(sys::listen(first.get(), 1)) == "EADDRINUSE");
  });
}

TEST_CASE("listen: AF_UNIX does not come back from shutdown (89)") {
  UniqueFd fd = unix_listener(1);
  must(sys::shutdown(fd.get(), SHUT_RD));
  CHECK(outcome(sys::listen(fd.get(), 1)) == "ok");
  std::string answer;
  UniqueFd client = start_connect(name_of(fd.get()), &answer);
  CHECK(answer == "ECONNREFUSED");
}

TEST_CASE("listen: connect to AF_UNSPEC ends it and listen begins again (90)") {
  in_private_network([] {
    UniqueFd fd = listening_on(loopback(4490), 1);
    CHECK(outcome(sys::connect(fd.get(), unspecified())) == "ok");
    CHECK(tcp_state(fd.get()) == "CLOSE");
    CHECK(outcome(sys::listen(fd.get(), 1)) == "ok");
    CHECK(port_of(fd.get()) == 4490);
    CHECK(accepts_a_client(fd.get()) == "ok");
  });
}

TEST_CASE("is_listening: follows the socket through its life (92 and 93)") {
  UniqueFd tcp = bound_to(loopback());
  CHECK_FALSE(must(sys::is_listening(tcp.get())));
  must(sys::listen(tcp.get(), 1));
  CHECK(must(sys::is_listening(tcp.get())));
  must(sys::shutdown(tcp.get(), SHUT_RD));
  CHECK_FALSE(must(sys::is_listening(tcp.get())));

  UniqueFd local = bound_to(abstract_name());
  CHECK_FALSE(must(sys::is_listening(local.get())));
  must(sys::listen(local.get(), 1));
  CHECK(must(sys::is_listening(local.get())));
  must(sys::shutdown(local.get(), SHUT_RD));
  CHECK(must(sys::is_listening(local.get())));

  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(outcome(sys::is_listening(null.get())) == "ENOTSOCK");
}
