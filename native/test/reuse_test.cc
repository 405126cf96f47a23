// SO_REUSEADDR and SO_REUSEPORT on listeners: who may have a port, and who gets the connection.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/queue.h"
#include "core/socket.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

constexpr int kNone = 0;
constexpr int kAddr = 1;
constexpr int kPort = 2;

UniqueFd socket_with(int reuse) {
  UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
  if (reuse & kAddr) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (reuse & kPort) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  return fd;
}

UniqueFd listener_with(int reuse, std::uint16_t port, int backlog) {
  UniqueFd fd = socket_with(reuse);
  must(sys::bind(fd.get(), loopback(port)));
  must(sys::listen(fd.get(), backlog));
  return fd;
}

std::string bind_with(int reuse, const Address& address) {
  UniqueFd fd = socket_with(reuse);
  return outcome(sys::bind(fd.get(), address));
}

using Members = std::vector<UniqueFd>;

Members reuseport_members(std::size_t count, int backlog) {
  Members members;
  members.push_back(listener_with(kPort, 0, backlog));
  const std::uint16_t port = port_of(members[0].get());
  while (members.size() < count) members.push_back(listener_with(kPort, port, backlog));
  return members;
}

std::uint32_t length_of(const UniqueFd& listener) {
  return must(read_queue(listener.get())).length;
}

// A program that returns `index` for every connection.
void steer_to(int member, std::uint32_t index) {
  std::array code{sock_filter BPF_STMT(BPF_RET | BPF_K, index)};
  sock_fprog program{code.size(), code.data()};
  must(sys::setsockopt(member, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, std::as_bytes(std::span(&program, 1))));
}

// The clients are closed at once: what they leave in the queues is counted.
void connect_many(const Address& address, int count) {
  for (int i = 0; i < count; i++) {
    UniqueFd client = must(sys::socket(AF_INET, kBlocking, 0));
    must(sys::connect(client.get(), address));
    reset_connection(std::move(client));
  }
}

// The server's end closes first, so that TIME_WAIT stays on its port; or the client's.
void leave_time_wait(UniqueFd listener, bool server_first) {
  Pair pair = connected_through(listener.get());
  listener.reset();
  UniqueFd& first = server_first ? pair.server : pair.client;
  UniqueFd& second = server_first ? pair.client : pair.server;
  first.reset();
  REQUIRE(poll_text(second.get(), POLLRDHUP, kPatience) == "RDHUP");
  second.reset();
}

}  // namespace

TEST_CASE("bind: a second socket on the same address and port (242 to 258)") {
  struct Row {
    std::string_view row;
    int first;
    bool listening;
    int second;
    std::string_view expected;
  };
  constexpr Row kRows[] = {
      {"242", kNone, false, kNone, "EADDRINUSE"}, {"244", kAddr, true, kAddr, "EADDRINUSE"},
      {"245", kAddr, false, kNone, "EADDRINUSE"}, {"246", kNone, false, kAddr, "EADDRINUSE"},
      {"248", kPort, true, kPort, "ok"},          {"249", kPort, true, kNone, "EADDRINUSE"},
      {"250", kNone, true, kPort, "EADDRINUSE"},  {"252", kAddr | kPort, false, kAddr, "ok"},
      {"253", kAddr | kPort, false, kPort, "ok"}, {"254", kAddr | kPort, true, kPort, "ok"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.row);
    UniqueFd first = socket_with(row.first);
    must(sys::bind(first.get(), loopback()));
    if (row.listening) must(sys::listen(first.get(), 1));
    CHECK(bind_with(row.second, name_of(first.get())) == row.expected);
  }
}

TEST_CASE("bind: SO_REUSEPORT may come after the bind of the first (258)") {
  UniqueFd first = bound_to(loopback());
  set_option(first.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  CHECK(bind_with(kPort, name_of(first.get())) == "ok");
}

TEST_CASE("bind: SO_REUSEPORT is for one user and SO_REUSEADDR for all (256 and 257)") {
  SKIP_UNLESS(::geteuid() == 0, "giving up root needs root");
  UniqueFd port = listener_with(kPort, 0, 1);
  UniqueFd addr = socket_with(kAddr);
  must(sys::bind(addr.get(), loopback()));
  const std::string seen = in_child([&] {
    if (::setuid(65534) != 0) return std::string("setuid");
    return bind_with(kPort, name_of(port.get())) + " " + bind_with(kAddr, name_of(addr.get()));
  });
  CHECK(seen == "EADDRINUSE ok");
}

TEST_CASE("bind: an open connection keeps the port of its closed listener (260)") {
  UniqueFd listener = tcp_listener(1);
  const Address address = name_of(listener.get());
  Pair pair = connected_through(listener.get());
  listener.reset();
  CHECK(bind_with(kNone, address) == "EADDRINUSE");
}

TEST_CASE("bind: TIME_WAIT on the port of a listener (261 to 265)") {
  struct Row {
    std::string_view row;
    int before;
    int after;
    bool server_first;
    std::string_view expected;
  };
  constexpr Row kRows[] = {{"261", kNone, kNone, true, "EADDRINUSE"},
                           {"262", kNone, kAddr, true, "EADDRINUSE"},
                           {"264", kAddr, kAddr, true, "ok"},
                           {"265", kNone, kNone, false, "ok"}};
  in_private_network([&] {
    std::uint16_t port = 4560;
    for (const Row& row : kRows) {
      CAPTURE(row.row);
      leave_time_wait(listener_with(row.before, ++port, 1), row.server_first);
      // The last ACK of the client may still be on its way: the port is free only after it.
      const bool as_expected = wait_until([&] { return bind_with(row.after, loopback(port)) == row.expected; });
      CHECK(as_expected);
    }
  });
}

TEST_CASE("SO_REUSEPORT: four listeners share the connections (266)") {
  in_private_network([] {
    Members members = reuseport_members(4, 4096);
    connect_many(name_of(members[0].get()), 4000);
    std::uint32_t total = 0;
    for (const UniqueFd& member : members) {
      const std::uint32_t share = length_of(member);
      CHECK(share > 800);
      CHECK(share < 1200);
      total += share;
    }
    CHECK(total == 4000);
  });
}

TEST_CASE("SO_REUSEPORT: a full member drops though its neighbour has room (268)") {
  in_private_network([] {
    run_on_one_cpu();
    UniqueFd full = listener_with(kPort, 4568, 0);
    UniqueFd roomy = listener_with(kPort, 4568, 4096);
    Members clients;
    for (int i = 0; i < 200; i++) clients.push_back(start_connect(loopback(4568)));
    auto settled = [&] { return length_of(full) + length_of(roomy) + *must(read_queue(full.get())).drops >= 200; };
    REQUIRE(wait_until(settled));
    CHECK(length_of(full) == 1);
    CHECK(length_of(roomy) > 50);
    CHECK(length_of(roomy) < 150);
  });
}

TEST_CASE("SO_REUSEPORT: the queue of a closed member is reset or moves with tcp_migrate_req (269 and 270)") {
  in_private_network([] {
    for (int migrate : {0, 1}) {
      CAPTURE(migrate);
      set_sysctl("net/ipv4/tcp_migrate_req", migrate);
      Members members = reuseport_members(2, 64);
      Members clients;
      for (int i = 0; i < 20; i++) clients.push_back(client_of(members[0].get()));
      REQUIRE(wait_until([&] { return length_of(members[0]) + length_of(members[1]) == 20; }));
      const std::uint32_t queued = length_of(members[0]);
      const Counters before = read_counters();
      members[0].reset();
      CHECK(length_of(members[1]) == (migrate == 1 ? 20 : 20 - queued));
      const auto lost = std::ranges::count_if(
          clients, [](const UniqueFd& client) { return poll_text(client.get(), POLLHUP) != "0"; });
      CHECK(lost == (migrate == 1 ? 0 : queued));
      const std::int64_t moved = read_counters().at("TCPMigrateReqSuccess") - before.at("TCPMigrateReqSuccess");
      CHECK(moved == (migrate == 1 ? queued : 0));
    }
  });
}

TEST_CASE("SO_REUSEPORT: a program chooses the member by index (272 to 274)") {
  in_private_network([] {
    Members members = reuseport_members(4, 4096);
    const Address address = name_of(members[0].get());
    steer_to(members[0].get(), 2);
    connect_many(address, 50);
    CHECK(length_of(members[2]) == 50);
    // Out of range: by hash, as if there were no program.
    steer_to(members[0].get(), 9);
    connect_many(address, 200);
    for (const UniqueFd& member : members) CHECK(length_of(member) > 10);
    // The last member takes the index of one that leaves.
    steer_to(members[1].get(), 0);
    members[0].reset();
    const std::uint32_t before = length_of(members[3]);
    connect_many(address, 50);
    CHECK(length_of(members[3]) == before + 50);
  });
}

TEST_CASE("SO_REUSEPORT: connections stay on the CPU that they came on (277 and 278)") {
  const auto cpus = usable_cpus();
  SKIP_UNLESS(cpus.size() >= 2, "fewer than two CPUs");
  // Which of two members a client on the first and on the second CPU reached.
  auto members_reached = [&](const Members& members) {
    const Address address = name_of(members[0].get());
    std::string text;
    for (int cpu : {cpus[0], cpus[1]}) {
      Runner([&] {
        run_on(cpu);
        for (int i = 0; i < 10; i++) connect_many(address, 1);
      }).join();
      text += std::to_string(length_of(members[0])) + ":" + std::to_string(length_of(members[1])) + " ";
    }
    return text;
  };
  Members by_program = reuseport_members(2, 64);
  // 0 on the first CPU, 1 on every other.
  std::array code{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_CPU)),
                  sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(cpus[0]), 0, 1),
                  sock_filter BPF_STMT(BPF_RET | BPF_K, 0), sock_filter BPF_STMT(BPF_RET | BPF_K, 1)};
  sock_fprog program{code.size(), code.data()};
  must(sys::setsockopt(by_program[0].get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
                       std::as_bytes(std::span(&program, 1))));
  CHECK(members_reached(by_program) == "10:0 10:10 ");
  Members by_option = reuseport_members(2, 64);
  for (std::size_t i = 0; i < 2; i++) set_option(by_option[i].get(), SOL_SOCKET, SO_INCOMING_CPU, cpus[i]);
  CHECK(members_reached(by_option) == "10:0 10:10 ");
}

TEST_CASE("SO_REUSEPORT: a program needs the option (276)") {
  std::array code{sock_filter BPF_STMT(BPF_RET | BPF_K, 0)};
  sock_fprog program{code.size(), code.data()};
  const auto bytes = std::as_bytes(std::span(&program, 1));
  UniqueFd with = socket_with(kPort);
  UniqueFd without = socket_with(kNone);
  CHECK(outcome(sys::setsockopt(with.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, bytes)) == "ok");
  CHECK(outcome(sys::setsockopt(without.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, bytes)) == "EINVAL");
}

TEST_CASE("SO_BINDTODEVICE: a device does not make room for a second socket (280 and 281)") {
  in_private_network([] {
    UniqueFd first = socket_with(kNone);
    must(sys::setsockopt(first.get(), SOL_SOCKET, SO_BINDTODEVICE, std::as_bytes(std::span("lo", 2))));
    must(sys::bind(first.get(), loopback(4580)));
    CHECK(bind_with(kNone, loopback(4580)) == "EADDRINUSE");
    const auto unknown = std::as_bytes(std::span("none0", 5));
    CHECK(outcome(sys::setsockopt(first.get(), SOL_SOCKET, SO_BINDTODEVICE, unknown)) == "ENODEV");
  });
}
