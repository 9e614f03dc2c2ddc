// A split virtqueue (Virtual I/O Device specification 1.2, section 2.7): requests and completions
// pass through memory that the kernel and the device share.
//
//   add() ──► descriptors ──► available ring ──► the device ──► used ring ──► take()
//               ▲                                                               │
//               └────────────────────── free list ◄─────────────────────────────┘
//
// The kernel does not trust the device. It keeps the free list, and the owner and length of each
// chain, in private memory, and checks each entry of the used ring against them. After an
// impossible entry the queue is broken: take() returns nothing until reset() empties it.
//
// No locks: the owner must serialize all calls. No function waits or allocates.
#pragma once

#include <hal/memory_map.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace kernel::virtio {

/// An entry of a descriptor table (2.7.5): contiguous memory of a request, at a physical address. A
/// request is a chain of entries: first those that the device reads, then those that it writes
/// (2.7.4.2). The queue fills in `next` and the flag `has_next`.
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
  /// The alignment of a queue's memory. Devices before version 1.0 get its address as a page
  /// number; later devices would accept a smaller alignment.
  static constexpr std::size_t alignment = hal::page_size;

  /// The offsets of the three parts in the queue's memory (2.7.2; 2.7.2.1 for devices before 1.0).
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

  /// `size`: a power of two, at most `largest`. `memory` has at least Layout{size}.bytes and
  /// belongs to the queue as long as the device may use it.
  Virtqueue(std::span<std::byte> memory, unsigned size);
  Virtqueue(const Virtqueue&) = delete;
  Virtqueue& operator=(const Virtqueue&) = delete;

  unsigned size() const { return size_; }
  Layout layout() const { return Layout{size_}; }

  // ── To the device ──

  bool has_room_for(std::size_t descriptors) const { return free_count_ >= descriptors; }

  /// Offers a chain to the device. The queue must have room for it. take() returns `owner`, which
  /// must not be null. The device may process the chain at once, but must do so only after a
  /// notification.
  void add(std::span<const Descriptor> chain, void* owner);

  /// Like add(), with an indirect descriptor (2.7.5.3), if the device has that feature. The chain
  /// takes one descriptor of the queue. `chain` must not move until take() returns its owner.
  void add_indirect(std::span<Descriptor> chain, void* owner);

  /// Whether the device needs a notification after add() (2.7.10).
  bool wants_notification() const;

  // ── From the device ──

  /// Whether the device interrupts after it has completed a chain. A hint: it may interrupt
  /// nevertheless (2.7.7). True after the start and after reset(). After a change to true, call
  /// take() once more: the device may have completed chains before it saw the change.
  void want_interrupts(bool wanted);

  struct Completion {
    void* owner;
    std::uint32_t written;  ///< bytes that the device wrote to the chain
  };
  /// Takes a chain that the device has completed, in any order. Empty: there is none, or the queue
  /// is broken.
  std::optional<Completion> take();

  /// The number of chains that the device has not completed.
  unsigned in_flight() const { return in_flight_; }
  bool is_broken() const { return broken_; }

  /// Calls drop(owner) for each chain in flight and empties the queue. The device must have been
  /// reset and must not use this memory any more.
  template <class Drop>
  void reset(Drop&& drop) {
    for (Slot& slot : std::span{slots_}.first(size_)) {
      if (slot.owner != nullptr) drop(slot.owner);
    }
    clear();
  }

 private:
  /// The kernel's private state of a descriptor.
  struct Slot {
    void* owner = nullptr;       // owner of the chain that begins here, or null
    std::uint32_t writable = 0;  // bytes of this chain that the device may write
    std::uint16_t length = 0;    // number of descriptors of this chain
    std::uint16_t next = 0;      // the next descriptor of the chain or of the free list
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

  // In the memory that the device shares.
  Descriptor* descriptors_;
  std::uint16_t* available_;  // flags, index, then the ring
  std::uint16_t* used_;       // flags, index
  const Used* used_ring_;
  std::size_t bytes_;

  std::uint16_t size_;
  std::uint16_t free_count_ = 0;
  std::uint16_t first_free_ = 0;
  std::uint16_t offered_ = 0;  // index of the available ring; only grows, modulo 2^16
  std::uint16_t taken_ = 0;    // index of the next entry of the used ring to take
  std::uint16_t in_flight_ = 0;
  bool broken_ = false;
  std::array<Slot, largest> slots_;
};

}  // namespace kernel::virtio
