// Hosted: programs, the kernel and the C library share the address space of a Linux process.
//
//   0x400000000000   user ranges of 16 GiB, one per address space. A program's own addresses begin
//                    one page after the start of its range.
//   0x500000000000   end of the user ranges
//   0x580000000000   kernel stacks. Under valgrind they are above all other stacks, signal stacks
//                    included: callgrind takes a rising stack pointer for a return
//                    (docs/hosted.md).
//   0x590000000000   RAM: a mapped file (the direct map)
//
// Linux chooses the addresses of the kernel and the C library, outside these ranges. The ranges
// also avoid the memory of the sanitizers.
#pragma once

#include <hal/memory_map.h>

#include <optional>

namespace hal {

inline constexpr VirtAddr user_begin = 0x4000'0000'0000;
inline constexpr VirtAddr user_end = 0x5000'0000'0000;
inline constexpr bool translates_addresses = true;
/// No two address spaces use the same addresses, so a copy cannot keep them.
inline constexpr bool spaces_can_be_copied = false;
/// The size of a user range.
inline constexpr std::size_t user_bytes = std::size_t{16} << 30;

inline constexpr VirtAddr first_kernel_stack = 0x5800'0000'0000;

inline constexpr PhysAddr ram_base = 0x8000'0000;  // not 0: physical address 0 means no frame
inline constexpr VirtAddr ram_mapping = 0x5900'0000'0000;
inline constexpr VirtAddr kernel_offset = ram_mapping - ram_base;

template <class T = std::byte>
T* phys_to_virt(PhysAddr pa) {
  return reinterpret_cast<T*>(pa + kernel_offset);
}

inline PhysAddr virt_to_phys(const void* pointer) {
  return reinterpret_cast<VirtAddr>(pointer) - kernel_offset;
}

/// A user range: the addresses that one page table can map, used by no other table. The tables'
/// indices repeat every 512 GiB, so no two pages of a range share an entry.
class UserRange {
 public:
  static constexpr unsigned count = (user_end - user_begin) / user_bytes;

  VirtAddr origin() const { return origin_; }
  VirtAddr begin() const { return origin_ + page_size; }
  VirtAddr end() const { return origin_ + user_bytes - 2 * page_size; }
  /// A table maps any page of its range and no page outside.
  bool may_have(VirtAddr va) const { return va - origin_ < user_bytes; }

  static std::optional<UserRange> take(PhysAddr root);
  void give_back() const;

 private:
  explicit UserRange(VirtAddr origin) : origin_(origin) {}
  VirtAddr origin_;
};

}  // namespace hal
