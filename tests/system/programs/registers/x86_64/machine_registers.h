// The registers of x86_64: the integer registers in the order of their numbers, the bases of FS and
// GS, and the flags; ymm0 … ymm15, or xmm0 … xmm15 on a processor without AVX; mxcsr and the
// control word of the x87.
#pragma once

#define INTEGERS 19
#define NUMBER_RSP 4
#define NUMBER_FSBASE 16
#define NUMBER_GSBASE 17
#define NUMBER_FLAGS 18
#define VECTOR_WORDS 64
#define MODES 2
#define KEPT_WORDS 10 /* rsp, rbx, rbp, r12 … r15, the bases of FS and GS, the flags */

#ifndef __ASSEMBLER__
#include <abi/numbers.h>
#include <abi/x86_64.h>
#include <cpuid.h>
#include <user/counters.h>

#include <array>
#include <cstdint>
#include <vector>

namespace processor {

inline constexpr const char* registers =
    "16 integer and 16 vector registers, the bases of FS and GS, the flags, and two control words";
inline constexpr std::array<const char*, INTEGERS> integer_names = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi",    "rdi",    "r8",   "r9",
    "r10", "r11", "r12", "r13", "r14", "r15", "fsbase", "gsbase", "flags"};
inline constexpr std::array<const char*, MODES> mode_names = {"mxcsr", "the x87 control word"};
inline constexpr unsigned first_integer = 0;
inline constexpr unsigned first_base = 15, second_base = 5;  // r15, rbp
inline constexpr unsigned call_number = 0, result = 0, counter = 1;
inline constexpr std::array<unsigned, 7> arguments = {7, 6, 2, 10, 8, 9, 3};
// The instruction `syscall` changes rcx and r11.
inline constexpr std::array<unsigned, 2> changed_by_call = {1, 11};

inline bool has_avx() {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_AVX) != 0;
}
/// The assembly reads it.
extern "C" inline const bool registers_have_avx = has_avx();

inline bool has_vector_word(unsigned word) {
  return registers_have_avx || word % 4 < 2;
}

/// The kernel's addresses. The value may also be a small negative number.
constexpr bool may_be_of_kernel(std::uint64_t value) {
  return value >= 0xffff'8000'0000'0000 && value < 0xffff'ff00'0000'0000;
}

// Bases are canonical addresses, of either half. Flags are those that a program can set and that do
// not stop it: CF, PF, AF, ZF, SF, DF, OF, NT, AC and ID. IF and bit 1 are always set. All
// floating-point exceptions are masked.
template <class T>
void make_valid(T& registers) {
  for (const unsigned i : {NUMBER_FSBASE, NUMBER_GSBASE}) {
    constexpr unsigned unused_bits = 16;
    const auto base = static_cast<std::int64_t>(registers.integer_in[i] << unused_bits);
    registers.integer_in[i] = static_cast<std::uint64_t>(base >> unused_bits);
  }
  auto& flags = registers.integer_in[NUMBER_FLAGS];
  flags = (flags & 0x24'4cd5) | 0x202;
  for (const unsigned i : changed_by_call) registers.integer_in[i] &= ~0ul >> 1;
  registers.modes_in[0] = (registers.modes_in[0] & 0xe07f) | 0x1f80;
  registers.modes_in[1] = (registers.modes_in[1] & 0x0c00) | 0x037f;  // the rounding mode
}

// A call has a number of Cotrap's, with the bit native_call, and mostly one of Linux's.
inline std::vector<std::uint64_t> numbers_of(abi::Call call) {
  constexpr std::uint64_t native_call = 1 << 30;
  std::vector<std::uint64_t> numbers{static_cast<std::uint64_t>(call) | native_call};
  for (unsigned number = 0; number < abi::x86_64::call_limit; ++number) {
    if (abi::x86_64::generic(number) == call) numbers.push_back(number);
  }
  return numbers;
}
// Linux's numbers of calls that the generic ABI does not have, and two that are no calls. Without
// clone, fork and vfork.
inline std::vector<std::uint64_t> other_numbers() {
  using namespace abi::x86_64;
  return {call_open,       call_stat,     call_fstat,    call_lstat,     call_poll,    call_access,
          call_pipe,       call_dup2,     call_rename,   call_mkdir,     call_rmdir,   call_creat,
          call_unlink,     call_symlink,  call_readlink, call_time,      call_getpgrp, call_limit,
          call_newfstatat, call_renameat, 1'000'000,     call_arch_prctl};
}

// A clock that each program can read in few instructions, in units of nanoseconds_per_tick. Only
// for machines that count instructions: the time stamp counter then counts nanoseconds.
inline constexpr unsigned long nanoseconds_per_tick = 100;
inline unsigned long clock_ticks() {
  return user::instructions() / nanoseconds_per_tick;
}

}  // namespace processor
#endif
