// A program (programs.S: caller, jumper or syscaller) that starts with random contents of all
// registers, and functions that check that traps preserve them. Before each trap the program loads
// one of two sets of vector registers, alternately.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "machine.h"

/// Components of the vector state that this processor has, and where they are in an XSAVE area.
std::uint64_t components_here();

class RandomProgram {
 public:
  enum Gate : std::uint8_t { called, jumped, caught };  ///< caught: a `syscall`

  RandomProgram(std::uint64_t seed, Gate gate, std::uint32_t kept);

  trap::UserContext context;

  /// After a trap: checks that the context holds the program's registers.
  bool context_is_right(std::string& what) const;
  /// After each trap but the first: checks that the program has found its registers as at the
  /// previous trap.
  bool seen_is_right(std::string& what) const;
  /// Checks that the whole stack is unchanged, also below the stack pointer. Does not check the
  /// word just below it if the gate is called: the call writes its return address there.
  bool red_zone_is_right() const;
  /// Clears the stored registers; call it while the program is at a trap.
  static void forget_seen();
  /// Makes this the program that runs next: all programs store their registers in the same place.
  void put_on() const;

 private:
  std::uint64_t* stack_pointer() { return stack_.data() + stack_.size() / 2; }

  /// The registers without the bits that are not kept.
  trap::GeneralRegs comparable(trap::GeneralRegs registers) const;

  Gate gate_;
  std::array<std::uint64_t, 512> stack_{};
  std::array<std::uint64_t, 512> stack_was_{};
  trap::GeneralRegs was_;
  std::array<trap::VectorState, 2> sets_;
};

/// The name of the first kept part in which two XSAVE areas differ; empty if none.
std::string difference(const std::byte* a, const std::byte* b, std::uint32_t kept);
