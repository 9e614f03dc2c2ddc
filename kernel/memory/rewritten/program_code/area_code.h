// The instructions of areas, for machines on which the kernel rewrites programs' instructions
// (process/code_rewriting.h). memory/ uses this header alone; the other version of it is in
// memory/fixed/.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/machine/translation.h>

#include <cstdint>

namespace kernel::memory {

/// Whether a page fault at `va` comes from an instruction that uses fs and must be rewritten.
inline bool is_instruction_to_change(hal::VirtAddr va) {
  return hal::is_fault_of_fs(va);
}

enum class CodeState : std::uint8_t {
  unseen,   ///< not inspected yet
  ready,    ///< inspected, and changed where necessary: the machine can run the instructions
  stale,    ///< was `ready`, but the program may have overwritten the instructions since
  refused,  ///< the kernel cannot change the instructions, so the area cannot run
  added,    ///< the kernel added these instructions
};

/// What an Area remembers of its instructions.
class AreaCode {
 public:
  static constexpr bool has_state = true;

  constexpr AreaCode(CodeState state = CodeState::unseen) : state_{state} {}
  /// New instructions, the first one `offset` bytes after the start of the area.
  static constexpr AreaCode beginning_at(std::uint16_t offset) {
    AreaCode code;
    code.first_offset_ = offset;
    return code;
  }

  CodeState state() const { return state_; }
  void set_state(CodeState state) { state_ = state; }
  /// Of the first instruction from the start of the area, in bytes; 0 if unknown.
  std::uint16_t first_offset() const { return first_offset_; }

  /// The rights that the page table may give to pages of an area with the rights `access`.
  hal::Access rights(hal::Access access) const {
    if (!hal::code_is_seen_first()) return access;
    if (state_ == CodeState::ready || state_ == CodeState::added) return access;
    return without(access, hal::Access::execute);
  }
  /// The program may have overwritten the instructions, or they may be the original ones again.
  void may_differ() {
    if (state_ == CodeState::ready) state_ = CodeState::stale;
  }
  /// Call after the front of an area with the rights `access` was cut off: instruction boundaries
  /// are unknown then.
  void lose_front(hal::Access access) {
    first_offset_ = 0;
    if (state_ == CodeState::unseen && allows(access, hal::Access::execute)) {
      state_ = CodeState::refused;
    }
  }
  /// Whether an area with this code and the area that follows it, with `next`, can be one area.
  bool continued_by(const AreaCode& next) const {
    return state_ == next.state_ && next.first_offset_ == 0;
  }

 private:
  CodeState state_;
  std::uint16_t first_offset_ = 0;
};

/// The number of changes of a space's executable areas.
class CodeGeneration {
 public:
  /// Counts a change of an area that has, or had, the rights `access`.
  void count(hal::Access access) {
    if (allows(access, hal::Access::execute)) ++number_;
  }
  std::uint64_t number() const { return number_; }

 private:
  std::uint64_t number_ = 0;
};

}  // namespace kernel::memory
