// The layout of the vDSO, which the kernel and the code in it share: an ELF image, and at the end
// of the same page the numbers that turn the clock's counter into a time, and the answers of
// riscv_hwprobe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trap {

inline constexpr std::size_t probe_keys = 10;  ///< keys of riscv_hwprobe from 0 on

/// Set at boot, and constant after that.
struct VdsoParameters {
  std::uint64_t first_tick;         ///< the counter when the clocks that count from the boot were 0
  std::uint64_t ns_per_tick_fixed;  ///< in 32.32 fixed point
  std::int64_t wall_clock_ns;       ///< Unix time at first_tick
  std::uint64_t known_keys;         ///< of riscv_hwprobe, a bit each
  std::uint64_t hardware[probe_keys];  ///< their values
};

inline constexpr std::size_t vdso_bytes = 4096;
inline constexpr std::size_t vdso_parameters_at = vdso_bytes - sizeof(VdsoParameters);

}  // namespace trap
