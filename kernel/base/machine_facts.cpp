#include "base/machine_facts.h"

#include <async/shared_word.h>

namespace kernel {
namespace {

constinit async::SharedWord<std::int64_t> wall_clock = 0;
constinit unsigned harts = 1;
constinit std::array<std::string_view, hal::max_harts> isa{};

}  // namespace

void remember_machine(const hal::BootInfo& info) {
  wall_clock = static_cast<std::int64_t>(info.wall_clock_ns);
  harts = info.hart_count;
  isa = info.isa;
}

async::Duration wall_clock_at_boot() {
  return async::Duration{wall_clock};
}
void set_wall_clock_at_boot(async::Duration time) {
  wall_clock = time.count();
}
unsigned hart_count() {
  return harts;
}
std::string_view hart_isa(unsigned hart) {
  return isa[hart];
}

}  // namespace kernel
