// The boot hart's first C++ code: it makes a BootInfo from what QEMU and the firmware passed.
//
// It runs on the boot page table (entry.S), which maps the first physical memory.

#include <hal/boot.h>
#include <hal/builtin_archive.h>
#include <hal/console.h>
#include <hal/hart.h>
#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>
#include <hal/power.h>
#include <hal/timer.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "archive_place.h"
#include "descriptors.h"
#include "device_windows.h"
#include "devices.h"
#include "hart_start_layout.h"
#include "interrupts.h"
#include "keyboard.h"
#include "local_apic.h"
#include "page_contents.h"
#include "processor.h"
#include "serial_port.h"
#include "stacks.h"
#include "start_info.h"
#include "timer.h"
#include "virtio_pci.h"
#include "wall_clock.h"

extern "C" {  // kernel.ld
extern void (*const kernel_init_array_start[])();
extern void (*const kernel_init_array_end[])();
extern const char kernel_start[], kernel_end[];
extern char emergency_stack_top[];
}

constinit thread_local hal::VirtAddr hal_emergency_stack = 0;

namespace hal {

constinit thread_local unsigned this_hart_index = 0;
constinit thread_local bool this_hart_smp_active = false;

namespace pc {

constinit Devices devices;

namespace {

alignas(16) constinit std::array<std::byte, page_size> nmi_stack{};

[[noreturn]] void give_up(std::string_view why, std::string_view what = {}) {
  console_write(why);
  console_write(what);
  console_write(std::string_view("\n"));
  power_off(1);
}

/// The size of the physical memory that the boot page table maps (entry.S).
std::uint64_t mapped_at_boot() {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  return hal::largest_page_level() == 2 ? 512 * gib : 4 * gib;
}

/// Memory below 4 GiB, where firmware puts its tables.
std::span<const std::byte> low_memory(std::uint64_t address, std::size_t bytes) {
  constexpr std::uint64_t mapped = std::uint64_t{4} << 30;
  if (address == 0 || address >= mapped || bytes > mapped - address) return {};
  return {phys_to_virt(address), bytes};
}

void start_serial_port() {
  constexpr unsigned data = 0, line_control = 3, modem_control = 4, line_status = 5;
  constexpr std::uint8_t bits_8_no_parity = 3, raises_interrupts = 1 << 3, data_ready = 1 << 0;
  const serial::Port port = serial::port();
  port.write(line_control, bits_8_no_parity);
  port.write(modem_control, raises_interrupts);
  serial::start();
  // The start has emptied the FIFO. QEMU sends further bytes only after a read of the data
  // register.
  if ((port.read(line_status) & data_ready) == 0) port.read(data);
}

std::optional<acpi::Tables> find_tables(std::uint64_t rsdp) {
  if (auto tables = acpi::Tables::open(low_memory, rsdp)) return tables;
  constexpr std::uint64_t area = 0xe0000, area_bytes = 0x20000;  // where a BIOS puts the pointer
  const auto found = acpi::find_rsdp(low_memory(area, area_bytes));
  return found ? acpi::Tables::open(low_memory, area + *found) : std::nullopt;
}

/// The boot hart is 0; the others follow in the table's order. Returns their number. An entry of an
/// I/O APIC has 8 bits for the identifier of a hart's APIC, of which 255 stands for all of them.
unsigned number_harts(std::span<const std::uint32_t> apic_ids) {
  const std::uint32_t own = apic::own_id();
  devices.apic_id[0] = own;
  constexpr std::uint32_t highest = 254;
  if (own > highest) give_up("cotrap: the boot processor's APIC has an identifier above 254");
  unsigned count = 1;
  for (const std::uint32_t id : apic_ids) {
    if (id == own || count == max_harts) continue;
    if (id <= highest) {
      devices.apic_id[count++] = id;
    } else {
      console_write(std::string_view(
          "cotrap: a processor is left out: its APIC has an identifier above 254\n"));
    }
  }
  return count;
}

void find_io_apics(const acpi::Interrupts& found) {
  constexpr std::size_t window_bytes = 0x20;
  constexpr PhysAddr lowest = 0xf000'0000;  // below it there may be RAM
  for (const auto& [address, first_line] :
       std::span(found.controllers).first(found.controller_count)) {
    if (address < lowest || address % page_size != 0) {
      console_write(std::string_view("cotrap: an I/O APIC is left out: its address is wrong\n"));
      continue;
    }
    const Window window{reinterpret_cast<std::uintptr_t>(phys_to_virt(address)), window_bytes};
    devices.io_apics[devices.io_apic_count++] = {
        .window = window, .first_line = first_line, .lines = io_apic_lines(window)};
  }
  devices.overrides = found.overrides;
  for (unsigned* const line : {&devices.serial_line, &devices.keyboard_line}) {
    const auto& isa = found.overrides[*line];
    if (!isa) continue;
    *line = isa->line;
    if (isa->line < irq_limit) devices.active_low.set(isa->line, isa->active_low.value_or(false));
  }
}

void report_damaged(std::string_view signature) {
  console_write(std::string_view("cotrap: the firmware's table "));
  console_write(signature);
  console_write(std::string_view(" has a wrong length or checksum: it is left out\n"));
}

/// Returns the number of harts.
unsigned find_devices(const acpi::Tables& tables) {
  static constinit acpi::Interrupts found;
  tables.for_each_damaged(report_damaged);
  const auto madt = tables.find("APIC");
  if (!madt) give_up("cotrap: the firmware has no valid table of interrupt controllers (MADT)");
  acpi::read_interrupts(*madt, found);
  find_io_apics(found);
  if (const auto fadt = tables.find("FACP")) {
    const auto address = acpi::address_of_dsdt(*fadt);
    const auto dsdt = address ? tables.table_at(*address) : std::nullopt;
    if (address && !dsdt) report_damaged("DSDT");
    if (dsdt) devices.soft_off = acpi::read_soft_off(*fadt, *dsdt);
    devices.may_have_keyboard = acpi::may_have_keyboard_controller(*fadt);
  }
  if (found.processor_count > max_harts)
    console_write(std::string_view(
        "cotrap: the machine has more than 64 processors: the kernel uses 64 of them\n"));
  return number_harts(found.processors());
}

constinit std::array<MemoryRange, 64> memory{};
constinit std::array<MemoryRange, 8> reserved{};
constinit std::size_t reserved_count = 0;

void reserve(PhysAddr base, std::size_t size) {
  if (size != 0) reserved[reserved_count++] = {base, size};
}

BootInfo describe_boot(const StartInfo& start, unsigned harts) {
  BootInfo info{.hart_count = harts};
  const auto all = start.memory(memory);
  if (all.empty()) give_up("cotrap: the start information has no memory map");
  if (all.back().end() > mapped_at_boot()) {
    console_write(std::string_view(
        "cotrap: memory is left out: the kernel cannot use all of it before it has page tables\n"));
  }
  const auto ranges = start.memory(memory, mapped_at_boot());
  info.memory = ranges;
  info.command_line = start.command_line();
  const PhysAddr image = virt_to_phys(kernel_start);
  reserve(image, virt_to_phys(kernel_end) - image);
  reserve(HART_START_PAGE, page_size);
  const auto own = start.own_ranges();
  for (const MemoryRange& range : own) reserve(range.base, range.size);
  auto archive = start.archive();
  if (archive) {
    const auto taken = std::span(reserved).first(reserved_count);
    if (const auto trouble = trouble_with_archive(*archive, ranges, taken); !trouble.empty()) {
      report_archive(trouble);
      archive.reset();
    }
  }
  if (archive) {
    reserve(archive->base, archive->size);
    info.initrd = {phys_to_virt(archive->base), archive->size};
  } else {
    info.initrd = builtin_archive();
    info.initrd_is_builtin = !info.initrd.empty();
  }
  info.reserved = std::span(reserved).first(reserved_count);
  static constinit std::array<std::byte, 32> seed{};
  if (read_random(seed)) info.random_seed = seed;
  constexpr std::uint64_t ns_per_second = 1'000'000'000;
  if (const std::int64_t seconds = read_wall_clock(); seconds > 0)
    info.wall_clock_ns = static_cast<std::uint64_t>(seconds) * ns_per_second - now_ns();
  return info;
}

}  // namespace
}  // namespace pc

std::span<const Window> device_windows() {
  using pc::devices;
  static constinit std::array<Window, 128> windows;
  std::size_t count = 0;
  for (std::size_t i = 0; i < devices.io_apic_count; ++i)
    windows[count++] = devices.io_apics[i].window;
  windows[count++] = pc::apic::window();
  for (const Window& window : pc::virtio_windows()) windows[count++] = window;
  return std::span(windows).first(count);
}

}  // namespace hal

/// Called by entry.S with the physical address of the start information.
extern "C" [[noreturn]] void hal_start(hal::PhysAddr start_info) {
  using namespace hal;
  using namespace hal::pc;
  start_clock();
  load_descriptors(0, reinterpret_cast<VirtAddr>(nmi_stack.data() + nmi_stack.size()),
                   reinterpret_cast<VirtAddr>(emergency_stack_top));
  if (const std::string_view missing = find_features(); !missing.empty())
    give_up("cotrap: the processor lacks what the kernel needs: ", missing);
  enable_features();
  apic::choose_mode();
  const auto start = StartInfo::open(low_memory, start_info);
  if (!start) give_up("cotrap: the kernel was not started by the PVH boot protocol");
  const auto tables = find_tables(start->rsdp());
  if (!tables) give_up("cotrap: the firmware has no valid ACPI tables");
  const unsigned harts = find_devices(*tables);
  mask_lines();
  start_serial_port();
  apic::start();
  if (!timer_init()) give_up("cotrap: the 8254 timer does not count");
  timer_start_on_hart();
  start_keyboard();
  choose_page_instructions();
  for (auto* constructor = kernel_init_array_start; constructor != kernel_init_array_end;
       ++constructor) {
    (*constructor)();
  }
  const BootInfo info = describe_boot(*start, harts);
  find_virtio_devices(*tables, info.memory);
  kernel_main(info);
}
