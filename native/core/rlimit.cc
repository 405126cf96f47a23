#include "rlimit.h"

namespace listenq::sys {

namespace {
// glibc names the type of `resource` in C++, musl has an int.
#ifdef __GLIBC__
using ResourceName = __rlimit_resource_t;
#else
using ResourceName = int;
#endif
}  // namespace

Result<rlimit> getrlimit(int resource) {
  rlimit limits{};
  if (::getrlimit(static_cast<ResourceName>(resource), &limits) < 0) return last_error("getrlimit");
  return limits;
}

Status setrlimit(int resource, const rlimit& limits) {
  if (::setrlimit(static_cast<ResourceName>(resource), &limits) < 0) return last_error("setrlimit");
  return success();
}

}  // namespace listenq::sys
