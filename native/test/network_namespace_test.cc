// enter_private_network.
#include "core/network_namespace.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/socket.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::string namespace_of_this_thread() {
  return std::filesystem::read_symlink("/proc/thread-self/ns/net");
}

}  // namespace

TEST_CASE("enter_private_network: moves the calling thread and those that it starts") {
  const std::string outside = namespace_of_this_thread();
  in_private_network([&] {
    const std::string inside = namespace_of_this_thread();
    CHECK(inside != outside);
    std::string in_thread;
    Runner([&] { in_thread = namespace_of_this_thread(); }).join();
    CHECK(in_thread == inside);
  });
  CHECK(namespace_of_this_thread() == outside);
}

TEST_CASE("enter_private_network: what is open stays where it was and what is new is apart") {
  UniqueFd outside = tcp_listener(1);
  const Address address = name_of(outside.get());
  in_private_network([&] {
    UniqueFd inside = listening_on(address, 1);
    Pair pair = connected_through(inside.get());
    CHECK(queue_text(outside.get()) == "0/1");
    inside.reset();
    std::string answer;
    start_connect(address, &answer, kBlocking);
    CHECK(answer == "ECONNREFUSED");
  });
  Pair pair = connected_through(outside.get());
}

TEST_CASE("enter_private_network: leaves no descriptor behind") {
  const auto before = open_descriptors();
  in_private_network([] {});
  CHECK(open_descriptors() == before);
}

TEST_CASE("enter_private_network: is EPERM without the capability") {
  CHECK(in_child([] {
          if (::geteuid() == 0 && ::setuid(65534) != 0) return std::string("setuid");
          auto refused = enter_private_network();
          return outcome(refused) + " of " + (refused.ok() ? "nothing" : refused.error().call);
        }) == "EPERM of unshare");
}

TEST_CASE("bring_up_loopback: is EPERM without the capability") {
  CHECK(in_child([] {
          if (::geteuid() == 0 && ::setuid(65534) != 0) return std::string("setuid");
          auto refused = bring_up_loopback();
          return outcome(refused) + " of " + (refused.ok() ? "nothing" : refused.error().call);
        }) == "EPERM of ioctl");
}
