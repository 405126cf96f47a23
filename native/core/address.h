// Socket addresses: the kernel's bytes, and what people write for them.
#ifndef LISTENQ_CORE_ADDRESS_H_
#define LISTENQ_CORE_ADDRESS_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace listenq {

/** A socket address as the kernel takes it: the bytes and how many of them count. */
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return length >= sizeof(sa_family_t) ? storage.ss_family : AF_UNSPEC; }
};

/** An address taken apart. `text` is a numeric address, or for AF_UNIX the name (with a leading NUL if abstract). */
struct Endpoint {
  int family = AF_UNSPEC;
  std::string text;
  std::uint16_t port = 0;
  std::uint32_t scope_id = 0;
};

/** The most bytes of a pathname that bind(2) takes with its final NUL, and of an abstract name with its first one. */
inline constexpr std::size_t kMaxUnixName = 107;

/** Builds an IPv4 or IPv6 address from its numeric text; nothing if inet_pton(3) cannot read it. `port` is in host
 * order. */
std::optional<Address> internet_address(int family, const std::string& text, std::uint16_t port,
                                        std::uint32_t scope_id = 0);

/** Builds an AF_UNIX address: a path, an abstract name (leading NUL), or the empty name, for which bind(2) chooses an
 * abstract one. Nothing if it is longer than kMaxUnixName (an abstract name: one byte more, its leading NUL). */
std::optional<Address> unix_address(std::string_view name);

/** Copies an address that the kernel wrote, of which `length` bytes count. */
Address address_from_bytes(const void* bytes, std::size_t length);

/** Takes an address apart; family AF_UNSPEC if it is none of the three families. */
Endpoint endpoint_of(const Address& address);

}  // namespace listenq

#endif  // LISTENQ_CORE_ADDRESS_H_
