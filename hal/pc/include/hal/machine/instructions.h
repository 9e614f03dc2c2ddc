// pc: no counter of instructions. QEMU's TCG has none, and KVM shows one only on some hosts.
#pragma once

#include <cstdint>

namespace hal {

inline std::uint64_t instructions() {
  return 0;
}

}  // namespace hal
