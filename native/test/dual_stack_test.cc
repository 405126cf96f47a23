// Listeners on IPv6 and what they mean for IPv4.
#include <doctest/doctest.h>

#include "core/accept.h"
#include "core/queue.h"
#include "core/socket.h"
#include "support/private_network.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

constexpr std::uint16_t kPort = 4682;

struct Options {
  bool v6only = false;
  bool reuse = false;
};

UniqueFd socket_with(const Options& options, int domain) {
  UniqueFd fd = must(sys::socket(domain, kStream, 0));
  if (domain == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.v6only ? 1 : 0);
  if (options.reuse) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  return fd;
}

UniqueFd bound_with(const Options& options, const Address& address) {
  UniqueFd fd = socket_with(options, address.family());
  must(sys::bind(fd.get(), address));
  return fd;
}

std::string bind_text(const std::string& host, const Options& options = {}) {
  const Address address = inet(host, kPort);
  UniqueFd fd = socket_with(options, address.family());
  return outcome(sys::bind(fd.get(), address));
}

std::string connect_text(const std::string& host, std::uint16_t port = kPort) {
  std::string answer;
  UniqueFd fd = start_connect(inet(host, port), &answer, kBlocking);
  return answer;
}

// IPv6 may be missing from the machine, and then it is missing from a private network too.
void in_private_dual_stack(const std::function<void()>& body) {
  in_private_network([&] {
    SKIP_UNLESS(have_ipv6(), "no IPv6 here");
    body();
  });
}

}  // namespace

TEST_CASE("dual stack: a listener on :: takes both families into one queue (282 and 300)") {
  in_private_dual_stack([] {
    UniqueFd listener = bound_with({}, inet("::", kPort));
    must(sys::listen(listener.get(), 5));
    CHECK(connect_text("127.0.0.1") == "ok");
    CHECK(queue_text(listener.get()) == "1/5");
    CHECK(connect_text("::1") == "ok");
    CHECK(queue_text(listener.get()) == "2/5");
    CHECK(endpoint_of(must(accept(listener.get(), SOCK_CLOEXEC)).peer).text == "::ffff:127.0.0.1");
    CHECK(endpoint_of(must(accept(listener.get(), SOCK_CLOEXEC)).peer).text == "::1");
  });
}

TEST_CASE("dual stack: which families reach a listener (284 and 285)") {
  struct Row {
    std::string_view row;
    std::string_view host;
    bool v6only;
    std::string_view v4;
    std::string_view v6;
  };
  constexpr Row kRows[] = {{"282", "::", false, "ok", "ok"},
                           {"284", "::1", false, "ECONNREFUSED", "ok"},
                           {"285", "::ffff:127.0.0.1", false, "ok", "ECONNREFUSED"},
                           {"288", "::", true, "ECONNREFUSED", "ok"}};
  in_private_dual_stack([&] {
    for (const Row& row : kRows) {
      CAPTURE(row.row);
      UniqueFd listener = bound_with({row.v6only, true}, inet(std::string(row.host), kPort));
      must(sys::listen(listener.get(), 5));
      CHECK(connect_text("127.0.0.1") == row.v4);
      CHECK(connect_text("::1") == row.v6);
    }
  });
}

TEST_CASE("dual stack: what a bound IPv6 socket reserves (286 to 293)") {
  struct Row {
    std::string_view row;
    std::string_view host;
    bool v6only;
    // A bind of ::1, of the mapped loopback, of 127.0.0.1 and of 0.0.0.0.
    std::string_view expected[4];
  };
  constexpr std::string_view kUsed = "EADDRINUSE";
  constexpr Row kRows[] = {
      {"286", "::", false, {kUsed, kUsed, kUsed, kUsed}},
      {"288", "::", true, {kUsed, "ok", "ok", "ok"}},
      {"292", "::ffff:127.0.0.1", false, {"ok", kUsed, kUsed, kUsed}},
      {"293", "::ffff:0.0.0.0", false, {"ok", kUsed, kUsed, kUsed}},
  };
  constexpr std::string_view kHosts[] = {"::1", "::ffff:127.0.0.1", "127.0.0.1", "0.0.0.0"};
  in_private_dual_stack([&] {
    for (const Row& row : kRows) {
      CAPTURE(row.row);
      UniqueFd first = bound_with({row.v6only, false}, inet(std::string(row.host), kPort));
      for (std::size_t i = 0; i < std::size(kHosts); i++) {
        CAPTURE(kHosts[i]);
        CHECK(bind_text(std::string(kHosts[i])) == row.expected[i]);
      }
    }
  });
}

TEST_CASE("dual stack: SO_REUSEADDR shares with IPv4 until one listens (289 and 290)") {
  in_private_dual_stack([] {
    UniqueFd first = bound_with({false, true}, inet("::", kPort));
    CHECK(bind_text("0.0.0.0", {false, true}) == "ok");
    must(sys::listen(first.get(), 1));
    CHECK(bind_text("0.0.0.0", {false, true}) == "EADDRINUSE");
  });
}

TEST_CASE("dual stack: IPV6_V6ONLY before and after bind and from the sysctl (162 and 294 and 296)") {
  in_private_dual_stack([] {
    UniqueFd bound = bound_to(inet("::1"));
    CHECK(outcome(sys::setsockopt_int(bound.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) == "EINVAL");
    UniqueFd before = must(sys::socket(AF_INET6, kStream, 0));
    CHECK(option(before.get(), IPPROTO_IPV6, IPV6_V6ONLY) == 0);
    set_sysctl("net/ipv6/bindv6only", 1);
    UniqueFd after = must(sys::socket(AF_INET6, kStream, 0));
    CHECK(option(after.get(), IPPROTO_IPV6, IPV6_V6ONLY) == 1);
    must(sys::bind(after.get(), inet("::1", kPort)));
    must(sys::listen(after.get(), 1));
    Pair pair = connected_through(after.get());
    CHECK(option(pair.server.get(), IPPROTO_IPV6, IPV6_V6ONLY) == 1);
  });
}

TEST_CASE("dual stack: a bound socket connects to its own family (297 and 298)") {
  in_private_dual_stack([] {
    UniqueFd v6 = listening_on(inet("::1"), 1);
    UniqueFd v4 = listening_on(loopback(), 1);
    UniqueFd from_v6 = bound_to(inet("::1"), kBlocking);
    const Address mapped = inet("::ffff:127.0.0.1", port_of(v4.get()));
    CHECK(outcome(sys::connect(from_v6.get(), mapped)) == "ENETUNREACH");
    UniqueFd from_v4 = bound_to(inet("::ffff:127.0.0.1"), kBlocking);
    CHECK(outcome(sys::connect(from_v4.get(), name_of(v6.get()))) == "EAFNOSUPPORT");
  });
}

TEST_CASE("connect: the unspecified IPv6 address means loopback (210)") {
  SKIP_UNLESS(have_ipv6(), "no IPv6 here");
  UniqueFd listener = listening_on(inet("::1"), 1);
  CHECK(connect_text("::", port_of(listener.get())) == "ok");
}
