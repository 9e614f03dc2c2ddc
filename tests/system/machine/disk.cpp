// The machine's first disk answers requests, and its interrupt reaches the hart that enabled it.
// Each sector of the disk begins with its number, in 8 bytes.

#include <hal/interrupts.h>
#include <hal/memory_map.h>
#include <hal/timer.h>
#include <hal/virtio.h>

#include <array>
#include <cstring>
#include <optional>

#include "devices/virtqueue.h"
#include "machine.h"

namespace machine {
namespace {

using hal::virtio::Transport;
using kernel::virtio::Descriptor;
using kernel::virtio::Virtqueue;
namespace status = hal::virtio::status;

constexpr unsigned queue_size = 8;
constexpr std::uint64_t version_1 = std::uint64_t{1} << 32;
constexpr std::size_t sector_bytes = 512;

// What the device accesses is in the kernel's image, which is in the direct map.
alignas(hal::page_size) constinit std::array<std::byte,
                                             Virtqueue::Layout{queue_size}.bytes> queue_memory{};

constexpr std::uint8_t no_result = 0xff;

struct Request {
  std::uint32_t kind = 0;  // 0: read
  std::uint32_t reserved = 0;
  std::uint64_t sector = 0;
  std::array<std::byte, sector_bytes> data{};
  std::uint8_t result = no_result;  // 0: success
};
constinit std::array<Request, 2> requests{};

constinit Transport* disk = nullptr;
constinit std::optional<Virtqueue> queue;

hal::PhysAddr physical(const void* object) {
  return hal::virt_to_phys(object);
}

bool start_disk() {
  disk->set_status(0);
  for (int i = 0; disk->status() != 0; ++i) {
    if (i == 10'000) return false;
  }
  std::uint8_t now = status::acknowledged | status::driver;
  disk->set_status(now);
  disk->accept_features(disk->offered_features() & version_1);
  disk->set_status(now |= status::features_ok);
  if ((disk->status() & status::features_ok) == 0 || disk->queue_limit(0) < queue_size)
    return false;
  const Virtqueue::Layout layout{queue_size};
  const hal::PhysAddr memory = physical(queue_memory.data());
  if (!disk->set_queue(0, {.size = queue_size,
                           .descriptors = memory + layout.descriptors,
                           .available = memory + layout.available,
                           .used = memory + layout.used}))
    return false;
  disk->set_status(now |= status::driver_ok);
  return true;
}

void submit(Request& request, std::uint64_t sector) {
  constexpr std::size_t header_bytes = 16;
  request = {.sector = sector};
  const std::array chain{
      Descriptor::for_reading(physical(&request), header_bytes),
      Descriptor::for_writing(physical(request.data.data()), sector_bytes),
      Descriptor::for_writing(physical(&request.result), 1),
  };
  queue->add(chain, &request);
  disk->notify(0);
}

/// Takes the completion of `request` from the queue. Returns whether the disk has read its sector.
bool take(const Request& request) {
  const auto done = queue->take();
  std::uint64_t number = 0;
  std::memcpy(&number, request.data.data(), sizeof number);
  return done && done->owner == &request && request.result == 0 && number == request.sector;
}

/// Claims the disk's interrupt, and clears its cause.
void take_interrupt() {
  while (!hal::external_interrupt_is_pending()) hal::wait_for_interrupt();
  check(hal::claim_interrupt() == disk->irq(), "the interrupted hart can claim the interrupt");
  check((disk->acknowledge() & hal::virtio::cause::used_buffer) != 0,
        "the disk's interrupt has a cause");
}

/// One hart after the other enables the disk's interrupt and reads two sectors. The disk reads the
/// second one while the interrupt is claimed.
void read_sectors(unsigned hart) {
  const hal::Irq irq = disk->irq();
  for (unsigned turn = 0; turn < hart_count(); ++turn) {
    if (turn == hart) {
      hal::enable_interrupt(irq);
      submit(requests[0], 2 * turn);
      take_interrupt();
      check(take(requests[0]), "the disk has read the sector when it interrupts");
      submit(requests[1], 2 * turn + 1);
      const volatile std::uint8_t& result = requests[1].result;
      while (result == no_result) hal::relax();
      check(!hal::external_interrupt_is_pending(), "the disk is silent until the completion");
    } else {
      check(!hal::external_interrupt_is_pending(), "the disk interrupts no other hart");
    }
    meet();
    // The next hart completes the interrupt: it need not be the hart that claimed it.
    if ((turn + 1) % hart_count() == hart) disk->complete_interrupt();
    if (turn == hart) {
      take_interrupt();
      check(take(requests[1]), "the disk interrupts again if it has read another sector");
      disk->complete_interrupt();
      hal::disable_interrupt(irq);
      check(!hal::external_interrupt_is_pending(), "a disk without requests does not interrupt");
    }
    meet();
  }
}

/// The disk interrupts a hart that does not look, and then disables the interrupt.
void disable_a_pending_interrupt() {
  hal::enable_interrupt(disk->irq());
  submit(requests[0], 1);
  const volatile std::uint8_t& result = requests[0].result;
  while (result == no_result) hal::relax();
  constexpr std::uint64_t ms = 1'000'000;
  const std::uint64_t end = hal::now_ns() + ms;
  while (hal::now_ns() < end) {
  }
  hal::disable_interrupt(disk->irq());
  check(!hal::external_interrupt_is_pending(), "a disabled interrupt is not pending");
  check(take(requests[0]), "the disk has read the sector of the disabled interrupt");
}

}  // namespace

void check_disk() {
  hal::virtio::for_each_device([](Transport& device) {
    if (disk == nullptr && device.type() == hal::virtio::DeviceType::block) disk = &device;
  });
  if (disk == nullptr) return;
  queue.emplace(queue_memory, queue_size);
  check(start_disk(), "the disk starts");
  if (has_failed()) return;
  on_all_harts(read_sectors);
  disable_a_pending_interrupt();
  for (unsigned hart = 0; hart < hart_count(); ++hart)
    check(hal::interrupt_faults(hart).lost == 0, "no interrupt is lost");
  print("the disk interrupts by:");
  print(hal::interrupt_controller(disk->irq()));
}

}  // namespace machine
