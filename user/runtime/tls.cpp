#include "tls.h"

#include <abi/elf.h>
#include <user/machine/thread_pointer.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace user::tls {
namespace {

using abi::elf::ProgramHeader;

const std::byte* image = nullptr;
std::size_t image_bytes = 0;
std::size_t image_offset = 0;  // of the image in a copy
std::size_t copy_bytes = 0;
constexpr std::size_t least_alignment = 16;
std::size_t copy_alignment = least_alignment;

std::size_t round_up(std::size_t bytes, std::size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

void find_segment(const void* headers, std::size_t count, std::size_t entry_bytes) {
  const auto at = [&](std::size_t i) {
    return reinterpret_cast<const ProgramHeader*>(static_cast<const std::byte*>(headers) +
                                                  i * entry_bytes);
  };
  std::uintptr_t bias = 0;  // the load address of a position-independent program
  for (std::size_t i = 0; i < count; ++i) {
    if (at(i)->type == abi::elf::header_table) {
      bias = reinterpret_cast<std::uintptr_t>(headers) - at(i)->virtual_address;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (at(i)->type != abi::elf::thread_local_data) continue;
    image = reinterpret_cast<const std::byte*>(at(i)->virtual_address + bias);
    image_bytes = at(i)->file_bytes;
    const auto alignment = std::max<std::size_t>(1, at(i)->alignment);
    copy_alignment = std::max(least_alignment, alignment);
    copy_bytes = round_up(at(i)->memory_bytes, copy_alignment);
    if (machine::storage_ends_at_pointer) {
      image_offset = copy_bytes - round_up(at(i)->memory_bytes, alignment);
    }
  }
}

std::size_t bytes() {
  if constexpr (machine::storage_ends_at_pointer) return copy_bytes + machine::thread_header_bytes;
  static_assert(machine::thread_header_bytes <= least_alignment);
  return copy_bytes + copy_alignment;
}
std::size_t alignment() {
  return copy_alignment;
}

void* initialise(std::byte* place) {
  if constexpr (!machine::storage_ends_at_pointer) place += copy_alignment;  // behind the header
  std::memset(place, 0, copy_bytes);
  std::memcpy(place + image_offset, image, image_bytes);
  return machine::thread_pointer(place, copy_bytes);
}

}  // namespace user::tls
