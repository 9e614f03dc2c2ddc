// Boot's search for vector registers (hal/machine/vectors.h).
#pragma once

namespace hal::riscv64 {

/// Reads the length of the boot hart's registers. Call it on the boot hart after find_devices().
void vectors_init(unsigned hart_count);
/// Compares this hart's registers with those of the boot hart. Each other hart calls it once.
void check_vectors();

}  // namespace hal::riscv64
