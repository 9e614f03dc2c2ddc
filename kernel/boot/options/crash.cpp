// crash=KIND, crash-hart=N: the kernel breaks on purpose, for tests of the report of a panic. The
// kernel waits until hart N has started, or hart 0, and panics on it:
//
//   read               a load from an unmapped address
//   jump               a jump to an unmapped address
//   write-text         a store into the kernel's code
//   stack              recursion into the stack's guard page
//   preempting-stack   recursion into the guard page of a stack of the stack pool
//   panic              a call of panic()
//
// Other values have no effect. The crash happens in a nested coroutine, so that the report shows an
// await chain.
#include <async/async.h>
#include <hal/kernel_map.h>
#include <kernel/panic.h>

#include <chrono>
#include <cstdint>

#include "boot/boot_option.h"

namespace kernel {
namespace {

constexpr std::uintptr_t nowhere = 0xffff'ffff'0000'0000;

// Each level uses its own array, so the compiler cannot turn the recursion into a loop.
[[gnu::noinline]] int fill_stack(volatile char* caller) {
  volatile char room[1024];
  room[0] = *caller;
  if (room[0] != 0) return 0;  // never true, but the compiler cannot know that
  return fill_stack(room) + room[0];
}

void crash(std::string_view how) {
  if (how == "read") {
    (void)*reinterpret_cast<volatile char*>(nowhere);
  } else if (how == "jump") {
    reinterpret_cast<void (*)()>(nowhere)();
  } else if (how == "write-text") {
    *reinterpret_cast<volatile char*>(hal::kernel_code().begin) = 0;
  } else if (how == "stack") {
    volatile char start = 0;
    fill_stack(&start);
  } else if (how == "panic") {
    panic("crash=panic is on the command line");
  }
}

async::Task<> compute() {
  for (;;) asm volatile("");
  co_return;
}

async::Task<> crash_inside(std::string_view how) {
  co_await async::yield();
  if (how == "preempting-stack") {
    // The timer interrupt preempts this job, which keeps its stack. From then on the executor runs
    // on a stack of the stack pool.
    async::spawn_preemptible(compute(), {.name = "computing", .priority = 1});
    co_await async::sleep_for(std::chrono::milliseconds{1}, "a job to preempt");
    how = "stack";
  }
  crash(how);
}

async::Task<> crash_if_asked(std::string_view how, unsigned hart) {
  const auto there = async::hart_mask(hart);
  while ((async::Executor::all() & there) == 0) {
    co_await async::sleep_for(std::chrono::milliseconds{1}, "hart");
  }
  async::current_executor().set_harts(async::current_job(), there);
  co_await crash_inside(how);
}

void spawn_crash(const formats::BootOptions& options, std::string_view how) {
  const auto hart = static_cast<unsigned>(options.number("crash-hart").value_or(0));
  async::spawn(crash_if_asked(how, hart), {.name = "crash", .priority = 0, .harts = 1}).detach();
}

}  // namespace

KERNEL_BOOT_OPTION(crash_option, "crash", jobs, spawn_crash);

}  // namespace kernel
