// Programs of the x86_64 machines have no signal handlers yet.
#pragma once

#include <abi/signal.h>
#include <trap/user_context.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace trap {

struct SignalFrame {
  static constexpr bool exists = false;
  static constexpr std::size_t most_bytes() { return 0; }
};
inline constexpr std::array<std::uint32_t, 0> signal_return_code{};

}  // namespace trap
