// The vector registers of programs (extension V, version 1.0).
//
// Programs may use them only if every hart has them, with one length: a thread may continue on any
// hart. A register has 128 to 1,024 bits.
#pragma once

#include <atomic>
#include <cstdint>

namespace hal::riscv64 {

enum class Vectors : std::uint8_t {
  none,    ///< no hart has them
  usable,  ///< vector_bytes says how long they are
  differ,  ///< some harts lack them, or they differ in length
  refused  ///< their length is not supported, or the firmware keeps them off
};

inline constexpr unsigned vector_registers = 32;
inline constexpr unsigned most_vector_bytes = 128;  ///< of a register

/// The bytes of a vector register; 0 unless they are usable. Boot writes it, before the first
/// program runs.
inline constinit std::atomic<unsigned> vector_bytes = 0;

inline unsigned bytes_of_vector_register() {
  return vector_bytes.load(std::memory_order_relaxed);
}

/// Why programs may use vector registers or not. Complete when all harts have started.
Vectors vectors();

}  // namespace hal::riscv64
