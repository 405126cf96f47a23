// ListenerMember::accept_within: what ends the wait, and what the threads of a group do to each other.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <vector>

#include "core/socket.h"
#include "support/accept_loop.h"
#include "support/group.h"
#include "support/process.h"

using namespace listenq;
using namespace listenq::test;

namespace {

std::vector<UniqueFd> clients_of(const Member& member, int count) {
  std::vector<UniqueFd> clients;
  while (static_cast<int>(clients.size()) < count) clients.push_back(client_of(member->fd()));
  return clients;
}

// The queue holds all of `count`: a client sees itself connected a moment earlier.
bool queued(const Member& member, std::uint32_t count) {
  return wait_until([&] { return must(read_queue(member->fd())).length == count; });
}

// From now on that call of this thread, and of those that it starts, is refused, as a sandbox may do.
bool refuse(std::uint32_t call, std::uint32_t number) {
  std::array filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{filter.size(), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

TEST_CASE("accept_within: takes what is queued and no more than was asked for") {
  Member member = adopt(tcp_listener(10));
  std::vector<UniqueFd> clients = clients_of(member, 5);
  REQUIRE(queued(member, 5));
  std::vector<Accepted> out;
  CHECK(accept_text(*member, 0, 0ms, -1, &out) == "0");
  CHECK(accept_text(*member, 2, kPatience, -1, &out) == "2");
  CHECK(queue_text(member->fd()) == "3/10");
  CHECK(accept_text(*member, 100, kPatience, -1, &out) == "3");
  REQUIRE(out.size() == 5);
  for (std::size_t i = 0; i < out.size(); i++) {
    CHECK(is_cloexec(out[i].fd.get()));
    CHECK(must(sys::get_nonblocking(out[i].fd.get())));
    CHECK(endpoint_of(out[i].peer).port == port_of(clients[i].get()));
  }
}

TEST_CASE("accept_within: nobody comes in the time given") {
  Member member = adopt(tcp_listener(10));
  CHECK(accept_text(*member, 1, 0ms) == "0");
  const auto start = std::chrono::steady_clock::now();
  CHECK(accept_text(*member, 1, 40ms) == "0");
  CHECK(std::chrono::steady_clock::now() - start >= 40ms);
}

TEST_CASE("accept_within: a client ends the wait") {
  Member member = adopt(tcp_listener(10));
  std::string answer;
  Runner waiting([&] { answer = accept_text(*member, 10, kPatience); });
  REQUIRE(waiting.blocked());
  UniqueFd client = client_of(member->fd());
  waiting.join();
  CHECK(answer == "1");
}

TEST_CASE("accept_within: one of the threads that wait is woken for each client and the others sleep on") {
  constexpr int kThreads = 4;
  Member first = adopt(tcp_listener(10));
  std::atomic<int> ended{0};
  std::atomic<int> came{0};
  std::vector<std::unique_ptr<Runner>> threads;
  for (int i = 0; i < kThreads; i++) {
    threads.push_back(std::make_unique<Runner>([&] {
      Member own = join(first);
      // Were it woken for another's client, it would find nothing to accept, and end with 0.
      if (accept_text(*own, 1, kForever) == "1") came++;
      ended++;
    }));
  }
  for (auto& thread : threads) REQUIRE(thread->blocked());
  std::vector<UniqueFd> clients;
  for (int i = 1; i <= kThreads; i++) {
    clients.push_back(client_of(first->fd()));
    REQUIRE(wait_until([&] { return ended == i; }));
    std::this_thread::sleep_for(kQuiet);
    CHECK(ended == i);
    CHECK(came == i);
  }
  for (auto& thread : threads) thread->join();
}

TEST_CASE("accept_within: takes a descriptor more at its first wait and not before") {
  const auto before = open_descriptors();
  {
    Member member = adopt(tcp_listener(10));
    Member other = join(member);
    const std::size_t without = descriptor_count();
    UniqueFd client = client_of(member->fd());
    REQUIRE(queued(member, 1));
    CHECK(accept_text(*member, 10, kPatience) == "1");
    CHECK(accept_text(*member, 10, 0ms) == "0");
    client.reset();
    CHECK(descriptor_count() == without);
    for (int i = 0; i < 3; i++) CHECK(accept_text(*member, 10, 1ms) == "0");
    CHECK(descriptor_count() == without + 1);
    for (int fd : open_descriptors()) CHECK((before.contains(fd) || is_cloexec(fd)));
    // Given away, the number must not be watched any more.
    CHECK(accept_text(*other, 10, 1ms) == "0");
    UniqueFd away(other->detach());
    CHECK(descriptor_count() == without + 1);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("accept_within: close drops what an idle member waited with") {
  const auto before = open_descriptors();
  Member member = adopt(tcp_listener(10));
  CHECK(accept_text(*member, 1, 1ms) == "0");
  member->group().close();
  // The waker is still the group's.
  CHECK(descriptor_count() == before.size() + 1);
  member.reset();
  CHECK(open_descriptors() == before);
}

TEST_CASE("accept_within: waits where no epoll instance can be had") {
  const std::string seen = in_child([] {
    Member member = adopt(tcp_listener(10));
    const Waker waker = must(Waker::create());
    const std::size_t before = descriptor_count();
    if (!refuse(SYS_epoll_create1, EMFILE)) return std::string("no seccomp");
    std::string answers = accept_text(*member, 1, 1ms);
    std::string answer;
    Runner waiting([&] { answer = accept_text(*member, 1, kPatience, waker.fd()); });
    if (!waiting.blocked()) return std::string("does not wait");
    UniqueFd client = client_of(member->fd());
    waiting.join();
    client.reset();
    waker.wake();
    answers += " " + answer + " " + accept_text(*member, 1, kPatience, waker.fd());
    return answers + (descriptor_count() == before ? " no more" : " more") + " descriptors";
  });
  CHECK(seen == "0 1 0 no more descriptors");
}

TEST_CASE("accept_within: the waker of the thread ends the wait and the listener goes on") {
  Member member = adopt(tcp_listener(10));
  const Waker waker = must(Waker::create());
  std::string answer;
  Runner waiting([&] { answer = accept_text(*member, 10, kPatience, waker.fd()); });
  REQUIRE(waiting.blocked());
  waker.wake();
  waiting.join();
  CHECK(answer == "0");
  // Not cleared yet: the next wait does not even begin, but what is queued is taken first.
  CHECK(accept_text(*member, 10, kPatience, waker.fd()) == "0");
  UniqueFd client = client_of(member->fd());
  REQUIRE(queued(member, 1));
  CHECK(accept_text(*member, 10, kPatience, waker.fd()) == "1");
}

TEST_CASE("accept_within: close from another thread ends the wait of every member") {
  const auto before = open_descriptors();
  {
    constexpr std::size_t kThreads = 4;
    Member members[kThreads];
    members[0] = adopt(tcp_listener(10));
    for (std::size_t i = 1; i < kThreads; i++) members[i] = join(members[0]);
    Member idle = join(members[0]);
    const Address address = name_of(idle->fd());
    std::string answers[kThreads];
    std::vector<std::unique_ptr<Runner>> threads;
    for (std::size_t i = 0; i < kThreads; i++) {
      threads.push_back(std::make_unique<Runner>([&, i] { answers[i] = accept_text(*members[i], 10, kForever); }));
    }
    for (auto& thread : threads) REQUIRE(thread->blocked());
    idle->group().close();
    for (auto& thread : threads) CHECK(thread->ended());
    for (auto& thread : threads) thread->join();
    for (const std::string& answer : answers) CHECK(answer == "closed");
    for (const Member& member : members) CHECK(member->fd() == -1);
    std::string refused;
    start_connect(address, &refused, kBlocking);
    CHECK(refused == "ECONNREFUSED");
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("accept_within: a full descriptor table is EMFILE once nothing came and the queue is kept") {
  const std::string seen = in_child([] {
    Member member = adopt(tcp_listener(10));
    std::vector<UniqueFd> clients = clients_of(member, 3);
    if (!queued(member, 3)) return std::string("not queued");
    std::vector<Accepted> out;
    leave_descriptors(2);
    std::string answers = accept_text(*member, 10, kPatience, -1, &out);
    answers += " " + accept_text(*member, 10, kPatience, -1, &out);
    answers += " " + queue_text(member->fd());
    out.clear();
    return answers + " " + accept_text(*member, 10, kPatience, -1, &out);
  });
  CHECK(seen == "2 EMFILE 1/10 1");
}

TEST_CASE("accept_within: a refusal that does not end is counted and not waited out") {
  const std::string seen = in_child([] {
    Member member = adopt(tcp_listener(10));
    UniqueFd client = client_of(member->fd());
    if (!refuse(SYS_accept4, EPERM)) return std::string("no seccomp");
    std::uint64_t failed = 0;
    const std::string answer = accept_text(*member, 6, kPatience, -1, nullptr, &failed);
    return answer + " came and " + std::to_string(failed) + " failed";
  });
  CHECK(seen == "0 came and 6 failed");
}

TEST_CASE("accept_within: a listener that somebody shut down is EINVAL and not a loop") {
  Member tcp = adopt(tcp_listener(10));
  must(sys::shutdown(tcp->fd(), SHUT_RD));
  CHECK(accept_text(*tcp, 1, kPatience) == "EINVAL");
  Member local = adopt(unix_listener(10));
  UniqueFd client = start_connect(name_of(local->fd()));
  must(sys::shutdown(local->fd(), SHUT_RD));
  CHECK(accept_text(*local, 1, kPatience) == "1");
  CHECK(accept_text(*local, 1, kPatience) == "EINVAL");
  std::string answer;
  Member waited_for = adopt(unix_listener(10));
  Runner waiting([&] { answer = accept_text(*waited_for, 1, kPatience); });
  REQUIRE(waiting.blocked());
  must(sys::shutdown(waited_for->fd(), SHUT_RD));
  waiting.join();
  CHECK(answer == "EINVAL");
}

TEST_CASE("accept_within: a socket that does not listen is EINVAL") {
  Member member = adopt(bound_to(loopback()));
  CHECK(accept_text(*member, 1, kPatience) == "EINVAL");
}

TEST_CASE("accept_within: threads share the clients and each client comes once") {
  constexpr int kClients = 300;
  constexpr std::size_t kThreads = 4;
  const auto before = open_descriptors();
  {
    Member members[kThreads];
    members[0] = adopt(tcp_listener(kClients));
    for (std::size_t i = 1; i < kThreads; i++) members[i] = join(members[0]);
    std::atomic<int> total{0};
    std::vector<std::unique_ptr<Runner>> threads;
    for (const Member& member : members) {
      threads.push_back(std::make_unique<Runner>([&total, &member] {
        std::string answer = "0";
        while (answer != "closed") {
          answer = accept_text(*member, 7, kPatience);
          if (answer != "closed") total += std::stoi(answer);
        }
      }));
    }
    Member own = join(members[0]);
    for (int i = 0; i < kClients; i++) reset_connection(client_of(own->fd()));
    CHECK(wait_until([&] { return total == kClients; }));
    own->group().close();
    for (auto& thread : threads) thread->join();
    CHECK(total == kClients);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("ListenerGroup: threads join and drop and detach while another closes") {
  const auto before = open_descriptors();
  for (int round = 0; round < 40; round++) {
    Member first = adopt(tcp_listener(10));
    const std::uint64_t token = first->group().token();
    std::atomic<int> running{0};
    std::vector<std::unique_ptr<Runner>> threads;
    for (int i = 0; i < 3; i++) {
      threads.push_back(std::make_unique<Runner>([&, i] {
        running++;
        while (auto joined = ListenerGroup::join(token)) {
          Member member = must(std::move(*joined));
          accept_text(*member, 1, 0ms);
          if (i == 0) UniqueFd(member->detach());
        }
      }));
    }
    REQUIRE(wait_until([&] { return running == 3; }));
    first->group().close();
    for (auto& thread : threads) thread->join();
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("ListenerGroup: no thread of it ever touches a number that went to another file") {
  // Others open files as fast as they can while groups are closed under their threads. Were a number closed twice, or
  // used after it was closed, one of those files would be gone or would be accepted from (ENOTSOCK).
  const auto before = open_descriptors();
  {
    std::atomic<bool> over{false};
    std::atomic<int> lost{0};
    Runner opening([&] {
      while (!over) {
        UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
        std::this_thread::yield();
        if (!is_open(file.get())) lost++;
      }
    });
    for (int round = 0; round < 60; round++) {
      Member first = adopt(tcp_listener(10));
      Member second = join(first);
      std::string answer;
      Runner waiting([&] {
        do {
          answer = accept_text(*second, 1, 1ms);
        } while (answer == "0");
      });
      if (round % 2 == 0) std::this_thread::sleep_for(1ms);
      first->group().close();
      waiting.join();
      CHECK(answer == "closed");
    }
    over = true;
    opening.join();
    CHECK(lost == 0);
  }
  CHECK(open_descriptors() == before);
}
