// Random bytes for programs: ChaCha20 (RFC 8439) keyed at boot with the firmware's seed and the
// clock.
#pragma once

#include <cstddef>
#include <span>

namespace kernel {

/// Once, at boot. Without a seed the bytes are as unpredictable as the clock.
void seed_random(std::span<const std::byte> seed);

/// Task context.
void fill_random(std::span<std::byte> out);

}  // namespace kernel
