// The cost of threads and processes from creation to end, and their kernel memory while they are
// blocked. spawn.fork, spawn.process and memory.process measure a minimal program: minimal.cpp
// measures itself, and this file runs it.
#include <user/calls.h>
#include <user/check.h>
#include <user/files.h>
#include <user/process.h>

#include <algorithm>
#include <atomic>
#include <charconv>

#include "benchmark.h"
#include "clone.h"
#include "crowd.h"
#include "minimal.h"

namespace bench {
namespace {

using user::Call;
using user::syscall;

constexpr unsigned long thread_flags =
    user::clone_thread_flags | abi::clone_parent_settid | abi::clone_child_cleartid;

Outcome thread_create_and_join() {
  alignas(16) static std::byte stack[4096];
  static std::atomic<unsigned> alive;
  static int id;
  const auto nothing = [](void*) { return 0; };
  return sample({.count = 15, .size = 200}, [&] {
    alive = 1;
    cotrap_user_clone(thread_flags, stack + sizeof stack, &id, nullptr, &alive, nothing, nullptr);
    while (const unsigned seen = alive) {
      syscall(Call::futex, &alive, abi::futex_wait, seen, nullptr, nullptr, 0);
    }
  });
}

// Runs the minimal program and returns the numbers that it prints, one per line.
std::vector<std::uint64_t> ask_minimal(const char* what) {
  const auto pipe = user::make_pipe(abi::o_cloexec);
  if (!pipe) return {};
  const char* const arguments[] = {"/bin/bench-minimal", what, is_counted() ? "counted" : "timed",
                                   nullptr};
  const user::FdMapping fds[] = {{pipe->write_end, user::standard_output}};
  const auto child = user::spawn(arguments[0], arguments, {.fds = fds});
  static_cast<void>(user::close(pipe->write_end));
  const auto text = user::read_all(pipe->read_end);
  static_cast<void>(user::close(pipe->read_end));
  if (!child || !text) return {};
  const auto ended = user::wait(*child);
  if (!ended || ended->status.word() != 0) return {};
  std::vector<std::uint64_t> numbers;
  for (const char *at = text->data(), *const end = at + text->size(); at != end; ++at) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(at, end, number);
    if (parsed.ec != std::errc{} || parsed.ptr == end) return {};
    numbers.push_back(number);
    at = parsed.ptr;
  }
  return numbers;
}

// Rare costs need many samples, and one run of the program yields only a few: run it several times.
Outcome fork_cost(const char* what) {
  std::vector<std::uint64_t> totals;
  for (int left = is_counted() ? 1 : 10; left > 0; --left) {
    const auto some = ask_minimal(what);
    if (some.empty()) return {};
    totals.insert(totals.end(), some.begin(), some.end());
  }
  return Samples::of(std::move(totals), is_counted() ? minimal::batch : 1);
}
Outcome fork_exit_wait() {
  return fork_cost("fork");
}
Outcome fork_execve_exit_wait() {
  return fork_cost("execve");
}
// Returns false if this machine cannot fork.
bool fork_and_wait() {
  const auto child = user::fork();
  if (!child) return false;
  if (*child == 0) user::exit(0);
  static_cast<void>(user::wait(*child));
  return true;
}

// Forks a process that has written to 100 MiB of its memory. Neither process writes to them later.
Outcome fork_of_touched_memory() {
  constexpr std::size_t size = std::size_t{100} << 20;
  constexpr unsigned pages = size / user::page_size;
  if (user::free_memory() < size + size / 4 || !fork_and_wait()) return {};
  auto* const memory =
      user::must(user::map_memory(size, abi::prot_read | abi::prot_write), "memory");
  for (unsigned i = 0; i < pages; ++i) memory[i * user::page_size] = std::byte{1};
  const auto samples = collect(is_counted() ? 3 : 20, pages, [] {
    const auto begin = reading();
    fork_and_wait();
    return reading() - begin;
  });
  user::must(user::unmap_memory(memory, size), "munmap");
  return samples;
}

Outcome blocked_process() {
  return Samples::of(ask_minimal("blocked"), minimal::children);
}

Outcome blocked_thread() {
  constexpr int threads = 1'000;
  const Crowd crowd{threads};
  const auto before = crowd.free_memory_before();
  const auto after = user::free_memory();
  return Samples::of({before - std::min(before, after)}, threads);
}

constexpr Benchmark table[] = {
    {"spawn.thread", Unit::cost, thread_create_and_join},
    {"spawn.fork", Unit::cost, fork_exit_wait},
    {"spawn.process", Unit::cost, fork_execve_exit_wait},
    {"fork.touched", Unit::cost, fork_of_touched_memory},
    {"memory.process", Unit::bytes, blocked_process},
    {"memory.thread", Unit::bytes, blocked_thread},
};

}  // namespace

std::span<const Benchmark> lives() {
  return table;
}

}  // namespace bench
