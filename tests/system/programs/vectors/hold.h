// Holds values in all vector registers while a counter runs down. Offsets for hold.S.
#pragma once

#define HOLD_IN 0
#define HOLD_OUT 8
#define HOLD_COUNT 16
#define HOLD_GIVEN 24 /* vl, vtype, vcsr, vstart */
#define HOLD_FOUND 56 /* the same */

#ifndef __ASSEMBLER__
#include <cstddef>
#include <cstdint>

struct VectorModes {
  std::uint64_t vl, vtype, vcsr, vstart;
  bool operator==(const VectorModes&) const = default;
};

struct Hold {
  const std::byte* in;  // 32 registers
  std::byte* out;
  std::uint64_t count;
  VectorModes given, found;
};
static_assert(offsetof(Hold, count) == HOLD_COUNT);
static_assert(offsetof(Hold, given) == HOLD_GIVEN);
static_assert(offsetof(Hold, found) == HOLD_FOUND);

extern "C" {
// Fills the registers from `in`, counts, and does what read_vectors() does.
void hold_vectors(Hold*);
// Stores the registers in `out` and the modes in `found`.
void read_vectors(Hold*);
}
#endif
