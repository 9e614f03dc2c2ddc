// Futexes: threads wait for a word of user memory to change (futex(2)).
//
// A futex without waiters takes no memory. Its waiters are in a list that a hash of the word's
// memory::MemoryKey chooses. With FUTEX_PRIVATE_FLAG the key is the address space and the address.
// Without the flag it is the object that owns the pages and the offset in it for shared memory. For
// private memory it is the address space, and the address with a mark. So a call with the flag and
// one without it never reach each other's waiters, as on Linux.
//
// There are 256 lists at first, so two futexes seldom have the same one. If a wake passes many
// waiters for other words in a list, it distributes them over 16 new lists, which stand in for that
// list from then on. Each of these can be replaced once more. So there are 65,536 lists of the last
// kind at most. All lists together take about 8 MiB then, and are never freed.
//
//   the hash:  8 bits ──▶ list   4 bits ──▶ its part   4 bits ──▶ the part's part
//
// A hart changes a list in the strand, or under the lock of its bucket while it shares the strand.
// Only a hart in the strand splits a bucket or moves waiters.
#pragma once

#include <async/async.h>
#include <async/leaf_lock.h>
#include <kernel/result.h>

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "memory/address_space.h"
#include "memory/user_memory.h"

namespace kernel {

/// A word of user memory that threads wait for, from any address space that maps it.
class Futex {
 public:
  static constexpr std::uint32_t any_bits = ~std::uint32_t{0};

  /// The threads that can wait for the word: only those of this address space (FUTEX_PRIVATE_FLAG,
  /// which needs no look-up of the area), or all threads that map the memory.
  enum class Sharing : bool { any_process, own_space };

  /// EINVAL if `address` is not aligned. EFAULT if it is outside the user range, or, for
  /// `any_process`, an error of AddressSpace::key_of().
  static Result<Futex> at(memory::AddressSpace& space, hal::VirtAddr address,
                          Sharing sharing = Sharing::any_process) {
    if (address % sizeof(std::uint32_t) != 0) return fail(Errno::einval);
    if (sharing == Sharing::any_process) return looked_up(space, address);
    if (address >= hal::user_end) return fail(Errno::efault);
    return own(space, address);
  }
  /// at(space, address) for a caller that shares the strand. `is_own`: only its thread uses the
  /// space.
  static Result<Futex> at_sharing(memory::AddressSpace& space, hal::VirtAddr address, bool is_own);
  /// The private futex (Sharing::own_space) of `space` at `address`. Call it only if may_be_at() is
  /// true.
  static Futex own(memory::AddressSpace& space, hal::VirtAddr address) {
    return {space, address, {.object = &space, .offset = address - space.user_range().origin()}};
  }
  /// Whether `address` is aligned and its offset in the user range fits into a key. Reading the
  /// word reports EFAULT for the few last pages, which cannot be mapped.
  static bool may_be_at(const memory::AddressSpace& space, hal::VirtAddr address) {
    return address % sizeof(std::uint32_t) == 0 &&
           (address - space.user_range().origin()) >> offset_bits == 0;
  }

  /// Whether a wake() of one reaches the waiters of the other, perhaps in another address space.
  friend bool operator==(const Futex& a, const Futex& b) { return a.known_by_ == b.known_by_; }
  const memory::MemoryKey& known_by() const { return known_by_; }
  /// The address space for which at() or own() made this object. Use the pointer only for
  /// comparisons: the space may be freed already.
  const memory::AddressSpace* seen_from() const { return space_; }
  /// Whether threads of `space` can use this futex. True for all shared memory.
  bool may_be_of(const memory::AddressSpace& space) const {
    return known_by_.object != space_ || &space == space_;
  }
  /// The word, for changes until the next await. EFAULT, ENOMEM.
  Result<std::atomic_ref<std::uint32_t>> word() const {
    const auto there = space_->fault_in(address_, hal::Access::write);
    if (!there) return fail(there.error());
    return std::atomic_ref{*reinterpret_cast<std::uint32_t*>(*there)};
  }

  /// EAGAIN if the word is not `expected`, and the caller must not wait. The word is loaded once.
  /// In the strand. Programs change the word before they call wake(), so no wake is lost between
  /// this check and the wait.
  [[gnu::always_inline]] Result<> check(std::uint32_t expected) const {
    announce_waiter();
    const auto there = space_->fault_in(address_, hal::Access::read);
    if (!there) return fail(there.error());
    const std::uint32_t word = read_once(*reinterpret_cast<const std::uint32_t*>(*there));
    if (word != expected) return fail(Errno::eagain);
    return {};
  }

  /// The list entry of a job that waits for the word. Construct it in a step of that job. A wake()
  /// reaches it if its bits and `bits` have one in common.
  struct Waiter : async::KeyedEntry {
    Waiter(const Futex& futex, std::uint32_t expected, std::uint32_t bits)
        : KeyedEntry{&async::current_job(), futex.key(bits)},
          address{futex.address_},
          expected{expected},
          bucket{futex.bucket_number()} {}
    hal::VirtAddr address;
    std::uint32_t expected;
    std::uint8_t bucket;  // where the wait begins; after a requeue the key decides the bucket
    // The job waits for several words, by an entry for each: only the strand wakes it.
    bool is_one_of_several = false;
  };
  /// Inserts the waiter into its list and suspends its job, whose coroutine is `coroutine`. In the
  /// strand. The caller has called check() in the same step, and has not left the strand since.
  static void wait(Waiter& waiter, std::coroutine_handle<> coroutine);
  /// wait() without the suspension, for a job that waits for several words.
  static void insert(Waiter& waiter);
  /// The result of wait_sharing().
  enum class Wait : std::uint8_t {
    started,       ///< the job waits
    word_changed,  ///< the word is not the expected one, so the job must not wait
    /// The bucket has parts, or the job is stopped. The call must be made again in the strand, by
    /// check() and wait().
    needs_strand,
    /// The kernel's TLB of this hart lacks the page. The caller calls AddressSpace::walk_sharing()
    /// for the word, and then wait_sharing() again.
    not_in_tlb,
  };
  /// check() and wait() for a caller that shares the strand. `space`: the waiter's. Unless it
  /// returns `started`, the job does not wait, and the waiter is in no list.
  static Wait wait_sharing(Waiter& waiter, const memory::AddressSpace& space,
                           std::coroutine_handle<> coroutine);
  /// Takes the waiter out of its list, so that the caller can end the wait. Returns false if the
  /// wait has ended already. In the strand, or in a step that shares it.
  static bool take(Waiter& waiter);

  /// Wakes up to `count` waiters whose bits have one in common with `bits`. Returns their number. A
  /// count below 1 means 1, as in Linux.
  int wake(int count, std::uint32_t bits = any_bits) const {
    Bucket& first = first_bucket();
    if (first.waiters.empty()) return 0;
    return count == 1 ? wake_first(first, key(bits)) : wake_many(first, count, key(bits));
  }

  /// If this is false, a wake() that begins now finds no waiter. Any context; the caller need not
  /// share the strand.
  bool may_have_waiters() const {
    // Pairs with the fence in announce_waiter(): this load reads the waiter's mark, or the waiter
    // reads the word that the program of this hart has changed.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return first_bucket().may_have_waiters.load(std::memory_order_relaxed);
  }
  /// Like wake(count), for callers that share the strand. would_block: wake in the strand.
  Result<int> wake_sharing(int count) const;

  /// Moves up to `count` waiters to `target`, or wakes them. Returns their number.
  int requeue(int count, const Futex& target) const;

 private:
  static bool is_private_if_writable(const memory::AddressSpace& space, hal::VirtAddr address);
  /// The key of Sharing::any_process for a word of private memory, whose key of Sharing::own_space
  /// is `known_by`. Bit 0 is the mark: offsets of words are multiples of 4.
  static memory::MemoryKey for_any_process(memory::MemoryKey known_by) {
    return {.object = known_by.object, .offset = known_by.offset | 1};
  }
  static Futex in_private_memory(memory::AddressSpace& space, hal::VirtAddr address) {
    return {space, address, for_any_process(own(space, address).known_by_)};
  }
  static Result<Futex> looked_up(memory::AddressSpace& space, hal::VirtAddr address);

  Futex(memory::AddressSpace& space, hal::VirtAddr address, memory::MemoryKey known_by)
      : space_{&space}, address_{address}, known_by_{known_by} {}

  struct Parts;  // the 16 buckets that replace a bucket (futex.cpp)
  struct alignas(64) Bucket {
    async::WaitList waiters;
    Parts* parts = nullptr;  // if not null, they have the waiters instead
    // The shift of the hash after which its low four bits are the number of the part.
    std::uint8_t shift = first_shift;
    async::LeafLock lock;  // for callers that share the strand: protects the list
    // If several harts run: false only while the list is empty and no thread is about to wait in
    // it. A waiter sets it before it compares its word. A wake that finds the list empty clears it.
    // Changed in the strand or under the lock.
    std::atomic<bool> may_have_waiters = false;

    void announce_waiter() {
      if (!may_have_waiters.load(std::memory_order_relaxed))
        may_have_waiters.store(true, std::memory_order_relaxed);
      // The next load of the word must not move before the store.
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
  };
  void announce_waiter() const {
    if (async::Strand::smp_active()) [[unlikely]]
      first_bucket().announce_waiter();
  }

  /// The object's address without its low four bits, which are zero.
  std::uint64_t object_number() const {
    return reinterpret_cast<std::uintptr_t>(known_by_.object) >> 4;
  }
  static std::uint64_t hash(std::uintptr_t object, std::uint64_t offset) {
    return (object ^ offset) * 0x9e37'79b9'7f4a'7c15;
  }
  /// The number of the bucket that the first bits of the hash choose.
  std::uint8_t bucket_number() const {
    const auto object = reinterpret_cast<std::uintptr_t>(known_by_.object);
    return hash(object, known_by_.offset) >> (64 - bucket_bits);
  }
  /// This bucket. Its list is not empty if it has parts.
  Bucket& first_bucket() const { return buckets_[bucket_number()]; }
  /// The bucket that has the futex's waiters.
  Bucket& bucket() const {
    Bucket& first = first_bucket();
    return first.parts == nullptr ? first : find_part(first, key(any_bits));
  }
  static Bucket& find_part(Bucket& first, async::Key of);
  /// The key has two words. The first one has the offset in its low 38 bits and the low 26 bits of
  /// the object's number above them. The second one has `bits` in its low half and the rest of the
  /// object's number above them. Objects are 16-aligned in the direct map, so nothing is lost:
  /// equal keys mean equal futexes.
  async::Key key(std::uint32_t bits) const {
    const std::uint64_t object = object_number();
    return {.value = known_by_.offset | object << offset_bits,
            .bits = bits | (object >> (64 - offset_bits)) << 32};
  }
  /// The hash of the waiter's futex. The two highest bits of an address equal the one below; a key
  /// has no room for them.
  static std::uint64_t hash_of(const async::Key& waiter) {
    const std::uint64_t object =
        waiter.value >> offset_bits | waiter.bits >> 32 << (64 - offset_bits);
    const auto address = static_cast<std::int64_t>(object << 6) >> 2;
    return hash(static_cast<std::uintptr_t>(address),
                waiter.value & ((std::uint64_t{1} << offset_bits) - 1));
  }
  static int wake_first(Bucket& first, async::Key of);
  static int wake_many(Bucket& first, int count, async::Key of);
  static void split(Bucket& bucket);

  // A wake that passes more waiters for other words than this splits the list. Eight waiters cost
  // about as much as the rest of the call.
  static constexpr unsigned most_passed = 8;
  static constexpr unsigned offset_bits = 38;
  static constexpr unsigned bucket_bits = 8, part_bits = 4, most_levels = 3;
  static constexpr unsigned part_count = 1 << part_bits;
  static constexpr unsigned first_shift = 64 - bucket_bits - part_bits;
  static constexpr unsigned last_shift = first_shift - (most_levels - 1) * part_bits;
  static std::array<Bucket, 1 << bucket_bits> buckets_;

  memory::AddressSpace* space_;
  hal::VirtAddr address_;
  memory::MemoryKey known_by_;
};

}  // namespace kernel
