// bind(2).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/socket.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

// An address of an IPv4 text with another family number, or cut to another length.
Address altered(Address address, int family, std::size_t length) {
  address.storage.ss_family = static_cast<sa_family_t>(family);
  address.length = static_cast<socklen_t>(length);
  return address;
}

std::string bind_new(const Address& address, int domain) {
  UniqueFd fd = must(sys::socket(domain, kStream, 0));
  return outcome(sys::bind(fd.get(), address));
}

}  // namespace

TEST_CASE("bind: a file that is no socket is ENOTSOCK and a closed number EBADF (40)") {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  auto refused = sys::bind(null.get(), loopback());
  CHECK(outcome(refused) == "ENOTSOCK");
  CHECK(std::string(refused.error().call) == "bind");
  const int number = null.get();
  null.reset();
  CHECK(outcome(sys::bind(number, loopback())) == "EBADF");
}

TEST_CASE("bind: the address goes to the kernel as it is (41 to 58)") {
  struct Row {
    std::string_view row;
    Address address;
    int domain;
    std::string_view expected;
  };
  const Address v4 = loopback();
  const Row rows[] = {
      {"41", altered(v4, AF_INET, 3), AF_INET, "EINVAL"},
      {"42", inet("0.0.0.0"), AF_INET, "ok"},
      {"44", inet("192.0.2.1"), AF_INET, "EADDRNOTAVAIL"},
      {"57", altered(inet("0.0.0.0"), AF_UNSPEC, sizeof(sockaddr_in)), AF_INET, "ok"},
      {"58", altered(v4, AF_UNSPEC, sizeof(sockaddr_in)), AF_INET, "EAFNOSUPPORT"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.row);
    CHECK(bind_new(row.address, row.domain) == row.expected);
  }
}

TEST_CASE("bind: an IPv6 socket refuses what is not its own (45 and 56)") {
  SKIP_UNLESS(have_ipv6(), "no IPv6 here");
  CHECK(bind_new(inet("::2"), AF_INET6) == "EADDRNOTAVAIL");
  CHECK(bind_new(altered(loopback(), AF_INET, sizeof(sockaddr_in6)), AF_INET6) == "EAFNOSUPPORT");
}

TEST_CASE("bind: port 0 gets a port from the range of the system (42)") {
  UniqueFd fd = bound_to(loopback());
  const Endpoint bound = endpoint_of(name_of(fd.get()));
  CHECK(bound.family == AF_INET);
  CHECK(bound.text == "127.0.0.1");
  CHECK(bound.port != 0);
}

TEST_CASE("bind: IP_FREEBIND allows an address that is not here (46)") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  set_option(fd.get(), IPPROTO_IP, IP_FREEBIND, 1);
  CHECK(outcome(sys::bind(fd.get(), inet("192.0.2.1"))) == "ok");
  CHECK(endpoint_of(name_of(fd.get())).text == "192.0.2.1");
}

TEST_CASE("bind: a bound socket is not bound again (48)") {
  UniqueFd fd = bound_to(loopback());
  CHECK(outcome(sys::bind(fd.get(), loopback())) == "EINVAL");
  CHECK(outcome(sys::bind(fd.get(), name_of(fd.get()))) == "EINVAL");
}

TEST_CASE("bind: who may have a port that is bound already (49 to 54)") {
  in_private_network([] {
    UniqueFd first = bound_to(loopback(4481));
    CHECK(bind_new(loopback(4481), AF_INET) == "EADDRINUSE");
    CHECK(bind_new(inet("127.0.0.2", 4481), AF_INET) == "ok");
    CHECK(bind_new(inet("0.0.0.0", 4481), AF_INET) == "EADDRINUSE");
    first.reset();
    UniqueFd reusable = must(sys::socket(AF_INET, kStream, 0));
    UniqueFd wide = must(sys::socket(AF_INET, kStream, 0));
    set_option(reusable.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(wide.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    CHECK(outcome(sys::bind(reusable.get(), loopback(4481))) == "ok");
    CHECK(outcome(sys::bind(wide.get(), inet("0.0.0.0", 4481))) == "ok");
  });
}

TEST_CASE("bind: a low port needs a capability (50)") {
  SKIP_UNLESS(::geteuid() == 0, "giving up root needs root");
  in_private_network([] {
    CHECK(in_child([] { return bind_new(loopback(463), AF_INET); }) == "ok");
    CHECK(in_child([] { return ::setuid(65534) == 0 ? bind_new(loopback(463), AF_INET) : std::string("setuid"); }) ==
          "EACCES");
  });
}

TEST_CASE("getsockname: the address of a socket before and after bind (442 to 448)") {
  UniqueFd fresh = must(sys::socket(AF_INET, kStream, 0));
  CHECK(endpoint_of(name_of(fresh.get())).text == "0.0.0.0");
  CHECK(port_of(fresh.get()) == 0);
  UniqueFd bound = bound_to(loopback());
  auto peer = sys::getpeername(bound.get());
  CHECK(outcome(peer) == "ENOTCONN");
  CHECK(std::string(peer.error().call) == "getpeername");
  const int number = bound.get();
  bound.reset();
  CHECK(outcome(sys::getsockname(number)) == "EBADF");
  CHECK(outcome(sys::getpeername(number)) == "EBADF");
}

TEST_CASE("getpeername: lasts until both ends have closed (448 and 449)") {
  Pair pair = tcp_pair();
  must(sys::shutdown(pair.client.get(), SHUT_WR));
  REQUIRE(poll_text(pair.server.get(), POLLRDHUP, kPatience) == "RDHUP");
  CHECK(tcp_state(pair.server.get()) == "CLOSE_WAIT");
  CHECK(outcome(sys::getpeername(pair.server.get())) == "ok");
  must(sys::shutdown(pair.server.get(), SHUT_RDWR));
  REQUIRE(wait_until([&] { return tcp_state(pair.server.get()) == "CLOSE"; }));
  CHECK(outcome(sys::getpeername(pair.server.get())) == "ENOTCONN");
}
