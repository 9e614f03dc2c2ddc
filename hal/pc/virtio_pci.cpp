#include "virtio_pci.h"

#include <hal/console.h>
#include <hal/memory_map.h>

#include <algorithm>
#include <array>
#include <expected>
#include <optional>
#include <string_view>

#include "config_space.h"
#include "devices.h"
#include "interrupts.h"
#include "local_apic.h"
#include "virtio_parts.h"

namespace hal::pc {
namespace {

using pci::Trouble;
using virtio::DeviceType;

Window window_of(const MemoryRange& range) {
  return {reinterpret_cast<std::uintptr_t>(phys_to_virt(range.base)), range.size};
}

// ── The registers ────────────────────────────────────────────────────────────────────────────────

// Offsets in the common configuration (4.1.4.3).
enum Register : std::size_t {
  device_features_select = 0x00,
  device_features = 0x04,
  driver_features_select = 0x08,
  driver_features = 0x0c,
  config_vector = 0x10,
  device_status = 0x14,
  generation = 0x15,
  queue_select = 0x16,
  queue_size = 0x18,
  queue_vector = 0x1a,
  queue_enable = 0x1c,
  queue_notify_offset = 0x1e,
  queue_descriptors = 0x20,  // 64 bits, like the next two
  queue_driver = 0x28,
  queue_device = 0x30,
};

class PciTransport final : public virtio::Transport {
 public:
  struct Place {
    DeviceType type;
    VirtioParts parts;
    Irq irq;
  };

  explicit PciTransport(const Place& place)
      : type_{place.type},
        irq_{place.irq},
        sends_messages_{place.parts.message.size != 0},
        notify_multiplier_{place.parts.notify_multiplier},
        common_{window_of(place.parts.common)},
        notify_{window_of(place.parts.notify)},
        isr_{window_of(place.parts.isr)},
        config_{window_of(place.parts.config)} {}

  DeviceType type() override { return type_; }
  bool is_legacy() override { return false; }

  std::uint8_t status() override { return common_.read<std::uint8_t>(device_status); }
  void set_status(std::uint8_t value) override {
    fence_before_device();
    common_.write<std::uint8_t>(device_status, value);
  }

  std::uint64_t offered_features() override {
    common_.write<std::uint32_t>(device_features_select, 0);
    const std::uint64_t low = common_.read<std::uint32_t>(device_features);
    common_.write<std::uint32_t>(device_features_select, 1);
    return std::uint64_t{common_.read<std::uint32_t>(device_features)} << 32 | low;
  }
  void accept_features(std::uint64_t features) override {
    common_.write<std::uint32_t>(driver_features_select, 0);
    common_.write<std::uint32_t>(driver_features, static_cast<std::uint32_t>(features));
    common_.write<std::uint32_t>(driver_features_select, 1);
    common_.write<std::uint32_t>(driver_features, static_cast<std::uint32_t>(features >> 32));
  }

  unsigned queue_limit(unsigned queue) override {
    common_.write(queue_select, static_cast<std::uint16_t>(queue));
    return common_.read<std::uint16_t>(queue_size);
  }
  bool set_queue(unsigned queue, const virtio::QueueMemory& memory) override;

  void notify(unsigned queue) override {
    fence_before_device();
    notify_.write(notify_at_[queue], static_cast<std::uint16_t>(queue));
  }

  std::uint32_t read_config(std::size_t offset) override {
    constexpr std::size_t bytes = sizeof(std::uint32_t);
    if (config_.size < bytes || offset > config_.size - bytes) return 0;
    return config_.read<std::uint32_t>(offset);
  }
  std::uint8_t read_config_byte(std::size_t offset) override {
    return offset < config_.size ? config_.read<std::uint8_t>(offset) : 0;
  }
  std::uint32_t config_generation() override { return common_.read<std::uint8_t>(generation); }

  Irq irq() const override { return irq_; }
  std::uint32_t acknowledge() override;
  void complete_interrupt() override { hal::complete_interrupt(irq_); }

 private:
  void write_64(std::size_t where, std::uint64_t value) {
    common_.write<std::uint32_t>(where, static_cast<std::uint32_t>(value));
    common_.write<std::uint32_t>(where + 4, static_cast<std::uint32_t>(value >> 32));
  }

  const DeviceType type_;
  const Irq irq_;
  const bool sends_messages_;
  const std::uint32_t notify_multiplier_;
  const Window common_, notify_, isr_, config_;
  std::array<std::size_t, virtio::most_queues> notify_at_{};  // in notify_, of each queue
};

bool PciTransport::set_queue(unsigned queue, const virtio::QueueMemory& memory) {
  common_.write(queue_select, static_cast<std::uint16_t>(queue));
  common_.write<std::uint16_t>(queue_size, static_cast<std::uint16_t>(memory.size));
  if (sends_messages_) {
    // All causes have entry 0 of the table. If the device has no memory for that, it keeps "no
    // vector" (4.1.5.1.2).
    common_.write<std::uint16_t>(config_vector, 0);
    common_.write<std::uint16_t>(queue_vector, 0);
    if (common_.read<std::uint16_t>(config_vector) != 0 ||
        common_.read<std::uint16_t>(queue_vector) != 0)
      return false;
  }
  const std::uint64_t at =
      std::uint64_t{common_.read<std::uint16_t>(queue_notify_offset)} * notify_multiplier_;
  if (at % sizeof(std::uint16_t) != 0 || at > notify_.size - sizeof(std::uint16_t)) return false;
  notify_at_[queue] = at;
  write_64(queue_descriptors, memory.descriptors);
  write_64(queue_driver, memory.available);
  write_64(queue_device, memory.used);
  fence_before_device();
  common_.write<std::uint16_t>(queue_enable, 1);
  return true;
}

std::uint32_t PciTransport::acknowledge() {
  // The read clears the register, and the device stops asserting its pin (4.1.4.5). A device that
  // sends messages need not set the bit for used buffers there, so each message counts as one.
  const std::uint32_t seen = isr_.read<std::uint8_t>(0);
  fence_after_device();
  constexpr std::uint32_t known = virtio::cause::used_buffer | virtio::cause::configuration;
  return (seen & known) | (sends_messages_ ? virtio::cause::used_buffer : 0);
}

// ── The search at boot ───────────────────────────────────────────────────────────────────────────

constexpr std::size_t most_functions = 256, most_devices = 16;

constinit std::array<PciTransport::Place, most_devices> places{};
constinit std::size_t place_count = 0;

/// RAM, the registers of the machine's fixed devices, and those of the virtio devices.
constinit std::span<const MemoryRange> all_ram;
constexpr std::size_t most_parts = 5;  // of a device: see VirtioParts
constinit std::array<MemoryRange, acpi::Interrupts::most_controllers + 2> fixed{};
constinit std::array<MemoryRange, most_devices * most_parts> registers{};
constinit std::size_t fixed_count = 0, register_count = 0;

void print(std::string_view text) {
  console_write(text);
}

bool is_free(const MemoryRange& range) {
  const auto overlaps = [&range](const MemoryRange& other) {
    return range.base < other.end() && other.base < range.end();
  };
  return std::ranges::none_of(all_ram, overlaps) &&
         std::ranges::none_of(std::span(fixed).first(fixed_count), overlaps) &&
         std::ranges::none_of(std::span(registers).first(register_count), overlaps);
}

void add_fixed(const Window& window) {
  if (!window) return;
  fixed[fixed_count++] = {virt_to_phys(reinterpret_cast<const void*>(window.base)), window.size};
}

/// The configuration registers in memory, if the firmware has them there.
std::optional<acpi::ConfigArea> find_config_area(const acpi::Tables& tables) {
  constexpr std::uint64_t end_of_boot_map = std::uint64_t{4} << 30;
  const auto mcfg = tables.find("MCFG");
  const auto area = mcfg ? acpi::read_config_area(*mcfg) : std::nullopt;
  if (!area) return std::nullopt;
  const MemoryRange range{area->address, area->bytes()};
  if (range.base >= end_of_boot_map || range.size > end_of_boot_map - range.base ||
      !is_free(range)) {
    print("cotrap: the table MCFG has a wrong address: the kernel uses ports instead\n");
    return std::nullopt;
  }
  fixed[fixed_count++] = range;
  return area;
}

bool is_taken(Irq irq) {
  return irq == irq_of_line(devices.serial_line) || irq == irq_of_line(devices.keyboard_line) ||
         std::ranges::any_of(std::span(places).first(place_count),
                             [irq](const PciTransport::Place& place) { return place.irq == irq; });
}

/// The interrupt of the function's pin. Selects the polarity of its line.
std::expected<Irq, Trouble> irq_of_pin(const pci::Function& function, pci::Chipset chipset) {
  const auto pin = function.root_pin();
  if (!pin) return std::unexpected(pin.error());
  unsigned line = 0;
  std::optional<bool> active_low;
  if (chipset == pci::Chipset::ich9) {
    line = pci::ich9_line(function.root_device(), *pin);
  } else {
    // The firmware has connected the pin to this ISA interrupt.
    const auto isa = function.read<std::uint8_t>(pci::config::interrupt_line);
    if (chipset == pci::Chipset::unknown || isa == 0 || isa >= devices.overrides.size())
      return std::unexpected("it sends no messages, and the line of its interrupt is not known");
    const auto& overridden = devices.overrides[isa];
    line = overridden ? overridden->line : isa;
    if (overridden) active_low = overridden->active_low;
  }
  const Irq irq = irq_of_line(line);
  if (irq == Irq::none || !has_line(line))
    return std::unexpected("no I/O APIC has the line of its interrupt");
  if (is_taken(irq))
    return std::unexpected("it sends no messages, and another device uses its interrupt line");
  devices.active_low.set(line, active_low.value_or(true));  // PCI's pins are active low
  return irq;
}

std::expected<PciTransport::Place, Trouble> find_place(const pci::Function& function,
                                                       DeviceType type, pci::Chipset chipset) {
  if (place_count == places.size()) return std::unexpected("the kernel uses no more of them");
  const auto parts = find_virtio_parts(function, is_free);
  if (!parts) return std::unexpected(parts.error());
  const bool sends_messages = parts->message.size != 0;
  const auto irq =
      sends_messages ? allocate_message(window_of(parts->message)) : irq_of_pin(function, chipset);
  if (!irq) return std::unexpected(irq.error());
  return PciTransport::Place{.type = type, .parts = *parts, .irq = *irq};
}

void add_place(const pci::Function& function, const PciTransport::Place& place) {
  places[place_count++] = place;
  const VirtioParts& parts = place.parts;
  for (const MemoryRange& part :
       {parts.common, parts.notify, parts.isr, parts.config, parts.message}) {
    if (part.size != 0) registers[register_count++] = part;
  }
  namespace command = pci::command;
  if (parts.message.size != 0) {
    enable_messages(function);
    function.change_command(command::memory | command::bus_master, 0);
  } else {
    function.change_command(command::memory | command::bus_master, command::no_interrupt);
  }
}

void print_trouble(pci::Address at, Trouble trouble) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto hex = [digits](unsigned value) { return digits[value % 16]; };
  const std::array<char, 7> address{hex(at.bus / 16U),    hex(at.bus),    ':',
                                    hex(at.device / 16U), hex(at.device), '.',
                                    hex(at.function)};
  print("cotrap: the virtio device ");
  print({address.data(), address.size()});
  print(" is left out: ");
  print(trouble);
  print("\n");
}

pci::Chipset find_chipset(std::span<const pci::Function> functions) {
  for (const pci::Function& function : functions) {
    const auto chipset = pci::chipset_of(function.read<std::uint16_t>(pci::config::vendor),
                                         function.read<std::uint16_t>(pci::config::device));
    if (chipset != pci::Chipset::unknown) return chipset;
  }
  return pci::Chipset::unknown;
}

}  // namespace

void find_virtio_devices(const acpi::Tables& tables, std::span<const MemoryRange> ram) {
  static constinit std::array<pci::Function, most_functions> functions{};
  all_ram = ram;
  add_fixed(apic::window());
  for (const auto& io_apic : std::span(devices.io_apics).first(devices.io_apic_count))
    add_fixed(io_apic.window);
  pci::ConfigPorts ports;
  pci::ConfigMemory memory;
  const auto area = find_config_area(tables);
  if (area) memory = pci::ConfigMemory{*area};
  pci::ConfigSpace& space = area ? static_cast<pci::ConfigSpace&>(memory) : ports;
  const auto found = std::span(functions).first(pci::list_functions(space, functions));
  // No device without a driver interrupts: it could share its line with one that has a driver.
  for (const pci::Function& function : found)
    function.change_command(pci::command::no_interrupt, 0);
  const pci::Chipset chipset = find_chipset(found);
  for (const pci::Function& function : found) {
    const auto type = virtio_type(function);
    if (!type) continue;
    if (const auto place = find_place(function, *type, chipset)) {
      add_place(function, *place);
    } else {
      print_trouble(function.address(), place.error());
    }
  }
}

std::span<const Window> virtio_windows() {
  static constinit std::array<Window, registers.size()> windows{};
  const auto used = std::span(registers).first(register_count);
  std::ranges::sort(used, {}, &MemoryRange::base);
  std::size_t count = 0;
  PhysAddr end = 0;
  for (const MemoryRange& range : used) {
    const PhysAddr from = std::max(page_down(range.base), end), to = page_up(range.end());
    if (from >= to) continue;
    windows[count++] = window_of({from, to - from});
    end = to;
  }
  return std::span(windows).first(count);
}

}  // namespace hal::pc

void hal::virtio::for_each_device(void (*use)(Transport& device)) {
  using namespace pc;
  static constinit std::array<std::optional<PciTransport>, most_devices> transports;
  for (std::size_t i = 0; i < place_count; ++i) use(transports[i].emplace(places[i]));
}
