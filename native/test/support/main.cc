#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>

#include "support/skip.h"

namespace listenq::test {

namespace {
// What CMakeLists.txt gives ctest as SKIP_RETURN_CODE.
constexpr int kSkipped = 77;
std::atomic<int> skips{0};
}  // namespace

void note_skip(const std::string& reason) {
  skips++;
  std::printf("[skipped] %s: %s\n", doctest::getContextOptions()->currentTest->m_name, reason.c_str());
  std::fflush(stdout);
}

int skips_noted() {
  return skips;
}

}  // namespace listenq::test

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int failed = context.run();
  if (failed != 0 || context.shouldExit()) return failed;
  return listenq::test::skips_noted() > 0 ? listenq::test::kSkipped : 0;
}
