#include "devices/network_device.h"

#include <fmt/format.h>
#include <kernel/log.h>

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "devices/interrupts.h"
#include "memory/frames.h"

namespace kernel {
namespace {

namespace feature {  // VIRTIO 1.2, 5.1.3
constexpr std::uint64_t address = 1 << 5;
constexpr std::uint64_t status = 1 << 16;
}  // namespace feature

namespace config {  // offsets; VIRTIO 1.2, 5.1.4
constexpr std::size_t address = 0;
constexpr std::size_t status = 6;
}  // namespace config

constexpr std::uint8_t link_up = 1;  // of the status

/// What stands before each frame (5.1.6). Without offloads all of it is 0 but the number of
/// buffers of a received frame, which is 1.
struct Header {
  std::uint8_t flags;
  std::uint8_t segmentation;
  std::uint16_t header_bytes;
  std::uint16_t segment_bytes;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;
  std::uint16_t buffer_count;
};

// The first byte of an Ethernet address.
constexpr std::uint8_t group_address = 1, local_address = 2;

}  // namespace

// ── Start ────────────────────────────────────────────────────────────────────────────────────────

NetworkDevice::NetworkDevice(virtio::Transport& transport)
    : transport_{transport},
      line_{kernel::interrupt_line(transport.irq())},
      more_{virtio::DeviceQueue{buffers_of_queue}},
      device_{transport, buffers_of_queue, more_} {}

NetworkDevice::~NetworkDevice() {
  free_buffers();
}

std::unique_ptr<NetworkDevice> NetworkDevice::start(virtio::Transport& transport) {
  std::unique_ptr<NetworkDevice> device{new NetworkDevice{transport}};
  if (!device->start_device()) {
    log("eth0: the driver cannot start the network device");
    return nullptr;
  }
  const Address& at = device->address();
  log("eth0: address {:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}, link {}, queues of {} and {}",
      at[0], at[1], at[2], at[3], at[4], at[5], device->is_up() ? "up" : "down",
      device->receive_buffers_.count, device->send_buffers_.count);
  return device;
}

bool NetworkDevice::start_device() {
  if (transport_.is_legacy()) return false;  // its header has another size
  if (!device_.start(feature::address | feature::status)) return false;
  virtio::Virtqueue& queue = *more_[0];
  if (!allocate(receive_buffers_, device_.queue().size()) || !allocate(send_buffers_, queue.size()))
    return false;
  read_address();
  is_up_ = read_link();
  // take_room() reclaims the buffers of frames that were sent.
  queue.want_interrupts(false);
  std::ranges::copy(std::span{send_buffers_.all}.first(send_buffers_.count), free_.begin());
  free_count_ = send_buffers_.count;
  for (std::byte* const buffer : std::span{receive_buffers_.all}.first(receive_buffers_.count))
    offer(buffer);
  transport_.notify(receiving);
  return true;
}

bool NetworkDevice::allocate(Buffers& buffers, unsigned count) {
  static_assert(sizeof(Header) == 12 && sizeof(Header) + longest_frame <= buffer_bytes);
  constexpr unsigned in_page = hal::page_size / buffer_bytes;
  while (buffers.count < count) {
    const hal::PhysAddr page = memory::frames.allocate(memory::Use::kernel);
    if (page == 0) return false;
    std::byte* const start = hal::phys_to_virt(page);
    std::memset(start, 0, hal::page_size);
    // free_buffers() frees the page of each buffer that starts one.
    for (unsigned i = 0; i < in_page && buffers.count < buffers_of_queue; ++i)
      buffers.all[buffers.count++] = start + i * buffer_bytes;
  }
  buffers.count = std::min(buffers.count, count);
  return true;
}

/// Frees all buffers when the device has confirmed a reset. Otherwise it may still access them, and
/// they are never freed.
void NetworkDevice::free_buffers() {
  if (!device_.reset()) return;
  for (Buffers* const buffers : {&receive_buffers_, &send_buffers_}) {
    for (std::byte* const buffer : std::span{buffers->all}.first(buffers->count)) {
      const hal::PhysAddr at = hal::virt_to_phys(buffer);
      if (at % hal::page_size == 0) memory::frames.drop(at);
    }
    buffers->count = 0;
  }
}

/// Takes the device's address, or a random one if the device has none that a station may have.
void NetworkDevice::read_address() {
  if (device_.has(feature::address)) {
    for (std::size_t i = 0; i < address_.size(); ++i)
      address_[i] = transport_.read_config_byte(config::address + i);
    if ((address_[0] & group_address) == 0 && address_ != Address{}) return;
  }
  fill_random(std::as_writable_bytes(std::span{address_}));
  address_[0] = static_cast<std::uint8_t>((address_[0] & ~group_address) | local_address);
}

bool NetworkDevice::read_link() {
  return !device_.has(feature::status) ||
         (transport_.read_config_byte(config::status) & link_up) != 0;
}

// ── Frames to send ───────────────────────────────────────────────────────────────────────────────

std::span<std::byte> NetworkDevice::take_room() {
  if (is_up_ && free_count_ == 0 && reclaim() == 0) {
    more_[0]->want_interrupts(true);
    awaits_room_ = reclaim() == 0;
    if (!awaits_room_) more_[0]->want_interrupts(false);
  }
  if (!is_up_ || free_count_ == 0) return {};
  return {free_[free_count_ - 1] + sizeof(Header), longest_frame};
}

void NetworkDevice::send(std::size_t bytes) {
  std::byte* const buffer = free_[--free_count_];
  const auto frame =
      virtio::Descriptor::for_reading(hal::virt_to_phys(buffer), sizeof(Header) + bytes);
  virtio::Virtqueue& queue = *more_[0];
  queue.add({&frame, 1}, buffer);
  ++sent_.frames;
  sent_.bytes += bytes;
  if (queue.wants_notification()) transport_.notify(sending);
}

/// Takes back the buffers of frames that the device has sent. Returns their number.
unsigned NetworkDevice::reclaim() {
  unsigned count = 0;
  while (!is_dead_) {
    const auto done = more_[0]->take();
    if (!done) break;
    free_[free_count_++] = static_cast<std::byte*>(done->owner);
    ++count;
  }
  return count;
}

// ── The driver ───────────────────────────────────────────────────────────────────────────────────

async::Task<> NetworkDevice::serve() {
  while (co_await line_.wait("network device") == async::WaitResult::woken) {
    const std::uint32_t causes = transport_.acknowledge();
    bool useful = false;
    if (awaits_room_ && reclaim() > 0) {
      useful = true;
      awaits_room_ = false;
      more_[0]->want_interrupts(false);
      if (user_ != nullptr) user_->on_room();
    }
    for (;;) {
      const async::Instant started = async::now();
      const unsigned taken = receive_batch();
      useful |= taken > 0;
      if (taken < batch) break;
      co_await async::sleep_for(async::now() - started, "a pause after a batch of frames");
    }
    if (!is_dead_) {
      if (device_.queue().is_broken() || more_[0]->is_broken()) die("a used ring is invalid");
      if ((causes & virtio::cause::configuration) != 0) {
        useful = true;
        serve_configuration();
      }
    }
    if (const auto pause = backoff_.after(useful)) {
      co_await async::sleep_for(*pause, "a pause after useless interrupts");
      (void)receive_batch();
    }
    transport_.complete_interrupt();
  }
}

/// Gives the device a buffer for a frame that it receives.
void NetworkDevice::offer(std::byte* buffer) {
  const auto room =
      virtio::Descriptor::for_writing(hal::virt_to_phys(buffer), sizeof(Header) + longest_frame);
  device_.queue().add({&room, 1}, buffer);
}

/// Passes received frames to the user. Returns their number, at most `batch`.
unsigned NetworkDevice::receive_batch() {
  unsigned count = 0;
  while (!is_dead_ && count < batch) {
    const auto done = device_.queue().take();
    if (!done) break;
    auto* const buffer = static_cast<std::byte*>(done->owner);
    take_frame(buffer, done->written);
    offer(buffer);
    ++count;
  }
  if (count > 0 && device_.queue().wants_notification()) transport_.notify(receiving);
  return count;
}

void NetworkDevice::take_frame(const std::byte* buffer, std::size_t written) {
  // The queue has checked that `written` is at most the size of the buffer.
  if (written < sizeof(Header) + header_bytes) {
    ++received_.errors;
    return;
  }
  const std::size_t bytes = written - sizeof(Header);
  ++received_.frames;
  received_.bytes += bytes;
  if (user_ == nullptr) return note_lost();
  user_->receive({buffer + sizeof(Header), bytes});
}

void NetworkDevice::serve_configuration() {
  if (device_.wants_reset()) return die("the device needs a reset");
  set_link(read_link());
}

void NetworkDevice::set_link(bool is_up) {
  if (is_up == is_up_) return;
  is_up_ = is_up;
  log("eth0: link {}", is_up ? "up" : "down");
  if (user_ != nullptr) user_->on_link();
}

void NetworkDevice::die(std::string_view why) {
  is_dead_ = true;
  log("eth0: the network device is lost: {}", why);
  free_buffers();
  free_count_ = 0;
  device_.fail();
  set_link(false);
}

}  // namespace kernel
