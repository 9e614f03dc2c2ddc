// System calls whose benchmarks run after all others: they take much memory of the kernel and give
// it back, which changes what other operations find.
#include <abi/events.h>
#include <abi/signal.h>
#include <user/calls.h>
#include <user/files.h>
#include <user/thread.h>

#include <array>
#include <atomic>

#include "benchmark.h"

namespace bench {
namespace {

using user::Call;
using user::syscall;

// A thread sends itself a signal, whose handler returns at once: tgkill, the handler, rt_sigreturn.
Outcome signal_to_oneself() {
  constexpr auto signal = abi::Signal::sigusr1;
  constexpr auto nothing = [](int) {};
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(+nothing)};
  abi::SignalAction before{};
  if (syscall(Call::rt_sigaction, signal, &action, &before, sizeof action.mask) != 0) return {};
  const long process = syscall(Call::getpid), thread = syscall(Call::gettid);
  const auto samples = sample({}, [&] { syscall(Call::tgkill, process, thread, signal); });
  syscall(Call::rt_sigaction, signal, &before, nullptr, sizeof action.mask);
  return samples;
}

// Reads a file of 1 MiB in memory by one call.
Outcome large_read() {
  constexpr const char* path = "/tmp/bench-read";
  const auto file = user::open(path, abi::o_rdwr | abi::o_creat, 0600);
  if (!file) return {};
  static std::array<std::byte, 1 << 20> buffer;
  buffer.fill(std::byte{1});
  syscall(Call::pwrite64, *file, buffer.data(), buffer.size(), 0);
  const auto samples = sample({.count = 15, .size = 2}, [&] {
    syscall(Call::pread64, *file, buffer.data(), buffer.size(), 0);
  });
  static_cast<void>(user::close(*file));
  syscall(Call::unlinkat, abi::at_fdcwd, path, 0);
  return samples;
}

enum class Trigger : std::uint8_t {
  level,  // a wait ends with a read of the eventfd
  edge,   // EPOLLET: nobody reads the eventfd
};

/// An eventfd, and an epoll file that watches it.
template <Trigger trigger>
struct Watched {
  Watched() {
    constexpr auto is_edge = trigger == Trigger::edge;
    abi::EpollEvent event{.events = abi::epollin | (is_edge ? abi::epollet : 0U)};
    syscall(Call::epoll_ctl, epoll, abi::epoll_ctl_add, file, &event);
  }
  ~Watched() {
    syscall(Call::close, epoll);
    syscall(Call::close, file);
  }
  void count_up() const { syscall(Call::write, file, &one, sizeof one); }
  void wait() const {
    abi::EpollEvent event;
    [[maybe_unused]] std::uint64_t count;
    syscall(Call::epoll_pwait, epoll, &event, 1, -1, nullptr, 0);
    if constexpr (trigger == Trigger::level) syscall(Call::read, file, &count, sizeof count);
  }

  static constexpr std::uint64_t one = 1;
  const long file = syscall(Call::eventfd2, 0, 0);
  const long epoll = syscall(Call::epoll_create1, 0);
};

// A thread writes to an eventfd, learns of it by epoll, and reads.
Outcome event_to_oneself() {
  const Watched<Trigger::level> event;
  if (event.epoll < 0) return {};
  return sample({}, [&] {
    event.count_up();
    event.wait();
  });
}

// Two threads send each other events, and wait for them by epoll.
template <Trigger trigger>
Outcome events_of_two() {
  static std::atomic<bool> is_over;
  const Watched<trigger> here, there;
  if (here.epoll < 0) return {};
  is_over = false;
  user::Thread other{[&] {
    for (;;) {
      there.wait();
      if (is_over) return;
      here.count_up();
    }
  }};
  auto samples = sample({}, [&] {
    there.count_up();
    here.wait();
  });
  is_over = true;
  there.count_up();
  return samples;
}

constexpr Benchmark table[] = {
    {"read.large", Unit::cost, large_read},
    {"signal.self", Unit::cost, signal_to_oneself},
    {"epoll.self", Unit::cost, event_to_oneself},
    {"epoll.pair", Unit::cost, events_of_two<Trigger::level>},
    {"epoll.edge", Unit::cost, events_of_two<Trigger::edge>},
};

}  // namespace

std::span<const Benchmark> late_system_calls() {
  return table;
}

}  // namespace bench
