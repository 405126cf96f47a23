// recv_within and send_within.
#include "core/stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <csignal>
#include <vector>

#include "core/socket.h"
#include "core/wait.h"
#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

// The bytes that came in quotes, "nothing" if none came in time, or the errno.
std::string received(int fd, std::chrono::milliseconds slice, std::span<const int> wakers = {}, int flags = 0) {
  std::byte buffer[64];
  auto moved = recv_within(fd, buffer, flags, wakers, slice);
  if (!moved.ok()) return errno_name(moved.error().number);
  if (!moved.value()) return "nothing";
  return "'" + std::string(reinterpret_cast<const char*>(buffer), *moved.value()) + "'";
}

std::string sent(int fd, std::size_t size, std::chrono::milliseconds slice, std::span<const int> wakers = {}) {
  const std::vector<std::byte> bytes(size);
  auto moved = send_within(fd, bytes, 0, wakers, slice);
  if (!moved.ok()) return errno_name(moved.error().number);
  return moved.value() ? std::to_string(*moved.value()) : "nothing";
}

// Sends until no more is taken. For AF_UNIX, where room comes from the reader alone: TCP finds some after a while.
void fill(int fd) {
  while (sent(fd, 4096, 0ms) != "nothing") {
  }
}

std::size_t drain(int fd) {
  std::vector<std::byte> buffer(1 << 20);
  std::size_t total = 0;
  for (;;) {
    auto read = sys::recv(fd, buffer, 0);
    if (!read.ok() || read.value() == 0) return total;
    total += read.value();
  }
}

struct Wakers {
  Waker waker = must(Waker::create());
  int numbers[2] = {-1, waker.fd()};
};

}  // namespace

TEST_CASE("recv_within: what waits already and what comes in time") {
  Pair pair = tcp_pair();
  CHECK(send_text(pair.client.get(), "abc") == "3");
  CHECK(received(pair.server.get(), kPatience) == "'abc'");
  std::string seen;
  Runner waiting([&] { seen = received(pair.server.get(), kPatience); });
  REQUIRE(waiting.blocked());
  CHECK(send_text(pair.client.get(), "later") == "5");
  waiting.join();
  CHECK(seen == "'later'");
}

TEST_CASE("recv_within: nothing in the time given") {
  Pair pair = tcp_pair();
  CHECK(received(pair.server.get(), 0ms) == "nothing");
  const auto start = std::chrono::steady_clock::now();
  CHECK(received(pair.server.get(), 30ms) == "nothing");
  CHECK(std::chrono::steady_clock::now() - start >= 30ms);
}

TEST_CASE("recv_within: a waker ends it and what waits goes before the waker") {
  Pair pair = tcp_pair();
  Wakers wakers;
  std::string seen;
  Runner waiting([&] { seen = received(pair.server.get(), kPatience, wakers.numbers); });
  REQUIRE(waiting.blocked());
  wakers.waker.wake();
  waiting.join();
  CHECK(seen == "nothing");
  CHECK(received(pair.server.get(), kPatience, wakers.numbers) == "nothing");
  CHECK(send_text(pair.client.get(), "abc") == "3");
  REQUIRE(poll_text(pair.server.get(), POLLIN, kPatience) == "IN");
  CHECK(received(pair.server.get(), kPatience, wakers.numbers) == "'abc'");
}

TEST_CASE("recv_within: the end of the stream is no bytes and a reset is ECONNRESET") {
  Pair pair = tcp_pair();
  pair.client.reset();
  CHECK(received(pair.server.get(), kPatience) == "''");
  CHECK(received(pair.server.get(), kPatience) == "''");
  Pair second = tcp_pair();
  reset_connection(std::move(second.client));
  CHECK(received(second.server.get(), kPatience) == "ECONNRESET");
}

TEST_CASE("recv_within: flags go through") {
  Pair pair = tcp_pair();
  CHECK(send_text(pair.client.get(), "abc") == "3");
  CHECK(received(pair.server.get(), kPatience, {}, MSG_PEEK) == "'abc'");
  CHECK(received(pair.server.get(), kPatience) == "'abc'");
  CHECK(received(pair.server.get(), kPatience, {}, MSG_OOB) == "EINVAL");
}

TEST_CASE("recv_within and send_within: refused at once") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(received(listener.get(), kPatience) == "ENOTCONN");
  CHECK(sent(listener.get(), 1, kPatience) == "EPIPE");
  CHECK(received(null.get(), kPatience) == "ENOTSOCK");
  CHECK(sent(null.get(), 1, kPatience) == "ENOTSOCK");
  CHECK(received(-1, kPatience) == "EBADF");
  CHECK(sent(-1, 1, kPatience) == "EBADF");
}

TEST_CASE("send_within: waits for room and a waker ends the wait") {
  auto [writer, reader] = must(sys::socketpair(AF_UNIX, kStream, 0));
  const int from = writer.get();
  fill(from);
  CHECK(sent(from, 10, 0ms) == "nothing");
  Wakers wakers;
  std::string seen;
  Runner woken([&] { seen = sent(from, 10, kPatience, wakers.numbers); });
  REQUIRE(woken.blocked());
  wakers.waker.wake();
  woken.join();
  CHECK(seen == "nothing");
  Runner waiting([&] { seen = sent(from, 10, kPatience); });
  REQUIRE(waiting.blocked());
  drain(reader.get());
  waiting.join();
  CHECK(seen == "10");
}

TEST_CASE("send_within: a large one is taken in part") {
  Pair pair = tcp_pair();
  const std::vector<std::byte> bytes(64 << 20);
  auto moved = must(send_within(pair.client.get(), bytes, 0, {}, 0ms));
  REQUIRE(moved.has_value());
  CHECK(*moved > 0);
  CHECK(*moved < bytes.size());
}

TEST_CASE("send_within: a peer that is gone is EPIPE and not SIGPIPE") {
  // In a child whose SIGPIPE is what it is by default: to be killed.
  CHECK(in_child([] {
          ::signal(SIGPIPE, SIG_DFL);
          Pair pair = tcp_pair();
          must(sys::shutdown(pair.client.get(), SHUT_WR));
          return sent(pair.client.get(), 1, kPatience);
        }) == "EPIPE");
}

TEST_CASE("send: without MSG_NOSIGNAL it is SIGPIPE (394)") {
  CHECK(in_child([] {
          ::signal(SIGPIPE, SIG_DFL);
          Pair pair = tcp_pair();
          must(sys::shutdown(pair.client.get(), SHUT_WR));
          return send_text(pair.client.get(), "x", 0);
        }) == "signal " + std::to_string(SIGPIPE));
}
