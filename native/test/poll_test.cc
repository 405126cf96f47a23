// poll(2) and epoll(7) on listeners and on what they yield.
#include <doctest/doctest.h>
#include <sys/epoll.h>

#include <atomic>

#include "core/accept.h"
#include "core/socket.h"
#include "core/wait.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

void add_to(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  REQUIRE(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

UniqueFd epoll_on(int fd, std::uint32_t events) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  add_to(epoll.get(), fd, events);
  return epoll;
}

// The descriptor of the first event, -1 if none comes.
int epoll_reports(int epoll, std::chrono::milliseconds patience) {
  epoll_event event{};
  return ::epoll_wait(epoll, &event, 1, static_cast<int>(patience.count())) == 1 ? event.data.fd : -1;
}

}  // namespace

TEST_CASE("poll: a TCP listener is readable while a client waits (364 and 365 and 366)") {
  UniqueFd listener = tcp_listener(0);
  CHECK(poll_text(listener.get(), kAllEvents) == "0");
  UniqueFd client = attempt_at(listener.get()).client;
  CHECK(poll_text(listener.get(), kAllEvents) == "IN|RDNORM");
  CHECK(poll_text(listener.get(), POLLOUT) == "0");
  // Full: nothing marks it.
  Attempt dropped = attempt_at(listener.get());
  CHECK_FALSE(dropped.admitted);
  CHECK(poll_text(listener.get(), kAllEvents) == "IN|RDNORM");
  dropped.client.reset();
  UniqueFd server = accept_from(listener.get());
  CHECK(poll_text(listener.get(), kAllEvents) == "0");
}

TEST_CASE("poll: an AF_UNIX socket through its life (368)") {
  UniqueFd fd = must(sys::socket(AF_UNIX, kStream, 0));
  CHECK(poll_text(fd.get(), kAllEvents) == "OUT|HUP|WRNORM|WRBAND");
  must(sys::bind(fd.get(), abstract_name()));
  CHECK(poll_text(fd.get(), kAllEvents) == "OUT|HUP|WRNORM|WRBAND");
  must(sys::listen(fd.get(), 1));
  CHECK(poll_text(fd.get(), kAllEvents) == "0");
  UniqueFd client = start_connect(name_of(fd.get()));
  CHECK(poll_text(fd.get(), kAllEvents) == "IN|RDNORM");
}

TEST_CASE("poll: an accepted socket through its life (369 to 373)") {
  Pair pair = tcp_pair();
  CHECK(poll_text(pair.server.get(), kAllEvents) == "OUT|WRNORM");
  must(sys::shutdown(pair.client.get(), SHUT_WR));
  REQUIRE(poll_text(pair.server.get(), POLLRDHUP, kPatience) == "RDHUP");
  CHECK(poll_text(pair.server.get(), kAllEvents) == "IN|OUT|RDNORM|WRNORM|RDHUP");
  must(sys::shutdown(pair.server.get(), SHUT_WR));
  REQUIRE(poll_text(pair.server.get(), 0, kPatience) == "HUP");
  CHECK(poll_text(pair.server.get(), kAllEvents) == "IN|OUT|HUP|RDNORM|WRNORM|RDHUP");
  Pair second = tcp_pair();
  reset_connection(std::move(second.client));
  REQUIRE(poll_text(second.server.get(), 0, kPatience) == "ERR|HUP");
  CHECK(poll_text(second.server.get(), kAllEvents) == "IN|OUT|ERR|HUP|RDNORM|WRNORM|RDHUP");
}

TEST_CASE("poll: urgent data and a closed number and -1 (374 to 377)") {
  Pair pair = tcp_pair();
  CHECK(send_text(pair.client.get(), "!", MSG_OOB | MSG_NOSIGNAL) == "1");
  REQUIRE(poll_text(pair.server.get(), POLLPRI, kPatience) == "PRI");
  CHECK(poll_text(pair.server.get(), kAllEvents) == "PRI|OUT|WRNORM");
  const int number = pair.server.get();
  pair.server.reset();
  CHECK(poll_text(number, kAllEvents) == "NVAL");
  CHECK(poll_text(-1, kAllEvents) == "0");
}

TEST_CASE("epoll: edge-triggered on a listener tells of arrivals and not of what is left (380)") {
  UniqueFd listener = tcp_listener(5);
  UniqueFd first = attempt_at(listener.get()).client;
  UniqueFd second = attempt_at(listener.get()).client;
  UniqueFd epoll = epoll_on(listener.get(), EPOLLIN | EPOLLET);
  CHECK(epoll_reports(epoll.get(), kPatience) == listener.get());
  UniqueFd accepted = accept_from(listener.get());
  CHECK(epoll_reports(epoll.get(), kQuiet) == -1);
  CHECK(poll_text(listener.get(), POLLIN) == "IN");
}

TEST_CASE("epoll: EPOLLEXCLUSIVE wakes one of two waiting threads (381)") {
  UniqueFd listener = tcp_listener(5);
  const Waker stop = must(Waker::create());
  UniqueFd epolls[] = {epoll_on(listener.get(), EPOLLIN | EPOLLEXCLUSIVE),
                       epoll_on(listener.get(), EPOLLIN | EPOLLEXCLUSIVE)};
  for (const UniqueFd& epoll : epolls) add_to(epoll.get(), stop.fd(), EPOLLIN);
  std::atomic<int> reports{0};
  auto wait_once = [&](int epoll) {
    if (epoll_reports(epoll, kPatience) == listener.get()) reports++;
  };
  Runner first([&] { wait_once(epolls[0].get()); });
  Runner second([&] { wait_once(epolls[1].get()); });
  REQUIRE(first.blocked());
  REQUIRE(second.blocked());
  UniqueFd client = client_of(listener.get());
  CHECK(wait_until([&] { return reports > 0; }));
  std::this_thread::sleep_for(kQuiet);
  CHECK(reports == 1);
  UniqueFd accepted = accept_from(listener.get());
  stop.wake();
  first.join();
  second.join();
  CHECK(reports == 1);
}
