#include "support/private_network.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "core/network_namespace.h"
#include "core/unique_fd.h"
#include "support/outcome.h"
#include "support/skip.h"
#include "support/threads.h"

namespace listenq::test {

namespace {

// Inherited by nobody: a helper thread that wants to write sysctls is a mistake.
thread_local bool in_private = false;

// Two lines make a record: the names, then the values, each after the same "Prefix:".
void add_records(const char* path, Counters& counters) {
  std::ifstream file(path);
  std::string names;
  std::string values;
  while (std::getline(file, names) && std::getline(file, values)) {
    std::istringstream name_stream(names);
    std::istringstream value_stream(values);
    std::string name;
    std::string prefix;
    std::int64_t value = 0;
    name_stream >> prefix;
    value_stream >> prefix;
    while (name_stream >> name && value_stream >> value) counters[name] = value;
  }
}

}  // namespace

void in_private_network(const std::function<void()>& body) {
  std::string denied;
  Runner([&] {
    auto entered = enter_private_network();
    if (!entered.ok()) {
      denied = "no private network namespace (it needs CAP_SYS_ADMIN): " + errno_name(entered.error().number);
    } else if (::access("/proc/sys/net/core/somaxconn", W_OK) != 0) {
      denied = "no private sysctls: " + errno_name(errno);
    } else {
      in_private = true;
      body();
    }
  }).join();
  if (!denied.empty()) note_skip(denied);
}

std::string write_sysctl(const std::string& name, const std::string& value) {
  REQUIRE_MESSAGE(in_private, "sysctls are changed in private networks only");
  UniqueFd file(::open(("/proc/sys/" + name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_name(errno);
  return ::write(file.get(), value.data(), value.size()) < 0 ? errno_name(errno) : "ok";
}

void set_sysctl(const std::string& name, std::int64_t value) {
  const std::string written = write_sysctl(name, std::to_string(value));
  REQUIRE_MESSAGE(written == "ok", name << ": " << written);
}

Counters read_counters() {
  // /proc/net would be the network of the process's first thread.
  Counters counters;
  add_records("/proc/thread-self/net/netstat", counters);
  add_records("/proc/thread-self/net/snmp", counters);
  return counters;
}

}  // namespace listenq::test
