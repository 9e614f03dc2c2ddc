// Patterns for all registers, and their comparison after a call or a loop.
#pragma once

#include <user/check.h>

#include <cstring>
#include <string_view>

#include "registers.h"

struct Random {
  std::uint64_t state;
  std::uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  }
};

struct Variant {
  unsigned base;
  void (*call)(Registers*);
  void (*spin)(Registers*);
};
inline constexpr Variant variants[] = {
    {processor::first_base, call_with_first_base, spin_with_first_base},
    {processor::second_base, call_with_second_base, spin_with_second_base}};

inline void fill(Registers& registers, Random& random) {
  std::memset(&registers, 0, sizeof registers);
  for (auto& value : registers.integer_in) value = random.next();
  for (auto& value : registers.vector_in) value = random.next();
  for (auto& value : registers.modes_in) value = random.next();
  processor::make_valid(registers);
}

// Compares all registers with their patterns, but `except`.
inline void compare_others(const Registers& registers, const Variant& variant, unsigned except,
                           std::string_view after) {
  for (unsigned i = processor::first_integer; i < INTEGERS; ++i) {
    if (i == except) continue;
    auto expected = registers.integer_in[i];
    if (i == variant.base) expected = reinterpret_cast<std::uint64_t>(&registers);
    user::check(registers.integer_out[i] == expected, "{} was {:#x} after {}, not {:#x}",
                processor::integer_names[i], registers.integer_out[i], after, expected);
  }
  for (unsigned i = 0; i < VECTOR_WORDS; ++i) {
    user::check(!processor::has_vector_word(i) || registers.vector_out[i] == registers.vector_in[i],
                "word {} of the vector registers was {:#x} after {}, not {:#x}", i,
                registers.vector_out[i], after, registers.vector_in[i]);
  }
  for (unsigned i = 0; i < MODES; ++i) {
    user::check(registers.modes_out[i] == registers.modes_in[i], "{} was {:#x} after {}, not {:#x}",
                processor::mode_names[i], registers.modes_out[i], after, registers.modes_in[i]);
  }
}

// Fills the register `counter`, counts it down, and compares all registers.
inline void check_spin(const Variant& variant, Random& random, std::uint64_t length) {
  Registers registers;
  fill(registers, random);
  registers.integer_in[processor::counter] = length;
  variant.spin(&registers);
  user::check(registers.integer_out[processor::counter] == 0, "the loop ends");
  compare_others(registers, variant, processor::counter, "computing");
}

// Compares all registers after a call. Those that the instruction for calls changes hold no address
// of the kernel, and all others are unchanged. Returns the call's result.
inline std::uint64_t compare_after_call(Registers& registers, const Variant& variant,
                                        std::string_view name) {
  for (const unsigned changed : processor::changed_by_call) {
    user::check(!processor::may_be_of_kernel(registers.integer_out[changed]),
                "{} was {:#x} after {}, an address of the kernel",
                processor::integer_names[changed], registers.integer_out[changed], name);
    registers.integer_out[changed] = registers.integer_in[changed];
  }
  compare_others(registers, variant, processor::result, name);
  return registers.integer_out[processor::result];
}
