// Futexes: threads that wait for a word of user memory to change (futex(2)).
//
// A futex exists only while somebody waits for it. Waiters stand in one of a fixed number of lists,
// chosen by what the word is known by (memory::MemoryKey): the page it shares, or the space and
// address of private memory.
#pragma once

#include <async/async.h>
#include <kernel/result.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "memory/address_space.h"
#include "memory/user_memory.h"

namespace kernel {

/// A word of user memory that threads can wait for, from any address space that has it.
class Futex {
 public:
  static constexpr std::uint32_t any_bits = ~std::uint32_t{0};

  /// Who may wait for the word: only this address space's threads (FUTEX_PRIVATE_FLAG: the caller
  /// knows, and nothing is looked up), or everybody who has the memory.
  enum class Sharing : bool { anybody, own_space };

  /// EINVAL for an unaligned address, EFAULT where nothing can be (or, for `anybody`, is) mapped.
  static Result<Futex> at(memory::AddressSpace& space, hal::VirtAddr address,
                          Sharing sharing = Sharing::anybody) {
    if (address % sizeof(std::uint32_t) != 0) return fail(Errno::einval);
    if (sharing == Sharing::anybody) return looked_up(space, address);
    if (address >= hal::user_end) return fail(Errno::efault);
    return own(space, address);
  }
  /// … of `own_space`, where there can be one (may_be_at).
  static Futex own(memory::AddressSpace& space, hal::VirtAddr address) {
    return {space, address, {.object = &space, .offset = address - space.window().origin()}};
  }
  /// Aligned, and no farther in its window than an offset in a key may be. (That nothing can be
  /// mapped in the last few pages of that is for whoever reads the word. Nobody waits there.)
  static bool may_be_at(const memory::AddressSpace& space, hal::VirtAddr address) {
    return address % sizeof(std::uint32_t) == 0 &&
           (address - space.window().origin()) >> offset_bits == 0;
  }

  /// The same word, wherever it is seen.
  friend bool operator==(const Futex& a, const Futex& b) { return a.known_by_ == b.known_by_; }
  const memory::MemoryKey& known_by() const { return known_by_; }
  /// The address space that it was named in. It may be gone.
  const memory::AddressSpace* seen_from() const { return space_; }
  /// Whether threads of that address space can have to do with it.
  bool may_be_of(const memory::AddressSpace& space) const {
    return known_by_.object != space_ || &space == space_;
  }
  /// … to be changed, until the next await. EFAULT, ENOMEM.
  Result<std::atomic_ref<std::uint32_t>> word() const {
    const auto there = space_->fault_in(address_, hal::Access::write);
    if (!there) return fail(there.error());
    return std::atomic_ref{*reinterpret_cast<std::uint32_t*>(*there)};
  }

  /// EAGAIN if the word is not `expected`, so that there is no sense in waiting for its change. One
  /// load: wakers change the word before they enter the strand.
  Result<> check(std::uint32_t expected) const {
    const auto there = space_->fault_in(address_, hal::Access::read);
    if (!there) return fail(there.error());
    const std::uint32_t word = read_once(*reinterpret_cast<const std::uint32_t*>(*there));
    if (word != expected) return fail(Errno::eagain);
    return {};
  }

  /// Until woken by somebody whose bits meet `bits`. A cancellation point; there is no await
  /// between a `check` before it and the wait.
  async::KeyedWaitOp wait(std::uint32_t bits) const {
    return list().wait_keyed(key(bits), "futex");
  }
  /// … or not longer than that.
  async::TimedKeyedWaitOp wait_until(std::uint32_t bits, async::Instant deadline) const {
    return list().wait_keyed_until(deadline, key(bits), "futex");
  }

  /// Wakes up to `count` waiters whose bits meet `bits`; how many.
  int wake(int count, std::uint32_t bits = any_bits) const {
    async::WaitList& waiters = list();
    return waiters.empty() ? 0 : wake_some(waiters, count, key(bits));
  }

  /// Makes up to `count` waiters wait for `target` instead, or wakes them; how many.
  int requeue(int count, const Futex& target) const;

 private:
  static Result<Futex> looked_up(memory::AddressSpace& space, hal::VirtAddr address);

  Futex(memory::AddressSpace& space, hal::VirtAddr address, memory::MemoryKey known_by)
      : space_{&space}, address_{address}, known_by_{known_by} {}

  /// A part of the key below.
  std::uint64_t object_number() const {
    return reinterpret_cast<std::uintptr_t>(known_by_.object) >> 4;
  }
  async::WaitList& list() const {
    const auto object = reinterpret_cast<std::uintptr_t>(known_by_.object);
    const std::uint64_t hash = (object ^ known_by_.offset) * 0x9e37'79b9'7f4a'7c15;
    return lists_[hash >> (64 - list_bits)];
  }
  /// Two words: the offset with as much of the object's address as fits, and `bits` with the rest
  /// of it. Offsets have 38 bits and objects are 16-aligned in the direct map, so nothing is lost
  /// and equal keys are equal futexes.
  async::Key key(std::uint32_t bits) const {
    const std::uint64_t object = object_number();
    return {.value = known_by_.offset | object << offset_bits,
            .bits = bits | (object >> (64 - offset_bits)) << 32};
  }
  static int wake_some(async::WaitList& waiters, int count, async::Key of);

  static constexpr unsigned offset_bits = 38;
  static constexpr unsigned list_bits = 6;
  static inline std::array<async::WaitList, 1 << list_bits> lists_;

  memory::AddressSpace* space_;
  hal::VirtAddr address_;
  memory::MemoryKey known_by_;
};

}  // namespace kernel
