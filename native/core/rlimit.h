// The resource limits of this process.
#ifndef LISTENQ_CORE_RLIMIT_H_
#define LISTENQ_CORE_RLIMIT_H_

#include <sys/resource.h>

#include "result.h"

namespace listenq::sys {

/** getrlimit(2). RLIM_INFINITY stands for no limit. */
Result<rlimit> getrlimit(int resource);
/** setrlimit(2). Errors: EINVAL if soft is over hard, EPERM to raise the hard limit without CAP_SYS_RESOURCE. */
Status setrlimit(int resource, const rlimit& limits);

}  // namespace listenq::sys

#endif  // LISTENQ_CORE_RLIMIT_H_
