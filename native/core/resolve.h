// Names to addresses: getaddrinfo(3) that can be waited for in slices.
#ifndef LISTENQ_CORE_RESOLVE_H_
#define LISTENQ_CORE_RESOLVE_H_

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "address.h"
#include "result.h"

namespace listenq {

/** What getaddrinfo(3) answered: addresses in its order, or its EAI_* code (and errno, where that is EAI_SYSTEM). */
struct Resolved {
  std::vector<Address> addresses;
  int eai = 0;
  int number = 0;
};

/**
 * One question to getaddrinfo(3), which blocks for as long as the resolver likes and cannot be interrupted. It runs on
 * a thread of its own; an asker that gives up leaves that thread to end by itself with nothing to report to.
 */
class Resolution {
 public:
  /** Asks for stream addresses of `host` with `port`; `passive` sets AI_PASSIVE. Errors: EMFILE, EAGAIN (no thread). */
  static Result<std::unique_ptr<Resolution>> start(const std::string& host, std::uint16_t port, bool passive);

  /** Closes the descriptor that the answer is announced by; the thread, if it is still asking, finds nobody there. */
  ~Resolution();
  Resolution(const Resolution&) = delete;
  Resolution& operator=(const Resolution&) = delete;

  /** The answer, if it has come within `slice` and no waker woke. Yields it once. */
  Result<std::optional<Resolved>> within(std::span<const int> wakers, std::chrono::milliseconds slice);

 private:
  struct Shared;
  explicit Resolution(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_RESOLVE_H_
