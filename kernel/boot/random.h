// Random bytes for programs: a generator (random_generator.h) that is seeded at boot with what the
// firmware has and the time, and from then on by a device, if there is one: at once, and again
// whenever much was given out or long ago was the last time.
//
//     the generator  ── ask() ──►  the device  ── give_entropy() ──►  mixed in by the next
//     (the strand)                 (its driver)   (any hart)          fill_random()
#pragma once

#include <cstddef>
#include <span>

namespace kernel {

/// Once, at boot. Without a seed the bytes are as unpredictable as the clock.
void seed_random(std::span<const std::byte> seed);

/// Task context, in the strand.
void fill_random(std::span<std::byte> out);

/// From now on, and at once, ask() is called when fresh entropy is wanted. In the strand; one
/// source at most.
void set_entropy_source(void (*ask)());

/// What the source came up with: up to `entropy_bytes` count. Any context, any hart, one at a time.
void give_entropy(std::span<const std::byte> bytes);
inline constexpr std::size_t entropy_bytes = 64;

}  // namespace kernel
