// Page faults, the end of a file in memory, and what a blocked thread costs the kernel.
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/sync.h>

#include <atomic>
#include <cstring>
#include <limits>

#include "clone.h"
#include "counter.h"
#include "report.h"

namespace measure {
namespace {

using user::Call;
using user::page_size;
using user::syscall;

constexpr int pages = 64;
constexpr int repetitions = 15;

std::byte* map_pages(int count) {
  return user::must(user::map_memory(count * page_size, abi::prot_read | abi::prot_write),
                    "memory");
}
void unmap_pages(std::byte* memory, int count) {
  user::must(user::unmap_memory(memory, count * page_size), "munmap");
}

// Instructions per page to write a byte to each.
double touch(std::byte* memory, int count) {
  const auto begin = instructions();
  for (int i = 0; i < count; ++i) {
    *reinterpret_cast<volatile char*>(memory + i * page_size) = 1;
  }
  return static_cast<double>(instructions() - begin) / count;
}

std::optional<double> zero_fill_fault() {
  std::vector<double> costs;
  for (int i = 0; i < repetitions; ++i) {
    auto* const memory = map_pages(pages);
    costs.push_back(touch(memory, pages));
    unmap_pages(memory, pages);
  }
  return median(std::move(costs));
}

// While a forked child lives, a write copies; once it has gone, the last owner keeps the page.
std::optional<double> copy_on_write_fault(bool reused) {
  std::vector<double> costs;
  auto* const memory = map_pages(pages);
  for (int i = 0; i < repetitions; ++i) {
    touch(memory, pages);
    const auto pipe = user::must(user::make_pipe(), "a pipe");
    const auto child = user::fork();
    if (!child) return {};
    if (*child == 0) {
      char byte;
      static_cast<void>(user::close(pipe.write_end));
      syscall(Call::read, pipe.read_end, &byte, 1);
      user::exit(0);
    }
    if (!reused) costs.push_back(touch(memory, pages));
    static_cast<void>(user::close(pipe.write_end));
    static_cast<void>(user::wait(*child));
    static_cast<void>(user::close(pipe.read_end));
    if (reused) costs.push_back(touch(memory, pages));
  }
  unmap_pages(memory, pages);
  return median(std::move(costs));
}

std::optional<double> copied() {
  return copy_on_write_fault(false);
}
std::optional<double> kept() {
  return copy_on_write_fault(true);
}

// The last close of a file without a name, all of which is one step of the kernel.
std::optional<double> end_of_file() {
  constexpr std::size_t size = std::size_t{32} << 20;
  constexpr auto path = "/tmp/measured";
  if (user::free_memory() < 3 * size) return {};
  const auto file = user::must(user::open(path, abi::o_creat | abi::o_wronly), path);
  user::must(user::remove_file(path), path);
  auto* const memory = map_pages(pages);
  for (std::size_t done = 0; done < size; done += pages * page_size) {
    user::must(user::write(file, std::span{memory, pages * page_size}), path);
  }
  unmap_pages(memory, pages);
  const auto begin = instructions();
  user::must(user::close(file), path);
  return static_cast<double>(instructions() - begin);
}

constexpr unsigned long thread_flags = abi::clone_vm | abi::clone_fs | abi::clone_files |
                                       abi::clone_sighand | abi::clone_thread | abi::clone_sysvsem |
                                       abi::clone_child_cleartid;

std::optional<double> blocked_thread() {
  constexpr int threads = 1'000;
  constexpr std::size_t stack_bytes = 1'024;
  static std::atomic<std::uint32_t> gate;
  static std::atomic<int> arrived;
  gate = 0;
  arrived = 0;
  auto* const stacks = user::must(
      user::map_memory(threads * stack_bytes, abi::prot_read | abi::prot_write), "stacks");
  std::memset(stacks, 0, threads * stack_bytes);
  std::vector<std::atomic<std::uint32_t>> alive(threads);
  for (auto& word : alive) word = 1;
  const auto wait_at_gate = [](void*) {
    ++arrived;
    while (gate == 0) user::futex_wait(gate, 0);
    return 0;
  };

  const auto before = user::free_memory();
  for (int i = 0; i < threads; ++i) {
    const long made = cotrap_user_clone(thread_flags, stacks + (i + 1) * stack_bytes, nullptr,
                                        nullptr, &alive[i], wait_at_gate, nullptr);
    if (made < 0) user::fail("thread {}: {}", i, abi::name(static_cast<abi::Errno>(-made)));
  }
  while (arrived < threads) user::yield();
  user::must(user::sleep_for(std::chrono::milliseconds{10}), "sleeping");
  const auto taken = static_cast<double>(before) - static_cast<double>(user::free_memory());

  gate = 1;
  user::futex_wake(gate, std::numeric_limits<int>::max());
  for (auto& word : alive) {
    while (word != 0) syscall(Call::futex, &word, abi::futex_wait, 1, nullptr, nullptr, 0);
  }
  user::must(user::unmap_memory(stacks, threads * stack_bytes), "munmap");
  return taken / threads;
}

constexpr Measurement table[] = {
    {{"zero-fill-fault", "instructions", 600, 600}, zero_fill_fault},
    {{"copy-on-write-copied", "instructions", 1'600, 1'600}, copied},
    {{"copy-on-write-kept", "instructions", 350, 350}, kept},
    {{"end-of-file-32-mib", "instructions", 40'000, 20'000}, end_of_file},
    {{"memory-per-blocked-thread", "bytes", 2'048, 2'048}, blocked_thread},
};

}  // namespace

std::span<const Measurement> memory() {
  return table;
}

}  // namespace measure
