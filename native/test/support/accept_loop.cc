#include "support/accept_loop.h"

#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>

#include "core/rlimit.h"

namespace listenq::test {

Handoff::Settings bounded(std::size_t high_water_mark) {
  Handoff::Settings settings;
  settings.high_water_mark = high_water_mark;
  return settings;
}

Handoff::Settings shedding(Overload::Action action, const std::string& answer) {
  Handoff::Settings settings = bounded(100'000);
  const auto bytes = std::as_bytes(std::span(answer));
  settings.overload = Overload{action, {bytes.begin(), bytes.end()}};
  return settings;
}

std::unique_ptr<Acceptor> acceptor_of(const Exchange& exchange, const std::vector<const Member*>& members) {
  std::vector<Member> copies;
  for (const Member* member : members) copies.push_back(join(*member));
  return std::make_unique<Acceptor>(exchange.handoff, std::move(copies));
}

std::string turn(Acceptor& acceptor, std::chrono::milliseconds slice) {
  auto came = acceptor.gather(slice);
  if (!came) return "ended";
  acceptor.deliver();
  return std::to_string(*came);
}

void run(Acceptor& acceptor) {
  while (acceptor.gather(kForever)) acceptor.deliver();
}

std::string take_text(const Exchange& exchange, std::size_t wanting, Arrival* out) {
  Arrival dropped;
  switch (exchange.handoff->take(wanting, out != nullptr ? *out : dropped)) {
    case Handoff::Taken::kConnection:
      return "connection";
    case Handoff::Taken::kNothing:
      return "nothing";
    case Handoff::Taken::kNews:
      return "news";
  }
  return "?";
}

std::vector<Arrival> take_all(const Exchange& exchange) {
  std::vector<Arrival> taken;
  Arrival arrival;
  while (take_text(exchange, 0, &arrival) == "connection") taken.push_back(std::move(arrival));
  return taken;
}

std::string news_text(const Exchange& exchange) {
  auto news = exchange.handoff->news();
  if (!news) return "none";
  if (news->kind == Handoff::News::Kind::kLosses) return "losses";
  const std::string kind = news->kind == Handoff::News::Kind::kFailure ? "fatal " : "shortage ";
  return kind + errno_name(news->error.number);
}

std::uint64_t refused(const Exchange& exchange, Refusal cause) {
  return exchange.handoff->stats().refused[static_cast<std::size_t>(cause)];
}

std::vector<UniqueFd> queue_clients(const Member& member, std::size_t count) {
  const std::uint32_t before = must(read_queue(member->fd())).length;
  std::vector<UniqueFd> clients;
  while (clients.size() < count) clients.push_back(client_of(member->fd()));
  // A client sees itself connected a moment before it is queued.
  REQUIRE(wait_until([&] { return must(read_queue(member->fd())).length == before + count; }));
  return clients;
}

std::vector<std::uint16_t> ports_of(const std::vector<UniqueFd>& clients) {
  std::vector<std::uint16_t> ports;
  for (const UniqueFd& client : clients) ports.push_back(port_of(client.get()));
  return ports;
}

std::vector<std::uint16_t> ports_of(const std::vector<Arrival>& arrivals) {
  std::vector<std::uint16_t> ports;
  for (const Arrival& arrival : arrivals) ports.push_back(endpoint_of(arrival.peer).port);
  return ports;
}

bool refuse_accept(int number) {
  std::array filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept4, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(number)),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{filter.size(), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void leave_descriptors(std::size_t count) {
  rlimit limits = must(sys::getrlimit(RLIMIT_NOFILE));
  UniqueFd next = must(sys::dup(0));
  limits.rlim_cur = std::min(limits.rlim_max, static_cast<rlim_t>(next.get()) + count);
  must(sys::setrlimit(RLIMIT_NOFILE, limits));
}

}  // namespace listenq::test
