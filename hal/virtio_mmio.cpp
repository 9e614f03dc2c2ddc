#include "virtio_mmio.h"

#include <array>
#include <optional>

namespace hal::virtio {
namespace {

// Offsets of the registers, which have 32 bits (table 4.1).
enum Register : std::size_t {
  magic = 0x000,
  version = 0x004,
  device_id = 0x008,
  device_features = 0x010,
  device_features_select = 0x014,
  driver_features = 0x020,
  driver_features_select = 0x024,
  queue_select = 0x030,
  queue_size_max = 0x034,
  queue_size = 0x038,
  queue_ready = 0x044,
  queue_notify = 0x050,
  interrupt_status = 0x060,
  interrupt_acknowledge = 0x064,
  device_status = 0x070,
  queue_descriptors = 0x080,  // 64 bits in two registers, like the next two
  queue_driver = 0x090,
  queue_device = 0x0a0,
  generation = 0x0fc,
  config = 0x100,
  // Before version 1.0 (table 4.2).
  legacy_page_size = 0x028,
  legacy_queue_align = 0x03c,
  legacy_queue_page = 0x040,
};

constexpr std::uint32_t magic_value = 0x74726976;  // "virt"
constexpr std::uint32_t legacy_version = 1, current_version = 2;

std::uint32_t read(const Window& registers, std::size_t where) {
  return registers.read<std::uint32_t>(where);
}
void write(const Window& registers, std::size_t where, std::uint64_t value) {
  registers.write(where, static_cast<std::uint32_t>(value));
}
void write_64(const Window& registers, std::size_t where, std::uint64_t value) {
  write(registers, where, value);
  write(registers, where + 4, value >> 32);
}

}  // namespace

bool MmioTransport::finds_device(const Window& window) {
  if (window.size < config || read(window, magic) != magic_value) return false;
  const std::uint32_t which = read(window, version);
  if (which != legacy_version && which != current_version) return false;
  return read(window, device_id) != 0;
}

MmioTransport::MmioTransport(const MmioWindow& place)
    : registers_{place.window},
      irq_{place.irq},
      is_legacy_{read(registers_, version) == legacy_version} {}

DeviceType MmioTransport::type() {
  return DeviceType{read(registers_, device_id)};
}

std::uint8_t MmioTransport::status() {
  return static_cast<std::uint8_t>(read(registers_, device_status));
}

void MmioTransport::set_status(std::uint8_t value) {
  fence_before_device();
  write(registers_, device_status, value);
}

std::uint64_t MmioTransport::offered_features() {
  write(registers_, device_features_select, 0);
  const std::uint64_t low = read(registers_, device_features);
  if (is_legacy_) return low;
  write(registers_, device_features_select, 1);
  return std::uint64_t{read(registers_, device_features)} << 32 | low;
}

void MmioTransport::accept_features(std::uint64_t features) {
  write(registers_, driver_features_select, 0);
  write(registers_, driver_features, features);
  if (is_legacy_) return;
  write(registers_, driver_features_select, 1);
  write(registers_, driver_features, features >> 32);
}

unsigned MmioTransport::queue_limit(unsigned queue) {
  write(registers_, queue_select, queue);
  return read(registers_, queue_size_max);
}

bool MmioTransport::set_queue(unsigned queue, const QueueMemory& memory) {
  write(registers_, queue_select, queue);
  write(registers_, queue_size, memory.size);
  if (is_legacy_) {
    write(registers_, legacy_page_size, page_size);
    write(registers_, legacy_queue_align, page_size);
    write(registers_, legacy_queue_page, memory.descriptors >> page_shift);
    return true;
  }
  write_64(registers_, queue_descriptors, memory.descriptors);
  write_64(registers_, queue_driver, memory.available);
  write_64(registers_, queue_device, memory.used);
  fence_before_device();
  write(registers_, queue_ready, 1);
  return true;
}

void MmioTransport::notify(unsigned queue) {
  fence_before_device();
  write(registers_, queue_notify, queue);
}

std::uint32_t MmioTransport::read_config(std::size_t offset) {
  return read(registers_, config + offset);
}

std::uint8_t MmioTransport::read_config_byte(std::size_t offset) {
  return registers_.read<std::uint8_t>(config + offset);
}

std::uint32_t MmioTransport::config_generation() {
  return is_legacy_ ? 0 : read(registers_, generation);
}

std::uint32_t MmioTransport::acknowledge() {
  const std::uint32_t causes = read(registers_, interrupt_status);
  if (causes != 0) write(registers_, interrupt_acknowledge, causes);
  fence_after_device();
  return causes;
}

void MmioTransport::complete_interrupt() {
  hal::complete_interrupt(irq_);
}

void for_each_device(void (*use)(Transport& device)) {
  static constinit std::array<std::optional<MmioTransport>, most_mmio_windows> found;
  std::size_t count = 0;
  for (const MmioWindow& place : mmio_windows()) {
    if (MmioTransport::finds_device(place.window)) use(found[count++].emplace(place));
  }
}

}  // namespace hal::virtio
