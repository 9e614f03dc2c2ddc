// The cost of system calls that do not wait.
#include <abi/self_test.h>
#include <user/calls.h>
#include <user/sync.h>

#include <array>

#include "benchmark.h"

namespace bench {
namespace {

using user::Call;
using user::syscall;

template <Call number>
Outcome bare_call() {
  return sample({}, [] { syscall(number); });
}

// Bare round trips: the kernel does nothing but return a constant.
template <abi::Trips form>
Outcome bare_trips() {
  constexpr int trips = 1'000;
  if (syscall(abi::bare_trips, 0, form) != 0) return {};
  return collect(is_counted() ? 31 : 1'000, trips, [] {
    // Before bare_trips, because on some machines reading() makes a system call, a trip too many.
    const auto begin = reading();
    syscall(abi::bare_trips, trips, form);
    for (int i = 0; i < trips; ++i) syscall(Call::execve);  // execve has no fast path
    return reading() - begin;
  });
}

Outcome futex_wake_nobody() {
  static unsigned word = 0;
  return sample({}, [] {
    syscall(Call::futex, &word, abi::futex_wake | abi::futex_private_flag, 1, nullptr, nullptr, 0);
  });
}

Outcome pipe_to_oneself() {
  const auto pipe = user::make_pipe();
  if (!pipe) return {};
  const auto samples = sample({}, [&] {
    char byte = 0;
    syscall(Call::write, pipe->write_end, &byte, 1);
    syscall(Call::read, pipe->read_end, &byte, 1);
  });
  static_cast<void>(user::close(pipe->read_end));
  static_cast<void>(user::close(pipe->write_end));
  return samples;
}

Outcome map_and_unmap() {
  return sample({}, [] {
    const long page =
        syscall(Call::mmap, nullptr, user::page_size, abi::prot_read | abi::prot_write,
                abi::map_private | abi::map_anonymous, -1, 0);
    syscall(Call::munmap, page, user::page_size);
  });
}

// Reads the start of this program's own file, which is certainly in memory.
Outcome cached_read() {
  constexpr int blocks = 8;
  alignas(4096) static std::array<std::byte, 4096> buffer;
  const auto file = user::open(user::program_path());
  if (!file) return {};
  const auto samples = collect(is_counted() ? 31 : 1'000, blocks, [&] {
    static_cast<void>(user::seek(*file, 0, abi::seek_set));
    const auto begin = reading();
    for (int i = 0; i < blocks; ++i) syscall(Call::read, *file, buffer.data(), buffer.size());
    return reading() - begin;
  });
  static_cast<void>(user::close(*file));
  return samples;
}

constexpr auto unknown_call = static_cast<Call>(400);

constexpr Benchmark table[] = {
    {"trap.roundtrip", Unit::cost, bare_trips<abi::Trips::awaited>},
    {"trap.roundtrip.handler", Unit::cost, bare_trips<abi::Trips::handled>},
    {"syscall.null", Unit::cost, bare_call<Call::getppid>},
    {"syscall.fast", Unit::cost, bare_call<Call::gettid>},
    {"syscall.unknown", Unit::cost, bare_call<unknown_call>},
    {"yield.alone", Unit::cost, bare_call<Call::sched_yield>},
    {"futex.wake", Unit::cost, futex_wake_nobody},
    {"pipe.self", Unit::cost, pipe_to_oneself},
    {"map.page", Unit::cost, map_and_unmap},
    {"read.cached", Unit::cost, cached_read},
};

}  // namespace

std::span<const Benchmark> system_calls() {
  return table;
}

}  // namespace bench
