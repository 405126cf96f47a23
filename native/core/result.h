// The outcome of a system call: its value, or the errno and the name of the call that refused.
#ifndef LISTENQ_CORE_RESULT_H_
#define LISTENQ_CORE_RESULT_H_

#include <cassert>
#include <cerrno>
#include <utility>
#include <variant>

namespace listenq {

/** What the kernel refused: the positive errno and the system call, named as its man page is. */
struct SystemError {
  int number;
  const char* call;
};

/** Captures errno as it stands. Call it directly after the system call, before anything that may change errno. */
inline SystemError last_error(const char* call) {
  return SystemError{errno, call};
}

/** A value or a SystemError, never both. The core throws nothing. */
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(SystemError error) : state_(std::in_place_index<1>, error) {}

  bool ok() const { return state_.index() == 0; }
  T& value() {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const SystemError& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, SystemError> state_;
};

/** The outcome of a call that yields nothing but success. */
using Status = Result<std::monostate>;

inline Status success() {
  return Status(std::monostate{});
}

}  // namespace listenq

#endif  // LISTENQ_CORE_RESULT_H_
