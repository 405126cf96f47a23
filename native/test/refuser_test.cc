// Refuser: what the client of a refused connection sees, and that its descriptor comes back.
#include "core/refuser.h"

#include <doctest/doctest.h>

#include <vector>

#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

using Action = Overload::Action;
using Clock = Refuser::Clock;

Overload overload(Action action, const std::string& answer = "") {
  const auto bytes = std::as_bytes(std::span(answer));
  return {action, {bytes.begin(), bytes.end()}};
}

Pair unix_pair() {
  return connected_through(unix_listener(1).get());
}

// All that comes until the stream ends, and how it ended: "" is its orderly end.
struct Read {
  std::string bytes;
  std::string end;
};
Read read_to_end(int fd) {
  Read read;
  std::array<std::byte, 65536> buffer{};
  while (poll_text(fd, POLLIN, kPatience) != "0") {
    auto got = sys::recv(fd, buffer, 0);
    if (!got.ok()) read.end = errno_name(got.error().number);
    if (!got.ok() || got.value() == 0) return read;
    read.bytes.append(reinterpret_cast<const char*>(buffer.data()), got.value());
  }
  read.end = "nothing";
  return read;
}

// Sends `text` and waits until the other end has it.
void send_across(const Pair& pair, const std::string& text) {
  REQUIRE(send_text(pair.client.get(), text) == std::to_string(text.size()));
  REQUIRE(poll_text(pair.server.get(), POLLIN, kPatience) == "IN");
}

}  // namespace

TEST_CASE("reset: the client gets ECONNRESET whether it has sent anything or not") {
  for (bool sent : {false, true}) {
    CAPTURE(sent);
    Pair pair = tcp_pair();
    if (sent) send_across(pair, "GET /");
    reset(std::move(pair.server));
    CHECK(poll_text(pair.client.get(), POLLERR, kPatience) == "ERR|HUP");
    CHECK(recv_text(pair.client.get()) == "ECONNRESET");
  }
}

TEST_CASE("reset: AF_UNIX has none and the stream ends") {
  Pair pair = unix_pair();
  reset(std::move(pair.server));
  CHECK(read_to_end(pair.client.get()).end == "");
}

TEST_CASE("Refuser: reset keeps no descriptor") {
  const auto before = open_descriptors();
  {
    const Overload how = overload(Action::kReset);
    Refuser refuser(how);
    Pair pair = tcp_pair();
    send_across(pair, "GET /");
    refuser.refuse(std::move(pair.server), Clock::now());
    CHECK_FALSE(refuser.next_sweep().has_value());
    CHECK(read_to_end(pair.client.get()).end == "ECONNRESET");
    pair.client.reset();
    CHECK(open_descriptors() == before);
  }
}

TEST_CASE("Refuser: close ends the stream at once and the descriptor when the client has ended its own") {
  for (auto make : {tcp_pair, unix_pair}) {
    const Overload how = overload(Action::kClose);
    Refuser refuser(how);
    Pair pair = make();
    const int number = pair.server.get();
    const auto now = Clock::now();
    refuser.refuse(std::move(pair.server), now);
    CHECK(read_to_end(pair.client.get()).end == "");
    REQUIRE(refuser.next_sweep().has_value());
    CHECK(*refuser.next_sweep() > now);
    refuser.sweep(*refuser.next_sweep());
    CHECK(is_open(number));
    must(sys::shutdown(pair.client.get(), SHUT_WR));
    CHECK(wait_until([&] {
      refuser.sweep(refuser.next_sweep().value_or(now));
      return !is_open(number);
    }));
    CHECK_FALSE(refuser.next_sweep().has_value());
  }
}

TEST_CASE("Refuser: a client that has ended its stream already is not waited for") {
  const Overload how = overload(Action::kClose, "busy\n");
  Refuser refuser(how);
  Pair pair = tcp_pair();
  send_across(pair, "GET /");
  must(sys::shutdown(pair.client.get(), SHUT_WR));
  REQUIRE(poll_text(pair.server.get(), POLLRDHUP, kPatience) == "RDHUP");
  const int number = pair.server.get();
  refuser.refuse(std::move(pair.server), Clock::now());
  CHECK_FALSE(is_open(number));
  CHECK_FALSE(refuser.next_sweep().has_value());
  const Read read = read_to_end(pair.client.get());
  CHECK(read.bytes == "busy\n");
  CHECK(read.end == "");
}

TEST_CASE("Refuser: the answer arrives whole although the client has sent what nobody read") {
  // A plain close(2) with unread bytes would send RST, and the client may lose what it had not read yet.
  const std::string answer = "HTTP/1.1 503 Service Unavailable\r\n\r\n" + std::string(30'000, '.');
  const std::string request(40'000, 'x');
  for (auto make : {tcp_pair, unix_pair}) {
    const Overload how = overload(Action::kClose, answer);
    Refuser refuser(how);
    Pair pair = make();
    send_across(pair, request);
    const auto now = Clock::now();
    refuser.refuse(std::move(pair.server), now);
    // It goes on sending for a while, as an upload does.
    REQUIRE(send_text(pair.client.get(), request) == std::to_string(request.size()));
    refuser.sweep(*refuser.next_sweep());
    REQUIRE(send_text(pair.client.get(), request) == std::to_string(request.size()));
    refuser.sweep(*refuser.next_sweep());
    const Read read = read_to_end(pair.client.get());
    CHECK(read.bytes == answer);
    CHECK(read.end == "");
  }
}

TEST_CASE("Refuser: the answer of one that is gone raises no SIGPIPE") {
  CHECK(in_child([] {
          const Overload how = overload(Action::kClose, "busy\n");
          Refuser refuser(how);
          Pair pair = unix_pair();
          pair.client.reset();
          refuser.refuse(std::move(pair.server), Clock::now());
          return std::string(refuser.next_sweep() ? "lingers" : "closed");
        }) == "closed");
}

TEST_CASE("Refuser: who does not end its stream is closed after a second") {
  const Overload how = overload(Action::kClose);
  Refuser refuser(how);
  Pair pair = tcp_pair();
  const int number = pair.server.get();
  const auto now = Clock::now();
  refuser.refuse(std::move(pair.server), now);
  refuser.sweep(now + 999ms);
  CHECK(is_open(number));
  refuser.sweep(now + 1020ms);
  CHECK_FALSE(is_open(number));
  CHECK_FALSE(refuser.next_sweep().has_value());
}

TEST_CASE("Refuser: a sweep before its time does nothing") {
  const Overload how = overload(Action::kClose);
  Refuser refuser(how);
  Pair pair = tcp_pair();
  const int number = pair.server.get();
  const auto now = Clock::now();
  refuser.refuse(std::move(pair.server), now);
  const auto due = refuser.next_sweep();
  pair.client.reset();
  refuser.sweep(now);
  CHECK(is_open(number));
  CHECK(refuser.next_sweep() == due);
}

TEST_CASE("Refuser: each has its own second") {
  const Overload how = overload(Action::kClose);
  Refuser refuser(how);
  Pair first = tcp_pair();
  Pair second = tcp_pair();
  const int numbers[] = {first.server.get(), second.server.get()};
  const auto now = Clock::now();
  refuser.refuse(std::move(first.server), now);
  refuser.refuse(std::move(second.server), now + 500ms);
  refuser.sweep(now + 1100ms);
  CHECK_FALSE(is_open(numbers[0]));
  CHECK(is_open(numbers[1]));
  refuser.sweep(now + 1600ms);
  CHECK_FALSE(is_open(numbers[1]));
}

TEST_CASE("Refuser: to give up is to close those that are ending") {
  const auto before = open_descriptors();
  const Overload how = overload(Action::kClose);
  Refuser refuser(how);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 5; i++) {
    Pair pair = tcp_pair();
    refuser.refuse(std::move(pair.server), Clock::now());
    clients.push_back(std::move(pair.client));
  }
  CHECK(open_descriptors().size() == before.size() + 10);
  refuser.give_up();
  CHECK(open_descriptors().size() == before.size() + 5);
  CHECK_FALSE(refuser.next_sweep().has_value());
}

TEST_CASE("Refuser: a flood of clients that do not end does not use the descriptors up") {
  constexpr std::size_t kFlood = 1500;
  constexpr std::size_t kMostEnding = 1024;
  const auto before = descriptor_count();
  {
    const Overload how = overload(Action::kClose);
    Refuser refuser(how);
    std::vector<UniqueFd> clients;
    for (std::size_t i = 0; i < kFlood; i++) {
      auto ends = must(sys::socketpair(AF_UNIX, kStream, 0));
      refuser.refuse(std::move(ends.first), Clock::now());
      clients.push_back(std::move(ends.second));
    }
    CHECK(descriptor_count() == before + kFlood + kMostEnding);
  }
  CHECK(descriptor_count() == before);
}
