// The registers of one check, before and after. The assembly uses it, so the offsets are fixed.
// The machine supplies machine_registers.h: its registers and their numbers in the arrays.
#pragma once

#include "machine_registers.h"

#define INTEGER_IN 0
#define VECTOR_IN (INTEGER_IN + 8 * INTEGERS)
#define MODES_IN (VECTOR_IN + 8 * VECTOR_WORDS)
#define INTEGER_OUT (MODES_IN + 8 * MODES)
#define VECTOR_OUT (INTEGER_OUT + 8 * INTEGERS)
#define MODES_OUT (VECTOR_OUT + 8 * VECTOR_WORDS)
#define KEPT (MODES_OUT + 8 * MODES)

#ifndef __ASSEMBLER__
#include <cstddef>
#include <cstdint>

struct Registers {
  std::uint64_t integer_in[INTEGERS];
  std::uint64_t vector_in[VECTOR_WORDS];  // bit patterns
  std::uint64_t modes_in[MODES];          // control registers of the vector registers
  std::uint64_t integer_out[INTEGERS];
  std::uint64_t vector_out[VECTOR_WORDS];
  std::uint64_t modes_out[MODES];
  std::uint64_t kept[KEPT_WORDS];  // the caller's registers
};
static_assert(offsetof(Registers, vector_in) == VECTOR_IN);
static_assert(offsetof(Registers, modes_in) == MODES_IN);
static_assert(offsetof(Registers, integer_out) == INTEGER_OUT);
static_assert(offsetof(Registers, vector_out) == VECTOR_OUT);
static_assert(offsetof(Registers, modes_out) == MODES_OUT);
static_assert(offsetof(Registers, kept) == KEPT);

// Each function loads all registers, acts, and stores all of them. One register, the base, holds
// the address of the Registers instead of a pattern. If it changes, the store goes to a wrong
// address. The second function of each pair has another base.
extern "C" {
void call_with_first_base(Registers*);  // makes one system call with the registers of integer_in
void call_with_second_base(Registers*);
void spin_with_first_base(Registers*);  // counts the register processor::counter down to 0
void spin_with_second_base(Registers*);
}
#endif
