// Model-specific registers and CPUID (Intel SDM, volume 4 and volume 2, "CPUID").
#pragma once

#include <cstdint>

namespace hal::pc {

enum class Msr : std::uint32_t {
  apic_base = 0x1b,
  tsc_deadline = 0x6e0,
  x2apic = 0x800,  ///< the first register of the local APIC; see local_apic.h
  efer = 0xc000'0080,
  star = 0xc000'0081,           ///< the segments of the instructions syscall and sysret
  syscall_entry = 0xc000'0082,  ///< LSTAR
  syscall_mask = 0xc000'0084,   ///< the flags that syscall clears
};

inline std::uint64_t read_msr(Msr msr) {
  std::uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
  return std::uint64_t{high} << 32 | low;
}
inline void write_msr(Msr msr, std::uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(msr), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32))
               : "memory");
}

struct Cpuid {
  std::uint32_t a, b, c, d;
};
inline Cpuid cpuid(std::uint32_t leaf, std::uint32_t part = 0) {
  Cpuid answer;
  asm volatile("cpuid"
               : "=a"(answer.a), "=b"(answer.b), "=c"(answer.c), "=d"(answer.d)
               : "a"(leaf), "c"(part));
  return answer;
}

}  // namespace hal::pc
