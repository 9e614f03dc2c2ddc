// Tests of upcalls (abi/upcall.h). They use a slow disk of 64-bit numbers, each of which is its
// index times a constant.
#pragma once

#include <user/async.h>
#include <user/check.h>
#include <user/files.h>
#include <user/process.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace upcalls {

using namespace user;
using async::Task;

struct Part {
  std::string_view name;
  void (*run)();
};

std::span<const Part> pages();
std::span<const Part> notifications();
std::span<const Part> preempted();
std::span<const Part> policies();
std::span<const Part> what_is_wrong();
std::span<const Part> torn_pages();
std::span<const Part> scarce_memory();
std::span<const Part> exceptions();
std::span<const Part> handled_exceptions();
std::span<const Part> stackful_jobs();

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t per_page = page_bytes / sizeof(std::uint64_t);
inline constexpr std::size_t disk_pages = 48;
inline constexpr std::uint64_t factor = 0x9E3779B97F4A7C15;

using Disk = const volatile std::uint64_t*;

inline Disk map_disk() {
  const Fd disk = must(open("/dev/vda"), "/dev/vda");
  const auto mapped =
      must(map_file(disk, disk_pages * page_bytes, abi::prot_read, 0), "the disk, mapped");
  must(close(disk), "closing");
  return reinterpret_cast<Disk>(mapped);
}

inline void check_page(Disk disk, std::size_t page) {
  const std::size_t place = page * per_page + page;
  check(disk[place] == place * factor, "the number at {}", place);
}

// The number of the processor's rounding mode. 0: to the nearest.
inline unsigned rounding_mode() {
#ifdef __riscv
  unsigned long mode;
  asm volatile("frrm %0" : "=r"(mode));
  return static_cast<unsigned>(mode);
#else
  unsigned control;
  asm volatile("stmxcsr %0" : "=m"(control));
  return control >> 13 & 3;
#endif
}
inline void set_rounding_mode(unsigned mode) {
#ifdef __riscv
  asm volatile("fsrm %0" ::"r"(static_cast<unsigned long>(mode)));
#else
  const unsigned control = 0x1f80 | mode << 13;
  asm volatile("ldmxcsr %0" ::"m"(control));
#endif
}

std::uintptr_t address(auto* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

inline constexpr std::uintptr_t nowhere = 16;
inline void read_nowhere() {
  static_cast<void>(*reinterpret_cast<volatile int*>(nowhere));
}
// Counts its live objects.
struct Counted {
  static inline int live = 0;
  Counted() { ++live; }
  ~Counted() { --live; }
  Counted(const Counted&) = delete;
};

inline Task<> do_wrong() {
  read_nowhere();
  co_return;
}

// Checks that a coroutine's registers keep their values while other coroutines run.
inline Task<> hold_a_number(const bool& over) {
  double x = 1;
  while (!over) {
    x = x * 3.5 - 2.5;
    check(x == 1, "registers keep their values beside other coroutines");
    co_await async::yield();
  }
}

inline Task<> touch(Disk disk, std::size_t page) {
  check_page(disk, page);
  co_await async::yield();
  check_page(disk, (page + 1) % disk_pages);
}

}  // namespace upcalls
