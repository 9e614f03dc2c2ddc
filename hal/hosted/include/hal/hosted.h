// Signals as this machine's interrupts: what trap/ needs of hal/ for them, and hal/ of trap/.
#pragma once

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/kernel_map.h>

#include <signal.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hal::hosted {

/// What harts are told that something is pending with: by each other, and by their timers.
inline int timer_signal() {
  return SIGRTMIN;
}
inline int ipi_signal() {
  return SIGRTMIN + 1;
}

/// The calling hart's timer has sent its signal. In the signal's handler.
inline void timer_has_fired() {
  pending.fetch_or(interrupt::timer);
}

/// What programs are to find their thread-local storage by, if somebody has said so (`--fs`).
std::optional<std::string_view> wanted_fs();

/// From now on interrupts of the calling hart are taken: in the midst of a step by a call of
/// `vector` with where that was, on the step's stack and with interrupts masked; by a program,
/// because `attention` is not 0 or because of the signal itself.
void take_interrupts_by(void (*vector)(std::uintptr_t pc), volatile std::uint32_t& attention);
extern constinit thread_local volatile std::uint32_t* attention;

/// Zeros of the host's memory, not of the machine's, which may not have so much in one piece. Empty
/// where the host has not either.
class HostMemory {
 public:
  explicit HostMemory(std::size_t bytes);
  HostMemory(const HostMemory&) = delete;
  ~HostMemory();
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

/// The kernel's stack that `address` is in; an empty one if it is in none.
KernelStack kernel_stack_at(VirtAddr address);

}  // namespace hal::hosted
