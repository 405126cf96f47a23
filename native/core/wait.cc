#include "wait.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace listenq {

namespace {

constexpr std::size_t kMaxWakers = 3;

using Clock = std::chrono::steady_clock;

// What poll(2) can be asked for, 24 days; longer ones would overflow the clock.
constexpr std::chrono::milliseconds kLongest(INT32_MAX);

// Rounds up: a wait that ends early would spin through the last millisecond.
int milliseconds_until(Clock::time_point deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongest.count()));
}

}  // namespace

Result<Waker> Waker::create() {
  int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return last_error("eventfd");
  return Waker(UniqueFd(fd));
}

void Waker::wake() const {
  // EAGAIN means that the counter is full, and then it is readable, which is all that is wanted.
  [[maybe_unused]] int ignored = ::eventfd_write(event_.get(), 1);
}

bool Waker::clear() const {
  eventfd_t value = 0;
  return ::eventfd_read(event_.get(), &value) == 0;
}

Result<Waited> wait_for(int fd, short events, std::span<const int> wakers, std::chrono::milliseconds timeout) {
  assert(wakers.size() <= kMaxWakers);
  // poll(2) would pass a negative number over and sleep.
  if (fd < 0) return SystemError{EBADF, "poll"};
  std::array<pollfd, kMaxWakers + 1> entries{};
  entries[0] = pollfd{fd, events, 0};
  const std::size_t count = std::min(wakers.size(), kMaxWakers);
  for (std::size_t i = 0; i < count; i++) entries[i + 1] = pollfd{wakers[i], POLLIN, 0};

  const auto deadline = Clock::now() + std::clamp(timeout, std::chrono::milliseconds(0), kLongest);
  for (;;) {
    int ready = ::poll(entries.data(), count + 1, milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) return last_error("poll");
    if (ready == 0) return Waited::kTimedOut;
    if (ready < 0) continue;
    for (std::size_t i = 1; i <= count; i++) {
      if (entries[i].revents != 0) return Waited::kWoken;
    }
    if (entries[0].revents & POLLNVAL) return SystemError{EBADF, "poll"};
    return Waited::kReady;
  }
}

}  // namespace listenq
