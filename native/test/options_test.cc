// getsockopt(2) and setsockopt(2).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <unistd.h>

#include <array>

#include "core/socket.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::string get_text(int fd, int level, int name) {
  return outcome(sys::getsockopt_int(fd, level, name));
}

std::string set_text(int fd, int level, int name, int value) {
  return outcome(sys::setsockopt_int(fd, level, name, value));
}

}  // namespace

TEST_CASE("getsockopt and setsockopt: files that are no sockets (417 and 418)") {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(get_text(null.get(), SOL_SOCKET, SO_TYPE) == "ENOTSOCK");
  CHECK(set_text(null.get(), SOL_SOCKET, SO_REUSEADDR, 1) == "ENOTSOCK");
  CHECK(get_text(-1, SOL_SOCKET, SO_TYPE) == "EBADF");
  CHECK(set_text(-1, SOL_SOCKET, SO_REUSEADDR, 1) == "EBADF");
  CHECK(std::string(sys::getsockopt_int(-1, SOL_SOCKET, SO_TYPE).error().call) == "getsockopt");
  CHECK(std::string(sys::setsockopt_int(-1, SOL_SOCKET, SO_TYPE, 0).error().call) == "setsockopt");
}

TEST_CASE("getsockopt and setsockopt: levels and names that are not known (420 to 428)") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  CHECK(get_text(fd.get(), 500, 1) == "EOPNOTSUPP");
  CHECK(set_text(fd.get(), 500, 1, 1) == "ENOPROTOOPT");
  CHECK(get_text(fd.get(), IPPROTO_IP, -1) == "ENOPROTOOPT");
  CHECK(set_text(fd.get(), IPPROTO_IP, -1, 1) == "ENOPROTOOPT");
  CHECK(get_text(fd.get(), IPPROTO_TCP, -1) == "ENOPROTOOPT");
  CHECK(set_text(fd.get(), IPPROTO_TCP, -1, 1) == "ENOPROTOOPT");
  CHECK(get_text(fd.get(), SOL_SOCKET, -1) == "ENOPROTOOPT");
  CHECK(set_text(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, 1) == "ENOPROTOOPT");
  CHECK(outcome(sys::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, {})) == "EINVAL");
}

TEST_CASE("getsockopt: yields as many bytes as the kernel wrote (429)") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  set_option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, 33);
  std::array<std::byte, 16> buffer{};
  CHECK(must(sys::getsockopt(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, buffer)) == 4);
  std::array<std::byte, 1> one{};
  CHECK(must(sys::getsockopt(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, one)) == 1);
  CHECK(one[0] == std::byte{33});
  CHECK(must(sys::getsockopt(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, {})) == 0);
}

TEST_CASE("setsockopt: bounds that the kernel puts on values (430 to 437)") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, 100000);
  CHECK(option(fd.get(), SOL_SOCKET, SO_RCVBUF) == 200000);
  CHECK(option(fd.get(), IPPROTO_TCP, TCP_MAXSEG) == 536);
  struct Row {
    std::string_view row;
    int name;
    int value;
    std::string_view expected;
  };
  constexpr Row kRows[] = {{"432", TCP_MAXSEG, 10, "EINVAL"},       {"432", TCP_MAXSEG, 75000, "EINVAL"},
                           {"433", TCP_USER_TIMEOUT, -1, "EINVAL"}, {"434", TCP_SYNCNT, 0, "EINVAL"},
                           {"434", TCP_SYNCNT, 127, "ok"},          {"434", TCP_SYNCNT, 128, "EINVAL"}};
  for (const Row& row : kRows) {
    CAPTURE(row.row);
    CAPTURE(row.value);
    CHECK(set_text(fd.get(), IPPROTO_TCP, row.name, row.value) == row.expected);
  }
  const auto unknown = std::as_bytes(std::span("nosuch", 6));
  CHECK(outcome(sys::setsockopt(fd.get(), IPPROTO_TCP, TCP_CONGESTION, unknown)) == "ENOENT");
}

TEST_CASE("setsockopt: TCP_LINGER2 is bounded on both sides (437)") {
  in_private_network([] {
    UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
    for (auto [set, read] : {std::pair(-5, -1), std::pair(0, 60), std::pair(100000, 120)}) {
      CAPTURE(set);
      set_option(fd.get(), IPPROTO_TCP, TCP_LINGER2, set);
      CHECK(option(fd.get(), IPPROTO_TCP, TCP_LINGER2) == read);
    }
  });
}

TEST_CASE("setsockopt: options that need something (438 and 440)") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  CHECK(set_text(fd.get(), SOL_SOCKET, SO_DETACH_FILTER, 0) == "ENOENT");
  SKIP_UNLESS(::geteuid() == 0, "giving up root needs root");
  CHECK(in_child([&] {
          return ::setuid(65534) == 0 ? set_text(fd.get(), SOL_SOCKET, SO_MARK, 77) : std::string("setuid");
        }) == "EPERM");
}

TEST_CASE("setsockopt: TCP_FASTOPEN before and after listen and not on a connection (461 and 462)") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  CHECK(set_text(fd.get(), IPPROTO_TCP, TCP_FASTOPEN, 5) == "ok");
  must(sys::bind(fd.get(), loopback()));
  CHECK(set_text(fd.get(), IPPROTO_TCP, TCP_FASTOPEN, 5) == "ok");
  must(sys::listen(fd.get(), 1));
  CHECK(set_text(fd.get(), IPPROTO_TCP, TCP_FASTOPEN, 5) == "ok");
  Pair pair = connected_through(fd.get());
  CHECK(set_text(pair.client.get(), IPPROTO_TCP, TCP_FASTOPEN, 5) == "EINVAL");
}

TEST_CASE("accept: Fast Open without a cookie brings the data along (464)") {
  in_private_network([] {
    set_sysctl("net/ipv4/tcp_fastopen", 0x603);
    UniqueFd listener = tcp_listener(5);
    set_option(listener.get(), IPPROTO_TCP, TCP_FASTOPEN, 5);
    const auto before = read_counters().at("TCPFastOpenPassive");
    UniqueFd client = must(sys::socket(AF_INET, kBlocking, 0));
    const Address address = name_of(listener.get());
    CHECK(::sendto(client.get(), "hello", 5, MSG_FASTOPEN, address.raw(), address.length) == 5);
    UniqueFd server = accept_from(listener.get());
    CHECK(recv_text(server.get()) == "'hello'");
    CHECK(read_counters().at("TCPFastOpenPassive") == before + 1);
  });
}
