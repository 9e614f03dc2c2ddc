// The vector registers of a program that is not running, as the instruction XSAVE stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../../state_layout.h"

namespace trap {

/// The x87, SSE and AVX registers in the standard XSAVE format, which begins at a multiple of 64 in
/// the object. A new object has the reset value of every register.
class VectorState {
 public:
  static constexpr std::size_t size = STATE_SIZE;  ///< enough for AVX-512

  VectorState() { set_usual_modes(); }
  void set_usual_modes() {
    constexpr std::uint16_t fcw = 0x37f;     // all x87 exceptions masked, 64 bits of precision
    constexpr std::uint32_t mxcsr = 0x1f80;  // all SSE exceptions masked, rounding to nearest
    std::memcpy(data() + STATE_FCW, &fcw, sizeof fcw);
    std::memcpy(data() + STATE_MXCSR, &mxcsr, sizeof mxcsr);
  }
  VectorState(const VectorState& other) { *this = other; }
  VectorState& operator=(const VectorState& other) {
    if (this != &other) std::memcpy(data(), other.data(), size);
    return *this;
  }

  std::byte* data() { return storage_ + offset(); }
  const std::byte* data() const { return storage_ + offset(); }

 private:
  // Not alignas(64): contexts are also locals of coroutines, whose frames are only aligned to 16
  // bytes.
  static constexpr std::size_t room = STATE_ALIGNMENT - 16;
  std::size_t offset() const {
    return -reinterpret_cast<std::uintptr_t>(storage_) % STATE_ALIGNMENT;
  }
  alignas(16) std::byte storage_[size + room]{};
};

}  // namespace trap
