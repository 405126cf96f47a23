#include "listen_observer.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <mutex>

#include "detached_thread.h"
#include "unique_fd.h"
#include "wait.h"

namespace listenq {

struct ListenObserver::Shared {
  explicit Shared(Waker waker) : installed(std::move(waker)) {}

  // Says that `notifications` is set, or that there will be none (-1).
  const Waker installed;
  std::mutex mutex;
  UniqueFd notifications;
  std::vector<ListenCall> calls;
};

namespace {

Result<UniqueFd> install_filter() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return last_error("prctl");
  std::array filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_listen, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  // The kernel makes this descriptor CLOEXEC.
  auto fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (fd < 0) return last_error("seccomp");
  return UniqueFd(static_cast<int>(fd));
}

// One notification: note it down, and let the call go on. False once there will be no more.
bool pass_on(int notifications, std::mutex& mutex, std::vector<ListenCall>& calls) {
  // POLLHUP: all that were observed have ended.
  pollfd ready{notifications, POLLIN, 0};
  if (::poll(&ready, 1, -1) < 0) return errno == EINTR;
  if ((ready.revents & POLLIN) == 0) return false;
  // A kernel newer than the headers may write more.
  union {
    seccomp_notif notification;
    std::array<std::byte, 1024> room;
  };
  room = {};
  if (::ioctl(notifications, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0) {
    // ENOENT: the caller was killed meanwhile.
    return errno == EINTR || errno == ENOENT;
  }
  {
    std::lock_guard lock(mutex);
    calls.push_back(ListenCall{static_cast<int>(notification.pid), static_cast<int>(notification.data.args[0]),
                               static_cast<int>(notification.data.args[1])});
  }
  seccomp_notif_resp response{};
  response.id = notification.id;
  response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  return ::ioctl(notifications, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0 || errno == ENOENT;
}

}  // namespace

Result<std::unique_ptr<ListenObserver>> ListenObserver::install() {
  auto installed = Waker::create();
  if (!installed.ok()) return installed.error();
  auto shared = std::make_shared<Shared>(std::move(installed.value()));
  // The thread must exist before the filter does: a thread that inherited the filter would wait for itself.
  auto started = run_detached([shared] {
    pollfd ready{shared->installed.fd(), POLLIN, 0};
    while (::poll(&ready, 1, -1) < 0) {
    }
    int notifications = -1;
    {
      std::lock_guard lock(shared->mutex);
      notifications = shared->notifications.get();
    }
    while (notifications >= 0 && pass_on(notifications, shared->mutex, shared->calls)) {
    }
    const std::lock_guard lock(shared->mutex);
    shared->notifications.reset();
  });
  if (!started.ok()) return started.error();
  auto filter = install_filter();
  if (filter.ok()) {
    std::lock_guard lock(shared->mutex);
    shared->notifications = std::move(filter.value());
  }
  shared->installed.wake();
  if (!filter.ok()) return filter.error();
  return std::unique_ptr<ListenObserver>(new ListenObserver(std::move(shared)));
}

std::vector<ListenCall> ListenObserver::take() {
  std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->calls, {});
}

}  // namespace listenq
