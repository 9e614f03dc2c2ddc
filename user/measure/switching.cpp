// What it costs to hand the hart to somebody else and get it back.
#include <user/check.h>
#include <user/process.h>
#include <user/thread.h>

#include <atomic>

#include "counter.h"
#include "report.h"

namespace measure {
namespace {

using user::Call;
using user::Fd;
using user::syscall;

// Another process of this program, in a role, until it goes out of scope.
class Partner {
 public:
  Partner(const char* role, std::span<const user::FdMapping> fds) {
    const char* const arguments[] = {"measure", "--role", role, nullptr};
    process_ = user::must(user::spawn(user::program_path(), arguments, {.fds = fds}), role);
  }
  ~Partner() {
    static_cast<void>(user::kill(process_, abi::Signal::sigkill));
    static_cast<void>(user::wait(process_));
  }
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;

 private:
  user::Pid process_;
};

struct Pipes {
  user::Pipe there = user::must(user::make_pipe(abi::o_cloexec), "a pipe");
  user::Pipe back = user::must(user::make_pipe(abi::o_cloexec), "a pipe");
  user::FdMapping partners[2] = {{there.read_end, 0}, {back.write_end, 1}};

  ~Pipes() {
    for (const Fd fd : {there.read_end, there.write_end, back.read_end, back.write_end}) {
      static_cast<void>(user::close(fd));
    }
  }
};

std::optional<double> yield_between_processes() {
  const Pipes pipes;
  const Partner partner{"yielder", pipes.partners};
  char ready;
  syscall(Call::read, pipes.back.read_end, &ready, 1);
  return cost_of({}, [] { syscall(Call::sched_yield); });
}

int yield_for_ever() {
  syscall(Call::write, user::standard_output, "!", 1);
  for (;;) syscall(Call::sched_yield);
}

std::optional<double> yield_between_threads() {
  std::atomic<bool> stop = false, ready = false;
  user::Thread other{[&] {
    ready = true;
    while (!stop.load(std::memory_order_relaxed)) syscall(Call::sched_yield);
  }};
  while (!ready) syscall(Call::sched_yield);
  const double cost = cost_of({}, [] { syscall(Call::sched_yield); });
  stop = true;
  return cost;
}

std::optional<double> pipe_between_processes() {
  const Pipes pipes;
  const Partner partner{"returner", pipes.partners};
  return cost_of({}, [&] {
    char byte = 0;
    syscall(Call::write, pipes.there.write_end, &byte, 1);
    syscall(Call::read, pipes.back.read_end, &byte, 1);
  });
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
  // Returns whose turn it is, once it is not `other`'s.
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

std::optional<double> futex_between_threads() {
  enum : unsigned { mine, others, nobodys };
  Turn turn;
  user::Thread other{[&] {
    while (turn.wait_while(mine) != nobodys) turn.give_to(mine);
  }};
  const double cost = cost_of({}, [&] {
    turn.give_to(others);
    turn.wait_while(others);
  });
  turn.give_to(nobodys);
  return cost;
}

constexpr Measurement table[] = {
    {{"yield-two-processes", "instructions", 900, 600}, yield_between_processes},
    {{"yield-two-threads", "instructions", no_limit, 560}, yield_between_threads},
    {{"pipe-two-processes", "instructions", 3'500, 2'000}, pipe_between_processes},
    {{"futex-two-threads", "instructions", 2'500, 1'500}, futex_between_threads},
};

}  // namespace

std::span<const Measurement> switching() {
  return table;
}

std::optional<int> play_role(std::string_view role) {
  if (role == "yielder") return yield_for_ever();
  if (role == "returner") return return_bytes();
  return {};
}

}  // namespace measure
