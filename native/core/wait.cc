#include "wait.h"

#include <poll.h>
#include <sys/epoll.h>
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

Clock::time_point deadline_after(std::chrono::milliseconds timeout) {
  return Clock::now() + std::clamp(timeout, std::chrono::milliseconds(0), kLongest);
}

Status watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{events, {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return last_error("epoll_ctl");
  return success();
}

}  // namespace

int milliseconds_until(Clock::time_point deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongest.count()));
}

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

  const auto deadline = deadline_after(timeout);
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

Result<ExclusiveWait> ExclusiveWait::create(int fd, int waker) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return last_error("epoll_create1");
  if (auto watched = watch(epoll.get(), fd, EPOLLIN | EPOLLEXCLUSIVE); !watched.ok()) return watched.error();
  if (auto watched = watch(epoll.get(), waker, EPOLLIN); !watched.ok()) return watched.error();
  return ExclusiveWait(std::move(epoll), fd);
}

Result<Waited> ExclusiveWait::wait(int thread_waker, std::chrono::milliseconds timeout) {
  if (thread_waker != thread_waker_) {
    // An eventfd that was closed meanwhile has left by itself.
    if (thread_waker_ >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, thread_waker_, nullptr);
    thread_waker_ = -1;
    if (thread_waker >= 0) {
      if (auto watched = watch(epoll_.get(), thread_waker, EPOLLIN); !watched.ok()) return watched.error();
      thread_waker_ = thread_waker;
    }
  }
  const auto deadline = deadline_after(timeout);
  for (;;) {
    // The descriptor and two wakers.
    std::array<epoll_event, 3> events{};
    const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) return last_error("epoll_wait");
    if (ready == 0) return Waited::kTimedOut;
    if (ready < 0) continue;
    const auto end = events.begin() + ready;
    const bool woken =
        std::any_of(events.begin(), end, [this](const epoll_event& event) { return event.data.fd != fd_; });
    return woken ? Waited::kWoken : Waited::kReady;
  }
}

}  // namespace listenq
