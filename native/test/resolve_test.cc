// Resolution: getaddrinfo(3) in slices.
#include "core/resolve.h"

#include <doctest/doctest.h>
#include <netdb.h>
#include <sched.h>
#include <sys/mount.h>

#include <fstream>

#include "core/socket.h"
#include "core/wait.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

Resolved answer_of(const std::string& host, std::uint16_t port, bool passive = false) {
  auto resolution = must(Resolution::start(host, port, passive));
  auto answer = must(resolution->within({}, kPatience));
  REQUIRE(answer.has_value());
  return *answer;
}

// In a child: makes 127.0.0.1 the name server of this process, and yields the socket that questions come to.
// Nothing but this process sees the change: it has a mount namespace of its own.
UniqueFd become_silent_name_server(const TemporaryDirectory& directory) {
  const std::string file = directory.file("resolv.conf");
  std::ofstream(file) << "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n";
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount(file.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) != 0) {
    return UniqueFd();
  }
  UniqueFd server = must(sys::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  must(sys::bind(server.get(), loopback(53)));
  return server;
}

// A question that gets no answer, and an asker that waits for a while and then gives up.
std::string give_up_on_silent_name_server(const TemporaryDirectory& directory) {
  UniqueFd server = become_silent_name_server(directory);
  if (!server.valid()) return "no mount namespace";
  auto resolution = must(Resolution::start("silent.example", 1, false));
  // Inside the resolver from here on.
  if (poll_text(server.get(), POLLIN, 5s) != "IN") return "names are not asked of a name server";
  if (must(resolution->within({}, 30ms)).has_value()) return "answered";
  const Waker waker = must(Waker::create());
  waker.wake();
  const int wakers[] = {waker.fd()};
  if (must(resolution->within(wakers, kForever)).has_value()) return "answered";
  const std::size_t before = descriptor_count();
  resolution.reset();
  return std::to_string(before - descriptor_count()) + " descriptor closed";
}

}  // namespace

TEST_CASE("Resolution: numeric hosts are answered with their address and port") {
  struct Row {
    std::string_view host;
    int family;
    std::string_view text;
  };
  for (const Row& row :
       {Row{"127.0.0.1", AF_INET, "127.0.0.1"}, Row{"::1", AF_INET6, "::1"}, Row{"0.0.0.0", AF_INET, "0.0.0.0"}}) {
    CAPTURE(row.host);
    const Resolved resolved = answer_of(std::string(row.host), 8080);
    CHECK(resolved.eai == 0);
    REQUIRE(resolved.addresses.size() == 1);
    const Endpoint endpoint = endpoint_of(resolved.addresses[0]);
    CHECK(endpoint.family == row.family);
    CHECK(endpoint.text == row.text);
    CHECK(endpoint.port == 8080);
  }
}

TEST_CASE("Resolution: localhost is an address of the loopback interface") {
  // Where there is no network no question leaves this machine.
  in_private_network([] {
    const Resolved resolved = answer_of("localhost", 1, true);
    CHECK(resolved.eai == 0);
    REQUIRE_FALSE(resolved.addresses.empty());
    for (const Address& address : resolved.addresses) {
      const std::string text = endpoint_of(address).text;
      CHECK((text == "127.0.0.1" || text == "::1"));
    }
  });
}

TEST_CASE("Resolution: a name that nobody has is an EAI code and no address") {
  in_private_network([] {
    const Resolved resolved = answer_of("nobody.invalid", 1);
    CHECK(resolved.eai != 0);
    CHECK(resolved.addresses.empty());
  });
}

TEST_CASE("Resolution: an answer is yielded once") {
  auto resolution = must(Resolution::start("127.0.0.1", 1, false));
  REQUIRE(must(resolution->within({}, kPatience)).has_value());
  CHECK_FALSE(must(resolution->within({}, 5ms)).has_value());
}

TEST_CASE("Resolution: a waker ends the wait and the answer is kept") {
  auto resolution = must(Resolution::start("127.0.0.1", 1, false));
  const Waker waker = must(Waker::create());
  const int wakers[] = {waker.fd()};
  waker.wake();
  CHECK_FALSE(must(resolution->within(wakers, kPatience)).has_value());
  CHECK(waker.clear());
  CHECK(must(resolution->within(wakers, kPatience)).has_value());
}

TEST_CASE("Resolution: an asker that gives up leaves nothing behind") {
  const auto before = open_descriptors();
  for (int i = 0; i < 20; i++) must(Resolution::start("127.0.0.1", 1, false));
  CHECK(wait_until([&] { return open_descriptors() == before; }));
}

TEST_CASE("Resolution: an asker gives up while the name server is silent") {
  in_private_network([] {
    TemporaryDirectory directory;
    const std::string seen = in_child([&] { return give_up_on_silent_name_server(directory); });
    SKIP_UNLESS(seen.rfind("no", 0) != 0 && seen.rfind("names", 0) != 0, seen);
    CHECK(seen == "1 descriptor closed");
  });
}

TEST_CASE("Resolution: threads ask at the same time") {
  const auto before = open_descriptors();
  {
    std::vector<std::unique_ptr<Runner>> threads;
    for (int i = 0; i < 4; i++) {
      threads.push_back(std::make_unique<Runner>([] {
        for (int round = 0; round < 10; round++) CHECK(answer_of("127.0.0.1", 1).addresses.size() == 1);
      }));
    }
    for (auto& thread : threads) thread->join();
  }
  CHECK(wait_until([&] { return open_descriptors() == before; }));
}

TEST_CASE("Resolution: a full descriptor table is EMFILE at the start") {
  CHECK(in_child([] {
          exhaust_descriptors();
          return outcome(Resolution::start("127.0.0.1", 1, false));
        }) == "EMFILE");
}
