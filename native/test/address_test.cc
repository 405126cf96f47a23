// Addresses: built from text, taken apart again.
#include "core/address.h"

#include <doctest/doctest.h>
#include <sys/un.h>

#include <cstddef>
#include <ostream>

#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

TEST_CASE("internet_address: numeric text there and back") {
  struct Row {
    int family;
    std::string_view text;
    std::uint16_t port;
    std::string_view back;
  };
  constexpr Row kRows[] = {
      {AF_INET, "127.0.0.1", 80, "127.0.0.1"},
      {AF_INET, "255.255.255.255", 65535, "255.255.255.255"},
      {AF_INET, "0.0.0.0", 0, "0.0.0.0"},
      {AF_INET6, "::", 0, "::"},
      {AF_INET6, "::1", 443, "::1"},
      {AF_INET6, "2001:DB8:0:0::1", 1, "2001:db8::1"},
      {AF_INET6, "::ffff:127.0.0.1", 65535, "::ffff:127.0.0.1"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const auto address = internet_address(row.family, std::string(row.text), row.port);
    REQUIRE(address.has_value());
    CHECK(address->family() == row.family);
    CHECK(address->length == (row.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
    const Endpoint endpoint = endpoint_of(*address);
    CHECK(endpoint.family == row.family);
    CHECK(endpoint.text == row.back);
    CHECK(endpoint.port == row.port);
    CHECK(endpoint.scope_id == 0);
  }
}

TEST_CASE("internet_address: text that is no numeric address is nothing") {
  for (std::string_view text : {"", "localhost", "127.0.0", "127.0.0.1.1", "256.0.0.1", "127.0.0.1 ", " 127.0.0.1",
                                "127.1", "0x7f000001", "::1", "[::1]", "1e1.0.0.1"}) {
    CAPTURE(text);
    CHECK_FALSE(internet_address(AF_INET, std::string(text), 1).has_value());
  }
  for (std::string_view text : {"", "127.0.0.1", "[::1]", ":::", "::1%lo", "::1%1", "::g", "1:2:3:4:5:6:7:8:9"}) {
    CAPTURE(text);
    CHECK_FALSE(internet_address(AF_INET6, std::string(text), 1).has_value());
  }
  using namespace std::string_literals;
  CHECK_FALSE(internet_address(AF_INET, "127.0.0.1\0.example"s, 1).has_value());
  CHECK_FALSE(internet_address(AF_INET6, "::1\0"s, 1).has_value());
}

TEST_CASE("internet_address: the scope of a link-local address is kept") {
  const Endpoint endpoint = endpoint_of(*internet_address(AF_INET6, "fe80::1", 9, 4294967295U));
  CHECK(endpoint.text == "fe80::1");
  CHECK(endpoint.scope_id == 4294967295U);
}

TEST_CASE("unix_address: paths and abstract names and the empty one") {
  using namespace std::string_literals;
  struct Row {
    std::string name;
    std::size_t length;
  };
  constexpr std::size_t kNameAt = offsetof(sockaddr_un, sun_path);
  const Row rows[] = {{"", kNameAt},
                      {"a", kNameAt + 2},
                      {std::string(107, 'p'), kNameAt + 108},
                      {"\0"s, kNameAt + 1},
                      {"\0abstract"s, kNameAt + 9},
                      {"\0a\0b\0"s, kNameAt + 5},
                      {"\0"s + std::string(107, 'a'), kNameAt + 108}};
  for (const Row& row : rows) {
    CAPTURE(row.name.size());
    const auto address = unix_address(row.name);
    REQUIRE(address.has_value());
    CHECK(address->family() == AF_UNIX);
    CHECK(address->length == row.length);
    CHECK(endpoint_of(*address).family == AF_UNIX);
    CHECK(endpoint_of(*address).text == row.name);
  }
  CHECK_FALSE(unix_address(std::string(108, 'p')).has_value());
  CHECK_FALSE(unix_address("\0"s + std::string(108, 'a')).has_value());
  CHECK_FALSE(unix_address(std::string(100000, 'p')).has_value());
}

TEST_CASE("endpoint_of: a path without its final NUL as the kernel may return it") {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  for (char& letter : un.sun_path) letter = 'p';
  CHECK(endpoint_of(address_from_bytes(&un, sizeof un)).text == std::string(sizeof un.sun_path, 'p'));
  // getsockname(2) counts one more byte than sockaddr_un has for such a path.
  Address longer = address_from_bytes(&un, sizeof un);
  longer.length++;
  CHECK(endpoint_of(longer).text == std::string(sizeof un.sun_path, 'p'));
}

TEST_CASE("endpoint_of: what is no address of the three families") {
  CHECK(Address{}.family() == AF_UNSPEC);
  CHECK(endpoint_of(Address{}).family == AF_UNSPEC);
  Address other = loopback(1);
  other.storage.ss_family = AF_NETLINK;
  CHECK(endpoint_of(other).family == AF_UNSPEC);
  Address cut = loopback(1);
  cut.length = 1;
  CHECK(endpoint_of(cut).family == AF_UNSPEC);
}

TEST_CASE("address_from_bytes: takes no more than an address can hold") {
  const std::string bytes(1000, 'x');
  CHECK(address_from_bytes(bytes.data(), bytes.size()).length == sizeof(sockaddr_storage));
  CHECK(address_from_bytes(bytes.data(), 0).length == 0);
  CHECK(address_from_bytes(bytes.data(), 7).length == 7);
}
