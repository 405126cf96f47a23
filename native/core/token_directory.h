// Objects that the threads of this process name to each other by number.
#ifndef LISTENQ_CORE_TOKEN_DIRECTORY_H_
#define LISTENQ_CORE_TOKEN_DIRECTORY_H_

#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace listenq {

/** A token: random, so that one of another process, or an old one, names nothing here. */
inline std::uint64_t new_token() {
  std::uint64_t token = 0;
  if (::getrandom(&token, sizeof token, GRND_NONBLOCK) == sizeof token) return token;
  static std::atomic<std::uint64_t> counter = static_cast<std::uint64_t>(::getpid()) << 32;
  return ++counter;
}

/**
 * Finds objects by their tokens. Weak: being named keeps nothing alive. T has token(); its destructor calls remove().
 * Made with new and never destroyed: workers may still end while the process runs its static destructors.
 */
template <typename T>
class TokenDirectory {
 public:
  void add(const std::shared_ptr<T>& object) {
    std::lock_guard lock(mutex_);
    objects_.emplace(object->token(), object);
  }

  void remove(std::uint64_t token) {
    std::lock_guard lock(mutex_);
    objects_.erase(token);
  }

  /** Null if the token names nothing, or nothing any more. */
  std::shared_ptr<T> find(std::uint64_t token) const {
    std::lock_guard lock(mutex_);
    auto found = objects_.find(token);
    return found == objects_.end() ? nullptr : found->second.lock();
  }

  std::vector<std::shared_ptr<T>> all() const {
    std::vector<std::shared_ptr<T>> alive;
    std::lock_guard lock(mutex_);
    for (const auto& [token, object] : objects_) {
      if (auto held = object.lock()) alive.push_back(std::move(held));
    }
    return alive;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::weak_ptr<T>> objects_;
};

}  // namespace listenq

#endif  // LISTENQ_CORE_TOKEN_DIRECTORY_H_
