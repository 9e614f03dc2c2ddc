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
// Pages of programs (Use::user) cannot use the reserve. It makes sure that the kernel's own
// allocations in a running system call succeed. A system call that creates a lasting object calls
// can_allocate() first.
//
// These functions run in the strand (async/strand.h), never in an interrupt handler. At most one
// hart is in the strand at a time, so they need no lock. A caller that shares the strand holds
// allocators_lock instead.
#pragma once

#include <async/leaf_lock.h>
#include <async/shared_word.h>
#include <hal/boot.h>
#include <hal/memory_map.h>

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "memory/frame_info.h"

namespace kernel::memory {

using hal::PhysAddr;

/// The use of a frame. Pages of programs cannot use the reserve, the kernel can.
enum class Use : bool { kernel, user };

class Frame;
class FrameReferences;

class FrameAllocator {
 public:
  using Number = std::uint32_t;             // physical page number; 0: no frame, so it ends a list
  static constexpr unsigned max_order = 9;  // blocks up to 2 MiB

  /// Takes over `memory` without `reserved`. Ranges may have any order and alignment; a partly
  /// reserved page counts as reserved. The array of FrameInfo, 16 bytes a frame, is placed in RAM
  /// itself. Call once, when the direct map exists. False: no RAM is left.
  bool initialize(std::span<const hal::MemoryRange> memory,
                  std::span<const hal::MemoryRange> reserved);

  /// A frame with one reference and undefined contents. 0: there is none for this use.
  [[nodiscard]] PhysAddr allocate(Use use);
  /// Like allocate(), but the frame holds zeros.
  [[nodiscard]] PhysAddr allocate_zeroed(Use use);
  /// Like allocate_zeroed(), for callers that share the strand. It takes allocators_lock.
  [[nodiscard]] PhysAddr allocate_zeroed_sharing(Use use);
  /// Adds a reference.
  void share(PhysAddr frame) { ++info(frame).references; }
  /// Drops a reference. The last one frees the frame.
  void drop(PhysAddr frame) {
    if (--info(frame).references == 0) free_single(frame);
  }
  /// Frees a frame without references.
  void free_single(PhysAddr frame) { push(loose_, number(frame)); }
  bool shared(PhysAddr frame) { return info(frame).references != 1; }
  /// Frees `count` frames that FrameChain has linked, from `first` to `last`. Each has one
  /// reference. Takes constant time.
  void drop_chain(Number first, Number last, std::size_t count) {
    infos_[last].links.next = loose_;
    loose_ = first;
    free_ = free_ + count;
  }
  /// Links `frame`, which has one reference, to `next`, and returns its number.
  Number link_chain(PhysAddr frame, Number next) {
    infos_[number(frame)].links.next = next;
    return number(frame);
  }
  /// Frees a frame. The caller has the only reference, and the frame holds zeros.
  void drop_zeroed(PhysAddr frame);

  /// 2^order contiguous frames, aligned to their size in bytes. 0: there is no such block.
  [[nodiscard]] PhysAddr allocate_block(unsigned order, Use use = Use::kernel);
  void free_block(PhysAddr block, unsigned order);
  /// Whether allocate_block(order) would succeed now. It may fail although enough frames are free,
  /// because of fragmentation.
  bool has_block(unsigned order);

  std::size_t total_count() const { return total_; }
  std::size_t free_count() const { return free_; }
  /// Free frames outside the reserve.
  std::size_t free_for_user() const { return free_ > reserve_ ? free_ - reserve_ : 0; }

  /// The size of the reserve in frames.
  std::size_t reserve() const { return reserve_; }
  /// Grows the reserve by the memory that a new object may need later, such as 1 KiB for a
  /// thread. Negative `bytes` shrink it when the object is destroyed.
  void grow_reserve(std::ptrdiff_t bytes) {
    reserved_bytes_ += static_cast<std::size_t>(bytes);
    reserve_ = (reserved_bytes_ + hal::page_size - 1) / hal::page_size;
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

  static PhysAddr address(Number frame) { return PhysAddr{frame} << hal::page_shift; }
  static Number number(PhysAddr frame) { return static_cast<Number>(frame >> hal::page_shift); }

  void add_fresh(Number first, Number end);
  void exclude(Number first, Number end);
  bool place_infos();
  void initialize_edges(const FreshRange& range);
  bool may_take(std::size_t count, Use use) const {
    return free_ >= count + (use == Use::user ? reserve_ : 0);
  }
  void push(Number& stack, Number frame) {
    infos_[frame].links.next = stack;
    stack = frame;
    free_ = free_ + 1;
  }
  Number take_single();
  void drain(Number& stack);
  bool carve_fresh();
  Number take_block(unsigned order);
  void put_block(Number block, unsigned order);
  void link(Number block, unsigned order);
  void unlink(Number block, unsigned order);

  FrameInfo* infos_ = nullptr;               // indexed by physical page number; may point below RAM
  async::SharedWord<std::size_t> free_ = 0;  // a reader without the lock gets a hint
  std::size_t reserve_ = 0;                  // in frames: reserved_bytes_ rounded up
  std::size_t reserved_bytes_ = 0;
  std::size_t total_ = 0;
  Number loose_ = 0;   // stack of single frames, linked by `next`
  Number zeroed_ = 0;  // stack of single frames that hold zeros
  std::array<Number, orders> blocks_{};
  std::array<FreshRange, max_ranges> fresh_{};
  std::size_t fresh_count_ = 0;
};

extern constinit FrameAllocator frames;

/// Protects the frames, their references and the heap among harts that share the strand. The caller
/// takes no other lock meanwhile.
extern constinit async::LeafLock allocators_lock;

/// The references on all frames, for a loop over many of them. A local object keeps the address of
/// the array in a register.
class FrameReferences {
 public:
  void share(PhysAddr frame) const { ++infos_[frame >> hal::page_shift].references; }
  /// Drops a reference. True: it was the last one, and the caller calls frames.free_single().
  [[nodiscard]] bool drop(PhysAddr frame) const {
    return --infos_[frame >> hal::page_shift].references == 0;
  }

 private:
  FrameInfo* infos_ = frames.infos_;
};

/// Whether `bytes` of kernel objects can be allocated without the reserve. System calls test it
/// before they create threads, processes, pipes, files or areas, and fail with ENOMEM otherwise.
[[nodiscard]] inline bool can_allocate(std::size_t bytes) {
  return frames.free_for_user() * hal::page_size >= bytes;
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
