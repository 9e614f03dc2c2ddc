// The driver of disks: the disks vda to vdd, and /proc/disks.
#include <fmt/format.h>
#include <kernel/levels.h>

#include <array>
#include <iterator>

#include "devices/block_device.h"
#include "devices/interrupts.h"
#include "devices/virtio_drivers.h"

namespace kernel {
namespace {

constexpr std::array<std::string_view, 4> disk_names = {"vda", "vdb", "vdc", "vdd"};

constinit std::array<std::unique_ptr<BlockDevice>, disk_names.size()> found;
constinit std::size_t found_count = 0;

void start_disk(virtio::Transport& transport) {
  if (found_count == found.size()) return;
  auto disk = BlockDevice::start(transport, disk_names[found_count]);
  if (disk == nullptr) return;
  async::spawn_preemptible(disk->serve(), {.name = "disk", .priority = levels::driver});
  set_line_driver(transport.irq(), {disk->name(), &disk->backoff()});
  found[found_count++] = std::move(disk);
}

}  // namespace

KERNEL_VIRTIO_DRIVER(2, "disk", start_disk);

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
