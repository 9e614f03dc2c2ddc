// Physical memory protection of this hart.
#pragma once

namespace hal::riscv64::pmp {

/// Call it once on each hart. Programs may access nothing then. False: the hart has not enough
/// entries.
bool start_hart();

}  // namespace hal::riscv64::pmp
