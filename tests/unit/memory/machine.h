// The test machine of the memory tests: RAM, and a hart that runs "programs" one access at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "memory/address_space.h"

namespace test {

/// Fresh RAM, frames and hart; at the end everything must have been given back.
class Machine {
 public:
  explicit Machine(std::size_t ram_bytes = 16 << 20);
  ~Machine();
};

/// One byte access of a program in `space`, as the hart does it: through the TLB, the table, and on
/// a fault the kernel. Nothing when the kernel refuses.
std::optional<std::uint8_t> load(kernel::AddressSpace& space, hal::VirtAddr va);
bool store(kernel::AddressSpace& space, hal::VirtAddr va, std::uint8_t value);
bool fetch(kernel::AddressSpace& space, hal::VirtAddr va);
/// The same as a system call does it on behalf of the program.
std::optional<std::uint8_t> load_by_kernel(kernel::AddressSpace& space, hal::VirtAddr va);
bool store_by_kernel(kernel::AddressSpace& space, hal::VirtAddr va, std::uint8_t value);
/// This hart is in no program's space any more.
void leave_space();
/// How many frames were free when other harts were last told to flush a space's pages.
std::size_t free_at_remote_flush();
/// Why the last of these was refused.
kernel::Errno refusal();

/// Random numbers, the same in every run.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::uint64_t below(std::uint64_t limit) { return (next() >> 11) % limit; }

 private:
  std::uint64_t state_;
};

}  // namespace test
