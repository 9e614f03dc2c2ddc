// The pending interrupts of a hart, and the signals and wakes that make the hart notice them.
#include <hal/hosted.h>
#include <hal/interrupts.h>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>

#include "hart.h"

namespace hal {
namespace hosted {

constinit thread_local std::atomic<std::uint32_t> pending = 0;
constinit thread_local std::uint32_t masked = 1;
constinit thread_local volatile std::uint32_t* pending_word = nullptr;

namespace {

constinit std::array<std::atomic<Hart*>, max_harts> harts{};
constinit thread_local Hart this_hart{};
constinit std::atomic<void (*)(std::uintptr_t pc)> interrupt_vector = nullptr;

// ── Interrupt lines ──

constinit std::atomic<std::uint32_t> raised = 0;   // lines that devices hold raised
constinit std::atomic<std::uint32_t> claimed = 0;  // lines claimed but not completed; silent
constinit std::array<std::atomic<std::uint32_t>, max_harts> enabled{};

constexpr std::uint32_t bit_of(Irq irq) {
  return std::uint32_t{1} << static_cast<std::uint32_t>(irq);
}

std::uint32_t waiting_for(unsigned hart) {
  return raised.load() & ~claimed.load() & enabled[hart].load();
}

void interrupt_harts() {
  for_each_hart(running_harts(), [](unsigned hart) {
    if (waiting_for(hart) != 0) raise(hart, interrupt::external);
  });
}

}  // namespace

void become_hart(unsigned index) {
  this_hart_index = index;
  this_hart.pending = &pending;
  this_hart.thread = gettid();
  make_timer();
  harts[index].store(&this_hart);
}

void raise(unsigned hart, std::uint32_t bits) {
  Hart* const at = harts[hart].load();
  if (at == nullptr || (at->pending->fetch_or(bits) & bits) == bits) return;
  if (at->sleeping.load() != 0) {
    syscall(SYS_futex, at->pending, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  } else {
    syscall(SYS_tgkill, getpid(), at->thread, ipi_signal());
  }
}

void take_interrupts_by(void (*vector)(std::uintptr_t pc), volatile std::uint32_t& word) {
  interrupt_vector.store(vector);
  pending_word = &word;
}

void take_pending() {
  do {
    mask_interrupts();
    interrupt_vector.load(std::memory_order_relaxed)(
        reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
    HAL_STORE_PER_HART_WORD("cotrap_masked", 0);
  } while (HAL_LOAD_PER_HART_WORD("cotrap_pending") != 0);
}

void raise_line(Irq irq) {
  raised.fetch_or(bit_of(irq));
  interrupt_harts();
}
void lower_line(Irq irq) {
  raised.fetch_and(~bit_of(irq));
}

}  // namespace hosted

using namespace hosted;

// FUTEX_WAIT tests `pending` atomically with going to sleep, so no wake-up is lost. raise() sets
// the bits, then wakes. A signal also ends the wait.
void wait_for_interrupt() {
  this_hart.sleeping.store(1);
  while (pending.load() == 0) {
    syscall(SYS_futex, &pending, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  }
  this_hart.sleeping.store(0);
}

bool external_interrupt_is_pending() {
  if ((pending.load() & interrupt::external) != 0) {
    if (waiting_for(hart_index()) != 0) return true;
    pending.fetch_and(~interrupt::external);
    if (waiting_for(hart_index()) != 0) {  // a line was raised meanwhile
      pending.fetch_or(interrupt::external);
      return true;
    }
  }
  // No interrupt is left, so the next run_user() may enter its program. If an interrupt has become
  // pending meanwhile, run_user() must return at once.
  *pending_word = 0;
  if (pending.load() != 0) *pending_word = 1;
  return false;
}

void enable_interrupt(Irq irq) {
  enabled[hart_index()].fetch_or(bit_of(irq));
  interrupt_harts();
}
void disable_interrupt(Irq irq) {
  enabled[hart_index()].fetch_and(~bit_of(irq));
}

Irq claim_interrupt() {
  for (;;) {
    const std::uint32_t lines = waiting_for(hart_index());
    if (lines == 0) return Irq::none;
    const std::uint32_t lowest = lines & -lines;
    if ((claimed.fetch_or(lowest) & lowest) != 0) continue;  // another hart was faster
    return Irq{static_cast<std::uint32_t>(std::countr_zero(lowest))};
  }
}

void complete_interrupt(Irq irq) {
  claimed.fetch_and(~bit_of(irq));
  interrupt_harts();
}

void send_ipi(unsigned hart) {
  raise(hart, interrupt::software);
}
void send_ipis(HartMask mask) {
  for_each_hart(mask, send_ipi);
}

}  // namespace hal
