// A split virtqueue (Virtual I/O Device specification 1.2, section 2.7): how requests get to a
// device and its answers come back, through memory that both see.
//
//   add() ──► descriptors ──► available ring ──► the device ──► used ring ──► take()
//               ▲                                                               │
//               └────────────────────── free list ◄─────────────────────────────┘
//
// The device is not trusted. Nothing it can write is ever believed: which descriptors are free,
// which chain is whose and how long it is are kept in memory of the kernel's own, and what comes
// out of the used ring is checked against that. A queue whose device has said something impossible
// is *broken*: it gives nothing any more until it is emptied by reset().
//
// No locks: one caller at a time, whoever that is. Nothing here waits or allocates.
#pragma once

#include <hal/memory_map.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace kernel::virtio {

/// Memory of a request that lies side by side, as the device addresses it; an entry of a descriptor
/// table (2.7.5). A request is a chain of them: first what the device reads, then what it writes
/// (2.7.4.2). `next`, and the flag that says that there is one, are the queue's to fill in.
struct Descriptor {
  std::uint64_t address;
  std::uint32_t bytes;
  std::uint16_t flags;
  std::uint16_t next;

  static constexpr std::uint16_t has_next = 1;
  static constexpr std::uint16_t device_writes = 2;
  static constexpr std::uint16_t is_indirect = 4;

  static constexpr Descriptor for_reading(hal::PhysAddr address, std::size_t bytes) {
    return {address, static_cast<std::uint32_t>(bytes), 0, 0};
  }
  static constexpr Descriptor for_writing(hal::PhysAddr address, std::size_t bytes) {
    return {address, static_cast<std::uint32_t>(bytes), device_writes, 0};
  }
};
static_assert(sizeof(Descriptor) == 16);

class Virtqueue {
 public:
  static constexpr unsigned largest = 256;
  /// What the memory of a queue is aligned to. (Less would do for devices of version 1.0 on; those
  /// before it lay the used ring at a page's beginning, and so does everybody here.)
  static constexpr std::size_t alignment = hal::page_size;

  /// Where the three parts are in the queue's memory (2.7.2, and 2.7.2.1 for devices before 1.0).
  struct Layout {
    std::size_t descriptors = 0;
    std::size_t available = 0;
    std::size_t used = 0;
    std::size_t bytes = 0;

    explicit constexpr Layout(unsigned size)
        : available{sizeof(Descriptor) * size},
          used{hal::page_up(available + 2 * (3 + size))},
          bytes{hal::page_up(used + 2 * 3 + 8 * size)} {}
  };

  /// `size`: a power of two up to `largest`. `memory` is the queue's as long as the device may use
  /// it, at least Layout{size}.bytes of it.
  Virtqueue(std::span<std::byte> memory, unsigned size);
  Virtqueue(const Virtqueue&) = delete;
  Virtqueue& operator=(const Virtqueue&) = delete;

  unsigned size() const { return size_; }
  Layout layout() const { return Layout{size_}; }

  // ── To the device ──

  bool has_room_for(std::size_t descriptors) const { return free_count_ >= descriptors; }

  /// Offers a chain, for which there is room, to the device. `owner`, not null, comes back from
  /// take(). The device looks at it when it likes, at the latest when it is notified.
  void add(std::span<const Descriptor> chain, void* owner);

  /// The same with the chain where it is (2.7.5.3, where the device offers that): it takes one
  /// descriptor of the queue, and stays until take() gives it back.
  void add_indirect(std::span<Descriptor> chain, void* owner);

  /// After add(): whether the device wants to be told (2.7.10).
  bool wants_notification() const;

  // ── From the device ──

  struct Completion {
    void* owner;
    std::uint32_t written;  ///< so many bytes of the chain's writable part
  };
  /// A chain that the device is done with, in any order. Nothing: no more at present, or broken.
  std::optional<Completion> take();

  /// Chains that the device has not given back.
  unsigned in_flight() const { return in_flight_; }
  bool is_broken() const { return broken_; }

  /// Calls drop(owner) for each of those and empties the queue. The device has been reset, and uses
  /// none of this memory any more.
  template <class Drop>
  void reset(Drop&& drop) {
    for (Slot& slot : std::span{slots_}.first(size_)) {
      if (slot.owner != nullptr) drop(slot.owner);
    }
    clear();
  }

 private:
  /// What the kernel knows of a descriptor.
  struct Slot {
    void* owner = nullptr;       // of the chain that begins here; null where none does
    std::uint32_t writable = 0;  // … bytes of it that the device may write
    std::uint16_t length = 0;    // … its descriptors
    std::uint16_t next = 0;      // in the chain or in the free list
  };

  struct Used {  // 2.7.8
    std::uint32_t id;
    std::uint32_t written;
  };

  void clear();
  std::uint16_t take_free();
  void offer(std::uint16_t head, std::span<const Descriptor> chain, std::uint16_t length,
             void* owner);
  std::optional<Completion> give_up() {
    broken_ = true;
    return {};
  }

  // In the memory that the device sees.
  Descriptor* descriptors_;
  std::uint16_t* available_;  // flags, index, then the ring
  std::uint16_t* used_;       // flags, index
  const Used* used_ring_;
  std::size_t bytes_;

  std::uint16_t size_;
  std::uint16_t free_count_ = 0;
  std::uint16_t first_free_ = 0;
  std::uint16_t offered_ = 0;  // the available ring's index, which never goes back
  std::uint16_t taken_ = 0;    // the used ring's, as far as we have followed it
  std::uint16_t in_flight_ = 0;
  bool broken_ = false;
  std::array<Slot, largest> slots_;
};

}  // namespace kernel::virtio
