// read_sysctl, and the resource limits of the process.
#include "core/limits.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "core/rlimit.h"
#include "support/private_network.h"
#include "support/process.h"
#include "support/skip.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

constexpr const char* kSomaxconn = "net/core/somaxconn";

rlimit limits_of(rlim_t soft, rlim_t hard) {
  rlimit limits{};
  limits.rlim_cur = soft;
  limits.rlim_max = hard;
  return limits;
}

}  // namespace

TEST_CASE("read_sysctl: what the file holds now") {
  in_private_network([] {
    for (std::int64_t value : {std::int64_t{0}, std::int64_t{77}, std::int64_t{2147483647}}) {
      set_sysctl(kSomaxconn, value);
      CHECK(read_sysctl(kSomaxconn) == value);
    }
    set_sysctl("net/ipv4/tcp_max_syn_backlog", -1);
    CHECK(read_sysctl("net/ipv4/tcp_max_syn_backlog") == -1);
    set_sysctl(kSomaxconn, 5);
    CHECK(queue_text(tcp_listener(-1).get()) == "0/5");
  });
}

TEST_CASE("read_sysctl: each thread reads its own network namespace") {
  const auto outside = read_sysctl(kSomaxconn);
  REQUIRE(outside.has_value());
  in_private_network([&] {
    set_sysctl(kSomaxconn, *outside + 1);
    CHECK(read_sysctl(kSomaxconn) == *outside + 1);
    std::optional<std::int64_t> in_thread;
    Runner([&] { in_thread = read_sysctl(kSomaxconn); }).join();
    CHECK(in_thread == *outside + 1);
  });
  CHECK(read_sysctl(kSomaxconn) == outside);
}

TEST_CASE("read_sysctl: no number is nothing") {
  const auto before = open_descriptors();
  CHECK_FALSE(read_sysctl("net/core/no_such_file").has_value());
  CHECK_FALSE(read_sysctl("net/core").has_value());
  CHECK_FALSE(read_sysctl("").has_value());
  CHECK_FALSE(read_sysctl("kernel/ostype").has_value());
  CHECK(open_descriptors() == before);
}

TEST_CASE("read_sysctl: of several numbers the first") {
  in_private_network([] {
    REQUIRE(write_sysctl("net/ipv4/ip_local_port_range", "40000 41000") == "ok");
    CHECK(read_sysctl("net/ipv4/ip_local_port_range") == 40000);
  });
}

TEST_CASE("getrlimit and setrlimit: what is set is read back and holds") {
  CHECK(in_child([] {
          const rlimit before = must(sys::getrlimit(RLIMIT_NOFILE));
          must(sys::setrlimit(RLIMIT_NOFILE, limits_of(40, before.rlim_max)));
          const rlimit after = must(sys::getrlimit(RLIMIT_NOFILE));
          if (after.rlim_cur != 40 || after.rlim_max != before.rlim_max) return std::string("not set");
          std::string answer = "ok";
          for (int i = 0; i < 60 && answer == "ok"; i++) {
            auto copy = sys::dup_cloexec(0);
            answer = outcome(copy);
            if (copy.ok()) [[maybe_unused]]
              int kept = copy.value().release();
          }
          return answer;
        }) == "EMFILE");
}

TEST_CASE("getrlimit and setrlimit: what is refused") {
  const rlimit now = must(sys::getrlimit(RLIMIT_NOFILE));
  CHECK(outcome(sys::setrlimit(RLIMIT_NOFILE, limits_of(2, 1))) == "EINVAL");
  CHECK(outcome(sys::getrlimit(-1)) == "EINVAL");
  CHECK(outcome(sys::setrlimit(99, now)) == "EINVAL");
  CHECK(std::string(sys::getrlimit(-1).error().call) == "getrlimit");
  CHECK(std::string(sys::setrlimit(99, now).error().call) == "setrlimit");
}

TEST_CASE("setrlimit: raising the hard limit needs a capability") {
  CHECK(in_child([] {
          if (::geteuid() == 0 && ::setuid(65534) != 0) return std::string("setuid");
          const rlimit now = must(sys::getrlimit(RLIMIT_NOFILE));
          return outcome(sys::setrlimit(RLIMIT_NOFILE, limits_of(now.rlim_cur, now.rlim_max + 1)));
        }) == "EPERM");
}
