#include "devices/virtio_devices.h"

#include <fmt/format.h>
#include <hal/virtio.h>
#include <kernel/levels.h>

#include <array>
#include <iterator>

#include "base/random.h"
#include "devices/entropy_device.h"
#include "devices/interrupts.h"
#include "devices/virtio_mmio.h"

namespace kernel {
namespace {

constexpr std::array<std::string_view, 4> disk_names = {"vda", "vdb", "vdc", "vdd"};

constinit std::array<std::unique_ptr<BlockDevice>, disk_names.size()> found;
constinit std::size_t found_count = 0;

void start_disk(std::unique_ptr<virtio::Transport> transport, hal::Irq irq) {
  if (found_count == found.size()) return;
  auto disk = BlockDevice::start(std::move(transport), disk_names[found_count]);
  if (disk == nullptr) return;
  async::spawn_preemptible(disk->serve(), {.name = "disk", .priority = levels::driver});
  set_line_driver(irq, {disk->name(), &disk->backoff()});
  found[found_count++] = std::move(disk);
}

constinit std::unique_ptr<EntropyDevice> entropy;

void start_entropy(std::unique_ptr<virtio::Transport> transport, hal::Irq irq) {
  if (entropy != nullptr) return;
  entropy = EntropyDevice::start(std::move(transport), give_entropy);
  if (entropy == nullptr) return;
  async::spawn_preemptible(entropy->serve(), {.name = "entropy", .priority = levels::driver});
  set_line_driver(irq, {"entropy", &entropy->backoff()});
  set_entropy_source([] { entropy->ask(); });
}

void start_driver(const hal::VirtioWindow& place) {
  auto transport = std::make_unique<virtio::MmioTransport>(place);
  switch (transport->type()) {
    case virtio::DeviceType::block: return start_disk(std::move(transport), place.irq);
    case virtio::DeviceType::entropy: return start_entropy(std::move(transport), place.irq);
    default: return;
  }
}

}  // namespace

void start_virtio_devices() {
  for (const hal::VirtioWindow& place : hal::virtio_windows()) {
    if (virtio::MmioTransport::finds_device(place.window)) start_driver(place);
  }
}

std::span<const std::unique_ptr<BlockDevice>> disks() {
  return std::span{found}.first(found_count);
}

void list_disks(PagedText& out) {
  out +=
      "disk\tsectors\treads\twrites\tflushes\terrors\tresets\tinterrupts\tuseless\tpauses\t"
      "in-flight\tmost-in-flight\n";
  for (const auto& disk : disks()) {
    const BlockDevice::Counters seen = disk->counters();
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                   disk->name(), disk->sectors(), seen.reads, seen.writes, seen.flushes,
                   seen.errors, seen.resets, seen.interrupts, seen.useless_interrupts, seen.pauses,
                   seen.in_flight, seen.most_in_flight);
  }
}

}  // namespace kernel
