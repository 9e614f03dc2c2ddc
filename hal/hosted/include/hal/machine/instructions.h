// The host does not let everybody count.
#pragma once

#include <cstdint>

namespace hal {

inline std::uint64_t instructions() {
  return 0;
}

}  // namespace hal
