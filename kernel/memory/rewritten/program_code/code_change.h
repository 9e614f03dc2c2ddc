// Changing the instructions of a program: before they run, if hal::code_is_seen_first() is true,
// and after a fault of an instruction that this machine cannot run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "memory/address_space.h"

namespace kernel::memory {

/// An executable area: whole pages with the same code state.
struct CodeArea {
  VirtAddr start;
  VirtAddr end;
  VirtAddr first;  ///< the first instruction
  CodeState state;
  std::uint64_t generation;  ///< changes with any executable area of the space
  /// The kernel may rewrite the instructions: the area is private, readable and not writable.
  bool may_change;
  std::size_t bytes() const { return end - start; }
  bool operator==(const CodeArea&) const = default;
};

/// Access to the instructions of one space. A page has no rights while it changes, so no hart
/// executes a half-changed page. In the strand.
class CodeChange {
 public:
  explicit CodeChange(AddressSpace& space) : space_{space} {}

  /// The executable area at `va`. Empty if there is none.
  std::optional<CodeArea> area_at(VirtAddr va) const;
  /// Takes all rights from the pages in [start, end), whole pages of one area, until set() or
  /// show() restores them. The space must not change in other ways meanwhile.
  void hide(VirtAddr start, VirtAddr end);
  /// Ends hide(): restores the rights of the pages in [start, end).
  void show(VirtAddr start, VirtAddr end);
  /// Replaces the page at `page`, or adds it if the table has none. Call it between hide() and
  /// set() or show() for the page. ENOMEM.
  Result<> replace(VirtAddr page, Frame contents);
  /// Sets the state of the code in [start, end), and gives its pages the rights that the area has
  /// in this state. The range consists of whole pages of one area.
  void set(VirtAddr start, VirtAddr end, CodeState state);

 private:
  AddressSpace& space_;
};

}  // namespace kernel::memory
