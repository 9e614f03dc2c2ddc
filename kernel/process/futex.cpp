#include "process/futex.h"

#include "memory/user_memory.h"

namespace kernel {
namespace {

// A key is two words: the offset with as much of the object's address as fits, and the waiter's 32
// bits with the rest of it. Offsets have 38 bits and objects are 16-aligned in the direct map, so
// nothing is lost and equal keys are equal futexes.
constexpr unsigned offset_bits = 38;
constexpr unsigned object_low_bits = 64 - offset_bits;

}  // namespace

Result<Futex> Futex::looked_up(memory::AddressSpace& space, hal::VirtAddr address) {
  const auto known_by = space.key_of(address);
  if (!known_by) return fail(known_by.error());
  return Futex{space, address, *known_by};
}

Result<> Futex::check(std::uint32_t expected) const {
  const auto value = memory::UserPtr<const std::uint32_t>{address_}.read(*space_);
  if (!value) return fail(value.error());
  if (*value != expected) return fail(Errno::eagain);
  return {};
}

int Futex::wake_some(async::WaitList& waiters, int count, std::uint32_t bits) const {
  return static_cast<int>(
      waiters.wake_some(static_cast<std::size_t>(count),
                        [&](const async::Key& waiter) { return is_meant(waiter, bits); }));
}

int Futex::requeue(int count, const Futex& target) const {
  // Only the first word of a key can be changed in place, and part of the object is in the second.
  // Being woken for nothing is what every waiter has to expect.
  if (known_by_.object != target.known_by_.object) return wake(count);
  return static_cast<int>(
      list().move_some(static_cast<std::size_t>(count), target.list(), target.key(any_bits).value,
                       [&](const async::Key& waiter) { return is_meant(waiter, any_bits); }));
}

async::Key Futex::key(std::uint32_t bits) const {
  const std::uint64_t object = object_number();
  return {.value = known_by_.offset | object << offset_bits,
          .bits = bits | (object >> object_low_bits) << 32};
}

bool Futex::is_meant(const async::Key& waiter, std::uint32_t bits) const {
  const async::Key mine = key(bits);
  return waiter.value == mine.value && waiter.bits >> 32 == mine.bits >> 32 &&
         (waiter.bits & bits) != 0;
}

}  // namespace kernel
