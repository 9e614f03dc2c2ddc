#include "process/futex.h"

#include <algorithm>
#include <array>

#include "memory/frames.h"

namespace kernel {
namespace {

/// Whether a wake with the key `woken` wakes `waiter`: the same futex, and a common bit.
bool is_meant(const async::Key& waiter, const async::Key& woken) {
  return waiter.value == woken.value && waiter.bits >> 32 == woken.bits >> 32 &&
         (waiter.bits & woken.bits & Futex::any_bits) != 0;
}

}  // namespace

std::array<Futex::Bucket, 1 << Futex::bucket_bits> Futex::buckets_;

/// Whether a word at `address` lies in private memory if the program can write it. True only if the
/// space has no shared areas at all, so no area is looked up.
inline bool Futex::is_private_if_writable(const memory::AddressSpace& space,
                                          hal::VirtAddr address) {
  return !space.has_shared_areas() && may_be_at(space, address);
}

Result<Futex> Futex::looked_up(memory::AddressSpace& space, hal::VirtAddr address) {
  if (is_private_if_writable(space, address) &&
      space.tlb_lookup_alone(address, hal::Access::write) != nullptr)
    return in_private_memory(space, address);
  const auto known_by = space.key_of(address);
  if (!known_by) return fail(known_by.error());
  const bool is_private = known_by->object == &space;
  return Futex{space, address, is_private ? for_any_process(*known_by) : *known_by};
}

Result<Futex> Futex::at_sharing(memory::AddressSpace& space, hal::VirtAddr address, bool is_own) {
  if (is_private_if_writable(space, address) && space.is_writable_now(address))
    return in_private_memory(space, address);
  const async::RwLeafLock::ReadGuard areas{space.lock(), !is_own};
  return at(space, address);
}

struct Futex::Parts {
  // A node in the bucket's list. wake() returns at once if the list is empty, so the list of a
  // bucket with parts must not be empty.
  async::Node mark{async::Kind::list, 0};
  std::array<Bucket, part_count> buckets;

  Bucket& of(const Bucket& whole, async::Key waiter) {
    return buckets[hash_of(waiter) >> whole.shift & (part_count - 1)];
  }
};

Futex::Bucket& Futex::find_part(Bucket& first, async::Key of) {
  Bucket* bucket = &first;
  while (bucket->parts != nullptr) bucket = &bucket->parts->of(*bucket, of);
  return *bucket;
}

int Futex::wake_first(Bucket& first, async::Key of) {
  first.lock.check_access();
  unsigned passed = 0;
  const auto found = first.waiters.wake_first_keyed([&](const async::Key& waiter) {
    if (is_meant(waiter, of)) return true;
    ++passed;
    return false;
  });
  if (found == async::WaitList::FirstKeyed::must_search) [[unlikely]]
    return wake_many(first, 1, of);
  if (passed > most_passed) [[unlikely]]
    split(first);
  return found == async::WaitList::FirstKeyed::woken ? 1 : 0;
}

[[gnu::noinline]] int Futex::wake_many(Bucket& first, int count, async::Key of) {
  Bucket& bucket = find_part(first, of);
  unsigned passed = 0;
  const auto wanted = [&](const async::Key& waiter) {
    if (is_meant(waiter, of)) return true;
    ++passed;
    return false;
  };
  // Linux wakes a waiter before it looks at the count.
  const auto most = static_cast<std::size_t>(std::max(count, 1));
  const auto woken = bucket.waiters.wake_some(most, wanted);
  if (passed > most_passed) split(bucket);
  return static_cast<int>(woken);
}

Result<int> Futex::wake_sharing(int count) const {
  async::KeyedEntry* entry = nullptr;
  {
    Bucket& bucket = first_bucket();
    const async::LeafLock::Guard lock{bucket.lock};
    if (bucket.waiters.empty()) {
      bucket.may_have_waiters.store(false, std::memory_order_relaxed);
      return 0;
    }
    if (count != 1 || bucket.parts != nullptr) return fail(Errno::would_block);
    unsigned passed = 0;
    const auto found = bucket.waiters.find_first_keyed(
        [&passed, of = key(any_bits)](const async::Key& waiter) {
          if (is_meant(waiter, of)) return true;
          ++passed;
          return false;
        },
        entry);
    if (found == async::WaitList::FirstKeyed::must_search || passed > most_passed) [[unlikely]]
      return fail(Errno::would_block);
    if (entry == nullptr) return 0;
    if (static_cast<Waiter*>(entry)->is_one_of_several) return fail(Errno::would_block);
    async::WaitList::take(*entry);
  }
  entry->job->complete_sharing();
  return 1;
}

void Futex::wait(Waiter& waiter, std::coroutine_handle<> coroutine) {
  Bucket& first = buckets_[waiter.bucket];
  first.lock.check_access();
  waiter.priority = waiter.job->priority;  // may have changed since the constructor
  Bucket& bucket = first.parts == nullptr ? first : find_part(first, waiter.key);
  waiter.job->prepare(&bucket.waiters, "futex");
  bucket.waiters.insert_in_crowd(waiter);
  waiter.job->suspend_alone(coroutine);
}

void Futex::insert(Waiter& waiter) {
  waiter.is_one_of_several = true;
  Bucket& first = buckets_[waiter.bucket];
  first.lock.check_access();
  waiter.priority = waiter.job->priority;
  Bucket& bucket = first.parts == nullptr ? first : find_part(first, waiter.key);
  bucket.waiters.insert_in_crowd(waiter);
}

Futex::Wait Futex::wait_sharing(Waiter& waiter, const memory::AddressSpace& space,
                                std::coroutine_handle<> coroutine) {
  Bucket& bucket = buckets_[waiter.bucket];
  async::Job& job = *waiter.job;
  const async::LeafLock::Guard lock{bucket.lock};
  if (bucket.parts != nullptr || job.is_stopped()) [[unlikely]]
    return Wait::needs_strand;
  bucket.announce_waiter();
  // Another thread may give the page another frame at any time. If it then changes the word and
  // wakes, either this look-up finds the new frame, or the wake finds the bucket's mark and waits
  // for its lock.
  const std::byte* const word = space.tlb_lookup(waiter.address, hal::Access::read);
  if (word == nullptr) [[unlikely]]
    return Wait::not_in_tlb;
  if (read_once(*reinterpret_cast<const std::uint32_t*>(word)) != waiter.expected)
    return Wait::word_changed;
  job.prepare(&bucket.waiters, "futex");
  bucket.waiters.insert_in_crowd(waiter);
  job.share_next_step();
  job.suspend_alone(coroutine);
  return Wait::started;
}

bool Futex::take(Waiter& waiter) {
  // Not waiter.bucket: a requeue may have moved the waiter.
  Bucket& first = buckets_[hash_of(waiter.key) >> (64 - bucket_bits)];
  Bucket& bucket = find_part(first, waiter.key);
  const async::LeafLock::SharingGuard lock{bucket.lock};
  // A wait that another step has cut short in the strand has its entry still in the list.
  if (waiter.alone() || waiter.job->kind != async::Kind::waiting) return false;
  async::WaitList::take(waiter);
  return true;
}

/// Distributes the waiters of `bucket` over new parts, unless it has the last level or memory is
/// short.
[[gnu::cold]] void Futex::split(Bucket& bucket) {
  bucket.lock.check_access();
  if (bucket.shift == last_shift) return;
  if (!memory::can_allocate(sizeof(Parts))) return;
  auto* const parts = new Parts;
  for (Bucket& part : parts->buckets) {
    part.shift = static_cast<std::uint8_t>(bucket.shift - part_bits);
  }
  bucket.waiters.distribute([&](const async::Key& waiter) -> async::WaitList& {
    return parts->of(bucket, waiter).waiters;
  });
  bucket.parts = parts;
  bucket.waiters.insert(parts->mark);
}

int Futex::requeue(int count, const Futex& target) const {
  // move_some() changes only the first word of a key, and part of the object is in the second. So
  // waiters for another object are woken: programs must expect spurious wakes.
  if (known_by_.object != target.known_by_.object) return count > 0 ? wake(count) : 0;
  target.announce_waiter();
  return static_cast<int>(bucket().waiters.move_some(
      static_cast<std::size_t>(count), target.bucket().waiters, target.key(any_bits).value,
      [of = key(any_bits)](const async::Key& waiter) { return is_meant(waiter, of); }));
}

}  // namespace kernel
