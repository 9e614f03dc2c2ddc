// Which instructions use vector registers (RISC-V "V" vector extension 1.0, chapter 5).
#pragma once

#include <cstdint>

namespace trap {

/// Whether an instruction that was illegal with sstatus.VS off may be legal with VS on: vector
/// arithmetic, vset… and cryptography, vector loads and stores, or an access to a CSR of the
/// extension. True for 0, too: then stval does not hold the instruction.
constexpr bool may_use_vectors(std::uint64_t instruction) {
  const std::uint64_t opcode = instruction & 0x7f;
  const std::uint64_t function = instruction >> 12 & 7;
  const std::uint64_t csr = instruction >> 20 & 0xfff;
  constexpr std::uint64_t load = 0x07, store = 0x27, arithmetic = 0x57, crypto = 0x77,
                          system = 0x73;
  switch (opcode) {
    case arithmetic:
    case crypto: return true;
    case load:
    case store: return function == 0 || function >= 5;  // 1 to 4: widths of scalar loads
    case system:
      return (function & 3) != 0 &&
             ((csr >= 0x008 && csr <= 0x00a) || csr == 0x00f || (csr >= 0xc20 && csr <= 0xc22));
    default: return instruction == 0;
  }
}

}  // namespace trap
