// The frame allocator. It manages every page of RAM that is not reserved.
//
//   frames.allocate()        one frame, one reference     about 20 instructions
//   frames.allocate_block(k) 2^k contiguous frames        for heap and pools, k <= max_order
//
// Single frames come from two stacks. The frames of one stack are known to hold zeros. Blocks come
// from a buddy system, and so do single frames when both stacks are empty. A freed frame goes on a
// stack. The stacks are returned to the buddy system only when it cannot provide a block. RAM that
// was never used costs nothing: not even its FrameInfo is initialised.
//
// If several harts run, each hart has a cache of at most 511 free frames, and one of at most 127
// free frames that hold zeros: 2.5 MiB together. Harts that allocate and free at the same time
// write no common data then. A hart fills and empties its cache in batches, from stacks that all
// harts share behind a lock. The caches hold no frames of the reserve: while the shared frames are
// fewer than the reserve, harts bypass their caches. If memory runs out in the strand, the
// allocator first empties the caches of all harts.
//
// Pages of programs (Use::user) cannot use the reserve. It makes sure that the kernel's own
// allocations in a running system call succeed. A system call that creates a lasting object calls
// can_allocate() first.
//
// These functions run in the strand (async/strand.h), or while the caller shares it, never in an
// interrupt handler. A caller that shares the strand may find no frame although other harts have
// some in their caches. It does not call share().
#pragma once

#include <async/fault.h>
#include <async/shared_word.h>
#include <async/strand.h>
#include <hal/boot.h>
#include <hal/hart.h>
#include <hal/memory_map.h>
#include <kernel/list.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <utility>

#include "base/hart_count.h"
#include "memory/frame_info.h"

namespace kernel::memory {

using hal::PhysAddr;

/// The use of a frame. Pages of programs cannot use the reserve, the kernel can.
enum class Use : bool { kernel, user };

class Frame;
class FrameReferences;

/// Owns frames that it can give up, such as pages of files. If memory runs out in the strand, the
/// frame allocator calls reclaim(). The pages of programs never wait for that.
class Reclaimer : public ListNode<Reclaimer> {
 public:
  /// Frees some frames, in a short step. False: it has freed none. It allocates nothing.
  virtual bool reclaim() = 0;

 protected:
  ~Reclaimer() = default;
};

class FrameAllocator {
 public:
  using Number = std::uint32_t;             // physical page number; 0: no frame, so it ends a list
  static constexpr unsigned max_order = 9;  // blocks up to 2 MiB

  /// Takes over `memory` without `reserved`. Ranges may have any order and alignment; a partly
  /// reserved page counts as reserved. The array of FrameInfo is placed in RAM itself. Call once,
  /// when the direct map exists. False: no RAM is left.
  bool initialize(std::span<const hal::MemoryRange> memory,
                  std::span<const hal::MemoryRange> reserved);

  /// A frame with one reference and undefined contents. 0: there is none for this use.
  [[nodiscard]] PhysAddr allocate(Use use);
  /// Like allocate(), but the frame holds zeros.
  [[nodiscard]] PhysAddr allocate_zeroed(Use use);
  /// allocate_zeroed() for a caller that knows that several harts run.
  [[nodiscard]] PhysAddr allocate_zeroed_smp(Use use);
  /// Adds a reference.
  void share(PhysAddr frame) { ++info(frame).references; }
  /// Drops a reference. The last one frees the frame.
  void drop(PhysAddr frame) {
    if (async::Strand::smp_active()) [[unlikely]]
      return drop_smp(frame);
    if (--info(frame).references == 0) free_alone(frame);
  }
  /// Frees a frame without references. Only while no other hart runs.
  void free_alone(PhysAddr frame) { push(alone_.loose, number(frame)); }
  /// Whether another owner holds a reference, too. False: the caller sees all that earlier owners
  /// wrote to the frame. The caller holds a reference.
  bool shared(PhysAddr frame) {
    return std::atomic_ref{info(frame).references}.load(std::memory_order_acquire) != 1;
  }
  /// Frees `count` frames that FrameChain has linked, from `first` to `last`. Each has one
  /// reference. Takes constant time.
  void drop_chain(Number first, Number last, std::size_t count) {
    if (async::Strand::smp_active()) [[unlikely]]
      return drop_chain_smp(first, last, count);
    infos_[last].links.next = alone_.loose;
    alone_.loose = first;
    free_ = free_ + count;
  }
  /// Links `frame`, which has one reference, to `next`, and returns its number.
  Number link_chain(PhysAddr frame, Number next) {
    infos_[number(frame)].links.next = next;
    return number(frame);
  }
  /// Frees a frame. The caller has the only reference, and the frame holds zeros.
  void drop_zeroed(PhysAddr frame);

  /// From now on the harts have caches. Call before other harts start.
  void begin_smp();
  /// Whether harts must bypass their caches, because the shared frames are fewer than the reserve.
  bool is_scarce() const { return scarce_; }
  /// Whether at least `plenty` frames are free outside the reserve and the caches of harts. A hint,
  /// always false while one hart runs. Unlike the numbers of free frames it seldom changes.
  bool has_plenty() const { return plentiful_; }
  static constexpr std::size_t plenty = 1024;
  /// Frees the frames in the caches of all harts. In the strand.
  void empty_caches();
  void add_reclaimer(Reclaimer& reclaimer) { reclaimers_.push_back(reclaimer); }
  void remove_reclaimer(Reclaimer& reclaimer) { reclaimers_.remove(reclaimer); }
  /// Frees frames of the reclaimers. False: they have freed none. In the strand.
  bool reclaim();

  /// 2^order contiguous frames, aligned to their size in bytes. 0: there is no such block.
  [[nodiscard]] PhysAddr allocate_block(unsigned order, Use use = Use::kernel);
  void free_block(PhysAddr block, unsigned order);
  /// Whether allocate_block(order) would succeed now. It may fail although enough frames are free,
  /// because of fragmentation.
  bool has_block(unsigned order);

  std::size_t total_count() const { return total_; }
  std::size_t free_count() const { return free_ + cached_count(); }
  /// Free frames outside the reserve.
  std::size_t free_for_user() const { return without_reserve(free_count()); }
  /// The same without the frames in the caches of harts. Cheap: it reads two words.
  std::size_t uncached_for_user() const { return without_reserve(free_); }

  /// The size of the reserve in frames.
  std::size_t reserve() const { return reserve_; }
  /// Grows the reserve by the memory that a new object may need later, such as 1 KiB for a
  /// thread. Negative `bytes` shrink it when the object is destroyed. If several harts run, each of
  /// them reserves up to 32 KiB in advance.
  void grow_reserve(std::ptrdiff_t bytes) {
    if (reserved_bytes_.add(bytes) && reserve_ != wanted_reserve()) adjust_reserve();
  }

  /// The FrameInfo of any managed frame. The FrameInfo of a block is that of its first frame.
  FrameInfo& info(PhysAddr frame) { return infos_[frame >> hal::page_shift]; }
  FrameInfo& info(const void* page) { return info(hal::virt_to_phys(page)); }

 private:
  friend class FrameReferences;

  static constexpr unsigned orders = max_order + 1;
  static constexpr std::size_t max_ranges = 32;

  struct FreshRange {  // RAM that was never allocated
    Number next;
    Number end;
  };
  struct Stacks {  // single frames, linked by `next`
    Number loose = 0;
    Number zeroed = 0;  // frames that hold zeros
  };

  static PhysAddr address(Number frame) { return PhysAddr{frame} << hal::page_shift; }
  static Number number(PhysAddr frame) { return static_cast<Number>(frame >> hal::page_shift); }

  void add_fresh(Number first, Number end);
  void exclude(Number first, Number end);
  bool place_infos();
  void initialize_edges(const FreshRange& range);
  bool may_take(std::size_t count, Use use) const {
    const std::size_t reserve = reserve_;
    return free_ >= count + (use == Use::user ? reserve : 0);
  }
  void push(Number& stack, Number frame) {
    infos_[frame].links.next = stack;
    stack = frame;
    free_ = free_ + 1;
  }
  /// Whether an injected fault refuses this allocation.
  static bool is_refused(Use use) {
    return async::platform::injects_faults && use == Use::user &&
           async::inject(async::Fault::memory) != 0;
  }
  PhysAddr allocate_slowly(Use use);
  PhysAddr allocate_to_zero(Use use);
  Number pop(Number& stack) { return std::exchange(stack, infos_[stack].links.next); }
  PhysAddr zero(Number frame) {
    hal::zero_page(hal::phys_to_virt(address(frame)));
    return hand_out(frame);
  }
  PhysAddr hand_out(Number frame) {
    infos_[frame].references = 1;
    return address(frame);
  }

  template <unsigned size>
  struct Cache;
  static constexpr unsigned batch = 32;  // how many frames a hart's cache takes at once
  struct HartCaches;
  static std::array<HartCaches, hal::max_harts> caches;
  static HartCaches& cache_of_hart();
  bool may_use_caches(Use use) const { return !scarce_ || use == Use::kernel; }
  PhysAddr allocate_smp(Use use);
  void drop_smp(PhysAddr frame);
  void drop_chain_smp(Number first, Number last, std::size_t count);
  template <class Cache>
  void free_smp(Cache& cache, Number& stack, Number frame);
  struct Taken {
    Number frame = 0;  // 0: none
    bool is_zeroed = false;
  };
  Taken take_common(Use use, bool prefers_zeroed);
  Taken refill(Use use, bool prefers_zeroed);
  bool regain(Use use);
  bool regain_alone(Use use);
  void note_scarcity();
  std::size_t wanted_reserve() const {
    return (reserved_bytes_.total() + hal::page_size - 1) / hal::page_size;
  }
  void adjust_reserve();
  std::size_t without_reserve(std::size_t count) const {
    return count > reserve_ ? count - reserve_ : 0;
  }
  std::size_t cached_count() const { return async::Strand::smp_active() ? count_cached() : 0; }
  static std::size_t count_cached();
  PhysAddr try_block(unsigned order, Use use);
  void drain(Number& stack);
  bool carve_fresh();
  Number take_block(unsigned order);
  void put_block(Number block, unsigned order);
  void link(Number block, unsigned order);
  void unlink(Number block, unsigned order);

  // Read on each path, and seldom written if several harts run.
  FrameInfo* infos_ = nullptr;  // indexed by physical page number, so it may point below RAM
  std::size_t total_ = 0;
  Stacks alone_;                               // empty if several harts run
  async::SharedWord<bool> scarce_ = false;     // see is_scarce()
  async::SharedWord<bool> plentiful_ = false;  // see has_plenty()

  // If several harts run: behind the lock in frames.cpp.
  alignas(64) async::SharedWord<std::size_t> free_ = 0;  // a reader without the lock gets a hint
  async::SharedWord<std::size_t> reserve_ = 0;           // in frames: reserved_bytes_ rounded up
  Stacks common_;                                        // of all harts, if several run
  std::array<Number, orders> blocks_{};
  std::array<FreshRange, max_ranges> fresh_{};
  std::size_t fresh_count_ = 0;

  HartCount<16 * 1024> reserved_bytes_;
  List<Reclaimer, Reclaimer> reclaimers_;  // in the strand
};

extern constinit FrameAllocator frames;

/// The references on all frames, for a loop over many of them. A local object keeps the address of
/// the array in a register.
class FrameReferences {
 public:
  void share(PhysAddr frame) const { ++infos_[frame >> hal::page_shift].references; }
  /// Like share(), for a caller that shares the strand and holds a reference.
  void share_smp(PhysAddr frame) const {
    std::atomic_ref{infos_[frame >> hal::page_shift].references}.fetch_add(
        1, std::memory_order_relaxed);
  }
  /// Drops a reference. Only while one hart runs. If it returns true, the reference was the last
  /// one, and the caller must free the frame with frames.free_alone().
  [[nodiscard]] bool drop(PhysAddr frame) const {
    return --infos_[frame >> hal::page_shift].references == 0;
  }
  /// Like drop(), if several harts run. If it returns true, the caller must free the frame with a
  /// FrameChain.
  [[nodiscard]] bool drop_smp(PhysAddr frame) const {
    // While the count is 1, no other hart changes it: only an owner copies a reference.
    std::atomic_ref references{infos_[frame >> hal::page_shift].references};
    return references.load(std::memory_order_acquire) == 1 ||
           references.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

 private:
  FrameInfo* infos_ = frames.infos_;
};

/// Whether `bytes` of kernel objects can be allocated without the reserve. System calls test it
/// before they create threads, processes, pipes, files or areas, and fail with ENOMEM otherwise.
/// The frames in the caches of harts count only if the caller is in the strand.
[[nodiscard]] bool can_allocate_without_caches(std::size_t bytes);
[[nodiscard]] inline bool can_allocate(std::size_t bytes) {
  if (async::inject(async::Fault::memory) != 0) return false;
  if (frames.has_plenty() && bytes <= FrameAllocator::plenty * hal::page_size) return true;
  return frames.uncached_for_user() * hal::page_size >= bytes || can_allocate_without_caches(bytes);
}

/// can_allocate() for one object that is larger than a page and needs contiguous frames.
[[nodiscard]] bool can_allocate_contiguous(std::size_t bytes);

/// Panics: an allocation failed that can_allocate() had admitted. Tests replace it
/// (out_of_memory.cpp).
[[noreturn]] void out_of_memory();

/// One reference on one frame. The destructor drops it.
class Frame {
 public:
  Frame() = default;
  /// Takes over a reference that the caller owns.
  static Frame adopt(PhysAddr frame) { return Frame(frame); }
  static Frame allocate(Use use) { return Frame(frames.allocate(use)); }
  static Frame allocate_zeroed(Use use) { return Frame(frames.allocate_zeroed(use)); }

  Frame(Frame&& other) noexcept : frame_(std::exchange(other.frame_, 0)) {}
  Frame& operator=(Frame&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Frame() {
    if (frame_ != 0) frames.drop(frame_);
  }

  explicit operator bool() const { return frame_ != 0; }
  PhysAddr address() const { return frame_; }
  std::byte* bytes() const { return hal::phys_to_virt(frame_); }
  Frame share() const {
    frames.share(frame_);
    return Frame(frame_);
  }
  /// Passes the reference to the caller, which must drop it.
  PhysAddr release() { return std::exchange(frame_, 0); }

 private:
  explicit Frame(PhysAddr frame) : frame_(frame) {}

  PhysAddr frame_ = 0;
};

}  // namespace kernel::memory
