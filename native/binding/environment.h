// What the addon keeps for one JavaScript environment: the main thread's, or one worker's.
#ifndef LISTENQ_BINDING_ENVIRONMENT_H_
#define LISTENQ_BINDING_ENVIRONMENT_H_

#include <napi.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "../core/accept.h"
#include "../core/listen_observer.h"
#include "../core/owned_descriptors.h"
#include "../core/wait.h"

namespace listenq::binding {

/** How many connections one call into the addon can bring back. */
inline constexpr std::size_t kBatch = 64;

/** A peer's address as JavaScript reads it: how many bytes count, then the bytes. */
struct PeerRecord {
  std::uint32_t length;
  std::array<std::uint8_t, sizeof(sockaddr_storage)> bytes;
};
static_assert(sizeof(PeerRecord) == 132);

class Environment {
 public:
  /** Makes the environment's state and attaches it; Node deletes it when the environment ends. */
  static Environment& attach(Napi::Env env);
  static Environment& of(Napi::Env env);

  Environment();
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /** Lets other threads interrupt this one under `thread_id`. */
  void enter_thread(std::uint64_t thread_id);
  /** Ends a wait of this thread; -1, which poll(2) passes over, if no eventfd could be had. */
  int waker_fd() const;
  bool clear_waker() const;

  OwnedDescriptors owned;
  Napi::FunctionReference make_error;
  std::unique_ptr<ListenObserver> observer;

  /** Where accepted descriptors and their peers are left for JavaScript, which sees the same memory. */
  std::array<std::int32_t, kBatch>* accepted_fds = nullptr;
  std::array<PeerRecord, kBatch>* accepted_peers = nullptr;
  std::uint32_t* queue_words = nullptr;
  double* taken_wait = nullptr;
  std::vector<Accepted> accepted;

  /** Puts what was accepted where JavaScript finds it. */
  void leave_peer(std::size_t index, const Address& peer);

 private:
  std::shared_ptr<Waker> waker_;
  std::uint64_t thread_id_ = 0;
  bool entered_ = false;
};

}  // namespace listenq::binding

#endif  // LISTENQ_BINDING_ENVIRONMENT_H_
