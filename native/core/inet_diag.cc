#include "inet_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>

#include "netlink.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace listenq {

namespace {

// include/net/tcp_states.h
constexpr std::uint32_t kSynRecv = 1U << 3;
constexpr std::uint8_t kListenState = 10;
constexpr std::uint32_t kListen = 1U << kListenState;

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
  // INET_DIAG_REQ_PROTOCOL: sdiag_protocol has eight bits, and MPTCP's number nine.
  rtattr attribute;
  std::uint32_t protocol;
};

Request request_for(unsigned short type, unsigned short flags, int family, int protocol) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | flags;
  request.body.sdiag_family = static_cast<std::uint8_t>(family);
  // Kernels that ignore the attribute then look among raw sockets, none of which listens.
  request.body.sdiag_protocol = static_cast<std::uint8_t>(std::min<int>(protocol, IPPROTO_RAW));
  request.attribute = {RTA_LENGTH(sizeof request.protocol), INET_DIAG_REQ_PROTOCOL};
  request.protocol = static_cast<std::uint32_t>(protocol);
  return request;
}

Endpoint endpoint(int family, const std::uint32_t (&address)[4], std::uint16_t port) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family, address, text, sizeof text);
  return Endpoint{family, text, ntohs(port), 0};
}

std::uint64_t cookie_of(const inet_diag_sockid& id) {
  return static_cast<std::uint64_t>(id.idiag_cookie[1]) << 32 | id.idiag_cookie[0];
}

InetListener listener_in(int protocol, const inet_diag_msg& message, Payload payload) {
  InetListener listener;
  listener.protocol = protocol;
  listener.local = endpoint(message.idiag_family, message.id.idiag_src, message.id.idiag_sport);
  listener.interface = message.id.idiag_if;
  if (auto v6only = leading<std::uint8_t>(attribute(payload, sizeof message, INET_DIAG_SKV6ONLY))) {
    listener.v6only = *v6only != 0;
  }
  listener.length = message.idiag_rqueue;
  listener.limit = message.idiag_wqueue;
  listener.inode = message.idiag_inode;
  listener.uid = message.idiag_uid;
  listener.cookie = cookie_of(message.id);
  listener.memory = leading<SocketMemory>(attribute(payload, sizeof message, INET_DIAG_SKMEMINFO));
  return listener;
}

// Whether this may be the TCP socket that the kernel keeps in an MPTCP listener. Callers without CAP_NET_ADMIN, whom
// kernels do not show the mark, are by some not shown this either.
bool may_be_in_mptcp(Payload payload) {
  const std::size_t behind = sizeof(inet_diag_msg);
  if (attribute(payload, behind, INET_DIAG_MARK).empty()) return true;
  // The attributes in INET_DIAG_ULP_INFO begin where it does.
  const Payload name = attribute(attribute(payload, behind, INET_DIAG_ULP_INFO), 0, INET_ULP_INFO_NAME);
  constexpr std::string_view kMptcp = "mptcp";
  return name.size() >= kMptcp.size() && std::memcmp(name.data(), kMptcp.data(), kMptcp.size()) == 0;
}

Status list(SocketDiagnostics& diagnostics, int family, int protocol, std::uint16_t port,
            std::vector<InetListener>& listeners, bool* in_mptcp = nullptr) {
  Request request = request_for(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, protocol);
  // Only with TCP_INFO, which is not read here, does the kernel show INET_DIAG_ULP_INFO.
  request.body.idiag_ext = 1U << (INET_DIAG_SKMEMINFO - 1) | 1U << (INET_DIAG_INFO - 1);
  request.body.idiag_states = kListen;
  request.body.id.idiag_sport = htons(port);
  return diagnostics.ask(bytes_of(request), [&](Payload payload) {
    auto message = leading<inet_diag_msg>(payload);
    // A kernel that lists raw sockets instead of MPTCP does not look at idiag_states.
    if (!message || message->idiag_state != kListenState) return;
    listeners.push_back(listener_in(protocol, *message, payload));
    if (in_mptcp != nullptr && may_be_in_mptcp(payload)) *in_mptcp = true;
  });
}

// Puts the drops of the TCP socket that the kernel keeps in each MPTCP listener, and which has its inode, into it.
void merge_mptcp(std::vector<InetListener>& tcp, std::vector<InetListener>&& mptcp) {
  if (mptcp.empty()) return;
  std::unordered_map<std::uint32_t, InetListener*> outer;
  for (auto& listener : mptcp) outer.emplace(listener.inode, &listener);
  std::erase_if(tcp, [&](const InetListener& inner) {
    auto found = outer.find(inner.inode);
    if (found == outer.end()) return false;
    found->second->memory = inner.memory;
    return true;
  });
  std::move(mptcp.begin(), mptcp.end(), std::back_inserter(tcp));
}

Status count(SocketDiagnostics& diagnostics, int family, std::uint16_t port, std::vector<HalfOpen>& groups) {
  Request request = request_for(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, IPPROTO_TCP);
  request.body.idiag_states = kSynRecv;
  request.body.id.idiag_sport = htons(port);
  return diagnostics.ask(bytes_of(request), [&](Payload payload) {
    auto message = leading<inet_diag_msg>(payload);
    // A Fast Open connection in SYN_RECV is in the accept queue already; it is a whole socket, and has this attribute.
    if (!message || !attribute(payload, sizeof *message, INET_DIAG_SHUTDOWN).empty()) return;
    const Endpoint local = endpoint(family, message->id.idiag_src, message->id.idiag_sport);
    auto same = [&](const HalfOpen& group) {
      return group.local.port == local.port && group.interface == message->id.idiag_if &&
             group.local.text == local.text;
    };
    auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) group = groups.insert(group, HalfOpen{local, message->id.idiag_if, 0});
    ++group->count;
  });
}

// "::ffff:127.0.0.1" and "127.0.0.1" are one.
std::string_view plain(std::string_view text) {
  constexpr std::string_view kMapped = "::ffff:";
  const bool mapped = text.starts_with(kMapped) && text.find('.') != text.npos;
  return mapped ? text.substr(kMapped.size()) : text;
}

// Without a cookie the kernel takes what a packet with these addresses would reach: of a connection that is gone, the
// listener, and of a listener at one address, that at any. So the cookie is asked for first, of that very socket.
Result<std::uint64_t> cookie_at(SocketDiagnostics& diagnostics, Request request, const InetSocket& socket) {
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  std::optional<std::uint64_t> cookie;
  auto asked = diagnostics.ask(bytes_of(request), [&](Payload payload) {
    auto message = leading<inet_diag_msg>(payload);
    if (!message || (message->idiag_state == kListenState) != socket.remote.text.empty()) return;
    const Endpoint local = endpoint(message->idiag_family, message->id.idiag_src, message->id.idiag_sport);
    char asked_for[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(socket.local.family, request.body.id.idiag_src, asked_for, sizeof asked_for);
    if (plain(local.text) == plain(asked_for)) cookie = cookie_of(message->id);
  });
  if (!asked.ok()) return asked.error();
  if (!cookie) return SystemError{ENOENT, "sock_diag"};
  return *cookie;
}

bool put_address(const Endpoint& endpoint, std::uint32_t (&address)[4]) {
  return endpoint.text.empty() || ::inet_pton(endpoint.family, endpoint.text.c_str(), address) == 1;
}

}  // namespace

Result<std::vector<InetListener>> inet_listeners(std::uint16_t port) {
  auto diagnostics = SocketDiagnostics::open();
  if (!diagnostics.ok()) return diagnostics.error();
  std::vector<InetListener> tcp;
  std::vector<InetListener> mptcp;
  bool in_mptcp = false;
  auto listed = list(diagnostics.value(), AF_INET, IPPROTO_TCP, port, tcp, &in_mptcp);
  if (!listed.ok()) return listed.error();
  // Kernels without IPv6 or MPTCP have none of these.
  static_cast<void>(list(diagnostics.value(), AF_INET6, IPPROTO_TCP, port, tcp, &in_mptcp).ok());
  // To list MPTCP the kernel walks a table that takes longer than all the rest.
  if (!in_mptcp) return tcp;
  static_cast<void>(list(diagnostics.value(), AF_INET, IPPROTO_MPTCP, port, mptcp).ok());
  static_cast<void>(list(diagnostics.value(), AF_INET6, IPPROTO_MPTCP, port, mptcp).ok());
  merge_mptcp(tcp, std::move(mptcp));
  return tcp;
}

Result<std::vector<HalfOpen>> half_open(std::uint16_t port, const std::vector<InetListener>& listeners) {
  auto diagnostics = SocketDiagnostics::open();
  if (!diagnostics.ok()) return diagnostics.error();
  std::vector<HalfOpen> groups;
  auto counted = count(diagnostics.value(), AF_INET, port, groups);
  if (!counted.ok()) return counted.error();
  const auto is_ipv6 = [](const InetListener& listener) { return listener.local.family == AF_INET6; };
  if (std::ranges::any_of(listeners, is_ipv6)) {
    static_cast<void>(count(diagnostics.value(), AF_INET6, port, groups).ok());
  }
  return groups;
}

Status destroy_socket(const InetSocket& socket) {
  Request request = request_for(SOCK_DESTROY, NLM_F_ACK, socket.local.family, IPPROTO_TCP);
  auto& id = request.body.id;
  if (!put_address(socket.local, id.idiag_src) || !put_address(socket.remote, id.idiag_dst)) {
    return SystemError{EINVAL, "sock_diag"};
  }
  id.idiag_sport = htons(socket.local.port);
  id.idiag_dport = htons(socket.remote.port);
  // A link-local address names its interface by itself.
  id.idiag_if = socket.interface != 0 ? socket.interface : socket.local.scope_id;
  request.body.idiag_states = ~0U;
  id.idiag_cookie[0] = id.idiag_cookie[1] = ~0U;
  auto diagnostics = SocketDiagnostics::open();
  if (!diagnostics.ok()) return diagnostics.error();
  auto cookie = socket.cookie ? Result<std::uint64_t>(*socket.cookie) : cookie_at(diagnostics.value(), request, socket);
  if (!cookie.ok()) return cookie.error();
  id.idiag_cookie[0] = static_cast<std::uint32_t>(cookie.value());
  id.idiag_cookie[1] = static_cast<std::uint32_t>(cookie.value() >> 32);
  return diagnostics.value().ask(bytes_of(request), [](Payload) {});
}

}  // namespace listenq
