// A Linux process: programs, the kernel and the C library share its addresses.
//
//   0x400000000000   programs: a window of 16 GiB for each space, programs' own addresses begin at
//                    its first page but one
//   0x500000000000   their end
//   0x580000000000   the kernel's stacks: above all others, and signals' stacks, by which callgrind
//                    tells a stack that is left from one that is changed (docs/hosted.md)
//   0x590000000000   RAM: a file without a name, mapped as it is (the direct map)
//
// The kernel and the C library are wherever Linux puts them, which is in none of these, and neither
// is what sanitizers keep for themselves.
#pragma once

#include <hal/memory_map.h>

#include <optional>

namespace hal {

inline constexpr VirtAddr user_begin = 0x4000'0000'0000;
inline constexpr VirtAddr user_end = 0x5000'0000'0000;
/// A space has addresses that no other one has.
inline constexpr bool spaces_can_be_copied = false;
/// What one program may have.
inline constexpr std::size_t user_bytes = std::size_t{16} << 30;

inline constexpr VirtAddr first_kernel_stack = 0x5800'0000'0000;

inline constexpr PhysAddr ram_base = 0x8000'0000;  // 0 is nobody's frame
inline constexpr VirtAddr ram_mapping = 0x5900'0000'0000;
inline constexpr VirtAddr kernel_offset = ram_mapping - ram_base;

template <class T = std::byte>
T* phys_to_virt(PhysAddr pa) {
  return reinterpret_cast<T*>(pa + kernel_offset);
}

inline PhysAddr virt_to_phys(const void* pointer) {
  return reinterpret_cast<VirtAddr>(pointer) - kernel_offset;
}

/// The addresses that one page table is for: a part of the process's that nobody else has. (The
/// tables' levels repeat themselves every 512 GiB, so in a window no two pages share an entry.)
class UserWindow {
 public:
  static constexpr unsigned count = (user_end - user_begin) / user_bytes;

  VirtAddr origin() const { return origin_; }
  VirtAddr begin() const { return origin_ + page_size; }
  VirtAddr end() const { return origin_ + user_bytes - 2 * page_size; }
  /// All of it: a table knows nothing of what is outside its window.
  bool may_have(VirtAddr va) const { return va - origin_ < user_bytes; }

  static std::optional<UserWindow> take(PhysAddr root);
  void give_back() const;

 private:
  explicit UserWindow(VirtAddr origin) : origin_(origin) {}
  VirtAddr origin_;
};

}  // namespace hal
