// Ports that the kernel chooses.
#include <doctest/doctest.h>

#include <vector>

#include "core/socket.h"
#include "support/private_network.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

namespace {

UniqueFd reusable() {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  return fd;
}

std::string bind_new(const Address& address) {
  UniqueFd fd = must(sys::socket(address.family(), kStream, 0));
  return outcome(sys::bind(fd.get(), address));
}

// The highest port of the range in the upper half of the number, the lowest in the lower.
std::uint16_t port_from_range(std::uint32_t low, std::uint32_t high) {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  set_option(fd.get(), IPPROTO_IP, IP_LOCAL_PORT_RANGE, static_cast<int>(high << 16 | low));
  must(sys::bind(fd.get(), loopback()));
  return port_of(fd.get());
}

}  // namespace

TEST_CASE("bind: port 0 gives the other parity than the range begins with (301 and 302)") {
  in_private_network([] {
    REQUIRE(write_sysctl("net/ipv4/ip_local_port_range", "32768 60999") == "ok");
    std::vector<UniqueFd> sockets;
    for (int i = 0; i < 200; i++) {
      sockets.push_back(bound_to(loopback()));
      const std::uint16_t port = port_of(sockets.back().get());
      CHECK(port >= 32768);
      CHECK(port <= 60999);
      CHECK(port % 2 == 1);
    }
  });
}

TEST_CASE("bind: the port of a connected client is taken (304)") {
  in_private_network([] {
    UniqueFd listener = tcp_listener(1);
    Pair pair = connected_through(listener.get());
    const std::uint16_t port = port_of(pair.client.get());
    CHECK(bind_new(loopback(port)) == "EADDRINUSE");
    SKIP_UNLESS(have_ipv6(), "no IPv6 here");
    CHECK(bind_new(inet("::ffff:127.0.0.1", port)) == "EADDRINUSE");
    CHECK(bind_new(inet("::", port)) == "EADDRINUSE");
  });
}

TEST_CASE("bind: the port of a connected client is shared by SO_REUSEADDR (305)") {
  in_private_network([] {
    UniqueFd listener = tcp_listener(1);
    UniqueFd client = reusable();
    UniqueFd other = reusable();
    [[maybe_unused]] auto in_progress = sys::connect(client.get(), name_of(listener.get()));
    REQUIRE(poll_text(client.get(), POLLOUT, kPatience) == "OUT");
    CHECK(outcome(sys::bind(other.get(), loopback(port_of(client.get())))) == "ok");
  });
}

TEST_CASE("bind: port 0 never gives a bound port again (306)") {
  in_private_network([] {
    REQUIRE(write_sysctl("net/ipv4/ip_local_port_range", "40000 40003") == "ok");
    std::vector<UniqueFd> sockets;
    for (std::uint16_t port = 40000; port <= 40003; port++) {
      sockets.push_back(reusable());
      must(sys::bind(sockets.back().get(), loopback(port)));
    }
    UniqueFd last = reusable();
    CHECK(outcome(sys::bind(last.get(), loopback())) == "EADDRINUSE");
  });
}

TEST_CASE("bind: IP_LOCAL_PORT_RANGE narrows the range and is ignored outside of it (308 and 309)") {
  in_private_network([] {
    UniqueFd probe = must(sys::socket(AF_INET, kStream, 0));
    SKIP_UNLESS(sys::setsockopt_int(probe.get(), IPPROTO_IP, IP_LOCAL_PORT_RANGE, 0).ok(),
                "this kernel has no IP_LOCAL_PORT_RANGE");
    REQUIRE(write_sysctl("net/ipv4/ip_local_port_range", "32768 60999") == "ok");
    const std::uint16_t inside = port_from_range(42000, 42001);
    CHECK((inside == 42000 || inside == 42001));
    CHECK(port_from_range(20000, 20001) >= 32768);
  });
}

TEST_CASE("bind: IP_BIND_ADDRESS_NO_PORT leaves the port to connect (310)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd fd = must(sys::socket(AF_INET, kBlocking, 0));
  set_option(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  must(sys::bind(fd.get(), loopback()));
  CHECK(port_of(fd.get()) == 0);
  must(sys::connect(fd.get(), name_of(listener.get())));
  CHECK(port_of(fd.get()) != 0);
}
