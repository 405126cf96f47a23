// recv(2), send(2) and shutdown(2) of connections, and copies of their descriptors.
#include <doctest/doctest.h>

#include <vector>

#include "core/socket.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

bool arrives(int fd) {
  return poll_text(fd, POLLIN, kPatience) == "IN";
}

}  // namespace

TEST_CASE("recv and send: sockets that are not connected (382 to 386)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd local = unix_listener(1);
  UniqueFd fresh = must(sys::socket(AF_INET, kStream, 0));
  CHECK(recv_text(listener.get()) == "ENOTCONN");
  CHECK(send_text(listener.get(), "x") == "EPIPE");
  CHECK(outcome(sys::getpeername(listener.get())) == "ENOTCONN");
  CHECK(recv_text(local.get()) == "EINVAL");
  CHECK(send_text(local.get(), "x") == "ENOTCONN");
  CHECK(outcome(sys::getpeername(local.get())) == "ENOTCONN");
  CHECK(recv_text(fresh.get()) == "ENOTCONN");
  CHECK(outcome(sys::recv(fresh.get(), {}, 0)) == "ENOTCONN");
  CHECK(send_text(fresh.get(), "x") == "EPIPE");
  const int number = fresh.get();
  fresh.reset();
  std::byte one[1];
  CHECK(recv_text(number) == "EBADF");
  CHECK(std::string(sys::recv(number, one, 0).error().call) == "recv");
  CHECK(std::string(sys::send(number, one, 0).error().call) == "send");
}

TEST_CASE("recv: nothing waits (390 and 392)") {
  Pair pair = tcp_pair();
  CHECK(recv_text(pair.server.get(), MSG_OOB) == "EINVAL");
  CHECK(recv_text(pair.server.get()) == "EAGAIN");
  must(sys::set_nonblocking(pair.server.get(), false));
  CHECK(recv_text(pair.server.get(), MSG_DONTWAIT) == "EAGAIN");
}

TEST_CASE("send: after the own end was shut down (393)") {
  Pair pair = tcp_pair();
  must(sys::shutdown(pair.client.get(), SHUT_WR));
  CHECK(send_text(pair.client.get(), "x") == "EPIPE");
}

TEST_CASE("recv: a peer that closed with data unread (396 and 397)") {
  Pair pair = tcp_pair();
  CHECK(send_text(pair.client.get(), "unread") == "6");
  REQUIRE(arrives(pair.server.get()));
  pair.server.reset();
  REQUIRE(poll_text(pair.client.get(), POLLHUP, kPatience) != "0");
  CHECK(recv_text(pair.client.get()) == "ECONNRESET");
  Pair second = tcp_pair();
  CHECK(send_text(second.server.get(), "kept") == "4");
  REQUIRE(arrives(second.client.get()));
  CHECK(send_text(second.client.get(), "unread") == "6");
  REQUIRE(arrives(second.server.get()));
  second.server.reset();
  REQUIRE(poll_text(second.client.get(), POLLHUP, kPatience) != "0");
  CHECK(recv_text(second.client.get()) == "'kept'");
  CHECK(recv_text(second.client.get()) == "ECONNRESET");
}

TEST_CASE("send: to a peer that closed cleanly is taken once (398)") {
  Pair pair = tcp_pair();
  pair.server.reset();
  REQUIRE(poll_text(pair.client.get(), POLLRDHUP, kPatience) == "RDHUP");
  CHECK(send_text(pair.client.get(), "x") == "1");
  REQUIRE(poll_text(pair.client.get(), POLLHUP, kPatience) != "0");
  CHECK(send_text(pair.client.get(), "x") == "EPIPE");
  CHECK(recv_text(pair.client.get()) == "''");
}

TEST_CASE("recv and send: lengths and MSG_PEEK and MSG_TRUNC and MSG_OOB (400 to 406)") {
  Pair pair = tcp_pair();
  CHECK(send_text(pair.client.get(), "") == "0");
  CHECK(recv_text(pair.server.get()) == "EAGAIN");
  CHECK(send_text(pair.client.get(), "0123456789") == "10");
  REQUIRE(arrives(pair.server.get()));
  for (int i = 0; i < 3; i++) CHECK(recv_text(pair.server.get(), MSG_PEEK) == "'0123456789'");
  std::byte four[4]{};
  CHECK(must(sys::recv(pair.server.get(), four, MSG_TRUNC)) == 4);
  // Counted, not copied.
  CHECK(four[0] == std::byte{0});
  CHECK(recv_text(pair.server.get()) == "'456789'");
  CHECK(send_text(pair.client.get(), "abc", MSG_OOB | MSG_NOSIGNAL) == "3");
  REQUIRE(poll_text(pair.server.get(), POLLPRI, kPatience) == "PRI");
  CHECK(recv_text(pair.server.get()) == "'ab'");
  CHECK(recv_text(pair.server.get(), MSG_OOB) == "'c'");
}

TEST_CASE("recv: SO_RCVTIMEO ends the wait (410)") {
  Pair pair = tcp_pair();
  must(sys::set_nonblocking(pair.server.get(), false));
  const timeval time{0, 100000};
  must(sys::setsockopt(pair.server.get(), SOL_SOCKET, SO_RCVTIMEO, std::as_bytes(std::span(&time, 1))));
  const auto start = std::chrono::steady_clock::now();
  CHECK(recv_text(pair.server.get()) == "EAGAIN");
  CHECK(std::chrono::steady_clock::now() - start >= 90ms);
}

TEST_CASE("recv: shutdown from another thread ends the wait (413)") {
  Pair pair = tcp_pair();
  must(sys::set_nonblocking(pair.server.get(), false));
  std::string answer;
  Runner waiting([&] { answer = recv_text(pair.server.get()); });
  REQUIRE(waiting.blocked());
  must(sys::shutdown(pair.server.get(), SHUT_RD));
  waiting.join();
  CHECK(answer == "''");
}

TEST_CASE("send: a large one of a non-blocking socket is taken in part (414)") {
  Pair pair = tcp_pair();
  const std::vector<std::byte> bytes(64 << 20);
  const std::size_t taken = must(sys::send(pair.client.get(), bytes, MSG_NOSIGNAL));
  CHECK(taken > 0);
  CHECK(taken < bytes.size());
}

TEST_CASE("shutdown: twice while the peer is open and once it has closed too (416)") {
  Pair pair = tcp_pair();
  CHECK(outcome(sys::shutdown(pair.client.get(), SHUT_WR)) == "ok");
  CHECK(outcome(sys::shutdown(pair.client.get(), SHUT_WR)) == "ok");
  pair.server.reset();
  REQUIRE(poll_text(pair.client.get(), 0, kPatience) == "HUP");
  REQUIRE(wait_until([&] { return tcp_state(pair.client.get()) == "CLOSE"; }));
  CHECK(outcome(sys::shutdown(pair.client.get(), SHUT_WR)) == "ENOTCONN");
}

TEST_CASE("dup: shutdown is for all copies and close for one (452 and 453)") {
  Pair pair = tcp_pair();
  UniqueFd copy = must(sys::dup_cloexec(pair.client.get()));
  pair.client.reset();
  CHECK(poll_text(pair.server.get(), POLLRDHUP, kQuiet) == "0");
  CHECK(recv_text(pair.server.get()) == "EAGAIN");
  UniqueFd second = must(sys::dup_cloexec(copy.get()));
  must(sys::shutdown(copy.get(), SHUT_RDWR));
  CHECK(send_text(second.get(), "x") == "EPIPE");
}

TEST_CASE("close: with SO_LINGER of no time it is a reset (441)") {
  Pair pair = tcp_pair();
  reset_connection(std::move(pair.client));
  REQUIRE(poll_text(pair.server.get(), POLLERR, kPatience) == "ERR|HUP");
  CHECK(recv_text(pair.server.get()) == "ECONNRESET");
}
