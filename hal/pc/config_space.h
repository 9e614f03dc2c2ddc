// The two ways to the configuration registers of PCI functions.
#pragma once

#include <hal/boot.h>
#include <hal/memory_map.h>
#include <hal/window.h>

#include "acpi.h"
#include "pci.h"
#include "ports.h"

namespace hal::pc::pci {

/// By two ports (PCI Local Bus Specification 3.0, section 3.2.2.3.2). One caller at a time.
class ConfigPorts final : public ConfigSpace {
 public:
  std::uint32_t read(Address at, unsigned offset) override {
    select(at, offset);
    return read_port_32(data_port);
  }
  void write(Address at, unsigned offset, std::uint32_t value) override {
    select(at, offset);
    write_port_32(data_port, value);
  }

 private:
  static constexpr std::uint16_t address_port = 0xcf8, data_port = 0xcfc;

  static void select(Address at, unsigned offset) {
    constexpr std::uint32_t enable = std::uint32_t{1} << 31;
    write_port_32(address_port, enable | std::uint32_t{at.bus} << 16 |
                                    std::uint32_t{at.device} << 11 |
                                    std::uint32_t{at.function} << 8 | offset);
  }
};

/// Memory-mapped: 4 KiB for each function (PCI Express Base Specification 3.0, section 7.2.2). Only
/// while the boot page table is in use.
class ConfigMemory final : public ConfigSpace {
 public:
  ConfigMemory() = default;
  explicit ConfigMemory(const acpi::ConfigArea& area) : area_{area} {}

  std::uint32_t read(Address at, unsigned offset) override {
    return at.bus > area_.last_bus ? ~std::uint32_t{0} : window(at).read<std::uint32_t>(offset);
  }
  void write(Address at, unsigned offset, std::uint32_t value) override {
    if (at.bus <= area_.last_bus) window(at).write(offset, value);
  }

 private:
  Window window(Address at) const {
    const PhysAddr registers = area_.address + (std::uint64_t{at.bus} << 20) +
                               (std::uint64_t{at.device} << 15) +
                               (std::uint64_t{at.function} << 12);
    return {reinterpret_cast<std::uintptr_t>(phys_to_virt(registers)), page_size};
  }

  acpi::ConfigArea area_;
};

}  // namespace hal::pc::pci
