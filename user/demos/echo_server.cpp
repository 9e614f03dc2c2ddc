// One echo server in three ways: coroutines over epoll, coroutines over the ring, and a thread for
// each connection. The client is the same for all. It prints what a connection takes in memory and
// what a message takes in instructions, side by side.
//
//   echo-server [tcp] [CONNECTIONS]   the client, which starts the servers: 1,000 connections by
//                                     default, 30,000 at most, over AF_UNIX or TCP of 127.0.0.1
//   echo-server WAY CONNECTIONS       a server, whose descriptor 3 is the listening socket
#include <abi/events.h>
#include <user/async.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/counters.h>
#include <user/demo.h>
#include <user/process.h>
#include <user/socket.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <coroutine>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

COTRAP_DEMO(.description =
                "a server of 1,000 connections: coroutines over epoll or a ring beside threads",
            .icount = true);

using namespace user;

namespace {

constexpr std::string_view ways[] = {"epoll", "ring", "threads"};
constexpr Fd listener = 3;  // of a server

struct Message {
  std::uint32_t connection;
  std::uint32_t round;
  std::array<std::byte, 24> text;
};

void allow_descriptors(unsigned count) {
  const abi::ResourceLimit limit{count, count};
  must(call(Call::prlimit64, 0, abi::rlimit_nofile, &limit, nullptr), "more descriptors");
}

// ── The server: coroutines over epoll ──

// Resumes each coroutine whose descriptor is ready. It is all that coroutines need besides the
// compiler: no executor and no queue.
class EpollLoop {
 public:
  class Watched;  // a descriptor

  EpollLoop() : epoll_{must(call<Fd>(Call::epoll_create1, 0), "an epoll file")} {}
  void run_while(const unsigned& left) {
    std::array<abi::EpollEvent, 64> events;
    while (left > 0) {
      const auto count = must(call<std::size_t>(Call::epoll_pwait, epoll_, events.data(),
                                                events.size(), -1, nullptr, 0),
                              "waiting");
      for (const abi::EpollEvent& event : std::span{events}.first(count)) {
        auto& resumed = *reinterpret_cast<std::coroutine_handle<>*>(event.data);
        resumed.resume();
      }
    }
  }

 private:
  Fd epoll_;
};

// `co_await watched` resumes when the descriptor is readable. The object's destructor closes it.
class EpollLoop::Watched {
 public:
  Watched(const EpollLoop& loop, Fd fd) : fd_{fd} {
    abi::EpollEvent event{.events = abi::epollin, .data = reinterpret_cast<std::uintptr_t>(this)};
    must(call(Call::epoll_ctl, loop.epoll_, abi::epoll_ctl_add, fd, &event), "watching");
  }
  Watched(const Watched&) = delete;
  ~Watched() { must(close(fd_), "closing"); }
  Fd fd() const { return fd_; }

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) { waiting_ = waiting; }
  void await_resume() const {}

 private:
  std::coroutine_handle<> waiting_;  // the first member: run_while() resumes it
  Fd fd_;
};

// A coroutine that starts at once and frees its frame at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached echo_by_epoll(EpollLoop& loop, Fd fd, unsigned& left) {
  EpollLoop::Watched connection{loop, fd};
  std::array<std::byte, sizeof(Message)> buffer;
  for (;;) {
    co_await connection;
    const std::size_t count = must(read(fd, buffer), "reading");
    if (count == 0) break;
    must(write(fd, std::span{buffer}.first(count)), "writing");
  }
  --left;
}

Detached accept_by_epoll(EpollLoop& loop, unsigned connections, unsigned& left) {
  EpollLoop::Watched watched{loop, listener};
  for (unsigned i = 0; i < connections; ++i) {
    co_await watched;
    echo_by_epoll(loop, must(accept(listener), "accepting"), left);
  }
}

void serve_by_epoll(unsigned connections) {
  EpollLoop loop;
  unsigned left = connections;
  accept_by_epoll(loop, connections, left);
  loop.run_while(left);
}

// ── The server: coroutines over the ring ──

async::Task<> echo_by_ring(Fd fd) {
  std::array<std::byte, sizeof(Message)> buffer;
  for (;;) {
    const std::size_t count = must(co_await sys::read(fd, buffer), "reading");
    if (count == 0) break;
    must(co_await sys::write(fd, std::span{buffer}.first(count)), "writing");
  }
  must(close(fd), "closing");
}

async::Task<> accept_by_ring(unsigned connections) {
  co_await async::with_scope([&](async::Scope& scope) -> async::Task<> {
    for (unsigned i = 0; i < connections; ++i) {
      abi::PollFd ready{.fd = listener, .events = abi::pollin, .returned = 0};
      must(co_await sys::poll({&ready, 1}), "waiting for a connection");
      scope.spawn(echo_by_ring(must(accept(listener), "accepting")), {.name = "connection"});
    }
  });
}

// ── The server: a thread for each connection ──

void echo_by_thread(Fd fd) {
  std::array<std::byte, sizeof(Message)> buffer;
  while (const std::size_t count = must(read(fd, buffer), "reading"))
    must(write(fd, std::span{buffer}.first(count)), "writing");
  must(close(fd), "closing");
}

void serve_by_threads(unsigned connections) {
  constexpr std::size_t stack_bytes = 16 * 1024;
  std::vector<Thread> threads;
  threads.reserve(connections);
  for (unsigned i = 0; i < connections; ++i) {
    const Fd fd = must(accept(listener), "accepting");
    threads.push_back(must(
        Thread::start([fd] { echo_by_thread(fd); }, {.stack_bytes = stack_bytes}), "a thread"));
  }
}

int serve(std::string_view way, unsigned connections) {
  if (way == "epoll") {
    serve_by_epoll(connections);
  } else if (way == "ring") {
    run(accept_by_ring(connections), {.calls = connections + 100});
  } else {
    serve_by_threads(connections);
  }
  return 0;
}

// ── The client ──

std::string text_of(unsigned number) {
  std::array<char, 12> digits;
  return {digits.data(), std::to_chars(digits.begin(), digits.end(), number).ptr};
}

bool is_exact = false;

std::uint64_t reading() {
  return is_exact ? instructions() : static_cast<std::uint64_t>(now().count());
}

/// Begins at a full second. So the time slices of client and server end at the same messages in
/// each run that counts time, whatever the boot and the console took.
std::uint64_t begin_reading() {
  using namespace std::chrono;
  if (is_exact) must(sleep_until(floor<seconds>(now()) + 1s), "waiting for a full second");
  return reading();
}

struct Cost {
  std::size_t memory;    // per connection, of both programs and the kernel, in bytes
  std::uint64_t alone;   // of a message and its answer, one at a time, in reading()s
  std::uint64_t joined;  // … when all connections have a message at once
};

class Client {
 public:
  Client(std::string_view way, bool is_tcp, unsigned connections) : way_{way} {
    const AbstractName name{"echo-server." + text_of(static_cast<unsigned>(process_id()))};
    if (is_tcp) {
      const auto listening = must(listen_at(LoopbackPort{0}, abi::sock_stream, backlog), "TCP");
      start(listening, must(LoopbackPort::of(listening), "a port"), connections);
    } else {
      start(must(listen_at(name, abi::sock_stream, backlog), "listening"), name, connections);
    }
  }

  Cost measure() {
    for (unsigned i = 0; i < connections_.size(); ++i) exchange(i);  // all memory is touched
    ++round_;
    Cost cost;
    const std::size_t free_now = free_memory();
    cost.memory = (free_before_ - std::min(free_before_, free_now)) / connections_.size();
    // In an order that is not that of the connections' creation.
    constexpr std::size_t stride = 7'919;
    constexpr unsigned messages = 2'000;
    auto begin = begin_reading();
    for (std::size_t i = 0, at = 0; i < messages; ++i, at += stride) {
      exchange(static_cast<unsigned>(at % connections_.size()));
      if (i % connections_.size() == 0) ++round_;
    }
    cost.alone = (reading() - begin) / messages;

    const unsigned rounds = std::max<unsigned>(1, messages / connections_.size());
    begin = reading();
    for (unsigned i = 0; i < rounds; ++i, ++round_) {
      for (unsigned number = 0; number < connections_.size(); ++number) say(number);
      for (unsigned number = 0; number < connections_.size(); ++number) hear(number);
    }
    cost.joined = (reading() - begin) / (rounds * connections_.size());
    return cost;
  }

  void end() {
    for (const Fd fd : connections_) must(close(fd), "closing");
    const Ended ended = must(wait(server_), "the server's end");
    check(ended.status.word() == 0, "the server has served all connections");
  }

 private:
  static constexpr int backlog = 128;

  template <class Address>
  void start(Fd listening, const Address& address, unsigned connections) {
    connections_.assign(connections, -1);
    const std::string count = text_of(connections);
    const char* const arguments[] = {"echo-server", way_.data(), count.c_str(), nullptr};
    const FdMapping mapping[] = {{.from = listening, .to = listener}};
    free_before_ = free_memory();
    server_ = must(spawn(program_path(), arguments, {.fds = mapping}), "starting the server");
    must(close(listening), "closing");
    for (unsigned number = 0; number < connections; ++number) {
      connections_[number] = must(connect_at(address, abi::sock_stream), "connecting");
      // Waits until the server has accepted all of them. TCP drops a connection beyond the backlog,
      // and tries again after a second.
      if ((number + 1) % backlog == 0) exchange(number);
    }
  }

  void say(unsigned number) {
    const Message message{.connection = number, .round = round_, .text = {}};
    must(write(connections_[number], std::as_bytes(std::span{&message, 1})), "speaking");
  }
  void hear(unsigned number) {
    Message message{};
    const std::size_t count =
        must(read(connections_[number], std::as_writable_bytes(std::span{&message, 1})), "hearing");
    check(count == sizeof message && message.connection == number && message.round == round_,
          "{}: each connection gets its own messages back", way_);
  }
  void exchange(unsigned number) {
    say(number);
    hear(number);
  }

  std::string_view way_;
  std::vector<Fd> connections_;
  std::size_t free_before_ = 0;
  Pid server_ = 0;
  std::uint32_t round_ = 0;
};

Cost cost_of(std::string_view way, bool is_tcp, unsigned connections) {
  Client client{way, is_tcp, connections};
  const Cost cost = client.measure();
  client.end();
  return cost;
}

int compare(bool is_tcp, unsigned connections) {
  constexpr unsigned few = 10;
  is_exact = counts_are_exact();
  println("{:<10}{:>12}{:>16}{:>18}{:>18}", "", "connections", "bytes of each",
          is_exact ? "instructions" : "ns", "… all at once");
  std::array<Cost, std::size(ways)> costs;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const Cost base = cost_of(ways[i], is_tcp, few);
    costs[i] = cost_of(ways[i], is_tcp, connections);
    println("{:<10}{:>12}{:>16}{:>18}{:>18}", ways[i], few, "", base.alone, base.joined);
    println("{:<10}{:>12}{:>16}{:>18}{:>18}", "", connections, costs[i].memory, costs[i].alone,
            costs[i].joined);
    check(!is_exact || costs[i].alone <= 2 * base.alone,
          "{}: a message costs at most twice as much beside {} connections as beside {}", ways[i],
          connections, few);
  }
  constexpr unsigned many = 100;  // of fewer, the memory of the programs themselves is a large part
  if (on_cotrap() && connections >= many) {
    check(costs[0].memory < costs[2].memory && costs[1].memory < costs[2].memory,
          "a coroutine takes less memory than a thread");
  }
  return 0;
}

std::optional<unsigned> number_in(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc{} || end != text.end() || number < 1 || number > 30'000) return {};
  return number;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> words{argv + 1, argv + argc};
  const auto number = words.empty() ? std::nullopt : number_in(words.back());
  const unsigned connections = number.value_or(1'000);
  if (number) words.pop_back();
  allow_descriptors(connections + 100);
  if (words.empty()) return compare(false, connections);
  if (words.size() == 1 && words[0] == "tcp") return compare(true, connections);
  if (words.size() == 1 && std::ranges::contains(ways, words[0]))
    return serve(words[0], connections);
  fail("usage: echo-server [tcp] [CONNECTIONS], at most 30,000");
}
