#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace listenq {

namespace {

template <typename T>
T view_as(const Address& address) {
  T value{};
  std::memcpy(&value, &address.storage, sizeof value);
  return value;
}

template <typename T>
Address packed(const T& value) {
  return address_from_bytes(&value, sizeof value);
}

Endpoint ipv4_endpoint(const Address& address) {
  auto in = view_as<sockaddr_in>(address);
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
  return Endpoint{AF_INET, text, ntohs(in.sin_port), 0};
}

Endpoint ipv6_endpoint(const Address& address) {
  auto in6 = view_as<sockaddr_in6>(address);
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
  return Endpoint{AF_INET6, text, ntohs(in6.sin6_port), in6.sin6_scope_id};
}

Endpoint unix_endpoint(const Address& address) {
  constexpr std::size_t kNameAt = offsetof(sockaddr_un, sun_path);
  if (address.length <= kNameAt) return Endpoint{AF_UNIX, "", 0, 0};
  auto un = view_as<sockaddr_un>(address);
  std::size_t size = std::min<std::size_t>(address.length - kNameAt, sizeof un.sun_path);
  // A pathname ends at its NUL, which the kernel counts; an abstract name has no end but its length.
  if (un.sun_path[0] != '\0') size = ::strnlen(un.sun_path, size);
  return Endpoint{AF_UNIX, std::string(un.sun_path, size), 0, 0};
}

}  // namespace

std::optional<Address> internet_address(int family, const std::string& text, std::uint16_t port,
                                        std::uint32_t scope_id) {
  // inet_pton would read no further than the NUL and take the rest unseen.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (family == AF_INET) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    if (::inet_pton(AF_INET, text.c_str(), &in.sin_addr) != 1) return std::nullopt;
    return packed(in);
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  in6.sin6_scope_id = scope_id;
  if (::inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr) != 1) return std::nullopt;
  return packed(in6);
}

std::optional<Address> unix_address(std::string_view name) {
  const bool abstract = !name.empty() && name.front() == '\0';
  if (name.size() > kMaxUnixName + (abstract ? 1 : 0)) return std::nullopt;
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), un.sun_path);
  const std::size_t terminator = name.empty() || abstract ? 0 : 1;
  return address_from_bytes(&un, offsetof(sockaddr_un, sun_path) + name.size() + terminator);
}

Address address_from_bytes(const void* bytes, std::size_t length) {
  Address address;
  address.length = static_cast<socklen_t>(std::min(length, sizeof address.storage));
  // Of no bytes there may be no address either, which memcpy(3) does not take.
  if (address.length > 0) std::memcpy(&address.storage, bytes, address.length);
  return address;
}

Endpoint endpoint_of(const Address& address) {
  switch (address.family()) {
    case AF_INET:
      return ipv4_endpoint(address);
    case AF_INET6:
      return ipv6_endpoint(address);
    case AF_UNIX:
      return unix_endpoint(address);
    default:
      return Endpoint{};
  }
}

}  // namespace listenq
