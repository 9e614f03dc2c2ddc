#include "process/vdso.h"

#include <hal/machine/timer.h>
#include <kernel/panic.h>
#include <trap/vdso.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>

#include "base/machine_facts.h"
#include "process/hardware_probe.h"
#include "process/thread.h"

namespace kernel::vdso {
namespace {

/// start() writes it, and note_wall_clock() one word.
alignas(hal::page_size) constinit std::array<std::byte, trap::vdso_bytes> page{};

}  // namespace

const std::size_t bytes = trap::vdso_bytes;
static_assert(trap::vdso_bytes == hal::page_size);

void start() {
  const auto image = trap::vdso_image();
  if (image.size() > trap::vdso_parameters_at) panic("the vDSO does not fit into its page");
  std::ranges::copy(image, page.begin());
  trap::VdsoParameters parameters{.first_tick = hal::riscv64::entry_tick,
                                  .ns_per_tick_fixed = hal::riscv64::ns_per_tick_fixed,
                                  .wall_clock_ns = wall_clock_at_boot().count(),
                                  .known_keys = 0,
                                  .hardware = {}};
  for (std::size_t key = 0; key < trap::probe_keys; ++key) {
    const auto value = hardware_value(static_cast<std::int64_t>(key));
    if (!value) continue;
    parameters.known_keys |= std::uint64_t{1} << key;
    parameters.hardware[key] = *value;
  }
  std::memcpy(page.data() + trap::vdso_parameters_at, &parameters, sizeof parameters);
}

void note_wall_clock() {
  std::byte* const at =
      page.data() + trap::vdso_parameters_at + offsetof(trap::VdsoParameters, wall_clock_ns);
  std::atomic_ref{*reinterpret_cast<std::int64_t*>(at)}.store(wall_clock_at_boot().count(),
                                                              std::memory_order_relaxed);
}

bool map_at(Thread& self, hal::VirtAddr address) {
  memory::AddressSpace& space = self.space();
  const hal::VirtAddr start = space.stack_top() - bytes;
  if (hal::page_down(address) != start) return false;
  const auto mapped = space.map({.address = start,
                                 .bytes = bytes,
                                 .access = hal::Access::read | hal::Access::execute,
                                 .place = memory::MapRequest::Place::if_free,
                                 .backing = memory::Backing::of_segment(page)});
  if (!mapped) return false;
  (void)space.fault(start, hal::Access::read);  // spares the program a second fault
  return true;
}

}  // namespace kernel::vdso
