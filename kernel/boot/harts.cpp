#include "boot/harts.h"

#include <async/async.h>
#include <fmt/format.h>
#include <hal/boot.h>
#include <hal/hart.h>
#include <hal/timer.h>
#include <kernel/log.h>
#include <trap/kernel_trap.h>

#include <array>
#include <chrono>
#include <iterator>
#include <optional>

#include "devices/interrupts.h"
#include "memory/tlb_tag.h"
#include "process/running.h"

namespace kernel {
namespace {

std::array<std::optional<async::Executor>, hal::max_harts> executors;
constinit async::HartMask expected = 0;  // that were started

void idle() {
  {
    const async::Strand::Guard strand;
    run_nobody();
  }
  const std::uint64_t begin = hal::now_ns();
  turn.idle_since.store(begin, std::memory_order_relaxed);
  hal::wait_for_interrupt();
  turn.idle_since.store(0, std::memory_order_relaxed);
  turn.idle_ns += hal::now_ns() - begin;
  take_interrupts();
}

}  // namespace

void begin_hart(bool in_company) {
  trap::install();
  async::platform::local().in_company = in_company;
  const async::Strand::Guard strand;
  start_turns();
  executors[hal::hart_index()].emplace();
}

void run_hart() {
  executors[hal::hart_index()]->run(idle);
}

void list_harts(std::string& out) {
  out = "hart\tswitches\tmigrations\tpokes\tshootdowns\tidle_ns\n";
  for (unsigned hart = 0; hart < hal::max_harts; ++hart) {
    const Turn* const turn = turn_of(hart);
    const async::Executor* const executor = async::Executor::of(hart);
    if (turn == nullptr || executor == nullptr) continue;
    std::uint64_t idle_ns = turn->idle_ns.value();
    if (const auto since = turn->idle_since.load(std::memory_order_relaxed); since != 0) {
      idle_ns += hal::now_ns() - since;
    }
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\t{}\n", hart,
                   turn->switches.value(), executor->migrations(), turn->pokes.value(),
                   memory::TlbTag::shootdowns(hart), idle_ns);
  }
}

void start_other_harts(unsigned count) {
  for (unsigned hart = 1; hart < count; ++hart) {
    if (hal::start_hart(hart)) {
      expected |= static_cast<async::HartMask>(1u << hart);
    } else {
      log("hart {} does not start", hart);
    }
  }
}

async::Task<> await_other_harts() {
  using namespace std::chrono_literals;
  for (const auto end = async::now() + 1s; (expected & ~async::Executor::all()) != 0;) {
    if (async::now() > end) {
      log("not all harts have started");
      break;
    }
    co_await async::sleep_for(1ms, "other harts");
  }
}

}  // namespace kernel

void kernel_hart_main(unsigned hart) {
  kernel::log("hart {} started", hart);
  kernel::begin_hart(true);
  kernel::run_hart();
}
