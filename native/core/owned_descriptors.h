// Which thread owns a descriptor by number.
#ifndef LISTENQ_CORE_OWNED_DESCRIPTORS_H_
#define LISTENQ_CORE_OWNED_DESCRIPTORS_H_

namespace listenq {

/**
 * The descriptors that one JavaScript thread owns by number, its connections. The process keeps one table for all of
 * these sets, so that a number has one owner, whichever thread asks. What is left when the set ends is closed: no
 * finalizer of JavaScript runs when a worker is terminated.
 */
class OwnedDescriptors {
 public:
  OwnedDescriptors() = default;
  ~OwnedDescriptors();
  OwnedDescriptors(const OwnedDescriptors&) = delete;
  OwnedDescriptors& operator=(const OwnedDescriptors&) = delete;

  /** Owns a number that the kernel has just given out: whoever had it before has closed it. */
  void add(int fd);
  /** Owns a number that somebody else made; false if a thread of this process owns it already. */
  bool adopt(int fd);
  bool contains(int fd) const;
  /** False if `fd` was not owned here. */
  bool remove(int fd);

  /** Whether any thread owns `fd`. */
  static bool owned(int fd);
};

}  // namespace listenq

#endif  // LISTENQ_CORE_OWNED_DESCRIPTORS_H_
