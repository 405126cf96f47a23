// This process's descriptors, children of it, and files that go away again.
#ifndef LISTENQ_TEST_SUPPORT_PROCESS_H_
#define LISTENQ_TEST_SUPPORT_PROCESS_H_

#include <functional>
#include <set>
#include <string>

namespace listenq::test {

/** The open descriptors of this process. */
std::set<int> open_descriptors();
inline std::size_t descriptor_count() {
  return open_descriptors().size();
}
/** FD_CLOEXEC of `fd`. */
bool is_cloexec(int fd);
/** Whether `fd` is open. */
bool is_open(int fd);

/** Runs `body` in a forked child and gives back the text that it returned; "signal N" or "exit N" if it did not get
 * that far. For what cannot be undone in a process. Checks of doctest do not count in there. */
std::string in_child(const std::function<std::string()>& body);

/** In a child: lets no further descriptor be opened, now and until it ends. */
void exhaust_descriptors();

/** A new directory that is removed with what is in it. */
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace listenq::test

#endif  // LISTENQ_TEST_SUPPORT_PROCESS_H_
