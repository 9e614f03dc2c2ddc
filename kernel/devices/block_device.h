// A virtio disk (Virtual I/O Device specification 1.2, section 5.2): any number of requests at
// once, each awaited by the coroutine that made it.
//
//        a coroutine                    the device                 serve(), the driver
//
//   co_await run(request) ─── submit ──►  works on
//        │                                as many as               co_await line.wait()
//        ▼                                its queue      irq ───►  take() what is done
//      park()  ◄───────────────────────── holds ──────── wake ───  put in what waits for room
//
// Who submits and the driver share the queue and the list of those that wait for room; each touches
// them for some tens of instructions with `lock` held. The driver runs on the hart that the
// interrupt goes to; it wakes who waits as an interrupt handler would, and has no other business
// with them.
//
// - A request ends exactly once, and its memory is the device's until then: nothing cuts the wait
//   short. A thread that is killed meanwhile ends when its request has.
// - Those that find no room go in later, in their order.
// - When the device talks nonsense (virtqueue.h) or asks for it, it is reset: what it was working
//   on ends with EIO, what waits for room goes in afterwards. While it does not come back from
//   that, everything else ends with EIO; what it was working on does when it has let go of its
//   memory.
#pragma once

#include <async/async.h>
#include <hal/counter.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "devices/block_request.h"
#include "devices/interrupt_backoff.h"
#include "devices/virtio_device.h"

namespace kernel {

class BlockDevice {
 public:
  struct Counters {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t flushes = 0;
    std::uint64_t errors = 0;  ///< of those, ended with one
    std::uint64_t resets = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t useless_interrupts = 0;
    std::uint64_t pauses = 0;     ///< because there were many useless ones
    std::uint64_t in_flight = 0;  ///< the device has so many now
    std::uint64_t most_in_flight = 0;
  };

  /// Null where the device cannot be used, of which the log tells more. `name` is for messages.
  static std::unique_ptr<BlockDevice> start(std::unique_ptr<virtio::Transport> transport,
                                            std::string_view name);

  /// The driver: a preemptible job of its own, at the interrupt handlers' level, for ever.
  async::Task<> serve();

  std::string_view name() const { return name_; }
  std::uint64_t sectors() const { return sectors_.load(std::memory_order_relaxed); }
  bool is_read_only() const { return read_only_; }
  hal::Irq interrupt_line() const { return transport_->irq(); }
  /// Requests of more pieces are not for this device.
  std::size_t most_pieces() const { return most_pieces_; }
  /// Tasks.
  Counters counters() const;
  const InterruptBackoff& backoff() const { return backoff_; }

  /// Until the request has ended, whatever happens meanwhile. EIO; ENOTSUP.
  async::Task<Result<>> run(BlockRequest& request);
  /// Until what was written before is where it stays.
  async::Task<Result<>> flush();

 private:
  enum class State : std::uint8_t { working, resetting, dead };

  BlockDevice(std::unique_ptr<virtio::Transport> transport, std::string_view name);
  bool start_device();
  void learn_capacity();

  bool submit(BlockRequest& request);
  bool put_in();
  unsigned collect();
  void finish(BlockRequest& request, BlockRequest::Progress progress);
  void reset(std::string_view why);

  const std::unique_ptr<virtio::Transport> transport_;
  const std::string_view name_;
  virtio::Device device_;
  std::atomic<std::uint64_t> sectors_ = 0;
  std::size_t most_pieces_ = 0;
  bool read_only_ = false;
  bool can_flush_ = false;
  bool indirect_ = false;

  // With lock_: what waits for room, what is counted of it, changes of state_ and, while that is
  // `working`, the device's queue, which is the driver's otherwise. Nobody but the driver changes
  // state_ or finds the queue broken, so it looks at these without.
  mutable async::SpinLock lock_;
  List<BlockRequest> waiting_;
  Counters counters_;  // reads, writes, flushes and those in flight
  State state_ = State::working;

  // The driver's.
  hal::Counter errors_;
  hal::Counter resets_;
  hal::Counter interrupts_;
  InterruptBackoff backoff_;
};

}  // namespace kernel
