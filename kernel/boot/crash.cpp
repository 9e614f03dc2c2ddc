#include "boot/parts.h"

#include <hal/kernel_map.h>
#include <kernel/panic.h>

#include <chrono>
#include <cstdint>

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

}  // namespace

async::Task<> crash_if_asked(std::string_view how, unsigned hart) {
  const auto there = async::hart_mask(hart);
  while ((async::Executor::all() & there) == 0) {
    co_await async::sleep_for(std::chrono::milliseconds{1}, "hart");
  }
  async::current_executor().set_harts(async::current_job(), there);
  co_await crash_inside(how);
}

}  // namespace kernel
