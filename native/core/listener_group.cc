#include "listener_group.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "admission.h"
#include "socket.h"
#include "token_directory.h"

namespace listenq {

namespace {

constexpr std::chrono::milliseconds kRestAfterFailures{10};
// A wait that lasted as long found the queue empty at first.
constexpr std::chrono::microseconds kSlept{5};

TokenDirectory<ListenerGroup>& directory() {
  static auto* const instance = new TokenDirectory<ListenerGroup>;
  return *instance;
}

}  // namespace

Result<std::unique_ptr<ListenerMember>> ListenerGroup::adopt(int fd) {
  auto waker = Waker::create();
  if (!waker.ok()) return waker.error();
  auto group = std::make_shared<ListenerGroup>(std::move(waker.value()), new_token());
  directory().add(group);
  std::lock_guard lock(group->mutex_);
  return group->add(UniqueFd(fd));
}

std::optional<Result<std::unique_ptr<ListenerMember>>> ListenerGroup::join(std::uint64_t token) {
  const auto group = directory().find(token);
  if (!group) return std::nullopt;
  std::lock_guard lock(group->mutex_);
  // A copy that was given away has no number left to duplicate.
  auto open = std::ranges::find_if(group->copies_, [](const Copy& copy) { return copy.fd.valid(); });
  if (group->closed_ || open == group->copies_.end()) return std::nullopt;
  auto copy = sys::dup_cloexec(open->fd.get());
  if (!copy.ok()) return Result<std::unique_ptr<ListenerMember>>(copy.error());
  return Result<std::unique_ptr<ListenerMember>>(group->add(std::move(copy.value())));
}

bool ListenerGroup::holds(int fd) {
  // -1 is what a copy without a number has.
  if (fd < 0) return false;
  const auto groups = directory().all();
  return std::ranges::any_of(groups, [fd](const auto& group) {
    std::lock_guard lock(group->mutex_);
    return std::ranges::any_of(group->copies_, [fd](const Copy& copy) { return copy.fd.get() == fd; });
  });
}

// The caller holds mutex_.
std::unique_ptr<ListenerMember> ListenerGroup::add(UniqueFd fd) {
  copies_.push_back(Copy{std::move(fd)});
  return std::unique_ptr<ListenerMember>(new ListenerMember(shared_from_this(), std::prev(copies_.end())));
}

ListenerGroup::~ListenerGroup() {
  directory().remove(token_);
}

void ListenerGroup::own_path(std::string path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return;
  std::lock_guard lock(mutex_);
  path_ = OwnedPath{std::move(path), found.st_dev, found.st_ino};
}

void ListenerGroup::leave_path() {
  std::lock_guard lock(mutex_);
  path_.reset();
}

void ListenerGroup::remove_path() const {
  struct stat found {};
  if (!path_ || ::lstat(path_->path.c_str(), &found) != 0) return;
  if (found.st_dev == path_->device && found.st_ino == path_->inode) ::unlink(path_->path.c_str());
}

void ListenerGroup::lend() {
  std::lock_guard lock(mutex_);
  lent_ = true;
}

bool ListenerGroup::lent() const {
  std::lock_guard lock(mutex_);
  return lent_;
}

bool ListenerGroup::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

void ListenerGroup::close() {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  closed_ = true;
  remove_path();
  waker_.wake();
  for (Copy& copy : copies_) {
    if (!copy.in_use) copy.close();
  }
}

void ListenerGroup::Copy::close() {
  wait.reset();
  fd.reset();
}

ListenerMember::~ListenerMember() {
  std::lock_guard lock(group_->mutex_);
  group_->copies_.erase(copy_);
}

std::optional<ListenerMember::Lease> ListenerMember::lease() {
  std::lock_guard lock(group_->mutex_);
  if (group_->closed_ || !copy_->fd.valid()) return std::nullopt;
  copy_->in_use = true;
  return Lease(this);
}

ListenerMember::Lease::~Lease() {
  if (member_ == nullptr) return;
  std::lock_guard lock(member_->group_->mutex_);
  member_->copy_->in_use = false;
  if (member_->group_->closed_) member_->copy_->close();
}

int ListenerMember::fd() const {
  std::lock_guard lock(group_->mutex_);
  return group_->closed_ ? -1 : copy_->fd.get();
}

bool ListenerMember::stop_admitting() {
  const auto lease = this->lease();
  return lease && !group_->lent() && listenq::stop_admitting(lease->fd()).ok();
}

int ListenerMember::detach() {
  std::lock_guard lock(group_->mutex_);
  copy_->wait.reset();
  return copy_->fd.release();
}

// The caller holds a lease, so that nobody drops copy_->wait meanwhile.
Result<Waited> ListenerMember::wait(int thread_waker, std::chrono::milliseconds slice) {
  const int fd = copy_->fd.get();
  if (!copy_->wait) {
    if (auto made = ExclusiveWait::create(fd, group_->waker_.fd()); made.ok()) copy_->wait = std::move(made.value());
  }
  if (copy_->wait) {
    if (auto waited = copy_->wait->wait(thread_waker, slice); waited.ok()) return waited;
  }
  // Waiting needs no descriptor, and must not fail for want of one: that all are woken only costs time.
  return wait_for(fd, POLLIN, std::array{group_->waker_.fd(), thread_waker}, slice);
}

Result<Waited> ListenerMember::timed_wait(int thread_waker, std::chrono::milliseconds slice) {
  const auto before = std::chrono::steady_clock::now();
  auto outcome = wait(thread_waker, slice);
  expects_to_wait_ = std::chrono::steady_clock::now() - before > kSlept;
  return outcome;
}

std::optional<Result<std::size_t>> ListenerMember::accept_within(std::vector<Accepted>& out, std::size_t most,
                                                                 int thread_waker, std::chrono::milliseconds slice,
                                                                 std::uint64_t& failed) {
  auto lease = this->lease();
  if (!lease) return std::nullopt;
  bool waited = false;
  if (slice.count() > 0 && expects_to_wait_) {
    // A call that finds nothing is dearer than the wait: it makes a socket and throws it away.
    auto outcome = timed_wait(thread_waker, slice);
    if (!outcome.ok()) return Result<std::size_t>(outcome.error());
    waited = true;
  }
  std::size_t count = 0;
  // Failed ones count as turns: a refusal that never ends, as of a sandbox, must not hold the thread here.
  std::size_t turn = 0;
  while (turn < most) {
    auto accepted = accept(lease->fd(), SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted.ok()) {
      out.push_back(std::move(accepted.value()));
      count++;
      turn++;
      continue;
    }
    const AcceptFailure failure = classify_accept(accepted.error().number);
    if (failure == AcceptFailure::kConnection) {
      failed++;
      turn++;
      continue;
    }
    if (count > 0) break;
    if (failure != AcceptFailure::kWouldBlock) return Result<std::size_t>(accepted.error());
    if ((waited || slice.count() <= 0) && is_shut_down(lease->fd()))
      return Result<std::size_t>(SystemError{EINVAL, "accept"});
    if (waited || slice.count() <= 0) break;
    auto outcome = timed_wait(thread_waker, slice);
    if (!outcome.ok()) return Result<std::size_t>(outcome.error());
    if (outcome.value() != Waited::kReady) break;
    waited = true;
  }
  if (count == 0 && turn > 0 && slice.count() > 0) {
    // Nothing but failures: give the sandbox, or the network, a moment before the next turn.
    const std::array wakers{group_->waker_.fd(), thread_waker};
    [[maybe_unused]] auto rested = wait_for(wakers[0], POLLIN, wakers, std::min(slice, kRestAfterFailures));
  }
  if (count == 0 && group_->closed()) return std::nullopt;
  return Result<std::size_t>(count);
}

}  // namespace listenq
