// send_descriptor_within and receive_descriptor_within.
#include "core/descriptor_passing.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <vector>

#include "core/socket.h"
#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

struct Channel {
  UniqueFd here;
  UniqueFd there;
};

Channel channel_of(int type = kStream) {
  auto [here, there] = must(sys::socketpair(AF_UNIX, type, 0));
  return {std::move(here), std::move(there)};
}

std::string sent(int channel, int fd, std::chrono::milliseconds slice = 0ms, std::span<const int> wakers = {}) {
  auto outcome = send_descriptor_within(channel, fd, wakers, slice);
  if (!outcome.ok()) return errno_name(outcome.error().number);
  return outcome.value() ? "sent" : "nothing";
}

// How many came, "end", "nothing" or the errno; a single one goes to `fd`.
std::string received(int channel, UniqueFd* fd = nullptr, std::chrono::milliseconds slice = 0ms,
                     std::span<const int> wakers = {}) {
  auto outcome = receive_descriptor_within(channel, wakers, slice);
  if (!outcome.ok()) return errno_name(outcome.error().number);
  if (!outcome.value()) return "nothing";
  if (fd != nullptr) *fd = std::move(outcome.value()->fd);
  return outcome.value()->ended ? "end" : std::to_string(outcome.value()->count);
}

// What send_descriptor_within does not send: several descriptors, with `text`.
void send_many(int channel, const std::vector<int>& fds, std::string text = "x") {
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  REQUIRE(::sendmsg(channel, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

}  // namespace

TEST_CASE("receive_descriptor_within: the same socket under a new number, CLOEXEC (460), and the sender has its own") {
  for (int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    Channel channel = channel_of(type | SOCK_CLOEXEC | SOCK_NONBLOCK);
    UniqueFd listener = tcp_listener(5);
    UniqueFd copy;
    CHECK(sent(channel.here.get(), listener.get()) == "sent");
    CHECK(received(channel.there.get(), &copy) == "1");
    REQUIRE(copy.valid());
    CHECK(copy.get() != listener.get());
    CHECK(inode_of(copy.get()) == inode_of(listener.get()));
    CHECK(is_cloexec(copy.get()));
    CHECK(received(channel.there.get()) == "nothing");
  }
}

TEST_CASE("receive_descriptor_within: the sender may be closed before and the queue is still there") {
  Channel channel = channel_of();
  UniqueFd listener = tcp_listener(5);
  UniqueFd client = start_connect(name_of(listener.get()));
  CHECK(sent(channel.here.get(), listener.get()) == "sent");
  listener.reset();
  channel.here.reset();
  UniqueFd copy;
  CHECK(received(channel.there.get(), &copy) == "1");
  CHECK(queue_text(copy.get()) == "1/5");
  CHECK(received(channel.there.get()) == "end");
}

TEST_CASE("receive_descriptor_within: waits, and a waker ends the wait") {
  // A blocking socket too: neither call may block in the kernel.
  for (int type : {kStream, kBlocking}) {
    Channel channel = channel_of(type);
    const Waker waker = must(Waker::create());
    const int wakers[] = {waker.fd()};
    std::string seen;
    Runner waiting([&] { seen = received(channel.there.get(), nullptr, kForever, wakers); });
    REQUIRE(waiting.blocked());
    waker.wake();
    waiting.join();
    CHECK(seen == "nothing");
    CHECK(received(channel.there.get(), nullptr, kQuiet) == "nothing");
    Runner second([&] { seen = received(channel.there.get(), nullptr, kForever); });
    REQUIRE(second.blocked());
    CHECK(sent(channel.here.get(), channel.here.get()) == "sent");
    second.join();
    CHECK(seen == "1");
  }
}

TEST_CASE("send_descriptor_within: waits for room, and a waker ends the wait") {
  Channel channel = channel_of(kBlocking);
  const int fd = channel.here.get();
  while (sent(fd, fd) == "sent") {
  }
  CHECK(sent(fd, fd, kQuiet) == "nothing");
  const Waker waker = must(Waker::create());
  const int wakers[] = {waker.fd()};
  std::string seen;
  Runner waiting([&] { seen = sent(fd, fd, kForever, wakers); });
  REQUIRE(waiting.blocked());
  waker.wake();
  waiting.join();
  CHECK(seen == "nothing");
  Runner second([&] { seen = sent(fd, fd, kForever); });
  REQUIRE(second.blocked());
  while (received(channel.there.get()) == "1") {
  }
  second.join();
  CHECK(seen == "sent");
}

TEST_CASE("receive_descriptor_within: several descriptors in a message are counted and closed") {
  Channel channel = channel_of();
  const std::set<int> before = open_descriptors();
  for (std::size_t count : {2, 3, 253}) {
    send_many(channel.here.get(), std::vector<int>(count, channel.here.get()));
    UniqueFd fd;
    CHECK(received(channel.there.get(), &fd) == std::to_string(count));
    CHECK_FALSE(fd.valid());
    CHECK(open_descriptors() == before);
  }
}

TEST_CASE("receive_descriptor_within: data without a descriptor is none, and a byte a call") {
  Channel channel = channel_of();
  CHECK(send_text(channel.here.get(), "ab") == "2");
  CHECK(received(channel.there.get()) == "0");
  CHECK(recv_text(channel.there.get()) == "'b'");
  send_many(channel.here.get(), {channel.here.get()}, "cde");
  UniqueFd fd;
  CHECK(received(channel.there.get(), &fd) == "1");
  CHECK(fd.valid());
  CHECK(recv_text(channel.there.get()) == "'de'");
}

TEST_CASE("receive_descriptor_within: credentials in the message are passed over") {
  Channel channel = channel_of();
  set_option(channel.there.get(), SOL_SOCKET, SO_PASSCRED, 1);
  UniqueFd fd;
  CHECK(sent(channel.here.get(), channel.here.get()) == "sent");
  CHECK(received(channel.there.get(), &fd) == "1");
  CHECK(fd.valid());
  CHECK(send_text(channel.here.get(), "x") == "1");
  CHECK(received(channel.there.get()) == "0");
}

TEST_CASE("receive_descriptor_within: without a free number it is EMFILE, and nothing stays open") {
  CHECK(in_child([] {
          Channel channel = channel_of();
          send_many(channel.here.get(), {0, 0});
          send_many(channel.here.get(), {0});
          // The lowest number that was free becomes the last one that may be used.
          UniqueFd spare(::open("/dev/null", O_RDONLY | O_CLOEXEC));
          const int number = spare.get();
          const rlimit limit{static_cast<rlim_t>(number) + 1, static_cast<rlim_t>(number) + 1};
          if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::string("no limit");
          spare.reset();
          const std::string of_two = received(channel.there.get());
          if (is_open(number)) return std::string("left open");
          spare = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
          const std::string of_one = received(channel.there.get());
          return of_two + " " + of_one + " " + received(channel.there.get());
        }) == "EMFILE EMFILE nothing");
}

TEST_CASE("send_descriptor_within and receive_descriptor_within: refused at once") {
  Channel channel = channel_of();
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  UniqueFd alone = must(sys::socket(AF_UNIX, kStream, 0));
  CHECK(sent(channel.here.get(), -1, kPatience) == "EBADF");
  CHECK(sent(channel.here.get(), 999999, kPatience) == "EBADF");
  CHECK(sent(-1, null.get(), kPatience) == "EBADF");
  CHECK(sent(null.get(), null.get(), kPatience) == "ENOTSOCK");
  CHECK(sent(alone.get(), null.get(), kPatience) == "ENOTCONN");
  CHECK(received(-1, nullptr, kPatience) == "EBADF");
  CHECK(received(null.get(), nullptr, kPatience) == "ENOTSOCK");
  CHECK(received(alone.get(), nullptr, kPatience) == "EINVAL");
  CHECK(send_text(channel.there.get(), "x") == "1");
  channel.here.reset();
  CHECK(received(channel.there.get(), nullptr, kPatience) == "ECONNRESET");
}

TEST_CASE("send_descriptor_within: a peer that is gone is EPIPE and not SIGPIPE") {
  // In a child whose SIGPIPE is what it is by default: to be killed.
  CHECK(in_child([] {
          ::signal(SIGPIPE, SIG_DFL);
          Channel channel = channel_of();
          channel.there.reset();
          return sent(channel.here.get(), channel.here.get(), kPatience);
        }) == "EPIPE");
}
