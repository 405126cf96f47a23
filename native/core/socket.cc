#include "socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace listenq::sys {

namespace {

Status status_of(int returned, const char* call) {
  if (returned < 0) return last_error(call);
  return success();
}

Result<std::size_t> count_of(ssize_t returned, const char* call) {
  if (returned < 0) return last_error(call);
  return static_cast<std::size_t>(returned);
}

Result<UniqueFd> owner_of(int fd, const char* call) {
  if (fd < 0) return last_error(call);
  return UniqueFd(fd);
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Result<Address> address_by(NameCall ask, int fd, const char* call) {
  Address address;
  address.length = sizeof address.storage;
  if (ask(fd, address.raw(), &address.length) < 0) return last_error(call);
  return address;
}

}  // namespace

Result<UniqueFd> socket(int domain, int type, int protocol) {
  return owner_of(::socket(domain, type, protocol), "socket");
}

Result<std::pair<UniqueFd, UniqueFd>> socketpair(int domain, int type, int protocol) {
  int fds[2];
  if (::socketpair(domain, type, protocol, fds) < 0) return last_error("socketpair");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Status bind(int fd, const Address& address) {
  return status_of(::bind(fd, address.raw(), address.length), "bind");
}

Status listen(int fd, int backlog) {
  return status_of(::listen(fd, backlog), "listen");
}

Status connect(int fd, const Address& address) {
  return status_of(::connect(fd, address.raw(), address.length), "connect");
}

Result<Address> getsockname(int fd) {
  return address_by(::getsockname, fd, "getsockname");
}

Result<Address> getpeername(int fd) {
  return address_by(::getpeername, fd, "getpeername");
}

Result<std::size_t> getsockopt(int fd, int level, int name, std::span<std::byte> value) {
  auto length = static_cast<socklen_t>(value.size());
  if (::getsockopt(fd, level, name, value.data(), &length) < 0) return last_error("getsockopt");
  return static_cast<std::size_t>(length);
}

Result<int> getsockopt_int(int fd, int level, int name) {
  int value = 0;
  auto read = getsockopt(fd, level, name, std::as_writable_bytes(std::span(&value, 1)));
  if (!read.ok()) return read.error();
  return value;
}

Status setsockopt(int fd, int level, int name, std::span<const std::byte> value) {
  return status_of(::setsockopt(fd, level, name, value.data(), static_cast<socklen_t>(value.size())), "setsockopt");
}

Status setsockopt_int(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, std::as_bytes(std::span(&value, 1)));
}

Result<std::size_t> recv(int fd, std::span<std::byte> buffer, int flags) {
  return count_of(::recv(fd, buffer.data(), buffer.size(), flags), "recv");
}

Result<std::size_t> send(int fd, std::span<const std::byte> bytes, int flags) {
  return count_of(::send(fd, bytes.data(), bytes.size(), flags), "send");
}

Status shutdown(int fd, int how) {
  return status_of(::shutdown(fd, how), "shutdown");
}

Status close(int fd) {
  return status_of(::close(fd), "close");
}

Result<UniqueFd> dup(int fd) {
  return owner_of(::dup(fd), "dup");
}

Result<UniqueFd> dup_cloexec(int fd) {
  return owner_of(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl");
}

Result<bool> get_nonblocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return last_error("fcntl");
  return (flags & O_NONBLOCK) != 0;
}

Status set_nonblocking(int fd, bool on) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return last_error("fcntl");
  int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted == flags) return success();
  return status_of(::fcntl(fd, F_SETFL, wanted), "fcntl");
}

Status set_cloexec(int fd) {
  return status_of(::fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl");
}

Result<bool> is_listening(int fd) {
  auto value = getsockopt_int(fd, SOL_SOCKET, SO_ACCEPTCONN);
  if (!value.ok()) return value.error();
  return value.value() != 0;
}

}  // namespace listenq::sys
