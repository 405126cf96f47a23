// ListenerGroup: one listener, a copy of its descriptor for each thread.
#include "core/listener_group.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "core/socket.h"
#include "support/group.h"
#include "support/process.h"

using namespace listenq;
using namespace listenq::test;

namespace {

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

TEST_CASE("ListenerGroup: adopt takes the number over as it is") {
  const auto before = open_descriptors();
  {
    UniqueFd listener = tcp_listener(5);
    const int number = listener.get();
    Member member = adopt(std::move(listener));
    CHECK(member->fd() == number);
    CHECK_FALSE(member->group().closed());
    CHECK(queue_text(member->fd()) == "0/5");
    for (int fd : open_descriptors()) CHECK((before.contains(fd) || is_cloexec(fd)));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("ListenerGroup: adopt that fails leaves the number with its caller") {
  CHECK(in_child([] {
          UniqueFd listener = tcp_listener(5);
          exhaust_descriptors();
          return outcome(ListenerGroup::adopt(listener.get())) + (is_open(listener.get()) ? " open" : " closed");
        }) == "EMFILE open");
}

TEST_CASE("ListenerGroup: join gives another number of the same socket") {
  const auto before = open_descriptors();
  {
    Member first = adopt(tcp_listener(5));
    Member second = join(first);
    CHECK(second->fd() != first->fd());
    CHECK(inode_of(second->fd()) == inode_of(first->fd()));
    CHECK(is_cloexec(second->fd()));
    CHECK(&second->group() == &first->group());
    UniqueFd clients[] = {client_of(first->fd()), client_of(first->fd())};
    CHECK(accept_text(*second, 1, kPatience) == "1");
    CHECK(accept_text(*first, 1, kPatience) == "1");
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("ListenerGroup: tokens name one listener each and nothing once it is gone") {
  Member first = adopt(tcp_listener(5));
  Member second = adopt(tcp_listener(5));
  const std::uint64_t token = first->group().token();
  CHECK(token != second->group().token());
  CHECK_FALSE(ListenerGroup::join(token + 1).has_value());
  CHECK(ListenerGroup::join(token).has_value());
  first.reset();
  CHECK_FALSE(ListenerGroup::join(token).has_value());
  second->group().close();
  CHECK_FALSE(ListenerGroup::join(second->group().token()).has_value());
}

TEST_CASE("ListenerGroup: join with a full descriptor table is EMFILE or EINVAL and changes nothing") {
  CHECK(in_child([] {
          Member member = adopt(tcp_listener(5));
          exhaust_descriptors();
          auto joined = ListenerGroup::join(member->group().token());
          // With a limit of 0 fcntl(F_DUPFD) finds its argument out of range instead.
          return (joined ? outcome(*joined) : "nothing") + " " + queue_text(member->fd());
        }) == "EINVAL 0/5");
}

TEST_CASE("ListenerGroup: holds the numbers of its copies and no others") {
  Member first = adopt(tcp_listener(5));
  Member second = join(first);
  UniqueFd other = tcp_listener(5);
  const int numbers[] = {first->fd(), second->fd()};
  for (int number : numbers) CHECK(ListenerGroup::holds(number));
  CHECK_FALSE(ListenerGroup::holds(other.get()));
  CHECK_FALSE(ListenerGroup::holds(-1));
  UniqueFd away(first->detach());
  CHECK_FALSE(ListenerGroup::holds(away.get()));
  second->group().close();
  // Copies that have no number left must not answer to the number that says so.
  for (int number : {numbers[0], numbers[1], -1}) CHECK_FALSE(ListenerGroup::holds(number));
}

TEST_CASE("ListenerGroup: close closes idle copies there and then") {
  const auto before = open_descriptors();
  Member first = adopt(tcp_listener(5));
  Member second = join(first);
  const int numbers[] = {first->fd(), second->fd()};
  const Address address = name_of(numbers[0]);
  UniqueFd queued = client_of(numbers[0]);
  second->group().close();
  CHECK(first->group().closed());
  for (int number : numbers) CHECK_FALSE(is_open(number));
  CHECK(first->fd() == -1);
  CHECK(first->detach() == -1);
  CHECK_FALSE(first->lease().has_value());
  CHECK(accept_text(*first, 1, kPatience) == "closed");
  // The last copy was closed, so the kernel has stopped listening.
  CHECK(poll_text(queued.get(), POLLERR | POLLHUP, kPatience) == "ERR|HUP");
  std::string answer;
  start_connect(address, &answer, kBlocking);
  CHECK(answer == "ECONNREFUSED");
  queued.reset();
  first.reset();
  second.reset();
  CHECK(open_descriptors() == before);
}

TEST_CASE("ListenerGroup: close twice is close once") {
  Member member = adopt(tcp_listener(5));
  const int number = member->fd();
  member->group().close();
  // The number goes to another file now, which a second close must leave alone.
  UniqueFd other = must(sys::socket(AF_INET, kStream, 0));
  REQUIRE(other.get() == number);
  member->group().close();
  member.reset();
  CHECK(is_open(number));
}

TEST_CASE("ListenerGroup: a number on lease is closed when the lease ends and not before") {
  Member member = adopt(tcp_listener(5));
  Member idle = join(member);
  const int numbers[] = {member->fd(), idle->fd()};
  {
    auto lease = member->lease();
    REQUIRE(lease.has_value());
    CHECK(lease->fd() == numbers[0]);
    Runner closing([&] { idle->group().close(); });
    closing.join();
    CHECK_FALSE(is_open(numbers[1]));
    CHECK(is_open(numbers[0]));
    CHECK(member->fd() == -1);
    // Still this listener: whatever is opened meanwhile gets other numbers.
    UniqueFd other = must(sys::socket(AF_INET, kStream, 0));
    CHECK(other.get() != numbers[0]);
    CHECK(must(sys::is_listening(lease->fd())));
    CHECK_FALSE(member->lease().has_value());
    CHECK_FALSE(ListenerGroup::join(member->group().token()).has_value());
  }
  CHECK_FALSE(is_open(numbers[0]));
}

TEST_CASE("ListenerGroup: a lease moves and ends once") {
  Member member = adopt(tcp_listener(5));
  {
    auto lease = member->lease();
    REQUIRE(lease.has_value());
    ListenerMember::Lease moved = std::move(*lease);
    lease.reset();
    member->group().close();
    CHECK(is_open(moved.fd()));
  }
  CHECK(member->fd() == -1);
}

TEST_CASE("ListenerGroup: detach gives one number away and the others go on") {
  const auto before = open_descriptors();
  {
    Member first = adopt(tcp_listener(5));
    Member second = join(first);
    const int number = first->fd();
    UniqueFd away(first->detach());
    CHECK(away.get() == number);
    CHECK(first->fd() == -1);
    CHECK(first->detach() == -1);
    CHECK(accept_text(*first, 1, 0ms) == "closed");
    UniqueFd clients[] = {client_of(number), client_of(number)};
    CHECK(accept_text(*second, 1, kPatience) == "1");
    second->group().close();
    CHECK(is_open(number));
    CHECK(outcome(accept(number, SOCK_CLOEXEC)) == "ok");
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("ListenerGroup: where every number was given away there is nothing to join") {
  Member member = adopt(tcp_listener(5));
  UniqueFd away(member->detach());
  CHECK_FALSE(ListenerGroup::join(member->group().token()).has_value());
}

TEST_CASE("ListenerGroup: dropping one member leaves the others") {
  const auto before = open_descriptors();
  {
    Member first = adopt(tcp_listener(5));
    Member second = join(first);
    const int number = first->fd();
    first.reset();
    CHECK_FALSE(is_open(number));
    CHECK_FALSE(second->group().closed());
    UniqueFd client = client_of(second->fd());
    CHECK(accept_text(*second, 1, kPatience) == "1");
    Member third = join(second);
    CHECK(accept_text(*third, 1, 0ms) == "0");
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("ListenerGroup: close removes the socket file") {
  TemporaryDirectory directory;
  const std::string path = directory.file("socket");
  Member member = adopt(listening_on(unix_address(path).value(), 1));
  member->group().own_path(path);
  REQUIRE(exists(path));
  member->group().close();
  CHECK_FALSE(exists(path));
  // Another's file, made since: a second close has nothing to do with it.
  std::ofstream(path) << "x";
  member->group().close();
  member.reset();
  CHECK(exists(path));
}

TEST_CASE("ListenerGroup: close leaves the file if it was told to") {
  TemporaryDirectory directory;
  const std::string path = directory.file("socket");
  Member member = adopt(listening_on(unix_address(path).value(), 1));
  member->group().own_path(path);
  member->group().leave_path();
  member->group().close();
  CHECK(exists(path));
}

TEST_CASE("ListenerGroup: close leaves a file that took the place of the socket") {
  TemporaryDirectory directory;
  const std::string path = directory.file("socket");
  const std::string aside = directory.file("aside");
  Member member = adopt(listening_on(unix_address(path).value(), 1));
  member->group().own_path(path);
  REQUIRE(::rename(path.c_str(), aside.c_str()) == 0);
  UniqueFd other = listening_on(unix_address(path).value(), 1);
  member->group().close();
  CHECK(exists(path));
  CHECK(exists(aside));
}

TEST_CASE("ListenerGroup: a path that is gone or was never there is no matter") {
  TemporaryDirectory directory;
  const std::string path = directory.file("socket");
  Member gone = adopt(listening_on(unix_address(path).value(), 1));
  gone->group().own_path(path);
  REQUIRE(::unlink(path.c_str()) == 0);
  gone->group().close();
  Member never = adopt(unix_listener(1));
  never->group().own_path(path);
  std::ofstream(path) << "x";
  never->group().close();
  CHECK(exists(path));
}

TEST_CASE("ListenerGroup: dropping the last member without close leaves the file") {
  TemporaryDirectory directory;
  const std::string path = directory.file("socket");
  Member member = adopt(listening_on(unix_address(path).value(), 1));
  member->group().own_path(path);
  member.reset();
  CHECK(exists(path));
}
