// What the HTTP load generators share: a client's request, and the answer as it comes.
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "client.h"

namespace bench {

inline constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
inline constexpr std::string_view kLastRequest = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** One connection's answer. Knows no bodies but those that Content-Length tells. */
class Answer {
 public:
  [[nodiscard]] bool whole() const { return length_ > 0 && text_.size() >= length_; }
  [[nodiscard]] int status() const { return number_at("HTTP/1.1 "); }

  void add(std::string_view part) {
    text_ += part;
    if (length_ > 0) return;
    const std::size_t end = text_.find("\r\n\r\n");
    if (end != std::string::npos) length_ = end + 4 + static_cast<std::size_t>(number_at("Content-Length: "));
  }

  void clear() {
    text_.clear();
    length_ = 0;
  }

 private:
  [[nodiscard]] int number_at(std::string_view name) const {
    const std::size_t start = text_.find(name);
    int number = 0;
    if (start != std::string::npos)
      std::from_chars(text_.data() + start + name.size(), text_.data() + text_.size(), number);
    return number;
  }

  std::string text_;
  /** Of headers and body; 0 until the headers are there. */
  std::size_t length_ = 0;
};

class HttpClient {
 public:
  /** kWhole: the answer is there, the connection open. kEnded: the server has ended it. kFailed: see `error`. */
  enum class State { kWaits, kWhole, kEnded, kFailed };

  /** Starts to connect, unless that is refused at once; `data` comes back with the events of `epoll`. */
  bool open(const sockaddr_in& server, int epoll, std::uint64_t data, std::string_view request) {
    answer_.clear();
    request_ = request;
    sent_ = false;
    error_ = 0;
    fd_ = start_connect(server, SOCK_NONBLOCK);
    if (fd_ < 0 && errno != ECONNREFUSED) bench::fail("connect");
    if (fd_ >= 0) watch(epoll, fd_, EPOLLIN | EPOLLOUT | EPOLLET, data);
    return fd_ >= 0;
  }

  /** Goes on as far as it can. */
  State proceed() {
    if (!sent_ && !send()) return error_ == 0 ? State::kWaits : State::kFailed;
    std::array<char, 4096> part;
    for (;;) {
      const ssize_t length = ::recv(fd_, part.data(), part.size(), 0);
      if (length == 0) return State::kEnded;
      if (length < 0 && errno == EAGAIN) return answer_.whole() ? State::kWhole : State::kWaits;
      if (length < 0) return fail();
      answer_.add({part.data(), static_cast<std::size_t>(length)});
    }
  }

  /** The next request of the same connection. */
  void again() {
    answer_.clear();
    sent_ = false;
  }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  [[nodiscard]] const Answer& answer() const { return answer_; }
  [[nodiscard]] int error() const { return error_; }

 private:
  State fail() {
    error_ = errno;
    return State::kFailed;
  }

  bool send() {
    sent_ = ::send(fd_, request_.data(), request_.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request_.size());
    if (!sent_ && errno != EAGAIN) fail();
    return sent_;
  }

  int fd_ = -1;
  std::string_view request_;
  bool sent_ = false;
  int error_ = 0;
  Answer answer_;
};

}  // namespace bench
