#include "support/outcome.h"

#include <cerrno>

namespace listenq::test {

std::string errno_name(int number) {
  struct Name {
    int number;
    const char* text;
  };
#define NAME(symbol) \
  { symbol, #symbol }
  static constexpr Name kNames[] = {
      NAME(EACCES),       NAME(EADDRINUSE),  NAME(EADDRNOTAVAIL),   NAME(EAFNOSUPPORT), NAME(EAGAIN),
      NAME(EALREADY),     NAME(EBADF),       NAME(EBADMSG),         NAME(EBUSY),        NAME(ECONNABORTED),
      NAME(ECONNREFUSED), NAME(ECONNRESET),  NAME(EDESTADDRREQ),    NAME(EDOM),         NAME(EFAULT),
      NAME(EHOSTUNREACH), NAME(EINPROGRESS), NAME(EINTR),           NAME(EINVAL),       NAME(EISCONN),
      NAME(EMFILE),       NAME(EMSGSIZE),    NAME(ENETDOWN),        NAME(ENETUNREACH),  NAME(ENFILE),
      NAME(ENOBUFS),      NAME(ENODEV),      NAME(ENOENT),          NAME(ENOMEM),       NAME(ENOPROTOOPT),
      NAME(ENOSYS),       NAME(ENOTCONN),    NAME(ENOTDIR),         NAME(ENOTSOCK),     NAME(ENXIO),
      NAME(EOPNOTSUPP),   NAME(EPERM),       NAME(EPIPE),           NAME(EPROTO),       NAME(EPROTONOSUPPORT),
      NAME(EPROTOTYPE),   NAME(EROFS),       NAME(ESOCKTNOSUPPORT), NAME(ESRCH),        NAME(ETIMEDOUT),
  };
#undef NAME
  for (const Name& name : kNames) {
    if (name.number == number) return name.text;
  }
  return "errno " + std::to_string(number);
}

}  // namespace listenq::test
