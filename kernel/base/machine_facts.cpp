#include "base/machine_facts.h"

namespace kernel {
namespace {

constinit async::Duration wall_clock{};
constinit unsigned harts = 1;
constinit std::array<std::string_view, hal::max_harts> isa{};

}  // namespace

void remember_machine(const hal::BootInfo& info) {
  wall_clock = async::Duration{static_cast<std::int64_t>(info.wall_clock_ns)};
  harts = info.hart_count;
  isa = info.isa;
}

async::Duration wall_clock_at_boot() {
  return wall_clock;
}
unsigned hart_count() {
  return harts;
}
std::string_view hart_isa(unsigned hart) {
  return isa[hart];
}

}  // namespace kernel
