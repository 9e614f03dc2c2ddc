// The host does not let everybody count.
#pragma once

namespace hal {

inline std::uint64_t instructions() {
  return 0;
}

}  // namespace hal
