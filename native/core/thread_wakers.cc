#include "thread_wakers.h"

#include <mutex>
#include <unordered_map>

namespace listenq::thread_wakers {

namespace {

struct Directory {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, std::weak_ptr<Waker>> wakers;
};

// Never destroyed: workers may still end while the process runs its static destructors.
Directory& directory() {
  static auto* const instance = new Directory;
  return *instance;
}

}  // namespace

void enter(std::uint64_t thread_id, const std::shared_ptr<Waker>& waker) {
  std::lock_guard lock(directory().mutex);
  directory().wakers[thread_id] = waker;
}

void leave(std::uint64_t thread_id, const std::shared_ptr<Waker>& waker) {
  std::lock_guard lock(directory().mutex);
  auto found = directory().wakers.find(thread_id);
  if (found != directory().wakers.end() && found->second.lock() == waker) directory().wakers.erase(found);
}

bool wake(std::uint64_t thread_id) {
  std::lock_guard lock(directory().mutex);
  auto found = directory().wakers.find(thread_id);
  if (found == directory().wakers.end()) return false;
  auto waker = found->second.lock();
  if (!waker) return false;
  waker->wake();
  return true;
}

}  // namespace listenq::thread_wakers
