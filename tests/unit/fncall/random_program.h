// A program (programs.S: caller, jumper or syscaller) with random contents of all registers, and
// what is to be found of them later. It has two sets of vector registers, which it takes in turn.
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

  /// After a trap: the context has what the program has just put into its registers.
  bool context_is_right(std::string& what) const;
  /// After a trap but the first: the program has found what was there at the trap before.
  bool seen_is_right(std::string& what) const;
  /// Nobody has written below the stack pointer. (The call of the gate itself does.)
  bool red_zone_is_right() const;
  /// Forgets what a program has found; while it stands at a trap.
  static void forget_seen();
  /// It is to be the one that runs next, where there are several: what they find is in one place.
  void put_on() const;

 private:
  std::uint64_t* stack_pointer() { return stack_.data() + stack_.size() / 2; }

  /// As far as anybody keeps them.
  trap::GeneralRegs comparable(trap::GeneralRegs registers) const;

  Gate gate_;
  std::array<std::uint64_t, 512> stack_{};
  std::array<std::uint64_t, 512> stack_was_{};
  trap::GeneralRegs was_;
  std::array<trap::VectorState, 2> sets_;
};

/// "": the same. Which part of two XSAVE areas is not, of those that are kept.
std::string difference(const std::byte* a, const std::byte* b, std::uint32_t kept);
