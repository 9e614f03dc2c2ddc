// The instructions of areas, for machines that run programs' instructions as they are. The other
// version of this header is in memory/rewritten/.
#pragma once

#include <hal/machine/page_entry.h>

#include <cstdint>

namespace kernel::memory {

constexpr bool is_instruction_to_change(hal::VirtAddr) {
  return false;
}

/// There is nothing to remember.
class AreaCode {
 public:
  static constexpr bool has_state = false;

  static constexpr AreaCode beginning_at(std::uint16_t) { return {}; }
  static constexpr hal::Access rights(hal::Access access) { return access; }
  static constexpr void may_differ() {}
  static constexpr void lose_front(hal::Access) {}
  static constexpr bool continued_by(const AreaCode&) { return true; }
};

class CodeGeneration {
 public:
  static constexpr void count(hal::Access) {}
};

}  // namespace kernel::memory
