// Supervisor control and status registers (RISC-V privileged specification 1.12, chapter 4).
#pragma once

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

namespace sstatus {
inline constexpr std::uint64_t sie = 1 << 1;        // interrupts enabled in supervisor mode
inline constexpr std::uint64_t spie = 1 << 5;       // the value of `sie` before the trap
inline constexpr std::uint64_t spp = 1 << 8;        // the trap came from supervisor mode
inline constexpr std::uint64_t vs = 3 << 9;         // state of the vector registers
inline constexpr std::uint64_t vs_clean = 2 << 9;   // registers unchanged since they were loaded
inline constexpr std::uint64_t vs_dirty = 3 << 9;   // registers written since they were loaded
inline constexpr std::uint64_t fs = 3 << 13;        // state of the floating-point registers
inline constexpr std::uint64_t fs_clean = 2 << 13;  // registers unchanged since they were loaded
inline constexpr std::uint64_t fs_dirty = 3 << 13;  // registers written since they were loaded
inline constexpr std::uint64_t dirty = std::uint64_t{1} << 63;  // one of them is dirty
}  // namespace sstatus

namespace interrupt {  // bits of sie and sip; a bit's position is the cause number
inline constexpr std::uint64_t software = 1 << 1;
inline constexpr std::uint64_t timer = 1 << 5;
inline constexpr std::uint64_t external = 1 << 9;
}  // namespace interrupt

}  // namespace hal::riscv64
