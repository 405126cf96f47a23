// AF_UNIX listeners, stream and seqpacket.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
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

constexpr int kSeqpacket = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

std::string connect_text(const Address& address, int type = kStream) {
  std::string answer;
  UniqueFd fd = start_connect(address, &answer, type);
  return answer;
}

Address path_address(const std::string& path) {
  return unix_address(path).value();
}

// Connects until refused: how many got in, and what the others were told.
std::string admissions(int listener, int type) {
  std::vector<UniqueFd> clients;
  std::string answer = "ok";
  for (int i = 0; answer == "ok" && i < 200; i++) {
    clients.push_back(start_connect(name_of(listener), &answer, type | SOCK_CLOEXEC | SOCK_NONBLOCK));
  }
  return std::to_string(clients.size() - 1) + " then " + answer;
}

// A thread in a blocking connect(2) to `address`, its queue being full.
std::string blocked_connect_ended_by(const Address& address, const std::function<void()>& act) {
  std::string answer;
  Runner waiting([&] { answer = connect_text(address, kBlocking); });
  REQUIRE(waiting.blocked());
  act();
  waiting.join();
  return answer;
}

}  // namespace

TEST_CASE("AF_UNIX: backlog plus one are admitted and the rest are EAGAIN at once (312 to 317)") {
  for (int type : {+SOCK_STREAM, +SOCK_SEQPACKET}) {
    for (int backlog : {0, 1, 2, 5, 128}) {
      CAPTURE(type);
      CAPTURE(backlog);
      UniqueFd listener = unix_listener(backlog, type);
      CHECK(admissions(listener.get(), type) == std::to_string(backlog + 1) + " then EAGAIN");
      CHECK(queue_text(listener.get()) == std::to_string(backlog + 1) + "/" + std::to_string(backlog));
    }
  }
}

TEST_CASE("AF_UNIX: somaxconn caps the backlog (2.1)") {
  in_private_network([] {
    for (int somaxconn : {1, 128}) {
      CAPTURE(somaxconn);
      set_sysctl("net/core/somaxconn", somaxconn);
      for (int type : {+SOCK_STREAM, +SOCK_SEQPACKET}) {
        CHECK(admissions(unix_listener(65535, type).get(), type) == std::to_string(somaxconn + 1) + " then EAGAIN");
        CHECK(admissions(unix_listener(-1, type).get(), type) == std::to_string(somaxconn + 1) + " then EAGAIN");
      }
    }
  });
}

TEST_CASE("AF_UNIX: a blocking connect waits for room (318 and 320)") {
  UniqueFd listener = unix_listener(0);
  const Address address = name_of(listener.get());
  UniqueFd first = start_connect(address);
  UniqueFd taken;
  CHECK(blocked_connect_ended_by(address, [&] { taken = accept_from(listener.get()); }) == "ok");
  // Its connection queues now, dead as it is.
  CHECK(blocked_connect_ended_by(address, [&] { must(sys::listen(listener.get(), 5)); }) == "ok");
}

TEST_CASE("AF_UNIX: closing the listener refuses a blocked connect (321)") {
  UniqueFd listener = unix_listener(0);
  const Address address = name_of(listener.get());
  UniqueFd first = start_connect(address);
  CHECK(blocked_connect_ended_by(address, [&] { listener.reset(); }) == "ECONNREFUSED");
}

TEST_CASE("AF_UNIX: SO_SNDTIMEO bounds a blocking connect (2.2)") {
  UniqueFd listener = unix_listener(0);
  UniqueFd first = start_connect(name_of(listener.get()));
  UniqueFd client = must(sys::socket(AF_UNIX, kBlocking, 0));
  const timeval time{0, 100000};
  must(sys::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, std::as_bytes(std::span(&time, 1))));
  const auto start = std::chrono::steady_clock::now();
  CHECK(outcome(sys::connect(client.get(), name_of(listener.get()))) == "EAGAIN");
  CHECK(std::chrono::steady_clock::now() - start >= 90ms);
}

TEST_CASE("AF_UNIX: poll does not wait for room (322)") {
  UniqueFd listener = unix_listener(0);
  UniqueFd first = start_connect(name_of(listener.get()));
  std::string answer;
  UniqueFd refused = start_connect(name_of(listener.get()), &answer);
  CHECK(answer == "EAGAIN");
  CHECK(poll_text(refused.get(), kAllEvents) == "OUT|HUP|WRNORM|WRBAND");
}

TEST_CASE("AF_UNIX: what a client wrote before it closed is accepted with it (324 to 326)") {
  UniqueFd listener = unix_listener(5);
  UniqueFd silent = start_connect(name_of(listener.get()));
  UniqueFd writer = start_connect(name_of(listener.get()));
  CHECK(send_text(writer.get(), "data") == "4");
  silent.reset();
  writer.reset();
  UniqueFd first = accept_from(listener.get());
  UniqueFd second = accept_from(listener.get());
  CHECK(recv_text(first.get()) == "''");
  CHECK(recv_text(second.get()) == "'data'");
  CHECK(recv_text(second.get()) == "''");
}

TEST_CASE("AF_UNIX: connects that find nobody (328 to 334)") {
  TemporaryDirectory directory;
  UniqueFd listener = unix_listener(1);
  CHECK(connect_text(name_of(listener.get()), kSeqpacket) == "ECONNREFUSED");
  UniqueFd by_path = listening_on(path_address(directory.file("socket")), 1);
  CHECK(connect_text(name_of(by_path.get()), kSeqpacket) == "EPROTOTYPE");
  UniqueFd bound = bound_to(abstract_name());
  CHECK(connect_text(name_of(bound.get())) == "ECONNREFUSED");
  CHECK(connect_text(path_address(directory.file("."))) == "ECONNREFUSED");
  std::ofstream(directory.file("plain")) << "x";
  CHECK(connect_text(path_address(directory.file("plain"))) == "ECONNREFUSED");
  CHECK(outcome(sys::connect(listener.get(), name_of(listener.get()))) == "EINVAL");
  UniqueFd client = start_connect(name_of(listener.get()));
  CHECK(outcome(sys::connect(client.get(), name_of(listener.get()))) == "EISCONN");
}

TEST_CASE("AF_UNIX: a socket file outlives its listener (334)") {
  TemporaryDirectory directory;
  const Address address = path_address(directory.file("socket"));
  listening_on(address, 1).reset();
  CHECK(connect_text(address) == "ECONNREFUSED");
  UniqueFd again = must(sys::socket(AF_UNIX, kStream, 0));
  CHECK(outcome(sys::bind(again.get(), address)) == "EADDRINUSE");
}

TEST_CASE("AF_UNIX: the empty name lets the kernel choose (336)") {
  UniqueFd listener = bound_to(unix_address("").value());
  const std::string name = endpoint_of(name_of(listener.get())).text;
  REQUIRE(name.size() == 6);
  CHECK(name[0] == '\0');
  CHECK(name.find_first_not_of("0123456789abcdef", 1) == std::string::npos);
  must(sys::listen(listener.get(), 1));
  CHECK(connect_text(name_of(listener.get())) == "ok");
}

TEST_CASE("AF_UNIX: bind twice and through a file and what it leaves behind (337 and 338 and 345)") {
  TemporaryDirectory directory;
  UniqueFd bound = bound_to(path_address(directory.file("first")));
  CHECK(outcome(sys::bind(bound.get(), path_address(directory.file("second")))) == "EINVAL");
  CHECK(::access(directory.file("second").c_str(), F_OK) != 0);
  // Its own name: a path is looked for in the file system first, an abstract name is not.
  CHECK(outcome(sys::bind(bound.get(), path_address(directory.file("first")))) == "EADDRINUSE");
  UniqueFd abstract = bound_to(abstract_name());
  CHECK(outcome(sys::bind(abstract.get(), name_of(abstract.get()))) == "EINVAL");
  UniqueFd other = must(sys::socket(AF_UNIX, kStream, 0));
  CHECK(outcome(sys::bind(other.get(), path_address(directory.file("first/below")))) == "ENOTDIR");
}

TEST_CASE("AF_UNIX: the longest path and the longest abstract name") {
  TemporaryDirectory directory;
  std::string path = directory.file("");
  path.append(kMaxUnixName - path.size(), 'x');
  UniqueFd listener = listening_on(path_address(path), 1);
  CHECK(endpoint_of(name_of(listener.get())).text == path);
  CHECK(connect_text(path_address(path)) == "ok");
  std::string name = endpoint_of(abstract_name()).text;
  name.resize(kMaxUnixName + 1, 'x');
  UniqueFd abstract = listening_on(unix_address(name).value(), 1);
  CHECK(endpoint_of(name_of(abstract.get())).text == name);
  CHECK(connect_text(unix_address(name).value()) == "ok");
}

TEST_CASE("AF_UNIX: fchmod before bind sets the mode of the file (340 and 346)") {
  TemporaryDirectory directory;
  UniqueFd fd = must(sys::socket(AF_UNIX, kStream, 0));
  REQUIRE(::fchmod(fd.get(), 0600) == 0);
  must(sys::bind(fd.get(), path_address(directory.file("socket"))));
  struct stat found {};
  REQUIRE(::lstat(directory.file("socket").c_str(), &found) == 0);
  CHECK((found.st_mode & S_IFMT) == S_IFSOCK);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(::open(directory.file("socket").c_str(), O_RDONLY | O_CLOEXEC) < 0);
  CHECK(errno == ENXIO);
}

TEST_CASE("AF_UNIX: SO_PEERCRED names the connecting and the listening process (341 and 342)") {
  UniqueFd listener = unix_listener(1);
  const pid_t parent = ::getpid();
  const std::string seen = in_child([&] {
    UniqueFd client = must(sys::socket(AF_UNIX, kStream, 0));
    must(sys::connect(client.get(), name_of(listener.get())));
    ucred peer{};
    must(sys::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, std::as_writable_bytes(std::span(&peer, 1))));
    return std::to_string(::getpid()) + (peer.pid == parent ? " to the parent" : " to another");
  });
  UniqueFd server = accept_from(listener.get());
  ucred peer{};
  must(sys::getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, std::as_writable_bytes(std::span(&peer, 1))));
  CHECK(seen == std::to_string(peer.pid) + " to the parent");
}

TEST_CASE("AF_UNIX: abstract names belong to the network namespace (348)") {
  UniqueFd listener = unix_listener(1);
  const Address address = name_of(listener.get());
  CHECK(connect_text(address) == "ok");
  in_private_network([&] { CHECK(connect_text(address) == "ECONNREFUSED"); });
}

TEST_CASE("AF_UNIX: ends of a pair that closed or hold messages (32 to 37)") {
  auto [a, b] = must(sys::socketpair(AF_UNIX, kStream, 0));
  CHECK(send_text(b.get(), "0123456789") == "10");
  CHECK(recv_text(a.get(), MSG_TRUNC | MSG_PEEK) == "'0123456789'");
  a.reset();
  CHECK(recv_text(b.get()) == "ECONNRESET");
  CHECK(send_text(b.get(), "x") == "EPIPE");
  CHECK(recv_text(b.get()) == "''");
  auto [c, d] = must(sys::socketpair(AF_UNIX, kSeqpacket, 0));
  CHECK(send_text(d.get(), "0123456789") == "10");
  CHECK(send_text(d.get(), "0123456789") == "10");
  std::byte four[4];
  CHECK(must(sys::recv(c.get(), four, 0)) == 4);
  CHECK(must(sys::recv(c.get(), four, MSG_TRUNC)) == 10);
  CHECK(recv_text(c.get()) == "EAGAIN");
}
