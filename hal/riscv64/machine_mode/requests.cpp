// Requests of other harts, which in supervisor mode the firmware serves: to forget the entries of
// physical memory protection, and to fetch written instructions. A hart serves them when it takes
// the software interrupt, which comes before the next instruction of its program, or while it waits
// for another hart. The kernel itself needs neither.
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/machine/privilege.h>
#include <hal/page_table.h>
#include <hal/remote.h>

#include <array>

namespace hal {
namespace riscv64 {
namespace {

struct alignas(64) OfHart : Requests {};
constinit std::array<OfHart, max_harts> requests{};

void request(HartMask harts) {
  const HartMask others = harts & ~mask_of(hart_index());
  if (others != harts) {
    flush_all();
    synchronize_code();
  }
  std::array<std::uint32_t, max_harts> asked;
  for_each_hart(others, [&](unsigned hart) { asked[hart] = ++requests[hart].asked; });
  if (others != 0) send_ipis(others);
  for_each_hart(others, [&](unsigned hart) {
    while (static_cast<std::int32_t>(requests[hart].done - asked[hart]) < 0) relax();
  });
}

}  // namespace

namespace {
constinit Requests nobodys;
}  // namespace
constinit thread_local Requests* own_requests = &nobodys;

void start_requests() {
  own_requests = &requests[hart_index()];
}

void serve_requests() {
  // Otherwise an interrupt could make this call again, and the first call would then set `done`
  // back. After a preemption the step could continue on another hart.
  const InterruptGuard masked;
  const std::uint32_t asked = own_requests->asked.load(std::memory_order_acquire);
  flush_all();
  synchronize_code();
  own_requests->done.store(asked, std::memory_order_release);
}

}  // namespace riscv64

void flush_remote(HartMask harts, Asid, VirtAddr, std::size_t) {
  riscv64::request(harts);
}
void flush_space_remote(HartMask harts, Asid) {
  riscv64::request(harts);
}
void flush_all_remote(HartMask harts) {
  riscv64::request(harts);
}
void synchronize_code_remote(HartMask harts) {
  riscv64::request(harts);
}

}  // namespace hal
