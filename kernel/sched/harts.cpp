#include "sched/harts.h"

#include <async/async.h>
#include <async/retired.h>
#include <hal/boot.h>
#include <hal/hart.h>
#include <hal/memory_map.h>
#include <hal/timer.h>
#include <kernel/log.h>
#include <trap/kernel_trap.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <new>

#include "devices/interrupts.h"
#include "memory/frames.h"
#include "sched/policies.h"
#include "sched/running.h"
#include "sched/stack_pool.h"
#include "sched/step_watch.h"
#include "trace/recorder.h"

namespace kernel {
namespace {

/// The memory of a hart's executor, which begin_hart() constructs. In cache lines of its own.
struct alignas(64) ExecutorMemory {
  alignas(async::Executor) std::array<std::byte, sizeof(async::Executor)> bytes;
};
[[gnu::section(".bss.uninitialized")]] ExecutorMemory first_executor;
// By hart index. Null for a hart that does not exist.
constinit std::array<ExecutorMemory*, hal::max_harts> executors{&first_executor};

/// Allocates the executor of another hart, which is never freed. False: there is no memory.
bool allocate_executor(unsigned hart) {
  constexpr auto order =
      static_cast<unsigned>(std::bit_width((sizeof(ExecutorMemory) - 1) / hal::page_size));
  const memory::PhysAddr block = memory::frames.allocate_block(order);
  if (block == 0) return false;
  executors[hart] = hal::phys_to_virt<ExecutorMemory>(block);
  return true;
}

constinit async::HartMask expected = 0;  // the harts that were started

constexpr TimerHandlers handlers{
    .late = timer_was_late, .timeslice = note_timeslice_tick, .step = request_step_check};

/// Drops what this hart holds of its last thread. Shares the strand if that suffices.
void leave_last_thread() {
  const auto leave = [] {
    leave_current_thread();
    current.rounds.end_round();
  };
  if (hal::smp_active()) {
    const async::Local& local = async::platform::local();
    if (local.has_retired) async::Retired::destroy_some();
    if (!local.has_retired) {
      const async::Strand::Sharing sharing;
      if (!current.owns_space) return leave();
    }
  }
  const async::Strand::Guard strand;
  if (hal::smp_active()) async::Retired::destroy_own();
  leave();
}

/// Waits for an interrupt, with interrupts masked. The executor takes the interrupt at the next
/// platform::yield_point(), before its next step.
void idle() {
  leave_last_thread();
  // The end of the thread's memory may have woken a job of this hart, for which there is no IPI: a
  // file that the memory maps returns its fid to a server.
  if (!async::current_executor().inbox_is_empty()) [[unlikely]]
    return;
  pause_step_watch();
  const std::uint64_t begin = hal::clock_ticks();
  current.idle_since.store(begin, std::memory_order_relaxed);
  hal::wait_for_interrupt();
  const std::uint64_t end = hal::clock_ticks();
  current.idle_since.store(0, std::memory_order_relaxed);
  current.idle_ticks += end - begin;
  resume_step_watch(end);
}

}  // namespace

void install_timer_handlers() {
  timer_handlers = &handlers;
}

void begin_hart(bool smp_active) {
  trap::install();
  trace::start_hart();
  async::platform::local().smp_active = smp_active;
  const async::Strand::Guard strand;
  if (smp_active) {
    async::Strand::let_share();
    memory::frames.begin_smp();
  }
  new (executors[hal::hart_index()]) async::Executor;
  start_interrupts();
  start_policy();
  start_scheduling();
  stack_pool.fill(reinterpret_cast<hal::VirtAddr>(__builtin_frame_address(0)));
  if (stalls_are_watched()) {
    async::spawn_preemptible(report_stalls(), {.name = "stall reporter", .priority = 0});
  }
}

void run_hart() {
  async::Executor::run(idle);
}

void start_other_harts(unsigned count) {
  for (unsigned hart = 1; hart < count; ++hart) {
    if (allocate_executor(hart) && hal::start_hart(hart)) {
      expected |= async::hart_mask(hart);
    } else {
      log("hart {} cannot be started", hart);
    }
  }
}

async::Task<> await_other_harts() {
  using namespace std::chrono_literals;
  // Counts sleeps, not time: on a busy host all harts of an emulated machine may stop for a second.
  constexpr int limit = 1'000;
  async::HartMask missing = expected & ~async::Executor::all();
  for (int sleeps = 0; missing != 0; ++sleeps) {
    if (sleeps == limit) {
      hal::for_each_hart(missing, [](unsigned hart) {
        log("hart {} did not start: the machine continues without it", hart);
      });
      break;
    }
    co_await async::sleep_for(1ms, "other harts");
    const async::HartMask still_missing = expected & ~async::Executor::all();
    if (still_missing != missing) sleeps = 0;
    missing = still_missing;
  }
}

}  // namespace kernel

void kernel_hart_main(unsigned hart) {
  kernel::log("hart {} started", hart);
  kernel::begin_hart(true);
  kernel::run_hart();
}
