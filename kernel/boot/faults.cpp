// faults=SEED:RATE:KINDS: the kernel injects faults into itself (async/fault.h). Only in kernels
// that are configured with COTRAP_FAULTS.
#include <async/fault.h>
#include <fmt/format.h>
#include <kernel/log.h>

#include "boot/boot_option.h"
#include "boot/parts.h"

namespace kernel {
namespace {

void plan_faults(const formats::BootOptions&, std::string_view value) {
  const auto plan = async::FaultPlan::parse(value);
  if (!plan) return log("faults={}: {}", value, plan.error());
  log("faults: {}", value);
  async::set_faults(*plan);
}

}  // namespace

KERNEL_BOOT_OPTION(faults_option, "faults", jobs, plan_faults);

void log_faults() {
  for (std::size_t kind = 0; kind < async::fault_kinds; ++kind) {
    const auto fault = static_cast<async::Fault>(kind);
    const auto [chances, injected] = async::count_of(fault);
    if (chances != 0) log("faults: {} {} of {} chances", name_of(fault), injected, chances);
  }
}

}  // namespace kernel
