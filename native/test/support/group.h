// Members of a ListenerGroup, and what their accept_within answers.
#ifndef LISTENQ_TEST_SUPPORT_GROUP_H_
#define LISTENQ_TEST_SUPPORT_GROUP_H_

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/listener_group.h"
#include "support/sockets.h"

namespace listenq::test {

using Member = std::unique_ptr<ListenerMember>;

inline Member adopt(UniqueFd listener) {
  Member member = must(ListenerGroup::adopt(listener.get()));
  [[maybe_unused]] const int owned_by_the_group = listener.release();
  return member;
}

inline Member join(const Member& member) {
  auto joined = ListenerGroup::join(member->group().token());
  REQUIRE(joined.has_value());
  return must(std::move(*joined));
}

/** accept_within, in a word: how many came, "closed", or the errno. What came goes to `out` or is dropped. */
inline std::string accept_text(ListenerMember& member, std::size_t most, std::chrono::milliseconds slice,
                               int waker = -1, std::vector<Accepted>* out = nullptr, std::uint64_t* failed = nullptr) {
  std::vector<Accepted> dropped;
  std::uint64_t ignored = 0;
  auto accepted = member.accept_within(out ? *out : dropped, most, waker, slice, failed ? *failed : ignored);
  if (!accepted) return "closed";
  return accepted->ok() ? std::to_string(accepted->value()) : errno_name(accepted->error().number);
}

}  // namespace listenq::test

#endif  // LISTENQ_TEST_SUPPORT_GROUP_H_
