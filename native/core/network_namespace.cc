#include "network_namespace.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "socket.h"

namespace listenq {

Status bring_up_loopback() {
  auto any = sys::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!any.ok()) return any.error();
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", sizeof "lo");
  if (::ioctl(any.value().get(), SIOCGIFFLAGS, &request) < 0) return last_error("ioctl");
  request.ifr_flags |= IFF_UP;
  if (::ioctl(any.value().get(), SIOCSIFFLAGS, &request) < 0) return last_error("ioctl");
  return success();
}

Status enter_private_network() {
  if (::unshare(CLONE_NEWNET) < 0) return last_error("unshare");
  return bring_up_loopback();
}

}  // namespace listenq
