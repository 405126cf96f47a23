// OwnedDescriptors: one owner for each number of the process.
#include "core/owned_descriptors.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "core/socket.h"
#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

int new_number() {
  return must(sys::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)).release();
}

}  // namespace

TEST_CASE("OwnedDescriptors: what is left is closed at the end, what was removed is not") {
  const auto before = open_descriptors();
  const int kept = new_number();
  {
    OwnedDescriptors mine;
    mine.add(kept);
    mine.add(new_number());
    CHECK(mine.contains(kept));
    CHECK(mine.remove(kept));
    CHECK_FALSE(mine.contains(kept));
    CHECK_FALSE(mine.remove(kept));
  }
  CHECK(sys::getsockname(kept).ok());
  CHECK(sys::close(kept).ok());
  CHECK(open_descriptors() == before);
}

TEST_CASE("OwnedDescriptors: a number that one thread owns is adopted by no other, until it is given away") {
  OwnedDescriptors mine;
  OwnedDescriptors theirs;
  const int fd = new_number();
  CHECK(mine.adopt(fd));
  CHECK(OwnedDescriptors::owned(fd));
  CHECK_FALSE(mine.adopt(fd));
  CHECK_FALSE(theirs.adopt(fd));
  CHECK_FALSE(theirs.remove(fd));
  CHECK(mine.remove(fd));
  CHECK_FALSE(OwnedDescriptors::owned(fd));
  CHECK(theirs.adopt(fd));
}

TEST_CASE("OwnedDescriptors: a number that was closed behind its owner's back is the next one's, who alone closes it") {
  OwnedDescriptors mine;
  auto theirs = std::make_unique<OwnedDescriptors>();
  const int fd = new_number();
  mine.add(fd);
  REQUIRE(sys::close(fd).ok());
  REQUIRE(new_number() == fd);
  theirs->add(fd);
  CHECK_FALSE(mine.remove(fd));
  theirs.reset();
  CHECK(sys::getsockname(fd).error().number == EBADF);
}

TEST_CASE("OwnedDescriptors: -1 is nobody's") {
  OwnedDescriptors mine;
  CHECK_FALSE(mine.contains(-1));
  CHECK_FALSE(mine.remove(-1));
  CHECK_FALSE(OwnedDescriptors::owned(-1));
}

TEST_CASE("OwnedDescriptors: of threads that adopt one number at the same time exactly one owns it") {
  const int fd = new_number();
  std::vector<std::unique_ptr<OwnedDescriptors>> sets;
  for (int i = 0; i < 4; i++) sets.push_back(std::make_unique<OwnedDescriptors>());
  std::atomic<int> owners = 0;
  std::vector<std::thread> threads;
  for (auto& set : sets) {
    threads.emplace_back([&] {
      if (set->adopt(fd)) owners++;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(owners == 1);
}

TEST_CASE("OwnedDescriptors: to ask for a number that nobody can have costs no memory") {
  OwnedDescriptors mine;
  CHECK_FALSE(OwnedDescriptors::owned(2147483647));
  CHECK_FALSE(mine.contains(2147483647));
  CHECK_FALSE(mine.remove(2147483647));
}
