// The saved vector registers of a context. A context has none before its first vector instruction
// (trap/fpu.h), so most threads need only the null pointer.
//
// Linux's ABI says that a system call may change all vector registers, vl, vtype and vstart. So a
// context whose last trap was a system call has nothing to save: after the call the program finds
// its own values or ones, and a vtype that no vector instruction accepts. Linux always sets ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "../../context_layout.h"

namespace trap {

struct VectorState {
  enum Contents : std::uint64_t {
    zeros,  ///< at the first vector instruction
    ones,   ///< after a system call
    saved,  ///< `registers`, vl, vtype and vstart
  };

  std::uint64_t vstart = 0, vl = 0, vtype = 0;
  std::uint64_t vcsr = 0;  ///< rounding mode and saturation flag; valid for all contents
  std::byte* registers = nullptr;
  Contents contents = zeros;
};
static_assert(offsetof(VectorState, vstart) == VECTORS_VSTART);
static_assert(offsetof(VectorState, vl) == VECTORS_VL);
static_assert(offsetof(VectorState, vtype) == VECTORS_VTYPE);
static_assert(offsetof(VectorState, vcsr) == VECTORS_VCSR);
static_assert(offsetof(VectorState, registers) == VECTORS_REGISTERS);

/// Owns the state of a context. A copy of a context has no vector state: a new thread begins with
/// zeros. Memory is allocated and freed in the strand or while the caller shares it.
class VectorStateHolder {
 public:
  VectorStateHolder() = default;
  VectorStateHolder(const VectorStateHolder&) {}
  VectorStateHolder& operator=(const VectorStateHolder&) = delete;
  ~VectorStateHolder() { reset(); }

  VectorState* get() const { return state_; }
  /// Bytes that allocate() needs.
  static std::size_t bytes();
  /// The holder must be empty.
  void allocate();

  /// Takes the state of `other`, if it has one. `other` gets this memory, with zeros in it.
  void take(VectorStateHolder& other) {
    if (other.state_ != nullptr) [[unlikely]]
      exchange(other);
  }
  void reset() {
    if (state_ != nullptr) [[unlikely]]
      free();
  }

 private:
  void free() {
    delete[] state_->registers;
    delete state_;
    state_ = nullptr;
  }
  void exchange(VectorStateHolder& other);

  VectorState* state_ = nullptr;
};

}  // namespace trap
