// A virtio disk (Virtual I/O Device specification 1.2, section 5.2). Many requests can be in
// flight. A coroutine makes each request and waits until it completes.
//
//        a coroutine                    the device                 serve(), the driver
//
//   co_await run(request) ─── submit ──►  works on
//        │                                as many as               co_await line.wait()
//        ▼                                its queue      irq ───►  take() completed requests
//      park()  ◄───────────────────────── holds ──────── wake ───  submit waiting requests
//
// The requesting coroutines and the driver share the queue and the list of requests that wait for
// room in it. Each accesses them for some tens of instructions with `lock_` held. The driver runs
// on the hart that takes the interrupt, outside the strand. It wakes a coroutine only by unpark(),
// as an interrupt handler would.
//
// - A request completes exactly once. The device owns its memory until then, so nothing ends the
//   wait early. A thread that is killed ends after its request.
// - Requests for which the queue has no room are submitted later, in order.
// - The driver resets the device if its answers are invalid (virtqueue.h) or if it requests a
//   reset. The requests in flight then fail with EIO, and the waiting ones are submitted
//   afterwards.
// - A device that does not recover is dead. All waiting and later requests fail with EIO. The
//   requests in flight fail when the device has confirmed a reset, because it may still use their
//   memory.
#pragma once

#include <async/async.h>
#include <hal/counter.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/interrupt_backoff.h"
#include "devices/block_request.h"
#include "devices/virtio_device.h"
#include "memory/paged_text.h"

namespace kernel {

class BlockDevice {
 public:
  struct Counters {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t flushes = 0;
    std::uint64_t errors = 0;  ///< requests that failed
    std::uint64_t resets = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t useless_interrupts = 0;
    std::uint64_t pauses = 0;     ///< pauses after too many useless interrupts
    std::uint64_t in_flight = 0;  ///< requests that the device has now
    std::uint64_t most_in_flight = 0;
  };

  /// Starts the disk. Null: the device cannot be used, and the log says so. `name` is for messages.
  static std::unique_ptr<BlockDevice> start(virtio::Transport& transport, std::string_view name);

  /// The driver. Spawn it as a preemptible job at levels::driver. It never returns.
  async::Task<> serve();

  std::string_view name() const { return name_; }
  std::uint64_t sectors() const { return sectors_.load(std::memory_order_relaxed); }
  bool is_read_only() const { return read_only_; }
  hal::Irq interrupt_line() const { return transport_.irq(); }
  /// The most pieces of a request to this device.
  std::size_t most_pieces() const { return most_pieces_; }
  /// Call in a task.
  Counters counters() const;
  const InterruptBackoff& backoff() const { return backoff_; }

  /// Runs the request. Returns only when it has completed: a kill does not end the wait. EIO: it
  /// failed. ENOTSUP: the device does not support it.
  async::Task<Result<>> run(BlockRequest& request);
  /// Waits until all completed writes are on the disk. The errors are those of run().
  async::Task<Result<>> flush();

 private:
  enum class State : std::uint8_t { working, resetting, dead };

  BlockDevice(virtio::Transport& transport, std::string_view name);
  bool start_device();
  void learn_capacity();

  bool submit(BlockRequest& request);
  bool put_in();
  unsigned collect();
  void finish(BlockRequest& request, BlockRequest::Progress progress);
  void reset(std::string_view why);

  virtio::Transport& transport_;
  async::Interrupt& line_;
  const std::string_view name_;
  virtio::Device device_;
  std::atomic<std::uint64_t> sectors_ = 0;
  std::size_t most_pieces_ = 0;
  bool read_only_ = false;
  bool can_flush_ = false;
  bool indirect_ = false;

  // `lock_` protects waiting_, counters_ and changes of state_. While state_ is `working`, it also
  // protects the device's queue; otherwise the queue is the driver's. Only the driver changes
  // state_ and finds the queue broken, so it reads these two without the lock.
  mutable async::SpinLock lock_;
  List<BlockRequest> waiting_;
  Counters counters_;  // only reads, writes, flushes, in_flight, most_in_flight
  State state_ = State::working;

  // Only the driver changes these. Any job may read the counters.
  hal::Counter errors_;
  hal::Counter resets_;
  hal::Counter interrupts_;
  InterruptBackoff backoff_;
};

/// The disks vda, vdb … in this order. Disks that failed to start are not included.
std::span<const std::unique_ptr<BlockDevice>> disks();

/// /proc/disks: a line of counters for each disk.
void list_disks(PagedText& out);

}  // namespace kernel
