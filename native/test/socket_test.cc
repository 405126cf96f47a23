// socket(2), socketpair(2) and the owner of descriptors.
#include "core/socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>

#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

struct Row {
  std::string_view row;
  int domain;
  int type;
  int protocol;
  std::string_view expected;
};

// glibc has no name for it yet in every version that we build on.
constexpr int kMptcp = 262;

}  // namespace

TEST_CASE("socket: domain and type and protocol reach the kernel as they are (1 to 14)") {
  constexpr Row kRows[] = {
      {"1", AF_UNSPEC, SOCK_STREAM, 0, "EAFNOSUPPORT"},
      {"2", AF_INET, 75, 0, "EINVAL"},
      {"4", AF_INET, SOCK_DGRAM, IPPROTO_TCP, "EPROTONOSUPPORT"},
      {"5", AF_INET, SOCK_STREAM, IPPROTO_ICMP, "EPROTONOSUPPORT"},
      {"6", AF_INET, SOCK_RAW, 0, "EPROTONOSUPPORT"},
      {"8", AF_UNIX, SOCK_DGRAM, 0, "ok"},
      {"9", AF_UNIX, SOCK_SEQPACKET, PF_UNIX, "ok"},
      {"10", AF_UNIX, SOCK_STREAM, 2, "EPROTONOSUPPORT"},
      {"14", AF_INET, 0, 0, "ESOCKTNOSUPPORT"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.row);
    auto made = sys::socket(row.domain, row.type, row.protocol);
    CHECK(outcome(made) == row.expected);
    if (!made.ok()) CHECK(std::string(made.error().call) == "socket");
  }
}

TEST_CASE("socket: MPTCP is a protocol of its own (12)") {
  auto made = sys::socket(AF_INET, kStream, kMptcp);
  SKIP_UNLESS(made.ok(), "this kernel has no MPTCP");
  CHECK(option(made.value().get(), SOL_SOCKET, SO_PROTOCOL) == kMptcp);
}

TEST_CASE("socket: AF_VSOCK is a family like the rest (13)") {
  auto made = sys::socket(AF_VSOCK, kStream, 0);
  SKIP_UNLESS(made.ok(), "this kernel has no AF_VSOCK");
  CHECK(option(made.value().get(), SOL_SOCKET, SO_DOMAIN) == AF_VSOCK);
}

TEST_CASE("socket: each type flag sets its own bit and none is added (16)") {
  struct Flags {
    int flags;
    bool cloexec;
    bool nonblocking;
  };
  constexpr Flags kRows[] = {{0, false, false},
                             {SOCK_CLOEXEC, true, false},
                             {SOCK_NONBLOCK, false, true},
                             {SOCK_CLOEXEC | SOCK_NONBLOCK, true, true}};
  for (const Flags& row : kRows) {
    CAPTURE(row.flags);
    UniqueFd fd = must(sys::socket(AF_INET, SOCK_STREAM | row.flags, 0));
    CHECK(is_cloexec(fd.get()) == row.cloexec);
    CHECK(must(sys::get_nonblocking(fd.get())) == row.nonblocking);
    auto [a, b] = must(sys::socketpair(AF_UNIX, SOCK_STREAM | row.flags, 0));
    CHECK(is_cloexec(b.get()) == row.cloexec);
    CHECK(must(sys::get_nonblocking(a.get())) == row.nonblocking);
  }
}

TEST_CASE("socket and dup and socketpair: a full descriptor table is EMFILE (17)") {
  const std::string seen = in_child([] {
    exhaust_descriptors();
    return outcome(sys::socket(AF_INET, kStream, 0)) + " " + outcome(sys::dup(0)) + " " + outcome(sys::dup_cloexec(0)) +
           " " + outcome(sys::socketpair(AF_UNIX, kStream, 0));
  });
  // fcntl(F_DUPFD) takes the limit for the bound of an argument.
  CHECK(seen == "EMFILE EMFILE EINVAL EMFILE");
}

TEST_CASE("socketpair: domain and type and protocol reach the kernel as they are (18 to 28)") {
  constexpr Row kRows[] = {
      {"18", AF_UNSPEC, SOCK_STREAM, 0, "EAFNOSUPPORT"},
      {"20", AF_UNIX, SOCK_DGRAM, 0, "ok"},
      {"21", AF_UNIX, SOCK_STREAM, PF_UNIX, "ok"},
      {"22", AF_UNIX, SOCK_SEQPACKET, 0, "ok"},
      {"24", AF_INET, SOCK_STREAM, IPPROTO_TCP, "EOPNOTSUPP"},
      {"25", AF_INET, SOCK_DGRAM, IPPROTO_TCP, "EPROTONOSUPPORT"},
      {"26", AF_INET, SOCK_STREAM, IPPROTO_ICMP, "EPROTONOSUPPORT"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.row);
    CHECK(outcome(sys::socketpair(row.domain, row.type, row.protocol)) == row.expected);
  }
}

TEST_CASE("socketpair: IPv6 of type 0 is refused (28)") {
  SKIP_UNLESS(have_ipv6(), "no IPv6 here");
  CHECK(outcome(sys::socketpair(AF_INET6, 0, 0)) == "ESOCKTNOSUPPORT");
}

TEST_CASE("dup: copies share O_NONBLOCK and only dup_cloexec sets CLOEXEC (454)") {
  UniqueFd fd = must(sys::socket(AF_INET, kBlocking, 0));
  UniqueFd plain = must(sys::dup(fd.get()));
  UniqueFd cloexec = must(sys::dup_cloexec(fd.get()));
  CHECK_FALSE(is_cloexec(plain.get()));
  CHECK(is_cloexec(cloexec.get()));
  must(sys::set_nonblocking(plain.get(), true));
  CHECK(must(sys::get_nonblocking(fd.get())));
  CHECK(must(sys::get_nonblocking(cloexec.get())));
  must(sys::set_nonblocking(fd.get(), false));
  CHECK_FALSE(must(sys::get_nonblocking(plain.get())));
  must(sys::set_cloexec(plain.get()));
  CHECK(is_cloexec(plain.get()));
}

TEST_CASE("set_nonblocking: keeps the other file status flags") {
  UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC | O_APPEND));
  must(sys::set_nonblocking(fd.get(), true));
  CHECK((::fcntl(fd.get(), F_GETFL) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK));
  must(sys::set_nonblocking(fd.get(), false));
  CHECK((::fcntl(fd.get(), F_GETFL) & (O_APPEND | O_NONBLOCK)) == O_APPEND);
  CHECK(is_cloexec(fd.get()));
}

TEST_CASE("descriptor calls: a closed number is EBADF and names its call") {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  const int number = fd.release();
  CHECK(outcome(sys::close(number)) == "ok");
  CHECK(outcome(sys::close(number)) == "EBADF");
  CHECK(outcome(sys::dup(number)) == "EBADF");
  CHECK(outcome(sys::dup_cloexec(number)) == "EBADF");
  CHECK(outcome(sys::get_nonblocking(number)) == "EBADF");
  CHECK(outcome(sys::set_nonblocking(number, true)) == "EBADF");
  CHECK(outcome(sys::set_cloexec(number)) == "EBADF");
  CHECK(outcome(sys::is_listening(number)) == "EBADF");
  CHECK(std::string(sys::close(number).error().call) == "close");
  CHECK(std::string(sys::dup_cloexec(number).error().call) == "fcntl");
}

TEST_CASE("UniqueFd: closes once and moves and releases") {
  const auto before = open_descriptors();
  {
    UniqueFd first = must(sys::socket(AF_INET, kStream, 0));
    const int number = first.get();
    UniqueFd second = std::move(first);
    CHECK_FALSE(first.valid());
    CHECK(second.get() == number);
    first = must(sys::socket(AF_INET, kStream, 0));
    const int replaced = first.get();
    first = std::move(second);
    CHECK(first.get() == number);
    CHECK_FALSE(is_open(replaced));
    const int released = first.release();
    CHECK(is_open(released));
    UniqueFd owner(released);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("UniqueFd: descriptor 0 is a descriptor") {
  const std::string seen = in_child([] {
    UniqueFd zero(0);
    const bool owned = zero.valid();
    zero.reset();
    return std::string(owned ? "owned" : "none") + (is_open(0) ? " open" : " closed");
  });
  CHECK(seen == "owned closed");
}
