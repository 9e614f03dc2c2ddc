// Control and status registers (RISC-V privileged specification 1.12, chapters 3 and 4).
#pragma once

#include <hal/machine/privilege_layout.h>

#include <cstdint>

#define HAL_READ_CSR(name)                                   \
  ({                                                         \
    std::uint64_t value_;                                    \
    asm volatile("csrr %0, " name : "=r"(value_)::"memory"); \
    value_;                                                  \
  })
#define HAL_WRITE_CSR(name, value) asm volatile("csrw " name ", %0" ::"rK"(value) : "memory")
#define HAL_SET_CSR(name, bits) asm volatile("csrs " name ", %0" ::"rK"(bits) : "memory")
#define HAL_CLEAR_CSR(name, bits) asm volatile("csrc " name ", %0" ::"rK"(bits) : "memory")
#define HAL_TEST_AND_CLEAR_CSR(name, bits)                                         \
  ({                                                                               \
    std::uint64_t value_;                                                          \
    asm volatile("csrrc %0, " name ", %1" : "=r"(value_) : "rK"(bits) : "memory"); \
    value_;                                                                        \
  })

namespace hal::riscv64 {

namespace status {
inline constexpr std::uint64_t ie = STATUS_INTERRUPTS;
inline constexpr std::uint64_t pie = STATUS_INTERRUPTS_BEFORE;
inline constexpr std::uint64_t pp = STATUS_KERNEL_BEFORE;
inline constexpr std::uint64_t vs = 3 << 9;         // state of the vector registers
inline constexpr std::uint64_t vs_clean = 2 << 9;   // registers unchanged since they were loaded
inline constexpr std::uint64_t vs_dirty = 3 << 9;   // registers written since they were loaded
inline constexpr std::uint64_t fs = 3 << 13;        // state of the floating-point registers
inline constexpr std::uint64_t fs_clean = 2 << 13;  // registers unchanged since they were loaded
inline constexpr std::uint64_t fs_dirty = 3 << 13;  // registers written since they were loaded
inline constexpr std::uint64_t dirty = std::uint64_t{1} << 63;  // one of them is dirty
}  // namespace status

namespace interrupt {  // bits of the registers `ie` and `ip`
inline constexpr std::uint64_t software = 1 << CAUSE_SOFTWARE;
inline constexpr std::uint64_t timer = 1 << CAUSE_TIMER;
inline constexpr std::uint64_t external = 1 << CAUSE_EXTERNAL;
}  // namespace interrupt

}  // namespace hal::riscv64
