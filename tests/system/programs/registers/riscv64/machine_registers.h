// The registers of riscv64: x0 … x31, f0 … f31, and fcsr.
#pragma once

#define INTEGERS 32
#define VECTOR_WORDS 32
#define MODES 1
#define KEPT_WORDS 16 /* ra, sp, gp, tp and s0 to s11 */

#ifndef __ASSEMBLER__
#include <abi/numbers.h>

#include <user/counters.h>
#include <array>
#include <cstdint>
#include <vector>

struct Registers;

// Like spin_with_first_base, but gp and tp have no patterns: a step in a program's preemptible()
// may continue on another thread, and the scheduler that interrupts it needs them.
extern "C" void spin_on_any_thread(Registers*);

namespace processor {

inline constexpr const char* registers = "31 integer and 32 floating-point registers and fcsr";
inline constexpr std::array<const char*, INTEGERS> integer_names = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
    "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
    "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "x31"};
inline constexpr std::array<const char*, MODES> mode_names = {"fcsr"};
inline constexpr unsigned first_integer = 1;  // x0 is always 0
inline constexpr unsigned first_base = 31, second_base = 5;
inline constexpr unsigned call_number = 17, result = 10, counter = 6;
inline constexpr std::array<unsigned, 7> arguments = {10, 11, 12, 13, 14, 15, 16};
inline constexpr std::array<unsigned, 0> changed_by_call = {};

constexpr bool has_vector_word(unsigned) {
  return true;
}
constexpr bool may_be_of_kernel(std::uint64_t) {
  return false;
}

// fcsr: the rounding mode and the flags.
template <class T>
void make_valid(T& registers) {
  auto& fcsr = registers.modes_in[0];
  fcsr = (fcsr >> 5) % 5 << 5 | fcsr % 32;
}

// The values of the register `call_number` that make this call.
inline std::vector<std::uint64_t> numbers_of(abi::Call call) {
  return {static_cast<std::uint64_t>(call)};
}
// The numbers of calls that the generic ABI does not have.
inline std::vector<std::uint64_t> other_numbers() {
  return {};
}

// A clock that each program can read in few instructions, in units of nanoseconds_per_tick.
inline unsigned long clock_ticks() {
  return user::clock_ticks();
}
inline constexpr unsigned long nanoseconds_per_tick = user::nanoseconds_per_tick;

}  // namespace processor
#endif
