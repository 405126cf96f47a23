#include "accept.h"

#include <poll.h>
#include <sys/socket.h>

namespace listenq {

Result<Accepted> accept(int fd, int flags) {
  Address peer;
  peer.length = sizeof peer.storage;
  int accepted = ::accept4(fd, peer.raw(), &peer.length, flags);
  if (accepted < 0) return last_error("accept");
  return Accepted{UniqueFd(accepted), peer};
}

AcceptFailure classify_accept(int number) {
  switch (number) {
    case EAGAIN:
    case EINTR:
      return AcceptFailure::kWouldBlock;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return AcceptFailure::kShortage;
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case ETIMEDOUT:
      return AcceptFailure::kConnection;
    default:
      return AcceptFailure::kListener;
  }
}

bool is_shut_down(int fd) {
  pollfd entry{fd, POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLRDHUP) != 0;
}

}  // namespace listenq
