#include "machine.h"

#include <hal/boot.h>
#include <hal/console.h>
#include <hal/interrupts.h>
#include <hal/kernel_map.h>
#include <hal/page_table.h>
#include <hal/power.h>
#include <hal/timer.h>

#include <array>
#include <atomic>
#include <cstdlib>

namespace machine {
namespace {

constinit unsigned harts = 1;
constinit std::atomic<bool> failed = false;

// The other harts wait for the step of a round. Each counts itself in `done` after the step.
constinit std::atomic<void (*)(unsigned)> step = nullptr;
constinit std::atomic<unsigned> round = 0;
constinit std::atomic<unsigned> done = 0;

// A barrier: `waiting` counts the harts that have arrived. The last one increments `gate`, for
// which the others wait.
constinit std::atomic<unsigned> waiting = 0;
constinit std::atomic<unsigned> gate = 0;

/// Sleeps for a moment between two polls of another hart's variable. With icount QEMU runs one hart
/// at a time, so a spinning hart would delay the others.
void nap() {
  constexpr std::uint64_t moment_ns = 5'000;
  hal::set_timer(hal::ticks_at(hal::now_ns() + moment_ns));
  hal::wait_for_interrupt();
  hal::set_timer(hal::no_deadline);
}

/// Prints a mark for the command: the nonce of its command line, then `what`.
void mark(std::string_view command_line, std::string_view what) {
  constexpr std::string_view word = "mark=";
  const std::size_t at = command_line.find(word);
  if (at == command_line.npos) return;
  std::string_view nonce = command_line.substr(at + word.size());
  nonce = nonce.substr(0, nonce.find(' '));
  hal::console_write({"\x1e", 1});
  hal::console_write(nonce);
  hal::console_write(what);
}

}  // namespace

unsigned hart_count() {
  return harts;
}

void on_all_harts(void (*now)(unsigned hart)) {
  done = 0;
  step = now;
  ++round;
  now(0);
  while (done != harts - 1) nap();
}

void meet() {
  const unsigned before = gate;
  if (++waiting == harts) {
    waiting = 0;
    ++gate;
  }
  while (gate == before) nap();
}

void check(bool holds, std::string_view what) {
  if (holds) return;
  failed = true;
  std::array<char, 120> line;
  char* end = std::ranges::copy(std::string_view("FAILED on hart "), line.begin()).out;
  *end++ = static_cast<char>('0' + hal::hart_index());
  end = std::ranges::copy(std::string_view(": "), end).out;
  end = std::ranges::copy(what.substr(0, 90), end).out;
  print({line.begin(), end});
}

bool has_failed() {
  return failed;
}

void print(std::string_view line) {
  std::array<char, 128> text;
  char* end = std::ranges::copy(line.substr(0, text.size() - 1), text.begin()).out;
  *end++ = '\n';
  hal::console_write({text.begin(), end});
}

}  // namespace machine

void kernel_main(const hal::BootInfo& info) {
  using namespace machine;
  if (!hal::enter_kernel_space(info)) abort();
  mark(info.command_line, " start\n");
  harts = info.hart_count;
  for (unsigned hart = 1; hart < harts; ++hart)
    check(hal::start_hart(hart), "a hart can be started");
  const hal::HartMask all = ~hal::HartMask{0} >> (64 - harts);
  while (!failed && hal::running_harts() != all) nap();
  if (!failed) run_checks();
  mark(info.command_line, failed ? " exit 1 0\n" : " exit 0 0\n");
  hal::power_off(failed);
}

void kernel_hart_main(unsigned hart) {
  using namespace machine;
  for (unsigned last = 0;; ++last) {
    while (round == last) nap();
    step.load()(hart);
    ++done;
  }
}

// Frames for the kernel's page tables and stacks, from an array in the image.
namespace hal::table_frames {
namespace {

constexpr std::size_t count = 1024;  // 14 for each hart, and those of the kernel's map
struct alignas(page_size) Page {
  std::byte bytes[page_size];
};
constinit std::array<Page, count> pages{};
constinit std::array<Note, count> notes{};
constinit std::size_t used = 0;

}  // namespace

PhysAddr allocate() {
  return used == count ? 0 : virt_to_phys(&pages[used++]);
}
PhysAddr allocate_run(std::size_t frames) {
  if (frames > count - used) return 0;
  used += frames;
  return virt_to_phys(&pages[used - frames]);
}
void release(PhysAddr) {}
Note& note(PhysAddr table) {
  return notes[(table - virt_to_phys(pages.data())) / page_size];
}

}  // namespace hal::table_frames

void abort() {
  machine::print("abort");
  hal::power_off(2);
}

namespace std {
inline namespace __1 {

/// libc++'s hardening found a broken precondition.
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) noexcept {
  machine::print(format);
  hal::power_off(3);
}

}  // namespace __1
}  // namespace std
