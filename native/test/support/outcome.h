// Results in the words of the tables: "ok", or the name of the errno.
#ifndef LISTENQ_TEST_SUPPORT_OUTCOME_H_
#define LISTENQ_TEST_SUPPORT_OUTCOME_H_

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace listenq::test {

/** The C name of an errno that the tests know, else its number. */
std::string errno_name(int number);

template <typename T>
std::string outcome(const Result<T>& result) {
  return result.ok() ? "ok" : errno_name(result.error().number);
}

/** The value of a step that a test rests on; the test ends here if it failed. */
template <typename T>
T must(Result<T> result) {
  if (!result.ok()) FAIL(std::string(result.error().call) << ": " << errno_name(result.error().number));
  return std::move(result.value());
}

}  // namespace listenq::test

#endif  // LISTENQ_TEST_SUPPORT_OUTCOME_H_
