// Random bytes for programs. A generator (random_generator.h) produces them. At boot it is seeded
// with the firmware's seed and the time. If there is an entropy device, its driver reseeds the
// generator at once, and again after 1 MiB of output or after five minutes.
//
//     the generator  ── ask() ──►  the device  ── give_entropy() ──►  mixed in by the next
//     (the strand)                 (its driver)   (any hart)          fill_random()
#pragma once

#include <cstddef>
#include <span>

namespace kernel {

/// Seeds the generator. Call once, at boot. Without a seed the bytes are only as unpredictable as
/// the clock.
void seed_random(std::span<const std::byte> seed);

/// Fills `out` with random bytes. Call in a task of the strand.
void fill_random(std::span<std::byte> out);

/// The same for a caller that shares the strand. Returns false if the generator must be reseeded
/// first, or must ask the source for entropy. The caller then calls fill_random() in the strand.
bool fill_random_sharing(std::span<std::byte> out);

/// Sets the entropy source and calls `ask` at once. fill_random() calls it again when new entropy
/// is due. There is at most one source. In the strand.
void set_entropy_source(void (*ask)());

/// Passes new entropy to the generator. Uses at most `entropy_bytes`. Any context, any hart; not
/// concurrently. Ignored while earlier entropy has not been mixed in.
void give_entropy(std::span<const std::byte> bytes);
inline constexpr std::size_t entropy_bytes = 64;

}  // namespace kernel
