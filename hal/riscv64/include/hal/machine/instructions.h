// riscv64: the instret counter.
#pragma once

#include <hal/machine/csr.h>

#include <cstdint>

namespace hal {

inline std::uint64_t instructions() {
  return HAL_READ_CSR("instret");
}

}  // namespace hal
