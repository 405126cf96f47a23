// read_queue, and the other views of a listener that it must agree with.
#include "core/queue.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <sstream>
#include <vector>

#include "core/socket.h"
#include "core/unix_diag.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

constexpr int kMptcp = 262;

std::vector<UniqueFd> clients_of(int listener, int count) {
  std::vector<UniqueFd> clients;
  while (static_cast<int>(clients.size()) < count) clients.push_back(client_of(listener));
  return clients;
}

// "tx:rx" of the only TCP socket in LISTEN of this network namespace, without leading zeros.
std::string queues_in_proc_net_tcp() {
  std::ifstream file("/proc/thread-self/net/tcp");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string slot;
    std::string local;
    std::string remote;
    std::string state;
    std::string queues;
    fields >> slot >> local >> remote >> state >> queues;
    if (state != "0A") continue;
    return std::to_string(std::stoul(queues.substr(0, 8), nullptr, 16)) + ":" +
           std::to_string(std::stoul(queues.substr(9), nullptr, 16));
  }
  return "none";
}

std::size_t tcp_info_bytes(int fd, std::size_t room) {
  std::vector<std::byte> buffer(room);
  return must(sys::getsockopt(fd, IPPROTO_TCP, TCP_INFO, buffer));
}

}  // namespace

TEST_CASE("read_queue: length and limit of a TCP listener (354)") {
  in_private_network([] {
    UniqueFd listener = tcp_listener(7);
    CHECK(queue_text(listener.get()) == "0/7");
    std::vector<UniqueFd> clients = clients_of(listener.get(), 3);
    CHECK(wait_until([&] { return queue_text(listener.get()) == "3/7"; }));
    CHECK(must(read_queue(listener.get())).drops == 0U);
    CHECK(queues_in_proc_net_tcp() == "0:3");
    UniqueFd accepted = accept_from(listener.get());
    CHECK(queue_text(listener.get()) == "2/7");
  });
}

TEST_CASE("read_queue: an IPv6 listener") {
  SKIP_UNLESS(have_ipv6(), "no IPv6 here");
  UniqueFd listener = listening_on(inet("::1"), 3);
  UniqueFd client = client_of(listener.get());
  CHECK(wait_until([&] { return queue_text(listener.get()) == "1/3"; }));
}

TEST_CASE("read_queue: an AF_UNIX listener has length and limit and no drop count (470)") {
  for (int type : {+SOCK_STREAM, +SOCK_SEQPACKET}) {
    CAPTURE(type);
    UniqueFd listener = unix_listener(2, type);
    CHECK(queue_text(listener.get()) == "0/2");
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 5; i++) {
      clients.push_back(start_connect(name_of(listener.get()), nullptr, type | SOCK_CLOEXEC | SOCK_NONBLOCK));
    }
    CHECK(queue_text(listener.get()) == "3/2");
    CHECK_FALSE(must(read_queue(listener.get())).drops.has_value());
    UniqueFd accepted = accept_from(listener.get());
    CHECK(queue_text(listener.get()) == "2/2");
  }
}

TEST_CASE("read_queue: a path listener") {
  TemporaryDirectory directory;
  UniqueFd listener = listening_on(unix_address(directory.file("socket")).value(), 4);
  UniqueFd client = start_connect(name_of(listener.get()));
  CHECK(queue_text(listener.get()) == "1/4");
}

TEST_CASE("read_queue: an MPTCP listener (465 and 466)") {
  auto made = sys::socket(AF_INET, kStream, kMptcp);
  SKIP_UNLESS(made.ok(), "this kernel has no MPTCP");
  in_private_network([&] {
    run_on_one_cpu();
    UniqueFd listener = must(sys::socket(AF_INET, kStream, kMptcp));
    must(sys::bind(listener.get(), loopback()));
    must(sys::listen(listener.get(), 3));
    CHECK(queue_text(listener.get()) == "0/3");
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 8; i++) clients.push_back(start_connect(name_of(listener.get())));
    CHECK(wait_until([&] { return queue_text(listener.get()) == "4/3"; }));
    CHECK(wait_until([&] { return read_counters().at("ListenDrops") >= 4; }));
    // SO_MEMINFO of such a socket stays 0: a missing count is right, that one would be wrong.
    CHECK_FALSE(must(read_queue(listener.get())).drops.has_value());
    UniqueFd accepted = accept_from(listener.get());
    CHECK(option(accepted.get(), SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
  });
}

TEST_CASE("read_queue: sockets that do not listen are EINVAL") {
  UniqueFd fresh = must(sys::socket(AF_INET, kStream, 0));
  UniqueFd bound = bound_to(loopback());
  UniqueFd local = bound_to(abstract_name());
  auto ends = must(sys::socketpair(AF_UNIX, kStream, 0));
  Pair pair = tcp_pair();
  for (int fd : {fresh.get(), bound.get(), local.get(), ends.first.get(), pair.client.get(), pair.server.get()}) {
    CAPTURE(fd);
    auto refused = read_queue(fd);
    CHECK(outcome(refused) == "EINVAL");
    CHECK(std::string(refused.error().call) == "getsockopt");
  }
}

TEST_CASE("read_queue: protocols that have no queue are EOPNOTSUPP") {
  UniqueFd udp = must(sys::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  UniqueFd netlink = must(sys::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  CHECK(outcome(read_queue(udp.get())) == "EOPNOTSUPP");
  CHECK(outcome(read_queue(netlink.get())) == "EOPNOTSUPP");
}

TEST_CASE("read_queue: what is no socket") {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(outcome(read_queue(null.get())) == "ENOTSOCK");
  const int number = null.get();
  null.reset();
  CHECK(outcome(read_queue(number)) == "EBADF");
  CHECK(outcome(read_queue(-1)) == "EBADF");
}

TEST_CASE("queue_depth: length and limit of a TCP listener and of nothing else") {
  UniqueFd listener = tcp_listener(7);
  std::vector<UniqueFd> clients = clients_of(listener.get(), 3);
  CHECK(wait_until([&] { return queue_text(listener.get()) == "3/7"; }));
  const auto depth = queue_depth(listener.get());
  REQUIRE(depth.has_value());
  CHECK(depth->length == 3);
  CHECK(depth->limit == 7);
  Pair pair = connected_through(tcp_listener(1).get());
  UniqueFd bound = bound_to(loopback());
  UniqueFd local = unix_listener(1);
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd : {pair.server.get(), bound.get(), local.get(), null.get(), -1}) {
    CAPTURE(fd);
    CHECK_FALSE(queue_depth(fd).has_value());
  }
}

TEST_CASE("time_since_handshake: the time from the end of the handshake to accept(2)") {
  // Kernels count it in ticks, of 10 ms at most.
  constexpr auto kTick = 10ms;
  constexpr auto kQueued = 150ms;
  for (const char* host : {"127.0.0.1", "::1"}) {
    CAPTURE(host);
    if (std::string(host) == "::1" && !have_ipv6()) continue;
    for (bool sends : {false, true}) {
      CAPTURE(sends);
      UniqueFd listener = listening_on(inet(host), 1);
      const auto before = std::chrono::steady_clock::now();
      UniqueFd client = client_of(listener.get());
      REQUIRE(poll_text(listener.get(), POLLIN, kPatience) == "IN");
      const auto connected = std::chrono::steady_clock::now();
      std::this_thread::sleep_for(kQueued / 2);
      // What the client sends meanwhile changes nothing.
      if (sends) CHECK(send_text(client.get(), "hello") == "5");
      std::this_thread::sleep_for(kQueued / 2);
      const auto accepting = std::chrono::steady_clock::now();
      UniqueFd accepted = accept_from(listener.get());
      const auto waited = time_since_handshake(accepted.get());
      REQUIRE(waited.has_value());
      CHECK(*waited >= accepting - connected - kTick);
      CHECK(*waited <= std::chrono::steady_clock::now() - before + kTick);
    }
  }
}

TEST_CASE("time_since_handshake: AF_UNIX and what is no connection have none") {
  Pair pair = connected_through(unix_listener(1).get());
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd : {pair.server.get(), null.get(), -1}) CHECK_FALSE(time_since_handshake(fd).has_value());
}

TEST_CASE("is_shut_down: an AF_UNIX listener on which somebody called shutdown") {
  UniqueFd listener = unix_listener(1);
  UniqueFd client = start_connect(name_of(listener.get()));
  CHECK_FALSE(is_shut_down(listener.get()));
  must(sys::shutdown(listener.get(), SHUT_RD));
  CHECK(is_shut_down(listener.get()));
  CHECK(outcome(accept(listener.get(), SOCK_CLOEXEC)) == "ok");
  CHECK(outcome(accept(listener.get(), SOCK_CLOEXEC)) == "EAGAIN");
}

TEST_CASE("unix_queue: leaves no descriptor behind and needs the namespace of the listener") {
  UniqueFd listener = unix_listener(2);
  const auto before = open_descriptors();
  const UnixQueue queue = must(unix_queue(listener.get()));
  CHECK(queue.length == 0);
  CHECK(queue.limit == 2);
  CHECK(open_descriptors() == before);
  in_private_network([&] {
    CHECK(outcome(read_queue(listener.get())) == "ENOENT");
    CHECK(open_descriptors() == before);
  });
}

TEST_CASE("TCP_INFO: the state of a listener and of a connection (349 and 350)") {
  UniqueFd listener = must(sys::socket(AF_INET, kStream, 0));
  CHECK(tcp_state(listener.get()) == "CLOSE");
  must(sys::bind(listener.get(), loopback()));
  CHECK(tcp_state(listener.get()) == "CLOSE");
  must(sys::listen(listener.get(), 1));
  CHECK(tcp_state(listener.get()) == "LISTEN");
  Pair pair = connected_through(listener.get());
  CHECK(tcp_state(pair.client.get()) == "ESTABLISHED");
  CHECK(tcp_state(pair.server.get()) == "ESTABLISHED");
  pair.server.reset();
  CHECK(wait_until([&] { return tcp_state(pair.client.get()) == "CLOSE_WAIT"; }));
  must(sys::shutdown(listener.get(), SHUT_RD));
  CHECK(tcp_state(listener.get()) == "CLOSE");
}

TEST_CASE("TCP_INFO: a short buffer gets as much as it holds (352 and 353)") {
  UniqueFd listener = tcp_listener(1);
  for (std::size_t room : {0, 1, 32}) CHECK(tcp_info_bytes(listener.get(), room) == room);
  // What a kernel knows has only ever grown.
  CHECK(tcp_info_bytes(listener.get(), 4096) >= 104);
}

TEST_CASE("TCP_INFO: an AF_UNIX listener has none (344)") {
  std::byte buffer[8];
  CHECK(outcome(sys::getsockopt(unix_listener(1).get(), IPPROTO_TCP, TCP_INFO, buffer)) == "EOPNOTSUPP");
}

TEST_CASE("TCP_SAVED_SYN: the SYN of an accepted socket is readable once (360)") {
  UniqueFd listener = tcp_listener(1);
  set_option(listener.get(), IPPROTO_TCP, TCP_SAVE_SYN, 1);
  Pair pair = connected_through(listener.get());
  std::array<std::byte, 256> syn{};
  const std::size_t size = must(sys::getsockopt(pair.server.get(), IPPROTO_TCP, TCP_SAVED_SYN, syn));
  CHECK(size >= 40);
  CHECK((syn[0] & std::byte{0xf0}) == std::byte{0x40});
  CHECK(must(sys::getsockopt(pair.server.get(), IPPROTO_TCP, TCP_SAVED_SYN, syn)) == 0);
}

TEST_CASE("listener: what fcntl and fstat and ioctl make of it (361 and 362)") {
  UniqueFd listener = tcp_listener(1);
  CHECK((::fcntl(listener.get(), F_GETFL) & O_ACCMODE) == O_RDWR);
  struct stat found {};
  REQUIRE(::fstat(listener.get(), &found) == 0);
  CHECK((found.st_mode & S_IFMT) == S_IFSOCK);
  int bytes = 0;
  CHECK(::ioctl(listener.get(), FIONREAD, &bytes) < 0);
  CHECK(errno == EINVAL);
  CHECK(::ioctl(listener.get(), TIOCOUTQ, &bytes) < 0);
  CHECK(errno == EINVAL);
}

TEST_CASE("counters: the names that listeners move are there (468)") {
  const Counters counters = read_counters();
  for (std::string_view name : {"ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies",
                                "SyncookiesSent", "TCPAbortOnClose", "TCPMigrateReqSuccess", "OutRsts"}) {
    CAPTURE(name);
    CHECK(counters.contains(std::string(name)));
  }
}

TEST_CASE("counters: a connect to a closed port is one RST (474)") {
  in_private_network([] {
    UniqueFd dead = bound_to(loopback());
    const auto before = read_counters().at("OutRsts");
    std::string answer;
    UniqueFd client = start_connect(name_of(dead.get()), &answer, kBlocking);
    CHECK(answer == "ECONNREFUSED");
    CHECK(read_counters().at("OutRsts") == before + 1);
  });
}
