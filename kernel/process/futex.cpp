#include "process/futex.h"

namespace kernel {
namespace {

/// Whether a wake with the key `woken` wakes `waiter`: the same futex, and a common bit.
bool is_meant(const async::Key& waiter, const async::Key& woken) {
  return waiter.value == woken.value && waiter.bits >> 32 == woken.bits >> 32 &&
         (waiter.bits & woken.bits & Futex::any_bits) != 0;
}

}  // namespace

Result<Futex> Futex::looked_up(memory::AddressSpace& space, hal::VirtAddr address) {
  const auto known_by = space.key_of(address);
  if (!known_by) return fail(known_by.error());
  return Futex{space, address, *known_by};
}

int Futex::wake_some(async::WaitList& waiters, int count, async::Key of) {
  const auto wanted = [of](const async::Key& waiter) { return is_meant(waiter, of); };
  if (count == 1 && waiters.wake_first_keyed(wanted)) [[likely]]
    return 1;
  return static_cast<int>(waiters.wake_some(static_cast<std::size_t>(count), wanted));
}

int Futex::requeue(int count, const Futex& target) const {
  // move_some() changes only the first word of a key, and part of the object is in the second. So
  // waiters for another object are woken: programs must expect spurious wakes.
  if (known_by_.object != target.known_by_.object) return wake(count);
  return static_cast<int>(list().move_some(
      static_cast<std::size_t>(count), target.list(), target.key(any_bits).value,
      [of = key(any_bits)](const async::Key& waiter) { return is_meant(waiter, of); }));
}

}  // namespace kernel
