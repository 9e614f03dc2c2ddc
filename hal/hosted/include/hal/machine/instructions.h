// Hosted: no instruction counter, because the host may not permit its use.
#pragma once

#include <cstdint>

namespace hal {

inline std::uint64_t instructions() {
  return 0;
}

}  // namespace hal
