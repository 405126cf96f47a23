#include "support/sockets.h"

#include <doctest/doctest.h>
#include <linux/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

namespace listenq::test {

namespace {

tcp_info read_tcp_info(int fd) {
  tcp_info info{};
  must(sys::getsockopt(fd, IPPROTO_TCP, TCP_INFO, std::as_writable_bytes(std::span(&info, 1))));
  return info;
}

}  // namespace

Address inet(const std::string& text, std::uint16_t port) {
  auto address = internet_address(text.find(':') == std::string::npos ? AF_INET : AF_INET6, text, port);
  REQUIRE_MESSAGE(address.has_value(), text);
  return *address;
}

Address abstract_name() {
  static std::atomic<int> made{0};
  const std::string name =
      std::string(1, '\0') + "listenq-" + std::to_string(::getpid()) + "-" + std::to_string(made++);
  return unix_address(name).value();
}

bool have_ipv6() {
  auto probe = sys::socket(AF_INET6, kStream, 0);
  return probe.ok() && sys::bind(probe.value().get(), inet("::1")).ok();
}

UniqueFd bound_to(const Address& address, int type) {
  UniqueFd fd = must(sys::socket(address.family(), type, 0));
  must(sys::bind(fd.get(), address));
  return fd;
}

UniqueFd listening_on(const Address& address, int backlog, int type) {
  UniqueFd fd = bound_to(address, type);
  must(sys::listen(fd.get(), backlog));
  return fd;
}

UniqueFd unix_listener(int backlog, int type) {
  return listening_on(abstract_name(), backlog, type | SOCK_NONBLOCK | SOCK_CLOEXEC);
}

Address name_of(int fd) {
  return must(sys::getsockname(fd));
}

std::uint32_t inode_of(int fd) {
  struct stat found {};
  REQUIRE(::fstat(fd, &found) == 0);
  return static_cast<std::uint32_t>(found.st_ino);
}

std::uint16_t port_of(int fd) {
  return endpoint_of(name_of(fd)).port;
}

UniqueFd start_connect(const Address& address, std::string* answer, int type) {
  UniqueFd fd = must(sys::socket(address.family(), type, 0));
  const std::string answered = outcome(sys::connect(fd.get(), address));
  if (answer != nullptr) *answer = answered;
  return fd;
}

UniqueFd client_of(int fd) {
  const Address address = name_of(fd);
  const int type = option(fd, SOL_SOCKET, SO_TYPE) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  UniqueFd client = start_connect(address, nullptr, type);
  REQUIRE(poll_text(client.get(), POLLOUT, kPatience) == "OUT");
  REQUIRE(option(client.get(), SOL_SOCKET, SO_ERROR) == 0);
  return client;
}

UniqueFd accept_from(int fd, int flags) {
  REQUIRE(poll_text(fd, POLLIN, kPatience) == "IN");
  return std::move(must(accept(fd, flags)).fd);
}

Pair connected_through(int fd) {
  UniqueFd client = client_of(fd);
  return Pair{std::move(client), accept_from(fd)};
}

Pair tcp_pair() {
  return connected_through(tcp_listener(1).get());
}

Attempt attempt_at(int listener) {
  const Queue before = must(read_queue(listener));
  Attempt attempt{start_connect(name_of(listener)), false};
  Queue now = before;
  // The listener itself says what it did with the SYN; no timing is involved, and the next attempt comes after this.
  const bool settled = wait_until([&] {
    now = must(read_queue(listener));
    return now.length > before.length || now.drops > before.drops;
  });
  REQUIRE(settled);
  attempt.admitted = now.length > before.length;
  return attempt;
}

std::string tcp_state(int fd) {
  static constexpr const char* kStates[] = {"?",         "ESTABLISHED", "SYN_SENT",    "SYN_RECV",   "FIN_WAIT1",
                                            "FIN_WAIT2", "TIME_WAIT",   "CLOSE",       "CLOSE_WAIT", "LAST_ACK",
                                            "LISTEN",    "CLOSING",     "NEW_SYN_RECV"};
  const auto state = read_tcp_info(fd).tcpi_state;
  return state < std::size(kStates) ? kStates[state] : "?";
}

std::uint32_t retransmissions(int fd) {
  return read_tcp_info(fd).tcpi_total_retrans;
}

std::string queue_text(int fd) {
  auto queue = read_queue(fd);
  if (!queue.ok()) return errno_name(queue.error().number);
  return std::to_string(queue.value().length) + "/" + std::to_string(queue.value().limit);
}

int option(int fd, int level, int name) {
  return must(sys::getsockopt_int(fd, level, name));
}

void set_option(int fd, int level, int name, int value) {
  must(sys::setsockopt_int(fd, level, name, value));
}

std::string poll_text(int fd, int asked, std::chrono::milliseconds patience) {
  struct Event {
    int bit;
    const char* name;
  };
  static constexpr Event kEvents[] = {
      {POLLIN, "IN"},     {POLLPRI, "PRI"},       {POLLOUT, "OUT"},       {POLLERR, "ERR"},       {POLLHUP, "HUP"},
      {POLLNVAL, "NVAL"}, {POLLRDNORM, "RDNORM"}, {POLLWRNORM, "WRNORM"}, {POLLWRBAND, "WRBAND"}, {POLLRDHUP, "RDHUP"}};
  pollfd entry{fd, static_cast<short>(asked), 0};
  if (::poll(&entry, 1, static_cast<int>(patience.count())) < 0) return errno_name(errno);
  std::string text;
  for (const Event& event : kEvents) {
    if (entry.revents & event.bit) text += (text.empty() ? "" : "|") + std::string(event.name);
  }
  return text.empty() ? "0" : text;
}

std::string recv_text(int fd, int flags) {
  std::array<std::byte, 64> buffer{};
  auto received = sys::recv(fd, buffer, flags);
  if (!received.ok()) return errno_name(received.error().number);
  return "'" + std::string(reinterpret_cast<const char*>(buffer.data()), received.value()) + "'";
}

std::string send_text(int fd, const std::string& text, int flags) {
  auto sent = sys::send(fd, std::as_bytes(std::span(text)), flags);
  return sent.ok() ? std::to_string(sent.value()) : errno_name(sent.error().number);
}

void reset_connection(UniqueFd fd) {
  const linger at_once{1, 0};
  must(sys::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(&at_once, 1))));
}

}  // namespace listenq::test
