// Resolution: getaddrinfo(3) in slices.
#include "core/resolve.h"

#include <doctest/doctest.h>
#include <netdb.h>

#include "core/wait.h"
#include "support/private_network.h"
#include "support/process.h"
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
