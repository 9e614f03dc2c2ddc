// The fixture of the tests of a disk's file.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include "disk_world.h"
#include "files/block_file.h"
#include "memory/user_memory.h"

namespace test {

using async::Task;
using hal::page_size;
using kernel::AddressSpace;
using kernel::Direction;
using kernel::File;
using kernel::memory::MapRequest;

inline constexpr hal::VirtAddr here = 0x10'0000;
inline constexpr std::size_t pages = 64;

/// A disk, a program with 256 KiB of memory at `here`, and the disk's file, opened by the program.
struct DiskFileWorld : DiskWorld {
  explicit DiskFileWorld(DiskModel& model) : DiskWorld{model}, model{model} {
    std::size_t at = 0;
    for (std::byte& byte : model.bytes) byte = static_cast<std::byte>(at++ % 253);
    REQUIRE(space->map({.address = here,
                        .bytes = pages * page_size,
                        .access = hal::Access::read | hal::Access::write,
                        .place = MapRequest::Place::exactly}));
  }

  Task<Result<std::size_t>> start(Direction direction, std::optional<std::uint64_t> offset,
                                  hal::VirtAddr where, std::size_t size) {
    return file->transfer(direction, offset, IoBuffer{*space, where, size});
  }
  Result<std::size_t> read(std::optional<std::uint64_t> offset, hal::VirtAddr where,
                           std::size_t size) {
    return finish(start(Direction::read, offset, where, size));
  }
  Result<std::size_t> write(std::optional<std::uint64_t> offset, hal::VirtAddr where,
                            std::size_t size) {
    return finish(start(Direction::write, offset, where, size));
  }

  std::string text_at(hal::VirtAddr address, std::size_t size) {
    return text_in(*space, address, size);
  }
  static std::string text_in(AddressSpace& space, hal::VirtAddr address, std::size_t size) {
    std::string text(size, '?');
    REQUIRE(kernel::memory::copy_from_user(space, text.data(), address, size));
    return text;
  }
  void put_text(hal::VirtAddr address, const std::string& text) {
    REQUIRE(kernel::memory::copy_to_user(*space, address, text.data(), text.size()));
  }
  std::string on_disk(std::size_t offset, std::size_t size) {
    return {reinterpret_cast<const char*>(&model.bytes[offset]), size};
  }

  DiskModel& model;
  Ref<AddressSpace> space = *AddressSpace::create();
  Ref<kernel::BlockNode> node =
      kernel::make_ref<kernel::BlockNode>(*device, kernel::DeviceNumber{254, 0});
  Ref<File> file = *node->open(abi::o_rdwr);
};

}  // namespace test
