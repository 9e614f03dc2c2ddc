// Shared by the tests of address spaces.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <span>
#include <vector>

#include "machine.h"
#include "memory/address_space.h"
#include "memory/frames.h"

namespace test {

using hal::Access;
using hal::page_size;
using hal::VirtAddr;
using kernel::AddressSpace;
using kernel::Errno;
using kernel::Ref;
using kernel::Result;
using kernel::memory::Backing;
using kernel::memory::frames;
using kernel::memory::MapRequest;
using kernel::memory::SharedPages;

inline constexpr Access read_write = Access::read | Access::write;
inline constexpr Access read_execute = Access::read | Access::execute;
inline constexpr VirtAddr here = 0x10'0000;

inline Ref<AddressSpace> make_space() {
  return *AddressSpace::create();
}

inline Result<VirtAddr> map_at(AddressSpace& space, VirtAddr address, std::size_t bytes,
                               Access access, Backing backing = {}) {
  return space.map({.address = address,
                    .bytes = bytes,
                    .access = access,
                    .place = MapRequest::Place::exactly,
                    .backing = std::move(backing)});
}

/// Pages of RAM that stand for a file of the boot archive.
class FileInMemory {
 public:
  explicit FileInMemory(unsigned order) : order_(order), block_(frames.allocate_block(order)) {
    for (std::size_t i = 0; i < bytes().size(); ++i) {
      hal::phys_to_virt(block_)[i] = static_cast<std::byte>(1 + i / page_size);
    }
  }
  ~FileInMemory() { frames.free_block(block_, order_); }
  std::span<const std::byte> bytes() const {
    return {hal::phys_to_virt(block_), page_size << order_};
  }

 private:
  unsigned order_;
  hal::PhysAddr block_;
};

}  // namespace test
