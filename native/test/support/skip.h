// Tests that cannot run here say so: ctest shows them as skipped, never as passed.
#ifndef LISTENQ_TEST_SUPPORT_SKIP_H_
#define LISTENQ_TEST_SUPPORT_SKIP_H_

#include <string>

namespace listenq::test {

/** Notes that the running test case, or a part of it, could not run. Callable from any thread. */
void note_skip(const std::string& reason);
/** How many were noted. */
int skips_noted();

}  // namespace listenq::test

/** Leaves the test (or the body of it that this stands in) unless `condition` holds. */
#define SKIP_UNLESS(condition, reason)    \
  do {                                    \
    if (!(condition)) {                   \
      ::listenq::test::note_skip(reason); \
      return;                             \
    }                                     \
  } while (false)

#endif  // LISTENQ_TEST_SUPPORT_SKIP_H_
