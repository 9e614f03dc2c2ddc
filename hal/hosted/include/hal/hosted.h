// Signals as this machine's interrupts: the interface between hal/hosted and trap/hosted.
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

/// The signals that make a hart notice pending interrupts. Its timer sends the first, other threads
/// the second.
inline int timer_signal() {
  return SIGRTMIN;
}
inline int ipi_signal() {
  return SIGRTMIN + 1;
}

/// Marks the timer interrupt as pending. Called in the handler of timer_signal().
inline void timer_has_fired() {
  pending.fetch_or(interrupt::timer);
}

/// The segment mode requested with `--fs`; nothing without the option.
std::optional<std::string_view> wanted_fs();

/// Lets the calling hart take interrupts.
///
/// In a step, the hart calls `vector` with the interrupted address, on the step's stack, with
/// interrupts masked. A signal in a program ends run_user(). A signal in the kernel sets
/// `pending_word` to 1, which ends the next run_user() at once.
void take_interrupts_by(void (*vector)(std::uintptr_t pc), volatile std::uint32_t& pending_word);
extern constinit thread_local volatile std::uint32_t* pending_word;

/// Zeroed memory of the host, outside the machine's RAM, which may have no free range of `bytes`
/// bytes. Empty if the host has no memory.
class HostMemory {
 public:
  explicit HostMemory(std::size_t bytes);
  HostMemory(const HostMemory&) = delete;
  ~HostMemory();
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

/// The kernel stack that contains `address`; empty if there is none.
KernelStack kernel_stack_at(VirtAddr address);

}  // namespace hal::hosted
