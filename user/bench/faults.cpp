// The cost of page faults, and of freeing a file in memory.
#include <user/check.h>
#include <user/process.h>

#include "benchmark.h"

namespace bench {
namespace {

using user::Call;
using user::page_size;
using user::syscall;

constexpr int pages = 64;
int repetitions() {
  return is_counted() ? 15 : 200;
}

std::byte* map_pages(int count) {
  return user::must(user::map_memory(count * page_size, abi::prot_read | abi::prot_write),
                    "memory");
}
void unmap_pages(std::byte* memory, int count) {
  user::must(user::unmap_memory(memory, count * page_size), "munmap");
}

// Returns the cost of writing a byte to each page.
std::uint64_t touch(std::byte* memory, int count) {
  const auto begin = reading();
  for (int i = 0; i < count; ++i) {
    *reinterpret_cast<volatile char*>(memory + i * page_size) = 1;
  }
  return reading() - begin;
}

Outcome zero_fill_fault() {
  return collect(repetitions(), pages, [] {
    auto* const memory = map_pages(pages);
    const auto cost = touch(memory, pages);
    unmap_pages(memory, pages);
    return cost;
  });
}

// Touches memory that was shared with a forked child. While the child lives, each write copies a
// page; after its death (`gone`) the last owner keeps the page.
std::optional<std::uint64_t> touch_after_fork(std::byte* memory, bool gone) {
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
  const auto copying = gone ? 0 : touch(memory, pages);
  static_cast<void>(user::close(pipe.write_end));
  static_cast<void>(user::wait(*child));
  static_cast<void>(user::close(pipe.read_end));
  return gone ? touch(memory, pages) : copying;
}

Outcome copy_on_write_fault(bool gone) {
  std::vector<std::uint64_t> totals;
  auto* const memory = map_pages(pages);
  for (int i = 0; i < repetitions(); ++i) {
    const auto cost = touch_after_fork(memory, gone);
    if (!cost) return {};  // no fork without an MMU
    totals.push_back(*cost);
  }
  unmap_pages(memory, pages);
  return Samples::of(std::move(totals), pages);
}

Outcome copied() {
  return copy_on_write_fault(false);
}
Outcome kept() {
  return copy_on_write_fault(true);
}

// Returns the cost of the last close of a removed file; the kernel frees its memory in one step.
std::uint64_t write_and_end(std::size_t size) {
  constexpr auto path = "/tmp/measured";
  const auto file = user::must(user::open(path, abi::o_creat | abi::o_wronly), path);
  user::must(user::remove_file(path), path);
  auto* const memory = map_pages(pages);
  for (std::size_t done = 0; done < size; done += pages * page_size) {
    user::must(user::write(file, std::span{memory, pages * page_size}), path);
  }
  unmap_pages(memory, pages);
  const auto begin = reading();
  user::must(user::close(file), path);
  return reading() - begin;
}

Outcome end_of_file() {
  constexpr std::size_t size = std::size_t{32} << 20;
  if (user::free_memory() < 3 * size) return {};
  return collect(is_counted() ? 3 : 20, 1, [] { return write_and_end(size); });
}

constexpr Benchmark table[] = {
    {"fault.zero", Unit::cost, zero_fill_fault},
    {"fault.cow", Unit::cost, copied},
    {"fault.reuse", Unit::cost, kept},
    {"file.end", Unit::cost, end_of_file},
};

}  // namespace

std::span<const Benchmark> faults() {
  return table;
}

}  // namespace bench
