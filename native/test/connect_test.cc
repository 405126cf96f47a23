// connect(2) to listeners, and connected_within.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/tcp.h>

#include "core/socket.h"
#include "core/stream.h"
#include "core/wait.h"
#include "support/private_network.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

Address altered(Address address, int family, std::size_t length) {
  address.storage.ss_family = static_cast<sa_family_t>(family);
  address.length = static_cast<socklen_t>(length);
  return address;
}

std::string connect_with(int type, const Address& address) {
  std::string answer;
  UniqueFd fd = start_connect(address, &answer, type);
  return answer;
}

// A port on which nothing listens: it is bound, so that nobody else begins to.
struct DeadPort {
  UniqueFd holder = bound_to(loopback());
  Address address = name_of(holder.get());
};

std::string within_text(const Result<bool>& result) {
  if (!result.ok()) return errno_name(result.error().number);
  return result.value() ? "connected" : "under way";
}

std::string connected_text(int fd, std::span<const int> wakers, std::chrono::milliseconds slice) {
  return within_text(connected_within(fd, wakers, slice));
}

}  // namespace

TEST_CASE("connect: what is refused before a SYN is sent (197 to 201)") {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(outcome(sys::connect(null.get(), loopback(1))) == "ENOTSOCK");
  const int number = null.get();
  null.reset();
  auto refused = sys::connect(number, loopback(1));
  CHECK(outcome(refused) == "EBADF");
  CHECK(std::string(refused.error().call) == "connect");
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  CHECK(outcome(sys::connect(fd.get(), altered(loopback(1), AF_INET, 3))) == "EINVAL");
  CHECK(outcome(sys::connect(fd.get(), altered(loopback(1), 47, sizeof(sockaddr_in)))) == "EAFNOSUPPORT");
}

TEST_CASE("connect: nothing listens (202)") {
  CHECK(connect_with(kBlocking, DeadPort().address) == "ECONNREFUSED");
}

TEST_CASE("connect: a connected socket is EISCONN (204)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd client = must(sys::socket(AF_INET, kBlocking, 0));
  must(sys::connect(client.get(), name_of(listener.get())));
  UniqueFd server = accept_from(listener.get());
  CHECK(outcome(sys::connect(client.get(), name_of(listener.get()))) == "EISCONN");
  CHECK(outcome(sys::connect(server.get(), name_of(listener.get()))) == "EISCONN");
}

TEST_CASE("connect: a non-blocking one is EINPROGRESS then ok then EISCONN (205)") {
  UniqueFd listener = tcp_listener(1);
  std::string answer;
  UniqueFd client = start_connect(name_of(listener.get()), &answer);
  CHECK(answer == "EINPROGRESS");
  REQUIRE(poll_text(client.get(), POLLOUT, kPatience) == "OUT");
  CHECK(outcome(sys::connect(client.get(), name_of(listener.get()))) == "ok");
  CHECK(outcome(sys::connect(client.get(), name_of(listener.get()))) == "EISCONN");
}

TEST_CASE("connect: a second one while the first is under way is EALREADY (206)") {
  UniqueFd listener = tcp_listener(0);
  UniqueFd queued = attempt_at(listener.get()).client;
  Attempt knocking = attempt_at(listener.get());
  REQUIRE_FALSE(knocking.admitted);
  CHECK(outcome(sys::connect(knocking.client.get(), name_of(listener.get()))) == "EALREADY");
}

TEST_CASE("connect: once the error has been read the next one is ECONNABORTED (208)") {
  DeadPort dead;
  UniqueFd client = start_connect(dead.address);
  REQUIRE(poll_text(client.get(), POLLERR, kPatience) == "ERR|HUP");
  CHECK(option(client.get(), SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
  CHECK(outcome(sys::connect(client.get(), dead.address)) == "ECONNABORTED");
}

TEST_CASE("connect: a refused blocking socket may try again (209)") {
  DeadPort port;
  UniqueFd client = must(sys::socket(AF_INET, kBlocking, 0));
  CHECK(outcome(sys::connect(client.get(), port.address)) == "ECONNREFUSED");
  must(sys::listen(port.holder.get(), 1));
  CHECK(outcome(sys::connect(client.get(), port.address)) == "ok");
}

TEST_CASE("connect: the unspecified address means loopback (210)") {
  UniqueFd listener = tcp_listener(1);
  CHECK(connect_with(kBlocking, inet("0.0.0.0", port_of(listener.get()))) == "ok");
  CHECK(connect_with(kBlocking, inet("0.0.0.0", endpoint_of(DeadPort().address).port)) == "ECONNREFUSED");
}

TEST_CASE("connect: a listener cannot (212)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd other = tcp_listener(1);
  CHECK(outcome(sys::connect(listener.get(), name_of(other.get()))) == "EISCONN");
}

TEST_CASE("connect: a socket may connect to itself (213)") {
  UniqueFd fd = bound_to(loopback(), kBlocking);
  CHECK(outcome(sys::connect(fd.get(), name_of(fd.get()))) == "ok");
  CHECK(send_text(fd.get(), "me") == "2");
  CHECK(recv_text(fd.get()) == "'me'");
}

TEST_CASE("connect: one local port serves two peers but not one peer twice (214 and 216)") {
  in_private_network([] {
    UniqueFd first = tcp_listener(1);
    UniqueFd second = tcp_listener(1);
    const Address local = loopback(4614);
    auto connect_from_local = [&](int listener, UniqueFd& fd) {
      fd = must(sys::socket(AF_INET, kBlocking, 0));
      set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
      must(sys::bind(fd.get(), local));
      return outcome(sys::connect(fd.get(), name_of(listener)));
    };
    UniqueFd clients[3];
    CHECK(connect_from_local(first.get(), clients[0]) == "ok");
    CHECK(connect_from_local(first.get(), clients[1]) == "EADDRNOTAVAIL");
    CHECK(connect_from_local(second.get(), clients[2]) == "ok");
  });
}

TEST_CASE("shutdown: of a socket that is connecting (217)") {
  for (int how : {SHUT_RD, SHUT_WR, SHUT_RDWR}) {
    CAPTURE(how);
    UniqueFd listener = tcp_listener(0);
    UniqueFd queued = attempt_at(listener.get()).client;
    Attempt knocking = attempt_at(listener.get());
    REQUIRE_FALSE(knocking.admitted);
    [[maybe_unused]] auto ignored = sys::shutdown(knocking.client.get(), how);
    CHECK(poll_text(knocking.client.get(), POLLERR | POLLHUP) == "ERR|HUP");
  }
}

TEST_CASE("connected_within: connected and under way and refused") {
  UniqueFd listener = tcp_listener(0);
  UniqueFd client = start_connect(name_of(listener.get()));
  CHECK(connected_text(client.get(), {}, kPatience) == "connected");
  Attempt knocking = attempt_at(listener.get());
  REQUIRE_FALSE(knocking.admitted);
  CHECK(connected_text(knocking.client.get(), {}, 5ms) == "under way");
  CHECK(connected_text(knocking.client.get(), {}, 0ms) == "under way");
  UniqueFd refused = start_connect(DeadPort().address);
  auto result = connected_within(refused.get(), {}, kPatience);
  CHECK(within_text(result) == "ECONNREFUSED");
  CHECK(std::string(result.error().call) == "connect");
}

TEST_CASE("connected_within: a waker ends it and the connection goes on") {
  UniqueFd listener = tcp_listener(0);
  UniqueFd queued = attempt_at(listener.get()).client;
  Attempt knocking = attempt_at(listener.get());
  REQUIRE_FALSE(knocking.admitted);
  const Waker waker = must(Waker::create());
  const int wakers[] = {waker.fd()};
  std::string answer;
  Runner waiting([&] { answer = connected_text(knocking.client.get(), wakers, kPatience); });
  REQUIRE(waiting.blocked());
  waker.wake();
  waiting.join();
  CHECK(answer == "under way");
  // There is room now, and its next SYN finds it.
  UniqueFd accepted = accept_from(listener.get());
  CHECK(connected_text(knocking.client.get(), {}, kPatience) == "connected");
}
