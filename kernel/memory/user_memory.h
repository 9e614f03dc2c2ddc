// The kernel's access to a program's memory: by address, checked, page by page.
//
//   Result<std::size_t> read(Process& self, int fd, UserSpan<std::byte> buffer);
//
// A UserPtr or UserSpan is an unchecked address. Each access checks it and can fail: EFAULT,
// ENOMEM, or would_block if the page needs a page-in. Bytes that were copied before the failure
// stay copied. A program may change its memory between two accesses, so read a value once and use
// the copy. A UserPtr reads and writes each word of a small value exactly once (read_once.h).
#pragma once

#include <kernel/result.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "memory/address_space.h"
#include "memory/read_once.h"

namespace kernel::memory {

Result<> copy_from_user(AddressSpace& space, void* to, VirtAddr from, std::size_t bytes);
Result<> copy_to_user(AddressSpace& space, VirtAddr to, const void* from, std::size_t bytes);
/// Copies the zero-terminated string at `from` into `buffer` and returns it without the zero. Reads
/// each byte once. ENAMETOOLONG: `buffer` has no room for the string and its zero.
Result<std::string_view> string_from_user(AddressSpace& space, VirtAddr from,
                                          std::span<char> buffer);

/// Calls use(std::span<std::byte>) -> Result<std::size_t> for each piece of [start, start + bytes)
/// that lies in one page. The span is the kernel's view of the piece, so no copy is needed. Stops
/// when `use` returns less than the size of the piece. Returns the sum. After the first byte an
/// error only ends the transfer, as in Linux.
template <class Use>
Result<std::size_t> each_piece(AddressSpace& space, VirtAddr start, std::size_t bytes,
                               Access wanted, Use&& use) {
  std::size_t done = 0;
  while (done < bytes) {
    const VirtAddr at = start + done;
    const std::size_t size = std::min(bytes - done, hal::page_size - at % hal::page_size);
    const auto here = space.fault_in(at, wanted);
    Result<std::size_t> used = fail(Errno::efault);
    if (here) {
      used = use(std::span<std::byte>(*here, size));
    } else {
      used = fail(here.error());
    }
    if (!used) return done > 0 ? Result<std::size_t>(done) : used;
    done += *used;
    if (*used < size) break;
  }
  return done;
}

/// The address of a T in a program.
template <class T>
class UserPtr {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  using Value = std::remove_const_t<T>;

  UserPtr() = default;
  explicit UserPtr(VirtAddr address) : address_(address) {}

  explicit operator bool() const { return address_ != 0; }
  VirtAddr address() const { return address_; }

  Result<Value> read(AddressSpace& space) const {
    if (in_one_page()) [[likely]] {
      if (const std::byte* const here = space.tlb_lookup_alone(address_, Access::read)) [[likely]]
        return copy_once(*reinterpret_cast<const Value*>(here));
    }
    return read_slowly(space, address_);
  }
  Result<> write(AddressSpace& space, const T& value) const
    requires(!std::is_const_v<T>)
  {
    if (in_one_page()) [[likely]] {
      if (std::byte* const here = space.tlb_lookup_alone(address_, Access::write)) [[likely]] {
        store_once(*reinterpret_cast<T*>(here), value);
        return {};
      }
    }
    return write_slowly(space, address_, value);
  }
  /// Calls make(void*), which creates the T in the program's memory, or in zeros that are copied
  /// there. For a large T: it saves a copy.
  template <class Make>
  Result<> create(AddressSpace& space, Make&& make) const
    requires(!std::is_const_v<T>)
  {
    alignas(T) std::byte zeros[sizeof(T)];
    const bool is_in_place = is_contiguous();
    std::byte* there = zeros;
    if (is_in_place) [[likely]] {
      const auto here = space.fault_in(address_, Access::write);
      if (!here) return fail(here.error());
      there = *here;
    } else {
      std::memset(zeros, 0, sizeof zeros);
    }
    make(there);  // one call, so that it is inlined
    return is_in_place ? Result<>{} : copy_to_user(space, address_, zeros, sizeof zeros);
  }
  /// For a large T, without a copy of it: calls use(const T&). The program may change the object
  /// meanwhile, so `use` reads each member once.
  template <class Use>
  Result<> visit(AddressSpace& space, Use&& use) const {
    alignas(T) std::byte copy[sizeof(T)];
    const std::byte* there = copy;
    if (is_contiguous()) [[likely]] {
      const auto here = space.fault_in(address_, Access::read);
      if (!here) return fail(here.error());
      there = *here;
    } else if (auto copied = copy_from_user(space, copy, address_, sizeof copy); !copied) {
      return copied;
    }
    use(*reinterpret_cast<const Value*>(there));  // one call, so that it is inlined
    return {};
  }

 private:
  static constexpr bool is_small = words_of<T> <= 32;
  // Whether the kernel can access the object in place.
  bool is_contiguous() const {
    return address_ % alignof(T) == 0 && address_ % hal::page_size + sizeof(T) <= hal::page_size;
  }
  // Whether the kernel copies the object in place, word by word.
  bool in_one_page() const { return is_small && is_contiguous(); }

  // Functions of their own, so that read() and write() need no stack where they are inlined.
  [[gnu::noinline]] static Result<Value> read_slowly(AddressSpace& space, VirtAddr address) {
    if (UserPtr{address}.in_one_page()) {
      const auto here = space.fault_in(address, Access::read);
      if (!here) return fail(here.error());
      return copy_once(*reinterpret_cast<const Value*>(*here));
    }
    Value value;
    if (auto copied = copy_from_user(space, &value, address, sizeof value); !copied) {
      return fail(copied.error());
    }
    return value;
  }
  [[gnu::noinline]] static Result<> write_slowly(AddressSpace& space, VirtAddr address,
                                                 const T& value) {
    if (UserPtr{address}.in_one_page()) {
      const auto here = space.fault_in(address, Access::write);
      if (!here) return fail(here.error());
      store_once(*reinterpret_cast<T*>(*here), value);
      return {};
    }
    return copy_to_user(space, address, &value, sizeof value);
  }

  VirtAddr address_ = 0;
};

/// `size` objects of type T in a program.
template <class T>
class UserSpan {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  UserSpan() = default;
  UserSpan(VirtAddr address, std::size_t size) : address_(address), size_(size) {}

  VirtAddr address() const { return address_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Whether the span lies below hal::user_end. If not, system calls fail with EFAULT at once, like
  /// Linux's access_ok().
  bool in_range() const {
    return size_ <= hal::user_end / sizeof(T) && address_ <= hal::user_end - size_ * sizeof(T);
  }

  UserPtr<T> operator[](std::size_t index) const {
    return UserPtr<T>(address_ + index * sizeof(T));
  }
  UserSpan subspan(std::size_t offset) const {
    return {address_ + offset * sizeof(T), size_ - offset};
  }
  UserSpan first(std::size_t count) const { return {address_, count}; }

  /// Copies to.size() objects, at most size().
  Result<> read(AddressSpace& space, std::span<std::remove_const_t<T>> to) const {
    return copy_from_user(space, to.data(), address_, to.size_bytes());
  }
  Result<> write(AddressSpace& space, std::span<const T> from) const
    requires(!std::is_const_v<T>)
  {
    return copy_to_user(space, address_, from.data(), from.size_bytes());
  }

 private:
  VirtAddr address_ = 0;
  std::size_t size_ = 0;
};

}  // namespace kernel::memory

namespace kernel {
using memory::UserPtr;
using memory::UserSpan;
}  // namespace kernel
