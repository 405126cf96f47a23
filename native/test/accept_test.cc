// accept(2): errnos, the new descriptor, the queue it takes from, and signals.
#include "core/accept.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <csignal>
#include <vector>

#include "core/queue.h"
#include "core/rlimit.h"
#include "core/socket.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::string accept_outcome(int fd, int flags = SOCK_CLOEXEC | SOCK_NONBLOCK) {
  return outcome(accept(fd, flags));
}

void set_blocking_timeout(int fd, int milliseconds) {
  const timeval time{milliseconds / 1000, milliseconds % 1000 * 1000};
  must(sys::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, std::as_bytes(std::span(&time, 1))));
}

// SIGUSR1 does nothing but interrupt; with `flags` of sigaction(2).
class Interrupting {
 public:
  explicit Interrupting(int flags) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = flags;
    ::sigaction(SIGUSR1, &action, &before_);
  }
  ~Interrupting() { ::sigaction(SIGUSR1, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

}  // namespace

TEST_CASE("accept: files that are no sockets (112 to 120)") {
  struct Row {
    std::string_view row;
    UniqueFd fd;
    std::string_view expected;
  };
  Row rows[] = {
      {"113", UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)), "ENOTSOCK"},
      {"114", UniqueFd(::open("/", O_RDONLY | O_CLOEXEC)), "ENOTSOCK"},
      {"116", UniqueFd(::eventfd(0, EFD_CLOEXEC)), "ENOTSOCK"},
      {"117", UniqueFd(::epoll_create1(EPOLL_CLOEXEC)), "ENOTSOCK"},
      {"118", UniqueFd(::memfd_create("listenq", MFD_CLOEXEC)), "ENOTSOCK"},
      {"120", UniqueFd(::open("/", O_PATH | O_CLOEXEC)), "EBADF"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.row);
    REQUIRE(row.fd.valid());
    CHECK(accept_outcome(row.fd.get()) == row.expected);
  }
  const int number = rows[0].fd.get();
  rows[0].fd.reset();
  auto refused = accept(number, 0);
  CHECK(outcome(refused) == "EBADF");
  CHECK(std::string(refused.error().call) == "accept");
}

TEST_CASE("accept: sockets that do not listen (121 to 128)") {
  UniqueFd bound = bound_to(loopback());
  UniqueFd fresh = must(sys::socket(AF_INET, kStream, 0));
  UniqueFd udp = must(sys::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  UniqueFd local = must(sys::socket(AF_UNIX, kStream, 0));
  UniqueFd bound_local = bound_to(abstract_name());
  auto ends = must(sys::socketpair(AF_UNIX, kStream, 0));
  Pair pair = tcp_pair();
  CHECK(accept_outcome(bound.get()) == "EINVAL");
  CHECK(accept_outcome(fresh.get()) == "EINVAL");
  CHECK(accept_outcome(pair.client.get()) == "EINVAL");
  CHECK(accept_outcome(pair.server.get()) == "EINVAL");
  CHECK(accept_outcome(udp.get()) == "EOPNOTSUPP");
  CHECK(accept_outcome(local.get()) == "EINVAL");
  CHECK(accept_outcome(bound_local.get()) == "EINVAL");
  CHECK(accept_outcome(ends.first.get()) == "EINVAL");
}

TEST_CASE("accept: a non-blocking listener with an empty queue is EAGAIN (129)") {
  CHECK(accept_outcome(tcp_listener(1).get()) == "EAGAIN");
  CHECK(accept_outcome(unix_listener(1).get()) == "EAGAIN");
}

TEST_CASE("accept: SOCK_NONBLOCK is for the new socket and the listener still blocks (130)") {
  UniqueFd listener = listening_on(loopback(), 1, kBlocking);
  std::string answer;
  Runner waiting([&] { answer = accept_outcome(listener.get(), SOCK_NONBLOCK | SOCK_CLOEXEC); });
  CHECK(waiting.blocked());
  UniqueFd client = start_connect(name_of(listener.get()));
  waiting.join();
  CHECK(answer == "ok");
}

TEST_CASE("accept: unknown flags are refused by the kernel (133 and 134)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd client = client_of(listener.get());
  CHECK(accept_outcome(listener.get(), 1) == "EINVAL");
  CHECK(accept_outcome(listener.get(), O_NONBLOCK | O_CLOEXEC | O_APPEND) == "EINVAL");
  CHECK(queue_text(listener.get()) == "1/1");
}

TEST_CASE("accept: the flags of the new descriptor are those that were passed (136)") {
  UniqueFd listener = tcp_listener(1);
  REQUIRE(is_cloexec(listener.get()));
  for (int flags : {0, +SOCK_CLOEXEC, +SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK}) {
    CAPTURE(flags);
    UniqueFd client = client_of(listener.get());
    UniqueFd server = accept_from(listener.get(), flags);
    CHECK(is_cloexec(server.get()) == ((flags & SOCK_CLOEXEC) != 0));
    CHECK(must(sys::get_nonblocking(server.get())) == ((flags & SOCK_NONBLOCK) != 0));
  }
}

TEST_CASE("accept: yields the whole address of the peer (137 and 150)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd client = client_of(listener.get());
  Accepted accepted = must(accept(listener.get(), SOCK_CLOEXEC));
  CHECK(accepted.peer.length == sizeof(sockaddr_in));
  const Endpoint peer = endpoint_of(accepted.peer);
  CHECK(peer.family == AF_INET);
  CHECK(peer.text == "127.0.0.1");
  CHECK(peer.port == port_of(client.get()));
  CHECK(endpoint_of(must(sys::getpeername(accepted.fd.get()))).port == port_of(client.get()));
  CHECK(endpoint_of(must(sys::getpeername(client.get()))).port == port_of(accepted.fd.get()));
  CHECK(port_of(accepted.fd.get()) == port_of(listener.get()));
}

TEST_CASE("accept: yields the whole address of an IPv6 peer (137)") {
  SKIP_UNLESS(have_ipv6(), "no IPv6 here");
  UniqueFd listener = listening_on(inet("::1"), 1);
  UniqueFd client = client_of(listener.get());
  Accepted accepted = must(accept(listener.get(), SOCK_CLOEXEC));
  CHECK(accepted.peer.length == sizeof(sockaddr_in6));
  CHECK(endpoint_of(accepted.peer).text == "::1");
  CHECK(endpoint_of(accepted.peer).port == port_of(client.get()));
}

TEST_CASE("accept: the peer of an AF_UNIX listener has a name only if it was bound") {
  UniqueFd listener = unix_listener(1);
  UniqueFd unnamed = start_connect(name_of(listener.get()));
  const Accepted first = must(accept(listener.get(), SOCK_CLOEXEC));
  CHECK(first.peer.family() == AF_UNIX);
  CHECK(endpoint_of(first.peer).text.empty());
  UniqueFd named = bound_to(abstract_name());
  must(sys::connect(named.get(), name_of(listener.get())));
  const Accepted second = must(accept(listener.get(), SOCK_CLOEXEC));
  CHECK(endpoint_of(second.peer).text == endpoint_of(name_of(named.get())).text);
}

TEST_CASE("accept: a full descriptor table is EMFILE and the client stays queued (140 and 141)") {
  const std::string seen = in_child([] {
    UniqueFd listener = tcp_listener(1);
    UniqueFd blocking = listening_on(loopback(), 1, kBlocking);
    UniqueFd client = client_of(listener.get());
    const rlimit before = must(sys::getrlimit(RLIMIT_NOFILE));
    exhaust_descriptors();
    std::string answers = accept_outcome(listener.get());
    answers += " " + queue_text(listener.get());
    answers += " " + accept_outcome(blocking.get());
    must(sys::setrlimit(RLIMIT_NOFILE, before));
    answers += " " + accept_outcome(listener.get());
    return answers + " " + queue_text(listener.get());
  });
  CHECK(seen == "EMFILE 1/1 EMFILE ok 0/1");
}

TEST_CASE("accept: a connection that was reset in the queue is accepted and keeps its slot (142 to 145)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd client = client_of(listener.get());
  const std::uint16_t port = port_of(client.get());
  reset_connection(std::move(client));
  // Nothing shows when the RST has been taken; a second connection comes after it.
  CHECK(attempt_at(listener.get()).admitted);
  CHECK(queue_text(listener.get()) == "2/1");
  Accepted accepted = must(accept(listener.get(), SOCK_CLOEXEC | SOCK_NONBLOCK));
  CHECK(endpoint_of(accepted.peer).port == port);
  CHECK(poll_text(accepted.fd.get(), POLLERR, kPatience) == "ERR|HUP");
  CHECK(recv_text(accepted.fd.get()) == "ECONNRESET");
  CHECK(recv_text(accepted.fd.get()) == "''");
}

TEST_CASE("accept: what was sent before is there and so is the end (146)") {
  UniqueFd listener = tcp_listener(1);
  UniqueFd client = client_of(listener.get());
  CHECK(send_text(client.get(), "abc") == "3");
  client.reset();
  UniqueFd server = accept_from(listener.get());
  REQUIRE(poll_text(server.get(), POLLRDHUP, kPatience) == "RDHUP");
  CHECK(recv_text(server.get()) == "'abc'");
  CHECK(recv_text(server.get()) == "''");
}

TEST_CASE("accept: first come and first served (148)") {
  UniqueFd listener = tcp_listener(5);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; i++) clients.push_back(attempt_at(listener.get()).client);
  for (const UniqueFd& client : clients) {
    const Accepted accepted = must(accept(listener.get(), SOCK_CLOEXEC));
    CHECK(endpoint_of(accepted.peer).port == port_of(client.get()));
  }
}

TEST_CASE("accept: the local address is the one that the client chose (149)") {
  UniqueFd listener = listening_on(inet("0.0.0.0"), 1);
  UniqueFd client = start_connect(inet("127.0.0.9", port_of(listener.get())));
  UniqueFd server = accept_from(listener.get());
  CHECK(endpoint_of(name_of(server.get())).text == "127.0.0.9");
  CHECK(port_of(server.get()) == port_of(listener.get()));
}

TEST_CASE("accept: a signal with SA_RESTART does not end it (152)") {
  Interrupting handler(SA_RESTART);
  UniqueFd listener = listening_on(loopback(), 1, kBlocking);
  std::string answer;
  Runner waiting([&] { answer = accept_outcome(listener.get()); });
  REQUIRE(waiting.blocked());
  ::pthread_kill(waiting.handle(), SIGUSR1);
  CHECK_FALSE(waiting.ended(kQuiet));
  UniqueFd client = start_connect(name_of(listener.get()));
  waiting.join();
  CHECK(answer == "ok");
}

TEST_CASE("accept: a signal is EINTR without SA_RESTART and with SO_RCVTIMEO in any case (153)") {
  struct Row {
    int flags;
    int timeout;
  };
  for (const Row& row : {Row{0, 0}, Row{SA_RESTART, 60000}}) {
    CAPTURE(row.flags);
    Interrupting handler(row.flags);
    UniqueFd listener = listening_on(loopback(), 1, kBlocking);
    if (row.timeout > 0) set_blocking_timeout(listener.get(), row.timeout);
    std::string answer;
    Runner waiting([&] { answer = accept_outcome(listener.get()); });
    REQUIRE(waiting.blocked());
    ::pthread_kill(waiting.handle(), SIGUSR1);
    waiting.join();
    CHECK(answer == "EINTR");
  }
}

TEST_CASE("accept: SO_RCVTIMEO of the listener ends the wait and is inherited (132)") {
  UniqueFd listener = listening_on(loopback(), 1, kBlocking);
  set_blocking_timeout(listener.get(), 200);
  CHECK(accept_outcome(listener.get()) == "EAGAIN");
  Pair pair = connected_through(listener.get());
  timeval inherited{};
  must(sys::getsockopt(pair.server.get(), SOL_SOCKET, SO_RCVTIMEO, std::as_writable_bytes(std::span(&inherited, 1))));
  CHECK(inherited.tv_sec == 0);
  CHECK(inherited.tv_usec == 200000);
}

TEST_CASE("classify_accept: what each errno is a failure of") {
  for (int number : {EAGAIN, EINTR}) CHECK(classify_accept(number) == AcceptFailure::kWouldBlock);
  for (int number : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) CHECK(classify_accept(number) == AcceptFailure::kShortage);
  for (int number :
       {ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET, ENOPROTOOPT, ETIMEDOUT}) {
    CHECK(classify_accept(number) == AcceptFailure::kConnection);
  }
  for (int number : {EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EFAULT, ENOSYS}) {
    CHECK(classify_accept(number) == AcceptFailure::kListener);
  }
}
