// Tests that change sysctls or read counters do so in a network namespace of their own.
#ifndef LISTENQ_TEST_SUPPORT_PRIVATE_NETWORK_H_
#define LISTENQ_TEST_SUPPORT_PRIVATE_NETWORK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace listenq::test {

/** Runs `body` on a new thread that has entered a private network; skips it where that is not permitted. Threads that
 * `body` starts are in that network too. A failed REQUIRE in `body` ends the test as it would outside. */
void in_private_network(const std::function<void()>& body);

/** Writes the sysctl `name` (a path below /proc/sys) of this thread's private network; "ok" or the errno's name.
 * Outside of a private network the test fails and nothing is written. */
std::string write_sysctl(const std::string& name, const std::string& value);
/** The same, for sysctls that must take the value. */
void set_sysctl(const std::string& name, std::int64_t value);

/** The counters of the calling thread's network namespace: /proc/net/netstat and /proc/net/snmp, by name. */
using Counters = std::map<std::string, std::int64_t>;
Counters read_counters();

}  // namespace listenq::test

#endif  // LISTENQ_TEST_SUPPORT_PRIVATE_NETWORK_H_
