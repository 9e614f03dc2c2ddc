#include "find_devices.h"

#include <hal/builtin_archive.h>
#include <hal/console.h>
#include <hal/hart.h>
#include <hal/machine/privilege.h>
#include <hal/memory_map.h>

#include <algorithm>
#include <array>
#include <optional>

#include "archive_place.h"
#include "device_windows.h"
#include "devices.h"
#include "isa.h"
#include "memory_ranges.h"

extern "C" const char kernel_start[], kernel_end[];  // kernel.ld

namespace hal::riscv64 {

constinit Devices devices;

namespace {

using Node = DeviceTree::Node;

Window window_of(const Node& node) {
  const auto range = node.reg();
  if (!range || range->size == 0) return {};
  return {reinterpret_cast<std::uintptr_t>(phys_to_virt(range->base)), range->size};
}

unsigned number_or(const Node& node, std::string_view property, unsigned otherwise) {
  const auto found = node.property(property);
  const auto value = found ? found->cell() : std::nullopt;
  return value.value_or(otherwise);
}

/// The device's interrupt line. Call it after find_plic().
Irq irq_of(const Node& node) {
  const unsigned line = number_or(node, "interrupts", 0);
  return line <= devices.plic.sources ? Irq{line} : Irq::none;
}

/// Whether the CPU's extension list or ISA string has an extension.
bool has_extension(const Node& cpu, std::string_view extension) {
  if (const auto list = cpu.property("riscv,isa-extensions")) return list->lists(extension);
  const auto isa = cpu.property("riscv,isa");
  return isa && isa_has(isa->string(), extension);
}

/// The interrupt controller of a hart. The PLIC's node refers to it by this phandle.
struct HartController {
  unsigned hart = 0;
  std::uint32_t phandle = 0;
};
constinit std::array<HartController, max_harts> controllers;

constinit std::array<std::string_view, max_harts> hart_isa;

constinit bool harts_are_left_out = false;

unsigned find_harts(const DeviceTree& tree, std::uint64_t boot_hart_id) {
  unsigned count = 1;
  const auto cpus = tree.find("/cpus");
  if (!cpus) return count;
  devices.timebase_hz = number_or(*cpus, "timebase-frequency", 10'000'000);
  for (const Node& cpu : cpus->children()) {
    const auto id = cpu.reg();
    if (!cpu.name().starts_with("cpu@") || !cpu.enabled() || !id) continue;
    const bool boots = id->base == boot_hart_id;
    if (!boots && count == max_harts) {
      harts_are_left_out = true;
      continue;
    }
    const unsigned hart = boots ? 0 : count++;
    devices.firmware_hart_id[hart] = id->base;
    if (const auto isa = cpu.property("riscv,isa")) hart_isa[hart] = isa->string();
    for (const Node& child : cpu.children()) {
      if (child.compatible_with("riscv,cpu-intc")) {
        controllers[hart] = {hart, number_or(child, "phandle", 0)};
      }
    }
    if (has_extension(cpu, "v")) ++devices.harts_with_vectors;
    if (!boots) continue;
    devices.has_sstc = !in_machine_mode && has_extension(cpu, "sstc");
    if (has_extension(cpu, "zicboz")) {
      devices.zero_block_bytes = number_or(cpu, "riscv,cboz-block-size", 0);
    }
  }
  return count;
}

/// `interrupts-extended` has a pair of cells for each context of the PLIC: the phandle of a hart's
/// interrupt controller, and the interrupt that the context raises there.
void find_plic(const Node& node) {
  devices.plic.window = window_of(node);
  devices.plic.sources = std::min(number_or(node, "riscv,ndev", 0), irq_limit - 1);
  const auto contexts = node.property("interrupts-extended");
  if (!contexts) return;
  for (std::size_t i = 0; 2 * i + 1 < contexts->cell_count(); ++i) {
    if (contexts->cell(2 * i + 1) != CAUSE_EXTERNAL) continue;
    for (const HartController& controller : controllers) {
      if (controller.phandle != 0 && controller.phandle == contexts->cell(2 * i)) {
        devices.plic.context[controller.hart] = static_cast<unsigned>(i);
      }
    }
  }
}

void find_uart(const Node& node) {
  devices.uart = {.window = window_of(node),
                  .register_shift = number_or(node, "reg-shift", 0),
                  .irq = irq_of(node)};
}

void find_virtio(const Node& node) {
  const virtio::MmioWindow found{.window = window_of(node), .irq = irq_of(node)};
  if (!found.window || devices.virtio_count == devices.virtio_windows.size()) return;
  devices.virtio_windows[devices.virtio_count++] = found;
}

constexpr std::size_t range_limit = 32;

struct Ranges {
  std::array<MemoryRange, range_limit> entries{};
  std::size_t count = 0;

  void add(MemoryRange range) {
    if (range.size != 0 && count < entries.size()) entries[count++] = range;
  }
};
constinit Ranges memory, reserved;
constinit unsigned hart_count = 1;

}  // namespace

void find_devices(const DeviceTree& tree, std::uint64_t boot_hart_id) {
  hart_count = find_harts(tree, boot_hart_id);
  for (const Node& node : tree.nodes()) {
    const auto kinds = node.property("compatible");
    if (!kinds || !(kinds->lists("riscv,plic0") || kinds->lists("sifive,plic-1.0.0"))) continue;
    if (node.enabled()) find_plic(node);
  }
  for (const Node& node : tree.nodes()) {
    const auto kinds = node.property("compatible");
    if (!kinds || !node.enabled()) continue;
    if (kinds->lists("virtio,mmio")) {
      find_virtio(node);
    } else if (kinds->lists("ns16550a") && !devices.uart.window) {
      find_uart(node);
    } else if (kinds->lists("sifive,clint0") || kinds->lists("riscv,clint0")) {
      devices.clint = window_of(node);
    } else if (kinds->lists("sifive,test0")) {
      devices.test_finisher = window_of(node);
    } else if (kinds->lists("google,goldfish-rtc")) {
      devices.clock = window_of(node);
      devices.clock_irq = irq_of(node);
    }
  }
  std::ranges::sort(std::span(devices.virtio_windows).first(devices.virtio_count), {},
                    [](const virtio::MmioWindow& at) { return at.window.base; });
}

BootInfo describe_boot(const DeviceTree& tree) {
  BootInfo info{.hart_count = hart_count, .isa = hart_isa};
  if (harts_are_left_out) {
    console_write(std::string_view("cotrap: the machine has more harts than the kernel can use\n"));
  }
  const Node root = tree.root();
  for (const Node& node : root.children()) {
    const auto type = node.property("device_type");
    if (!type || type->string() != "memory") continue;
    for (std::size_t i = 0; const auto range = node.reg(i); ++i) memory.add(*range);
  }
  memory.count = join_ranges(std::span(memory.entries).first(memory.count));
  for (std::size_t i = 0; const auto range = tree.reservation(i); ++i) reserved.add(*range);
  if (const auto parent = tree.find("/reserved-memory")) {
    for (const Node& node : parent->children()) {
      for (std::size_t i = 0; const auto range = node.reg(i); ++i) reserved.add(*range);
    }
  }
  const MemoryRange blob{virt_to_phys(tree.blob().data()), tree.blob().size()};
  const PhysAddr image_begin = virt_to_phys(kernel_start);
  const MemoryRange image{image_begin, virt_to_phys(kernel_end) - image_begin};
  reserved.add(blob);
  reserved.add(image);
  if (const auto chosen = tree.find("/chosen")) {
    if (const auto arguments = chosen->property("bootargs"))
      info.command_line = arguments->string();
    if (const auto seed = chosen->property("rng-seed")) info.random_seed = seed->value();
    const auto start = chosen->property("linux,initrd-start");
    const auto end = chosen->property("linux,initrd-end");
    if (start && end && start->number() && end->number() && *start->number() < *end->number()) {
      const MemoryRange archive{*start->number(), *end->number() - *start->number()};
      const std::array taken{image, blob};
      const std::span ram = std::span(memory.entries).first(memory.count);
      if (const auto trouble = trouble_with_archive(archive, ram, taken); !trouble.empty()) {
        report_archive(trouble);
      } else {
        reserved.add(archive);
        info.initrd = {phys_to_virt(archive.base), archive.size};
      }
    }
  }
  if (info.initrd.empty()) {  // the kernel's image is reserved already
    info.initrd = builtin_archive();
    info.initrd_is_builtin = !info.initrd.empty();
  }
  info.memory = {memory.entries.data(), memory.count};
  info.reserved = {reserved.entries.data(), reserved.count};
  return info;
}

}  // namespace hal::riscv64

std::span<const hal::Window> hal::device_windows() {
  using riscv64::devices;
  static constinit std::array<Window, 4 + virtio::most_mmio_windows> windows;
  windows = {devices.uart.window, devices.plic.window, devices.test_finisher, devices.clock};
  std::size_t count = 4;
  for (const auto& [window, irq] : virtio::mmio_windows()) windows[count++] = window;
  return std::span(windows).first(count);
}

std::span<const hal::virtio::MmioWindow> hal::virtio::mmio_windows() {
  using riscv64::devices;
  return std::span(devices.virtio_windows).first(devices.virtio_count);
}
