#include "owned_descriptors.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace listenq {

namespace {

/** The owner of each number, by number. */
struct Table {
  std::mutex mutex;
  std::vector<const OwnedDescriptors*> owners;

  // The caller holds the mutex.
  const OwnedDescriptors*& owner_of(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= owners.size()) owners.resize(std::max(index + 1, owners.size() * 2));
    return owners[index];
  }

  // The caller holds the mutex. Any number may be asked for: the table does not grow for it.
  const OwnedDescriptors* find(int fd) const {
    const auto index = static_cast<std::size_t>(fd);
    return fd >= 0 && index < owners.size() ? owners[index] : nullptr;
  }
};

// Never destroyed: workers may still end while the process runs its static destructors.
Table& table() {
  static auto* const instance = new Table;
  return *instance;
}

}  // namespace

OwnedDescriptors::~OwnedDescriptors() {
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  for (std::size_t fd = 0; fd < all.owners.size(); fd++) {
    if (all.owners[fd] != this) continue;
    all.owners[fd] = nullptr;
    ::close(static_cast<int>(fd));
  }
}

void OwnedDescriptors::add(int fd) {
  const std::lock_guard lock(table().mutex);
  table().owner_of(fd) = this;
}

bool OwnedDescriptors::adopt(int fd) {
  const std::lock_guard lock(table().mutex);
  const OwnedDescriptors*& owner = table().owner_of(fd);
  if (owner != nullptr) return false;
  owner = this;
  return true;
}

bool OwnedDescriptors::contains(int fd) const {
  const std::lock_guard lock(table().mutex);
  return table().find(fd) == this;
}

bool OwnedDescriptors::remove(int fd) {
  const std::lock_guard lock(table().mutex);
  if (table().find(fd) != this) return false;
  table().owner_of(fd) = nullptr;
  return true;
}

bool OwnedDescriptors::owned(int fd) {
  const std::lock_guard lock(table().mutex);
  return table().find(fd) != nullptr;
}

}  // namespace listenq
