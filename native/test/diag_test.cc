// The socket diagnostics: what they list, beside what the sockets themselves say.
#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "core/inet_diag.h"
#include "core/netlink.h"
#include "core/syn_queue.h"
#include "core/unix_diag.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

constexpr int kMptcp = 262;

template <typename Listener>
std::optional<Listener> with_inode_of(const std::vector<Listener>& listeners, int fd) {
  const auto inode = inode_of(fd);
  auto found = std::find_if(listeners.begin(), listeners.end(), [&](auto& one) { return one.inode == inode; });
  return found == listeners.end() ? std::nullopt : std::optional(*found);
}

// A client that sends nothing to such a listener stays half-open.
UniqueFd deferring_listener(const Address& address) {
  UniqueFd listener = listening_on(address, 50);
  must(sys::setsockopt_int(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, 30));
  return listener;
}

std::vector<UniqueFd> knock(const Address& address, int count) {
  std::vector<UniqueFd> clients;
  while (static_cast<int>(clients.size()) < count) clients.push_back(start_connect(address));
  return clients;
}

}  // namespace

TEST_CASE("inet_listeners: each listener of the namespace with its queue, and nothing that does not listen") {
  in_private_network([] {
    UniqueFd one = tcp_listener(3);
    UniqueFd two = listening_on(inet("0.0.0.0"), 9);
    UniqueFd bound = bound_to(loopback());
    Pair pair = connected_through(two.get());
    auto clients = knock(name_of(one.get()), 6);
    REQUIRE(wait_until([&] { return queue_text(one.get()) == "4/3"; }));
    const auto listeners = must(inet_listeners(0));
    CHECK(listeners.size() == 2);
    const auto full = with_inode_of(listeners, one.get());
    REQUIRE(full.has_value());
    CHECK(full->protocol == IPPROTO_TCP);
    CHECK(full->local.text == "127.0.0.1");
    CHECK(full->local.port == port_of(one.get()));
    CHECK(full->length == 4);
    CHECK(full->limit == 3);
    CHECK(full->uid == 0);
    REQUIRE(full->memory.has_value());
    CHECK((*full->memory)[SK_MEMINFO_DROPS] >= 2);
    CHECK_FALSE(full->v6only.has_value());
    CHECK(must(inet_listeners(port_of(two.get()))).size() == 1);
  });
}

TEST_CASE("inet_listeners: an answer of many parts is read to its end") {
  in_private_network([] {
    std::vector<UniqueFd> all;
    for (int i = 0; i < 600; i++) all.push_back(tcp_listener(i));
    const auto listeners = must(inet_listeners(0));
    REQUIRE(listeners.size() == all.size());
    for (int i = 0; i < 600; i++) {
      const auto found = with_inode_of(listeners, all[static_cast<std::size_t>(i)].get());
      REQUIRE(found.has_value());
      CHECK(found->limit == static_cast<std::uint32_t>(i));
    }
  });
}

TEST_CASE("inet_listeners: an MPTCP listener is one, with the drops of the TCP socket in it") {
  SKIP_UNLESS(sys::socket(AF_INET, kStream, kMptcp).ok(), "this kernel has no MPTCP");
  in_private_network([] {
    UniqueFd listener = listening_on(loopback(), 1);
    UniqueFd multi = must(sys::socket(AF_INET, kStream, kMptcp));
    must(sys::bind(multi.get(), loopback()));
    must(sys::listen(multi.get(), 2));
    auto clients = knock(name_of(multi.get()), 8);
    REQUIRE(wait_until([&] { return queue_text(multi.get()) == "3/2"; }));
    const auto listeners = must(inet_listeners(0));
    CHECK(listeners.size() == 2);
    const auto found = with_inode_of(listeners, multi.get());
    REQUIRE(found.has_value());
    CHECK(found->protocol == kMptcp);
    CHECK(found->length == 3);
    REQUIRE(found->memory.has_value());
    CHECK((*found->memory)[SK_MEMINFO_DROPS] >= 5);
  });
}

TEST_CASE("unix_listeners: paths, abstract names and sockets without a name") {
  in_private_network([] {
    TemporaryDirectory directory;
    const std::string path = directory.file("socket");
    UniqueFd at_path = listening_on(unix_address(path).value(), 4);
    UniqueFd abstract = unix_listener(5, SOCK_SEQPACKET);
    auto ends = must(sys::socketpair(AF_UNIX, kStream, 0));
    UniqueFd client = start_connect(name_of(at_path.get()));
    const auto listeners = must(unix_listeners());
    CHECK(listeners.size() == 2);
    const auto first = with_inode_of(listeners, at_path.get());
    REQUIRE(first.has_value());
    CHECK(first->name == path);
    CHECK(first->type == SOCK_STREAM);
    CHECK(first->queue.length == 1);
    CHECK(first->queue.limit == 4);
    CHECK(first->uid == 0U);
    const auto second = with_inode_of(listeners, abstract.get());
    REQUIRE(second.has_value());
    CHECK(second->name == endpoint_of(name_of(abstract.get())).text);
    CHECK(second->type == SOCK_SEQPACKET);
  });
}

TEST_CASE("syn_length: half-open connections of a listener, and not of its neighbours") {
  in_private_network([] {
    UniqueFd listener = deferring_listener(loopback());
    UniqueFd neighbour = deferring_listener(loopback());
    auto clients = knock(name_of(listener.get()), 5);
    auto others = knock(name_of(neighbour.get()), 2);
    CHECK(wait_until([&] { return must(syn_length(listener.get())) == 5U; }));
    CHECK(must(syn_length(neighbour.get())) == 2U);
    CHECK(queue_text(listener.get()) == "0/50");
  });
}

TEST_CASE("syn_length: listeners that share a port by SO_REUSEPORT have one number together") {
  in_private_network([] {
    auto shared = [](std::uint16_t port) {
      UniqueFd fd = must(sys::socket(AF_INET, kStream, 0));
      must(sys::setsockopt_int(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1));
      must(sys::bind(fd.get(), loopback(port)));
      must(sys::setsockopt_int(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, 30));
      must(sys::listen(fd.get(), 50));
      return fd;
    };
    UniqueFd one = shared(0);
    UniqueFd two = shared(port_of(one.get()));
    auto clients = knock(name_of(one.get()), 8);
    CHECK(wait_until([&] { return must(syn_length(one.get())) == 8U; }));
    CHECK(must(syn_length(two.get())) == 8U);
  });
}

TEST_CASE("syn_length: nothing for a socket that is no TCP listener of this namespace") {
  UniqueFd outside = tcp_listener(1);
  UniqueFd local = unix_listener(1);
  UniqueFd fresh = must(sys::socket(AF_INET, kStream, 0));
  in_private_network([&] {
    for (int fd : {outside.get(), local.get(), fresh.get()}) CHECK_FALSE(must(syn_length(fd)).has_value());
  });
  CHECK(outcome(syn_length(-1)) == "EBADF");
}

TEST_CASE("syn_lengths: the exact address before any address, IPv4 before dual-stack") {
  auto listener = [](int family, const char* text, std::uint32_t interface = 0, bool v6only = false) {
    InetListener made;
    made.local = Endpoint{family, text, 80, 0};
    made.interface = interface;
    if (family == AF_INET6) made.v6only = v6only;
    return made;
  };
  const std::vector<InetListener> listeners = {
      listener(AF_INET, "10.0.0.1"), listener(AF_INET, "0.0.0.0"),    listener(AF_INET6, "::"),
      listener(AF_INET6, "fd00::1"), listener(AF_INET, "0.0.0.0", 3),
  };
  auto of = [&](int family, const char* text, std::uint32_t interface = 0) {
    const auto lengths = syn_lengths(listeners, {HalfOpen{Endpoint{family, text, 80, 0}, interface, 7}});
    return std::find(lengths.begin(), lengths.end(), 7U) - lengths.begin();
  };
  CHECK(of(AF_INET, "10.0.0.1") == 0);
  CHECK(of(AF_INET, "10.0.0.2") == 1);
  CHECK(of(AF_INET6, "::ffff:10.0.0.1") == 0);
  CHECK(of(AF_INET6, "fd00::1") == 3);
  CHECK(of(AF_INET6, "fd00::2") == 2);
  CHECK(of(AF_INET, "10.0.0.1", 3) == 4);
  // The half-open connection of a client with a link-local address has an interface, though its listener has none.
  CHECK(of(AF_INET6, "fe80::1", 2) == 2);
  const std::vector<InetListener> only6 = {listener(AF_INET6, "::", 0, true)};
  CHECK(syn_lengths(only6, {HalfOpen{Endpoint{AF_INET6, "::ffff:10.0.0.1", 80, 0}, 0, 7}})[0] == 0);
  CHECK(syn_lengths(only6, {HalfOpen{Endpoint{AF_INET6, "fd00::1", 81, 0}, 0, 7}})[0] == 0);
}

TEST_CASE("destroy_socket: the connection is reset, its owner reads ECONNABORTED") {
  in_private_network([] {
    Pair pair = tcp_pair();
    InetSocket target;
    target.local = endpoint_of(name_of(pair.client.get()));
    target.remote = endpoint_of(must(sys::getpeername(pair.client.get())));
    CHECK(outcome(destroy_socket(target)) == "ok");
    std::array<std::byte, 1> room{};
    CHECK(outcome(sys::recv(pair.client.get(), room, 0)) == "ECONNABORTED");
    CHECK(outcome(sys::recv(pair.server.get(), room, 0)) == "ECONNRESET");
    CHECK(outcome(destroy_socket(target)) == "ENOENT");
    target.local.text = "no address";
    CHECK(outcome(destroy_socket(target)) == "EINVAL");
  });
}

TEST_CASE("attribute: bytes that are no attributes are passed over, and nothing is read beyond them") {
  std::array<std::byte, 64> bytes{};
  const Payload all(bytes);
  auto put = [&](std::size_t at, unsigned short length, unsigned short type) {
    const rtattr header{length, type};
    std::memcpy(bytes.data() + at, &header, sizeof header);
  };
  CHECK(attribute(all, 8, 3).empty());
  put(8, 8, 2);
  put(16, 12, 3);
  CHECK(attribute(all, 8, 3).size() == 8);
  CHECK(leading<std::uint64_t>(attribute(all, 8, 3)).has_value());
  CHECK_FALSE(leading<std::uint64_t>(attribute(all, 8, 2)).has_value());
  put(16, 60000, 3);
  CHECK(attribute(all, 8, 3).empty());
  put(16, 1, 3);
  CHECK(attribute(all, 8, 3).empty());
  for (std::size_t size = 0; size <= 8; size++) CHECK(attribute(all.first(size), 8, 3).empty());
}

TEST_CASE("ask: a list that the kernel cannot make is its error, not an empty list") {
  auto diagnostics = SocketDiagnostics::open();
  REQUIRE(diagnostics.ok());
  struct {
    nlmsghdr header;
    inet_diag_req_v2 body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = AF_INET;
  // A protocol that has no diagnostics.
  request.body.sdiag_protocol = 200;
  CHECK(outcome(diagnostics.value().ask(bytes_of(request), [](Payload) {})) == "ENOENT");
}

TEST_CASE("destroy_socket: of a connection that has ended it is ENOENT, and the listener behind it goes on") {
  in_private_network([] {
    UniqueFd listener = listening_on(inet("0.0.0.0"), 5);
    InetSocket target;
    target.local = Endpoint{AF_INET, "127.0.0.1", port_of(listener.get()), 0};
    CHECK(outcome(destroy_socket(target)) == "ENOENT");
    target.remote = Endpoint{AF_INET, "127.0.0.1", 9, 0};
    CHECK(outcome(destroy_socket(target)) == "ENOENT");
    CHECK(must(inet_listeners(0)).size() == 1);
    target.local.text = "0.0.0.0";
    target.remote = Endpoint{};
    CHECK(outcome(destroy_socket(target)) == "ok");
    CHECK(must(inet_listeners(0)).empty());
  });
}
