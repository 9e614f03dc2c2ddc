// The frame allocator: every page of RAM that nothing has reserved.
//
//   frames.allocate()        one frame, one reference     about 20 instructions
//   frames.allocate_block(k) 2^k frames side by side      for heap and pools, k <= max_order
//
// Single frames come from two stacks, one of them known to hold zeros; blocks from a buddy system
// underneath. A frame that is freed goes on a stack; the stacks are poured back into the buddy
// system only when a block is asked for that it cannot give. RAM that was never used costs nothing:
// its bookkeeping is not even initialised.
//
// A reserve is kept from programs' pages (Use::user), so that the kernel's own allocations in a
// running system call do not fail: what makes lasting objects asks `can_allocate` first.
//
// Called from the strand's tasks only (async/strand.h), never from an interrupt: they take turns,
// whichever hart they run on, so there is no lock.
#pragma once

#include <hal/boot.h>
#include <hal/memory_map.h>

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "memory/frame_info.h"

namespace kernel::memory {

using hal::PhysAddr;

/// Who will use a frame: a program's pages stop at the reserve, the kernel may take the last one.
enum class Use : bool { kernel, user };

class Frame;

class FrameAllocator {
 public:
  static constexpr unsigned max_order = 9;  // blocks up to 2 MiB

  /// Takes over `memory` minus `reserved`, ranges in any order and of any alignment (a page that is
  /// partly reserved is reserved). Puts the bookkeeping, 16 bytes a frame, into RAM itself. Once,
  /// with the direct map in place. False when nothing is left.
  bool initialize(std::span<const hal::MemoryRange> memory,
                  std::span<const hal::MemoryRange> reserved);

  /// A frame with one reference and any contents; 0 when there is none for this use.
  [[nodiscard]] PhysAddr allocate(Use use);
  /// The same, holding zeros.
  [[nodiscard]] PhysAddr allocate_zeroed(Use use);
  /// One more owner.
  void share(PhysAddr frame) { ++info(frame).references; }
  /// One owner less; the last one frees the frame.
  void drop(PhysAddr frame) {
    if (--info(frame).references == 0) push(loose_, number(frame));
  }
  bool shared(PhysAddr frame) { return info(frame).references != 1; }
  /// Frames with one owner each, given to it as a FrameChain links them; as fast for many as for
  /// one.
  void drop_chain(PhysAddr first, PhysAddr last, std::size_t count) {
    infos_[number(last)].links.next = loose_;
    loose_ = number(first);
    free_ += count;
  }
  /// Links a frame with one owner to the next of a chain; 0 ends it.
  void link_chain(PhysAddr frame, PhysAddr next) { info(frame).links.next = number(next); }
  /// Frees a frame with one owner that is known to hold zeros again.
  void drop_zeroed(PhysAddr frame);

  /// 2^order frames side by side, aligned to their size; 0 when there are none.
  [[nodiscard]] PhysAddr allocate_block(unsigned order, Use use = Use::kernel);
  void free_block(PhysAddr block, unsigned order);
  /// Whether allocate_block(order) would succeed now: enough frames may be free, but scattered.
  bool has_block(unsigned order);

  std::size_t total_count() const { return total_; }
  std::size_t free_count() const { return free_; }
  /// Frames that programs can still get.
  std::size_t free_for_user() const { return free_ > reserve_ ? free_ - reserve_ : 0; }

  /// Frames that Use::user leaves alone.
  std::size_t reserve() const { return reserve_; }
  /// Grows the reserve by what the kernel may come to need for an object it has just made (half a
  /// page for a thread, say); negative when the object goes.
  void keep_in_reserve(std::ptrdiff_t bytes) {
    reserved_bytes_ += static_cast<std::size_t>(bytes);
    reserve_ = (reserved_bytes_ + hal::page_size - 1) / hal::page_size;
  }

  /// Bookkeeping of any managed frame, the first of a block for a block.
  FrameInfo& info(PhysAddr frame) { return infos_[frame >> hal::page_shift]; }
  FrameInfo& info(const void* page) { return info(hal::virt_to_phys(page)); }

 private:
  using Number = std::uint32_t;  // physical page number; 0 ends a list
  static constexpr unsigned orders = max_order + 1;
  static constexpr std::size_t max_ranges = 32;

  struct FreshRange {  // RAM never handed out yet
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
    ++free_;
  }
  Number take_single();
  void drain(Number& stack);
  bool carve_fresh();
  Number take_block(unsigned order);
  void put_block(Number block, unsigned order);
  void link(Number block, unsigned order);
  void unlink(Number block, unsigned order);

  FrameInfo* infos_ = nullptr;  // indexed by physical page number; its start may lie outside memory
  std::size_t free_ = 0;
  std::size_t reserve_ = 0;  // frames that hold reserved_bytes_
  std::size_t reserved_bytes_ = 0;
  std::size_t total_ = 0;
  Number loose_ = 0;   // stack of single frames, linked by `next`
  Number zeroed_ = 0;  // the same of frames that hold zeros
  std::array<Number, orders> blocks_{};
  std::array<FreshRange, max_ranges> fresh_{};
  std::size_t fresh_count_ = 0;
};

extern constinit FrameAllocator frames;

/// Whether `bytes` of kernel objects can be allocated without touching the reserve. System calls
/// ask before they make threads, processes, pipes, files or areas, and fail with ENOMEM otherwise.
[[nodiscard]] inline bool can_allocate(std::size_t bytes) {
  return frames.free_for_user() * hal::page_size >= bytes;
}

/// can_allocate() for one object larger than a page, which needs contiguous frames.
[[nodiscard]] bool can_allocate_contiguous(std::size_t bytes);

/// One reference on one frame, given back at the end.
class Frame {
 public:
  Frame() = default;
  /// Takes over a reference that is already counted.
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
  /// Gives the reference to the caller, who must drop it.
  PhysAddr release() { return std::exchange(frame_, 0); }

 private:
  explicit Frame(PhysAddr frame) : frame_(frame) {}

  PhysAddr frame_ = 0;
};

}  // namespace kernel::memory
