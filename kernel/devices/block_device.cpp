#include "devices/block_device.h"

#include <kernel/log.h>

#include <algorithm>

#include "devices/interrupts.h"

namespace kernel {
namespace {

namespace feature {  // VIRTIO 1.2, 5.2.3
constexpr std::uint64_t segment_limit = 1 << 2;
constexpr std::uint64_t read_only = 1 << 5;
constexpr std::uint64_t flush = 1 << 9;
}  // namespace feature

namespace config {  // offsets; VIRTIO 1.2, 5.2.4
constexpr std::size_t capacity = 0;
constexpr std::size_t segment_limit = 12;
}  // namespace config

// The device's status of a request (VIRTIO 1.2, 5.2.6).
constexpr std::uint8_t status_ok = 0, status_unsupported = 2, status_none = 0xff;

constexpr std::uint64_t wanted_features = feature::segment_limit | feature::read_only |
                                          feature::flush | virtio::feature::indirect_descriptors;

/// The fewest pieces that a device must allow in a request: one piece of data, and unrequested
/// bytes of sectors before and behind it.
constexpr std::size_t fewest_pieces = 3;

}  // namespace

// ── The device ───────────────────────────────────────────────────────────────────────────────────

BlockDevice::BlockDevice(virtio::Transport& transport, std::string_view name)
    : transport_{transport},
      line_{kernel::interrupt_line(transport.irq())},
      name_{name},
      device_{transport, virtio::Virtqueue::largest} {}

std::unique_ptr<BlockDevice> BlockDevice::start(virtio::Transport& transport,
                                                std::string_view name) {
  std::unique_ptr<BlockDevice> device{new BlockDevice{transport, name}};
  if (!device->start_device()) {
    log("{}: the driver cannot start the disk", name);
    return nullptr;
  }
  log("{}: {} sectors of 512 bytes, {}queue of {}", name, device->sectors(),
      device->read_only_ ? "read-only, " : "", device->device_.queue().size());
  return device;
}

bool BlockDevice::start_device() {
  if (!device_.start(wanted_features)) return false;
  read_only_ = device_.has(feature::read_only);
  can_flush_ = device_.has(feature::flush);
  indirect_ = device_.has(virtio::feature::indirect_descriptors);
  learn_capacity();
  // A chain also contains a header and a status. It must not be longer than the queue (2.7.5.3.1).
  const unsigned size = device_.queue().size();
  std::size_t most = std::min<std::size_t>(BlockRequest::most_pieces, size > 2 ? size - 2 : 0);
  if (device_.has(feature::segment_limit)) {
    most = std::min<std::size_t>(most, transport_.read_config(config::segment_limit));
  }
  if (most < fewest_pieces) return false;
  most_pieces_ = most;
  return true;
}

void BlockDevice::learn_capacity() {
  // The size in bytes must fit into 63 bits.
  constexpr std::uint64_t most_sectors = (std::uint64_t{1} << 63) / BlockRequest::sector_bytes - 1;
  sectors_ = std::min(device_.read_config_64(config::capacity), most_sectors);
}

BlockDevice::Counters BlockDevice::counters() const {
  Counters counters;
  {
    const async::SpinLock::Guard guard{lock_};
    counters = counters_;
  }
  counters.errors = errors_.value();
  counters.resets = resets_.value();
  counters.interrupts = interrupts_.value();
  counters.useless_interrupts = backoff_.useless();
  counters.pauses = backoff_.pauses();
  return counters;
}

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────

async::Task<Result<>> BlockDevice::run(BlockRequest& request) {
  const async::Shield until_it_has_ended;
  if (!submit(request)) co_return fail(Errno::eio);
  // Another wake, such as a signal, may resume the job early, so the loop tests progress_. If the
  // driver has stored the result by then, the loop ends, and the driver's unpark() makes a later
  // park() of the job return at once.
  auto progress = BlockRequest::Progress::begun;
  do {
    co_await async::park("block device");
    progress = request.progress_.load(std::memory_order_acquire);
  } while (progress == BlockRequest::Progress::begun);
  switch (progress) {
    case BlockRequest::Progress::succeeded: co_return {};
    case BlockRequest::Progress::unsupported: co_return fail(Errno::enotsup);
    default: co_return fail(Errno::eio);
  }
}

async::Task<Result<>> BlockDevice::flush() {
  if (!can_flush_) co_return {};  // the device has no write cache
  BlockRequest request;
  request.begin(BlockRequest::Kind::flush, 0);
  co_return co_await run(request);
}

/// Submits the request, or appends it to waiting_. False: the device is dead.
bool BlockDevice::submit(BlockRequest& request) {
  request.job_ = &async::current_job();
  request.progress_.store(BlockRequest::Progress::begun, std::memory_order_relaxed);
  request.status_ = status_none;
  (void)request.make_chain();
  bool notify_device = false;
  {
    const async::SpinLock::Guard guard{lock_};
    if (state_ == State::dead) return false;
    switch (request.kind()) {
      case BlockRequest::Kind::read: ++counters_.reads; break;
      case BlockRequest::Kind::write: ++counters_.writes; break;
      case BlockRequest::Kind::flush: ++counters_.flushes; break;
    }
    waiting_.push_back(request);
    notify_device = put_in();
  }
  if (notify_device) transport_.notify(0);
  return true;
}

/// Submits waiting requests while the queue has room. Returns whether the caller must notify the
/// device. Call with lock_ held.
bool BlockDevice::put_in() {
  if (state_ != State::working) return false;
  virtio::Virtqueue& queue = device_.queue();
  bool any = false;
  while (!waiting_.empty()) {
    BlockRequest& first = waiting_.front();
    const auto chain = first.chain();
    if (!queue.has_room_for(indirect_ ? 1 : chain.size())) break;
    waiting_.remove(first);
    if (indirect_) {
      queue.add_indirect(chain, &first);
    } else {
      queue.add(chain, &first);
    }
    any = true;
  }
  counters_.in_flight = queue.in_flight();
  counters_.most_in_flight = std::max(counters_.most_in_flight, counters_.in_flight);
  return any && queue.wants_notification();
}

// ── The driver ───────────────────────────────────────────────────────────────────────────────────

async::Task<> BlockDevice::serve() {
  async::Interrupt& line = line_;
  while (co_await line.wait("block device") == async::WaitResult::woken) {
    ++interrupts_;
    const std::uint32_t causes = transport_.acknowledge();
    bool useful = collect() > 0;
    if ((causes & virtio::cause::configuration) != 0) {
      useful = true;
      if (device_.wants_reset()) {
        reset("the device requests it");
      } else {
        learn_capacity();
      }
    }
    if (device_.queue().is_broken()) reset("its used ring is invalid");
    if (state_ == State::dead) reset("a failed device raised an interrupt");
    if (const auto pause = backoff_.after(useful)) {
      co_await async::sleep_for(*pause, "a pause after useless interrupts");
      (void)collect();
    }
    transport_.complete_interrupt();
  }
}

/// Completes the requests that the device has finished. Returns their number.
unsigned BlockDevice::collect() {
  unsigned count = 0;
  bool notify_device = false;
  for (;;) {
    std::optional<virtio::Virtqueue::Completion> done;
    {
      const async::SpinLock::Guard guard{lock_};
      done = device_.queue().take();
      if (!done) break;
      notify_device |= put_in();
    }
    ++count;
    auto& request = *static_cast<BlockRequest*>(done->owner);
    // If a read has succeeded, the device has written all of its data, and the status byte.
    const std::size_t data = request.kind() == BlockRequest::Kind::read ? request.bytes() : 0;
    auto progress = BlockRequest::Progress::failed;
    if (request.status_ == status_ok && done->written > data) {
      progress = BlockRequest::Progress::succeeded;
    } else if (request.status_ == status_unsupported) {
      progress = BlockRequest::Progress::unsupported;
    }
    finish(request, progress);
  }
  if (notify_device) transport_.notify(0);
  return count;
}

/// Completes the request. The driver must not access it afterwards.
void BlockDevice::finish(BlockRequest& request, BlockRequest::Progress progress) {
  if (progress != BlockRequest::Progress::succeeded) ++errors_;
  async::Job& job = *request.job_;
  request.progress_.store(progress, std::memory_order_release);
  async::Executor::unpark(job);
}

void BlockDevice::reset(std::string_view why) {
  {
    const async::SpinLock::Guard guard{lock_};
    state_ = State::resetting;  // from now on submit() only appends to waiting_
  }
  ++resets_;
  log("{}: reset with {} requests in flight: {}", name_, device_.queue().in_flight(), why);
  // Unless the device confirms the reset, it may still access the memory of the requests in flight.
  const bool was_reset = device_.reset();
  if (was_reset) {
    device_.queue().reset([this](void* owner) {
      finish(*static_cast<BlockRequest*>(owner), BlockRequest::Progress::failed);
    });
  }
  const bool works = was_reset && start_device();
  bool notify_device = false;
  {
    const async::SpinLock::Guard guard{lock_};
    state_ = works ? State::working : State::dead;
    notify_device = put_in();
  }
  if (notify_device) transport_.notify(0);
  if (works) return;
  log("{}: the disk did not restart", name_);
  device_.fail();
  for (;;) {
    BlockRequest* request = nullptr;
    {
      const async::SpinLock::Guard guard{lock_};
      if (waiting_.empty()) break;
      request = &waiting_.front();
      waiting_.remove(*request);
    }
    finish(*request, BlockRequest::Progress::failed);
  }
}

}  // namespace kernel
