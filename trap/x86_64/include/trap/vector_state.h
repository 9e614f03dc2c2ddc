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
  /// Every register has its reset value.
  void reset() {
    std::memset(data(), 0, size);
    set_usual_modes();
  }
  /// The bytes of the x87 and SSE registers, which come first.
  static constexpr std::size_t legacy_size = 512;
  /// Call it after a program's bytes were copied to data(): XRSTOR then raises no exception, which
  /// it does for bits that the processor does not know. Without `is_whole` only the first
  /// legacy_size bytes are the program's: all registers behind have their reset values.
  void make_loadable(bool is_whole) {
    std::uint32_t mxcsr, low, high;
    std::memcpy(&mxcsr, data() + STATE_MXCSR, sizeof mxcsr);
    mxcsr &= 0xffff;
    std::memcpy(data() + STATE_MXCSR, &mxcsr, sizeof mxcsr);
    asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    std::uint64_t components = 3;  // x87, SSE
    if (is_whole) std::memcpy(&components, data() + STATE_XSTATE_BV, sizeof components);
    components &= std::uint64_t{high} << 32 | low;
    constexpr std::size_t header_bytes = 64;
    std::memset(data() + STATE_XSTATE_BV, 0, header_bytes);
    std::memcpy(data() + STATE_XSTATE_BV, &components, sizeof components);
  }

  /// Replaces the x87 and SSE registers by the program's bytes. The other registers stay.
  void load_legacy(const std::byte* bytes) {
    std::memcpy(data(), bytes, legacy_size);
    std::uint64_t components;
    std::memcpy(&components, data() + STATE_XSTATE_BV, sizeof components);
    components |= 3;  // x87, SSE
    std::memcpy(data() + STATE_XSTATE_BV, &components, sizeof components);
    make_loadable(true);
  }

  /// Call it when only the control words and, with `has_xmm`, the lower halves of the SSE and AVX
  /// registers are the program's: all else gets its reset value.
  void complete(bool has_xmm) {
    constexpr std::size_t fcw_bytes = 2, registers_at = 32;  // x87's, in front of the SSE registers
    std::memset(data() + STATE_FCW + fcw_bytes, 0, STATE_MXCSR - STATE_FCW - fcw_bytes);
    std::memset(data() + registers_at, 0, STATE_XMM(0) - registers_at);
    if (!has_xmm) std::memset(data() + STATE_XMM(0), 0, STATE_XMM(16) - STATE_XMM(0));
    constexpr std::size_t header_bytes = 64;
    constexpr std::uint64_t components = 3;  // x87, SSE
    std::memset(data() + STATE_XSTATE_BV, 0, header_bytes);
    std::memcpy(data() + STATE_XSTATE_BV, &components, sizeof components);
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
