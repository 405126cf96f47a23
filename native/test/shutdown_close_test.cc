// shutdown(2) and close(2) of listeners: who wakes, and what becomes of those that queue.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "core/accept.h"
#include "core/queue.h"
#include "core/socket.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

UniqueFd blocking_listener(int backlog = 5) {
  return listening_on(loopback(), backlog, kBlocking);
}

std::string accept_outcome(int fd) {
  return outcome(accept(fd, SOCK_CLOEXEC));
}

std::string connect_outcome(const Address& address) {
  // Blocking, so that the answer is the final one.
  UniqueFd fd = must(sys::socket(address.family(), kBlocking, 0));
  return outcome(sys::connect(fd.get(), address));
}

// A thread in accept(2) of `fd`; `act` happens while it is blocked.
std::string accept_interrupted_by(int fd, const std::function<void()>& act) {
  std::string answer;
  Runner waiting([&] { answer = accept_outcome(fd); });
  REQUIRE(waiting.blocked());
  act();
  waiting.join();
  return answer;
}

// The same where `act` must not wake it: a client comes afterwards, and that wakes it.
std::string accept_undisturbed_by(int fd, const std::function<void()>& act) {
  const Address address = name_of(fd);
  UniqueFd client;
  return accept_interrupted_by(fd, [&] {
    act();
    std::this_thread::sleep_for(kQuiet);
    client = start_connect(address);
  });
}

Address unspecified() {
  Address address;
  address.storage.ss_family = AF_UNSPEC;
  address.length = sizeof(sockaddr_in);
  return address;
}

}  // namespace

TEST_CASE("shutdown: files that are no sockets (165 and 166)") {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(outcome(sys::shutdown(null.get(), SHUT_RD)) == "ENOTSOCK");
  const int number = null.get();
  null.reset();
  auto refused = sys::shutdown(number, SHUT_RD);
  CHECK(outcome(refused) == "EBADF");
  CHECK(std::string(refused.error().call) == "shutdown");
  CHECK(outcome(sys::shutdown(tcp_listener(1).get(), 3)) == "EINVAL");
}

TEST_CASE("shutdown: SHUT_WR of a listener does nothing (168)") {
  UniqueFd listener = tcp_listener(1);
  CHECK(outcome(sys::shutdown(listener.get(), SHUT_WR)) == "ok");
  Pair pair = connected_through(listener.get());
  CHECK(tcp_state(listener.get()) == "LISTEN");
}

TEST_CASE("shutdown: SHUT_RD ends a listener and keeps its explicit port (169 and 170)") {
  in_private_network([] {
    UniqueFd listener = listening_on(loopback(4669), 1);
    CHECK(outcome(sys::shutdown(listener.get(), SHUT_RD)) == "ok");
    CHECK(accept_outcome(listener.get()) == "EINVAL");
    CHECK(connect_outcome(loopback(4669)) == "ECONNREFUSED");
    CHECK(tcp_state(listener.get()) == "CLOSE");
    UniqueFd other = must(sys::socket(AF_INET, kStream, 0));
    CHECK(outcome(sys::bind(other.get(), loopback(4669))) == "EADDRINUSE");
  });
}

TEST_CASE("shutdown and close: queued clients are reset (172 and 173)") {
  for (bool close_it : {false, true}) {
    CAPTURE(close_it);
    UniqueFd listener = tcp_listener(5);
    UniqueFd first = attempt_at(listener.get()).client;
    UniqueFd second = attempt_at(listener.get()).client;
    if (close_it) listener.reset();
    if (!close_it) must(sys::shutdown(listener.get(), SHUT_RD));
    for (int client : {first.get(), second.get()}) {
      CHECK(poll_text(client, POLLERR | POLLHUP, kPatience) == "ERR|HUP");
      CHECK(recv_text(client) == "ECONNRESET");
    }
  }
}

TEST_CASE("close: a client that still knocks is refused at its next SYN (174)") {
  UniqueFd listener = tcp_listener(0);
  UniqueFd queued = attempt_at(listener.get()).client;
  Attempt knocking = attempt_at(listener.get());
  REQUIRE_FALSE(knocking.admitted);
  listener.reset();
  CHECK(tcp_state(knocking.client.get()) == "SYN_SENT");
  CHECK(poll_text(knocking.client.get(), POLLERR | POLLHUP, kPatience) == "ERR|HUP");
  CHECK(option(knocking.client.get(), SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
}

TEST_CASE("accept: shutdown and connect to AF_UNSPEC wake it with EINVAL (176 and 181)") {
  UniqueFd first = blocking_listener();
  CHECK(accept_interrupted_by(first.get(), [&] { must(sys::shutdown(first.get(), SHUT_RDWR)); }) == "EINVAL");
  UniqueFd second = blocking_listener();
  CHECK(accept_interrupted_by(second.get(), [&] { must(sys::connect(second.get(), unspecified())); }) == "EINVAL");
  UniqueFd local = listening_on(abstract_name(), 1, kBlocking);
  CHECK(accept_interrupted_by(local.get(), [&] { must(sys::shutdown(local.get(), SHUT_RD)); }) == "EINVAL");
}

TEST_CASE("accept: SHUT_WR does not wake it (177)") {
  UniqueFd listener = blocking_listener();
  CHECK(accept_undisturbed_by(listener.get(), [&] { must(sys::shutdown(listener.get(), SHUT_WR)); }) == "ok");
}

TEST_CASE("accept: closing the number does not wake it and the socket lives on (178 and 190)") {
  // In a child: the number is free while the thread still uses it, which is what ListenerGroup is there to prevent.
  for (bool local : {false, true}) {
    CAPTURE(local);
    CHECK(in_child([&] {
            UniqueFd listener = local ? listening_on(abstract_name(), 1, kBlocking) : blocking_listener();
            const int number = listener.release();
            return accept_undisturbed_by(number, [number] { must(sys::close(number)); });
          }) == "ok");
  }
}

TEST_CASE("accept: another file put in place of the number does not wake it (180)") {
  CHECK(in_child([] {
          UniqueFd listener = blocking_listener();
          const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
          return accept_undisturbed_by(listener.get(), [&] { REQUIRE(::dup2(null, listener.get()) >= 0); });
        }) == "ok");
}

TEST_CASE("poll: shutdown of the listener wakes it with POLLHUP (182)") {
  UniqueFd listener = tcp_listener(1);
  std::string seen;
  Runner waiting([&] { seen = poll_text(listener.get(), POLLIN, kPatience); });
  REQUIRE(waiting.blocked());
  must(sys::shutdown(listener.get(), SHUT_RD));
  waiting.join();
  CHECK(seen.find("HUP") != std::string::npos);
}

TEST_CASE("accept: of two threads one takes the client and shutdown wakes the other (184 and 185)") {
  UniqueFd listener = blocking_listener();
  std::string answers[2];
  Runner first([&] { answers[0] = accept_outcome(listener.get()); });
  REQUIRE(first.blocked());
  Runner second([&] { answers[1] = accept_outcome(listener.get()); });
  REQUIRE(second.blocked());
  UniqueFd client = client_of(listener.get());
  CHECK(first.ended());
  CHECK(second.blocked());
  must(sys::shutdown(listener.get(), SHUT_RD));
  first.join();
  second.join();
  CHECK(answers[0] == "ok");
  CHECK(answers[1] == "EINVAL");
}

TEST_CASE("accept: shutdown wakes every thread (185)") {
  UniqueFd listener = blocking_listener();
  std::string answers[2];
  Runner first([&] { answers[0] = accept_outcome(listener.get()); });
  Runner second([&] { answers[1] = accept_outcome(listener.get()); });
  REQUIRE(first.blocked());
  REQUIRE(second.blocked());
  must(sys::shutdown(listener.get(), SHUT_RD));
  first.join();
  second.join();
  CHECK(answers[0] == "EINVAL");
  CHECK(answers[1] == "EINVAL");
}

TEST_CASE("close: a copy goes on listening (186)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd copy = must(sys::dup_cloexec(listener.get()));
  listener.reset();
  Pair pair = connected_through(copy.get());
  CHECK(send_text(pair.client.get(), "x") == "1");
}

TEST_CASE("close: a listener that a child holds goes on listening (188)") {
  UniqueFd listener = tcp_listener(1);
  const Address address = name_of(listener.get());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    ::_exit(poll_text(listener.get(), POLLIN, kPatience) == "IN" && accept_outcome(listener.get()) == "ok" ? 0 : 1);
  }
  listener.reset();
  UniqueFd client = start_connect(address);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("shutdown: an AF_UNIX listener still yields who was queued (192)") {
  UniqueFd listener = unix_listener(1);
  UniqueFd client = start_connect(name_of(listener.get()));
  must(sys::shutdown(listener.get(), SHUT_RD));
  CHECK(accept_outcome(listener.get()) == "ok");
  // EINVAL is for those that would block; poll alone tells the non-blocking caller that nobody will come.
  CHECK(accept_outcome(listener.get()) == "EAGAIN");
  CHECK(poll_text(listener.get(), POLLIN | POLLRDHUP) == "IN|RDHUP");
  must(sys::set_nonblocking(listener.get(), false));
  CHECK(accept_outcome(listener.get()) == "EINVAL");
}

TEST_CASE("close: a client queued at an AF_UNIX listener is reset (193 and 194)") {
  UniqueFd listener = unix_listener(5);
  UniqueFd reader = start_connect(name_of(listener.get()));
  UniqueFd asker = start_connect(name_of(listener.get()));
  listener.reset();
  CHECK(poll_text(reader.get(), POLLERR | POLLHUP, kPatience) == "ERR|HUP");
  CHECK(recv_text(reader.get()) == "ECONNRESET");
  CHECK(recv_text(reader.get()) == "''");
  CHECK(option(asker.get(), SOL_SOCKET, SO_ERROR) == ECONNRESET);
  CHECK(option(asker.get(), SOL_SOCKET, SO_ERROR) == 0);
}

TEST_CASE("close: resets of queued clients move no TCPAbortOnClose (473)") {
  in_private_network([] {
    UniqueFd listener = tcp_listener(5);
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 3; i++) clients.push_back(attempt_at(listener.get()).client);
    const auto before = read_counters().at("TCPAbortOnClose");
    listener.reset();
    for (const UniqueFd& client : clients) CHECK(poll_text(client.get(), POLLHUP, kPatience) == "ERR|HUP");
    CHECK(read_counters().at("TCPAbortOnClose") == before);
  });
}
