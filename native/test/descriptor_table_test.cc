// reserve_descriptors: the size of the process's table, as /proc tells it.
#include "core/descriptor_table.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "core/rlimit.h"
#include "support/process.h"
#include "support/sockets.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::size_t table_size() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t size = 0;
    if (word == "FDSize:" && status >> size) return size;
  }
  return 0;
}

}  // namespace

TEST_CASE("reserve_descriptors: the table has room for as many more, and none is left open") {
  const int before = must(sys::dup_cloexec(0)).get();
  reserve_descriptors(0, 3000);
  CHECK(table_size() > 3000);
  CHECK(must(sys::dup_cloexec(0)).get() == before);
}

TEST_CASE("reserve_descriptors: keeps to RLIMIT_NOFILE, and to what a table that is full leaves") {
  const std::string outcome = in_child([]() -> std::string {
    rlimit limits = must(sys::getrlimit(RLIMIT_NOFILE));
    UniqueFd last = must(sys::dup_cloexec(0));
    limits.rlim_cur = static_cast<rlim_t>(last.get()) + 40;
    must(sys::setrlimit(RLIMIT_NOFILE, limits));
    const int before = must(sys::dup_cloexec(0)).get();
    reserve_descriptors(0, 1'000'000);
    const bool same = must(sys::dup_cloexec(0)).get() == before;
    limits.rlim_cur = 0;
    must(sys::setrlimit(RLIMIT_NOFILE, limits));
    reserve_descriptors(0, 10);
    return same ? "as before" : "another number";
  });
  CHECK(outcome == "as before");
}
