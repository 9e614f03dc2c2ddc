// System calls whose benchmarks run after all others: they take much memory of the kernel and give
// it back, which changes what other operations find.
#include <abi/signal.h>
#include <user/calls.h>
#include <user/files.h>

#include <array>

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

constexpr Benchmark table[] = {
    {"read.large", Unit::cost, large_read},
    {"signal.self", Unit::cost, signal_to_oneself},
};

}  // namespace

std::span<const Benchmark> late_system_calls() {
  return table;
}

}  // namespace bench
