// What a system call costs that has nobody to wait for.
#include <user/calls.h>
#include <user/sync.h>

#include <array>

#include "counter.h"
#include "report.h"

namespace measure {
namespace {

using user::Call;
using user::syscall;

template <Call number>
std::optional<double> bare_call() {
  return cost_of({}, [] { syscall(number); });
}

// Into the kernel and back, a constant for an answer; on other kernels the call is refused.
std::optional<double> bare_trip() {
  constexpr int trips = 1'000;
  std::vector<double> costs;
  for (int batch = 0; batch < 31; ++batch) {
    if (syscall(abi::bare_trips, trips) != 0) return {};
    const auto begin = instructions();
    for (int i = 0; i < trips; ++i) syscall(Call::getppid);
    costs.push_back(static_cast<double>(instructions() - begin) / trips);
  }
  return median(std::move(costs));
}

std::optional<double> futex_wake_nobody() {
  static unsigned word = 0;
  return cost_of({}, [] {
    syscall(Call::futex, &word, abi::futex_wake | abi::futex_private_flag, 1, nullptr, nullptr, 0);
  });
}

std::optional<double> pipe_to_oneself() {
  const auto pipe = user::make_pipe();
  if (!pipe) return {};
  const double cost = cost_of({}, [&] {
    char byte = 0;
    syscall(Call::write, pipe->write_end, &byte, 1);
    syscall(Call::read, pipe->read_end, &byte, 1);
  });
  static_cast<void>(user::close(pipe->read_end));
  static_cast<void>(user::close(pipe->write_end));
  return cost;
}

std::optional<double> map_and_unmap() {
  return cost_of({}, [] {
    const long page =
        syscall(Call::mmap, nullptr, user::page_size, abi::prot_read | abi::prot_write,
                abi::map_private | abi::map_anonymous, -1, 0);
    syscall(Call::munmap, page, user::page_size);
  });
}

std::optional<double> cached_read() {
  constexpr int blocks = 8;
  alignas(4096) static std::array<std::byte, 4096> buffer;
  const auto file = user::open("/bin/measure");
  if (!file) return {};
  std::vector<double> costs;
  for (int batch = 0; batch < 31; ++batch) {
    if (!user::seek(*file, 0, abi::seek_set)) return {};
    const auto begin = instructions();
    for (int i = 0; i < blocks; ++i) syscall(Call::read, *file, buffer.data(), buffer.size());
    costs.push_back(static_cast<double>(instructions() - begin) / blocks);
  }
  static_cast<void>(user::close(*file));
  return median(std::move(costs));
}

constexpr auto unknown_call = static_cast<Call>(400);

constexpr Measurement table[] = {
    {{"trap-roundtrip", "instructions", 110, 95}, bare_trip},
    {{"getppid", "instructions", 160, 150}, bare_call<Call::getppid>},
    {{"unknown-call", "instructions", no_limit, 120}, bare_call<unknown_call>},
    {{"yield-alone", "instructions", no_limit, 120}, bare_call<Call::sched_yield>},
    {{"futex-wake-nobody", "instructions", no_limit, 120}, futex_wake_nobody},
    {{"pipe-to-oneself", "instructions", no_limit, 600}, pipe_to_oneself},
    {{"mmap-munmap", "instructions", no_limit, 800}, map_and_unmap},
    {{"cached-read-4k", "instructions", no_limit, 1'300}, cached_read},
};

}  // namespace

std::span<const Measurement> calls() {
  return table;
}

}  // namespace measure
