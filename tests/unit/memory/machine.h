// The test machine of the memory tests: RAM, and a hart that runs "programs" one access at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "memory/address_space.h"

namespace test {

/// Fresh RAM, frame allocator and hart. The destructor checks that all frames are free again.
class Machine {
 public:
  explicit Machine(std::size_t ram_bytes = 16 << 20);
  ~Machine();
};

/// A program's access to one byte of `space`, as a hart makes it: through the TLB, the page table
/// and, after a fault, the kernel. Nothing or false if the kernel refuses.
std::optional<std::uint8_t> load(kernel::AddressSpace& space, hal::VirtAddr va);
bool store(kernel::AddressSpace& space, hal::VirtAddr va, std::uint8_t value);
bool fetch(kernel::AddressSpace& space, hal::VirtAddr va);
/// As load(), but as a system call accesses the byte.
std::optional<std::uint8_t> load_by_kernel(kernel::AddressSpace& space, hal::VirtAddr va);
bool store_by_kernel(kernel::AddressSpace& space, hal::VirtAddr va, std::uint8_t value);
/// Switches this hart to no program's space.
void leave_space();
/// The number of free frames at the last remote flush of a space's pages.
std::size_t free_at_remote_flush();
/// The error of the last refused access.
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
