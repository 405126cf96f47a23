#include "environment.h"

#include <algorithm>
#include <cstring>

#include "../core/thread_wakers.h"

namespace listenq::binding {

Environment& Environment::attach(Napi::Env env) {
  auto* environment = new Environment;
  env.SetInstanceData(environment);
  return *environment;
}

Environment& Environment::of(Napi::Env env) {
  return *env.GetInstanceData<Environment>();
}

Environment::Environment() {
  auto waker = Waker::create();
  if (waker.ok()) waker_ = std::make_shared<Waker>(std::move(waker.value()));
  accepted.reserve(kBatch);
}

Environment::~Environment() {
  if (entered_) thread_wakers::leave(thread_id_, waker_);
}

void Environment::enter_thread(std::uint64_t thread_id) {
  if (!waker_) return;
  thread_id_ = thread_id;
  entered_ = true;
  thread_wakers::enter(thread_id, waker_);
}

int Environment::waker_fd() const {
  return waker_ ? waker_->fd() : -1;
}

bool Environment::clear_waker() const {
  return waker_ && waker_->clear();
}

void Environment::leave_peer(std::size_t index, const Address& peer) {
  PeerRecord& record = (*accepted_peers)[index];
  record.length = peer.length;
  std::memcpy(record.bytes.data(), &peer.storage, std::min<std::size_t>(peer.length, record.bytes.size()));
}

}  // namespace listenq::binding
