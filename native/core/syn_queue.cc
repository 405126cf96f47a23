#include "syn_queue.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "socket.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

namespace listenq {

namespace {

// A dual-stack listener's IPv4 connections have their addresses in IPv6's clothes.
constexpr std::string_view kMapped = "::ffff:";

struct Place {
  int family;
  std::string_view text;
};

Place place_of(const Endpoint& endpoint) {
  const std::string_view text = endpoint.text;
  const bool mapped = endpoint.family == AF_INET6 && text.starts_with(kMapped) && text.find('.') != text.npos;
  return mapped ? Place{AF_INET, text.substr(kMapped.size())} : Place{endpoint.family, text};
}

// How well the listener fits; 0 if it does not.
int score(const InetListener& listener, const HalfOpen& group) {
  if (listener.local.port != group.local.port || (listener.interface != 0 && listener.interface != group.interface)) {
    return 0;
  }
  // A client with a link-local address gives its half-open connection an interface, and so does a VRF
  // (tcp_l3mdev_accept), though the listener has none.
  const int same = listener.interface == group.interface ? 3 : 0;
  const Place bound = place_of(listener.local);
  const Place came = place_of(group.local);
  if (bound.family == came.family && bound.text == came.text) return same + 3;
  if (bound.family == AF_INET && bound.text == "0.0.0.0" && came.family == AF_INET) return same + 2;
  const bool dual = bound.family == AF_INET6 && bound.text == "::";
  return dual && (came.family == AF_INET6 || !listener.v6only.value_or(false)) ? same + 1 : 0;
}

std::optional<std::uint64_t> cookie_of(int fd) {
  std::uint64_t cookie = 0;
  auto read = sys::getsockopt(fd, SOL_SOCKET, SO_COOKIE, std::as_writable_bytes(std::span(&cookie, 1)));
  return read.ok() ? std::optional(cookie) : std::nullopt;
}

}  // namespace

std::vector<std::uint32_t> syn_lengths(const std::vector<InetListener>& listeners,
                                       const std::vector<HalfOpen>& groups) {
  std::vector<std::uint32_t> lengths(listeners.size());
  std::vector<int> scores(listeners.size());
  for (const HalfOpen& group : groups) {
    int best = 1;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      scores[i] = score(listeners[i], group);
      best = std::max(best, scores[i]);
    }
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      if (scores[i] == best) lengths[i] += group.count;
    }
  }
  return lengths;
}

Result<std::optional<std::uint32_t>> syn_length(int fd) {
  auto name = sys::getsockname(fd);
  if (!name.ok()) return name.error();
  const std::uint16_t port = endpoint_of(name.value()).port;
  const auto cookie = cookie_of(fd);
  if (port == 0 || !cookie) return std::optional<std::uint32_t>();
  auto listeners = inet_listeners(port);
  if (!listeners.ok()) return listeners.error();
  auto groups = half_open(port, listeners.value());
  if (!groups.ok()) return groups.error();
  const auto lengths = syn_lengths(listeners.value(), groups.value());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (listeners.value()[i].cookie == *cookie) return std::optional(lengths[i]);
  }
  return std::optional<std::uint32_t>();
}

}  // namespace listenq
