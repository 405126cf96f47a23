#include "resolve.h"

#include <netdb.h>
#include <poll.h>

#include <mutex>

#include "detached_thread.h"
#include "wait.h"

namespace listenq {

struct Resolution::Shared {
  Shared(Waker waker, std::string name, std::uint16_t number, bool for_bind)
      : host(std::move(name)), port(number), passive(for_bind), done(std::move(waker)) {}

  const std::string host;
  const std::uint16_t port;
  const bool passive;
  std::mutex mutex;
  /** Nothing once the asker is gone. */
  std::optional<Waker> done;
  Resolved answer;
};

namespace {

Resolved ask(const std::string& host, std::uint16_t port, bool passive) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
  addrinfo* list = nullptr;
  Resolved resolved;
  resolved.eai = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  resolved.number = resolved.eai == EAI_SYSTEM ? errno : 0;
  for (addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    resolved.addresses.push_back(address_from_bytes(entry->ai_addr, entry->ai_addrlen));
  }
  if (list != nullptr) ::freeaddrinfo(list);
  return resolved;
}

}  // namespace

Result<std::unique_ptr<Resolution>> Resolution::start(const std::string& host, std::uint16_t port, bool passive) {
  auto done = Waker::create();
  if (!done.ok()) return done.error();
  auto shared = std::make_shared<Shared>(std::move(done.value()), host, port, passive);
  auto started = run_detached([question = shared] {
    Resolved answer = ask(question->host, question->port, question->passive);
    std::lock_guard lock(question->mutex);
    question->answer = std::move(answer);
    if (question->done) question->done->wake();
  });
  if (!started.ok()) return started.error();
  return std::unique_ptr<Resolution>(new Resolution(std::move(shared)));
}

Resolution::~Resolution() {
  std::lock_guard lock(shared_->mutex);
  shared_->done.reset();
}

Result<std::optional<Resolved>> Resolution::within(std::span<const int> wakers, std::chrono::milliseconds slice) {
  auto waited = wait_for(shared_->done->fd(), POLLIN, wakers, slice);
  if (!waited.ok()) return waited.error();
  if (waited.value() != Waited::kReady) return std::optional<Resolved>();
  // Taken back, so that a second call waits in vain rather than find an answer without addresses.
  shared_->done->clear();
  std::lock_guard lock(shared_->mutex);
  return std::optional(std::move(shared_->answer));
}

}  // namespace listenq
