// The cost of switching to another thread or process and back. All run on one hart: see main().
#include <user/check.h>
#include <user/process.h>
#include <user/socket.h>
#include <user/thread.h>

#include <atomic>

#include "benchmark.h"

namespace bench {
namespace {

using user::Call;
using user::Fd;
using user::syscall;

// What leads to a partner's standard input, and from its standard output.
struct Channels {
  user::Pipe there;
  user::Pipe back;
};
Channels two_pipes() {
  return {user::must(user::make_pipe(abi::o_cloexec), "a pipe"),
          user::must(user::make_pipe(abi::o_cloexec), "a pipe")};
}
// Both sockets for both directions.
Channels both_ways(const user::SocketPair& pair) {
  const auto copy = [](Fd fd) {
    return user::must(user::call<Fd>(Call::fcntl, fd, abi::f_dupfd_cloexec, 0), "a copy");
  };
  return {.there = {.read_end = pair.second, .write_end = pair.first},
          .back = {.read_end = copy(pair.first), .write_end = copy(pair.second)}};
}
Channels stream_sockets() {
  return both_ways(
      user::must(user::make_socket_pair(abi::sock_stream | abi::sock_cloexec), "sockets"));
}
// No value: the machine has no network.
std::optional<Channels> tcp_sockets() {
  const auto ends = user::make_tcp_pair(abi::sock_cloexec);
  if (!ends) return {};
  constexpr int on = 1;
  for (const Fd fd :
       {ends->first, ends->second})  // Linux delays a small segment behind another one
    user::must(user::call(Call::setsockopt, fd, abi::ipproto_tcp, abi::tcp_nodelay, &on, sizeof on),
               "TCP_NODELAY");
  return both_ways(*ends);
}
std::optional<Channels> udp_sockets() {
  constexpr int type = abi::sock_dgram | abi::sock_cloexec;
  const auto bound = [] { return user::bind_to(user::LoopbackPort{0}, type); };
  const auto first = bound(), second = bound();
  if (!first || !second) return {};
  const auto connect = [](Fd from, Fd to) {
    const auto port = user::must(user::LoopbackPort::of(to), "a port");
    user::must(user::call(Call::connect, from, port.address(), port.length()), "connecting");
  };
  connect(*first, *second);
  connect(*second, *first);
  return both_ways({.first = *first, .second = *second});
}

// A child process of this program, in a role, killed by the destructor. Each role begins by writing
// one byte to its standard output.
class Partner {
 public:
  explicit Partner(const char* role, const Channels& channels = two_pipes())
      : there_{channels.there}, back_{channels.back} {
    const char* const arguments[] = {"bench", "--role", role, nullptr};
    const user::FdMapping fds[] = {{there_.read_end, 0}, {back_.write_end, 1}};
    process_ = user::must(user::spawn(user::program_path(), arguments, {.fds = fds}), role);
    // So that reads end if the partner dies.
    static_cast<void>(user::close(there_.read_end));
    static_cast<void>(user::close(back_.write_end));
    char byte;
    is_ready_ = syscall(Call::read, from(), &byte, 1) == 1;
  }
  ~Partner() {
    static_cast<void>(user::kill(process_, abi::Signal::sigkill));
    static_cast<void>(user::wait(process_));
    static_cast<void>(user::close(to()));
    static_cast<void>(user::close(from()));
  }
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;

  bool is_ready() const { return is_ready_; }
  Fd to() const { return there_.write_end; }
  Fd from() const { return back_.read_end; }

 private:
  user::Pipe there_;
  user::Pipe back_;
  user::Pid process_;
  bool is_ready_;
};

// Yields until each yielding thread has used up a time slice, so that the kernel takes all of them
// for CPU-bound. While only one of them is CPU-bound, it has a lower priority, and the yields of
// the others do not switch to it.
void yield_for_a_while() {
  constexpr std::uint64_t long_enough = 50'000'000;
  if (samples_asked_for != 0) return;  // few samples fit into one time slice
  for (const auto end = clock_ns() + long_enough; clock_ns() < end;) syscall(Call::sched_yield);
}

Outcome yield_between_processes() {
  const Partner partner{"yielder"};
  if (!partner.is_ready()) return {};
  yield_for_a_while();
  return sample({}, [] { syscall(Call::sched_yield); });
}

// The benchmark yield_between_processes(), but a yield and the partner's yield count as two
// switches.
Outcome switch_process() {
  auto samples = yield_between_processes();
  if (samples) samples->operations *= 2;
  return samples;
}

int yield_for_ever() {
  for (;;) syscall(Call::sched_yield);
}

// A yield after a change of a floating-point register, so that each switch of processes switches
// these registers, too.
void compute_and_yield() {
  static volatile double sum = 0;
  sum = sum + 1;
  syscall(Call::sched_yield);
}

Outcome yield_with_floats() {
  const Partner partner{"float-yielder"};
  if (!partner.is_ready()) return {};
  yield_for_a_while();
  return sample({}, compute_and_yield);
}

int compute_for_ever() {
  for (;;) compute_and_yield();
}

Outcome yield_between_threads() {
  std::atomic<bool> stop = false, ready = false;
  user::Thread other{[&] {
    ready = true;
    while (!stop.load(std::memory_order_relaxed)) syscall(Call::sched_yield);
  }};
  while (!ready) syscall(Call::sched_yield);
  yield_for_a_while();
  const auto samples = sample({}, [] { syscall(Call::sched_yield); });
  stop = true;
  return samples;
}

Outcome byte_and_back(const Channels& channels) {
  const Partner partner{"returner", channels};
  if (!partner.is_ready()) return {};
  return sample({}, [&] {
    char byte = 0;
    syscall(Call::write, partner.to(), &byte, 1);
    syscall(Call::read, partner.from(), &byte, 1);
  });
}

Outcome pipe_between_processes() {
  return byte_and_back(two_pipes());
}

Outcome sockets_between_processes() {
  return byte_and_back(stream_sockets());
}

Outcome tcp_between_processes() {
  const auto sockets = tcp_sockets();
  return sockets ? byte_and_back(*sockets) : Outcome{};
}

Outcome udp_between_processes() {
  const auto sockets = udp_sockets();
  return sockets ? byte_and_back(*sockets) : Outcome{};
}

int return_bytes() {
  char byte;
  while (syscall(Call::read, user::standard_input, &byte, 1) == 1) {
    syscall(Call::write, user::standard_output, &byte, 1);
  }
  return 0;
}

class Turn {
 public:
  void give_to(unsigned who) {
    word_.store(who, std::memory_order_release);
    syscall(Call::futex, &word_, abi::futex_wake | abi::futex_private_flag, 1, nullptr, nullptr, 0);
  }
  // Waits while the word is `other`; returns the word.
  unsigned wait_while(unsigned other) {
    unsigned seen;
    while ((seen = word_.load(std::memory_order_acquire)) == other) {
      syscall(Call::futex, &word_, abi::futex_wait | abi::futex_private_flag, other, nullptr,
              nullptr, 0);
    }
    return seen;
  }

 private:
  std::atomic<unsigned> word_ = 0;
};

Outcome futex_between_threads() {
  enum : unsigned { mine, others, nobodys };
  Turn turn;
  user::Thread other{[&] {
    while (turn.wait_while(mine) != nobodys) turn.give_to(mine);
  }};
  const auto samples = sample({}, [&] {
    turn.give_to(others);
    turn.wait_while(others);
  });
  turn.give_to(nobodys);
  return samples;
}

constexpr Benchmark table[] = {
    {"yield.process", Unit::cost, yield_between_processes},
    {"yield.float", Unit::cost, yield_with_floats},
    {"yield.thread", Unit::cost, yield_between_threads},
    {"switch.process", Unit::cost, switch_process},
    {"ipc.pipe", Unit::cost, pipe_between_processes},
    {"ipc.unix", Unit::cost, sockets_between_processes},
    {"inet.tcp", Unit::cost, tcp_between_processes},
    {"inet.udp", Unit::cost, udp_between_processes},
    {"ipc.futex", Unit::cost, futex_between_threads},
};

}  // namespace

std::span<const Benchmark> switching() {
  return table;
}

std::optional<int> play_role(std::string_view role) {
  int (*const play)() = role == "yielder"         ? yield_for_ever
                        : role == "float-yielder" ? compute_for_ever
                        : role == "returner"      ? return_bytes
                                                  : nullptr;
  if (play == nullptr) return {};
  syscall(Call::write, user::standard_output, "!", 1);
  return play();
}

}  // namespace bench
