// socket_owners: beside what this process knows of its own descriptors.
#include "core/socket_owners.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

TEST_CASE("socket_owners: each descriptor of a socket, and none of another") {
  UniqueFd one = tcp_listener(1);
  UniqueFd copy = must(sys::dup_cloexec(one.get()));
  UniqueFd other = tcp_listener(1);
  const auto found = must(socket_owners({inode_of(one.get())}));
  std::vector<int> fds;
  for (const auto& owner : found.owners) {
    CHECK(owner.pid == ::getpid());
    CHECK(owner.inode == inode_of(one.get()));
    CHECK_FALSE(owner.name.empty());
    fds.push_back(owner.fd);
  }
  std::sort(fds.begin(), fds.end());
  std::vector<int> expected = {one.get(), copy.get()};
  std::sort(expected.begin(), expected.end());
  CHECK(fds == expected);
}

TEST_CASE("socket_owners: nobody holds an inode that no socket has") {
  CHECK(must(socket_owners({0})).owners.empty());
  CHECK(must(socket_owners({})).owners.empty());
}

TEST_CASE("socket_owners: leaves no descriptor open") {
  const auto before = open_descriptors();
  for (int i = 0; i < 5; i++) static_cast<void>(must(socket_owners({1})));
  CHECK(open_descriptors() == before);
}
