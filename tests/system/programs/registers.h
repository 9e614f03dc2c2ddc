// The registers of one check, before and after. registers.S uses it, so the offsets are fixed.
#pragma once

#ifndef __ASSEMBLER__
#include <cstddef>
#include <cstdint>

struct Registers {
  std::uint64_t integer_in[32];   // 0 is not used
  std::uint64_t floating_in[32];  // bit patterns
  std::uint64_t fcsr_in;
  std::uint64_t integer_out[32];
  std::uint64_t floating_out[32];
  std::uint64_t fcsr_out;
  std::uint64_t kept[16];  // the caller's ra, sp, gp, tp and s0 to s11
};
#endif

#define INTEGER_IN 0
#define FLOATING_IN 256
#define FCSR_IN 512
#define INTEGER_OUT 520
#define FLOATING_OUT 776
#define FCSR_OUT 1032
#define KEPT 1040

#ifndef __ASSEMBLER__
static_assert(offsetof(Registers, floating_in) == FLOATING_IN);
static_assert(offsetof(Registers, fcsr_in) == FCSR_IN);
static_assert(offsetof(Registers, integer_out) == INTEGER_OUT);
static_assert(offsetof(Registers, floating_out) == FLOATING_OUT);
static_assert(offsetof(Registers, fcsr_out) == FCSR_OUT);
static_assert(offsetof(Registers, kept) == KEPT);

// Each function loads all 31 + 32 registers and fcsr, acts, and stores all of them. One register
// holds the address of the Registers instead of a pattern: x31, or x5 in the second function of
// each pair. If that register changes, the store goes to a wrong address.
extern "C" {
void call_with_base_x31(Registers*);  // makes one ecall with a7 and a0… from integer_in
void call_with_base_x5(Registers*);
void spin_with_base_x31(Registers*);  // counts x6 down from integer_in[6] to 0
void spin_with_base_x5(Registers*);
// Like spin_with_base_x31, but gp and tp have no patterns: a step in a program's preemptible() may
// continue on another thread, and the scheduler that interrupts it needs them.
void spin_on_any_thread(Registers*);
}
#endif
