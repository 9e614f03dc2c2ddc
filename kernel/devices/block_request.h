// A request to a block device: a range of sectors, and the pieces of memory to read into or to
// write from. It lives in the frame of the coroutine that waits for it. The device accesses it
// there.
#pragma once

#include <async/job.h>
#include <hal/memory_map.h>
#include <kernel/list.h>
#include <kernel/result.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "devices/virtqueue.h"

namespace kernel {

class BlockRequest : public ListNode<> {
 public:
  static constexpr std::size_t sector_bytes = 512;
  /// Enough for 64 KiB at any offset in a page, and a piece of unrequested bytes on either side.
  static constexpr std::size_t most_pieces = 19;

  enum class Kind : std::uint32_t { read = 0, write = 1, flush = 4 };  // VIRTIO 1.2, 5.2.6

  /// Starts a new request, which has no pieces of memory until add() is called. The previous one
  /// must have completed.
  void begin(Kind kind, std::uint64_t first_sector) {
    header_ = {.kind = kind, .reserved = 0, .sector = first_sector};
    pieces_ = 0;
    bytes_ = 0;
  }

  /// Appends memory, which must not move until the request has completed. The sum of all pieces is
  /// a multiple of the sector size. There are at most BlockDevice::most_pieces().
  void add(hal::PhysAddr memory, std::size_t bytes) {
    bytes_ += bytes;
    const bool device_writes = header_.kind == Kind::read;
    if (pieces_ > 0) {
      virtio::Descriptor& last = chain_[pieces_];
      if (last.address + last.bytes == memory) {
        last.bytes += static_cast<std::uint32_t>(bytes);
        return;
      }
    }
    chain_[++pieces_] = device_writes ? virtio::Descriptor::for_writing(memory, bytes)
                                      : virtio::Descriptor::for_reading(memory, bytes);
  }

  Kind kind() const { return header_.kind; }
  std::size_t bytes() const { return bytes_; }

 private:
  friend class BlockDevice;

  struct Header {  // the first descriptor, which the device reads
    Kind kind;
    std::uint32_t reserved;
    std::uint64_t sector;
  };
  static_assert(sizeof(Header) == 16);

  enum class Progress : std::uint8_t { begun, succeeded, failed, unsupported };

  /// Completes the chain for the device: header, data, status.
  std::span<virtio::Descriptor> make_chain() {
    using virtio::Descriptor;
    chain_[0] = Descriptor::for_reading(hal::virt_to_phys(&header_), sizeof header_);
    chain_[pieces_ + 1] = Descriptor::for_writing(hal::virt_to_phys(&status_), sizeof status_);
    return chain();
  }
  std::span<virtio::Descriptor> chain() { return std::span{chain_}.first(pieces_ + 2); }

  async::Job* job_ = nullptr;  // the job that waits for the request
  std::size_t bytes_ = 0;
  std::uint8_t pieces_ = 0;
  // The driver stores the result here with release. Then the driver wakes the job and no longer
  // accesses the request. The job loads the result with acquire before it reads the data, because
  // another wake may have resumed the job earlier.
  std::atomic<Progress> progress_ = Progress::begun;
  std::uint8_t status_ = 0;  // written by the device
  Header header_{};
  std::array<virtio::Descriptor, most_pieces + 2> chain_;
};

}  // namespace kernel
