#include "local_apic.h"

#include <hal/interrupts.h>
#include <hal/machine/msr.h>
#include <hal/memory_map.h>

#include <hal/machine/vectors.h>
#include "ports.h"

namespace hal::pc::apic {
namespace {

constexpr PhysAddr registers = 0xfee0'0000;
constexpr std::size_t bytes_apart = 16;

constinit bool is_x2apic = false;

Msr msr_of(Register which) {
  return Msr{static_cast<std::uint32_t>(Msr::x2apic) + static_cast<std::uint32_t>(which)};
}

Window memory_mapped() {
  return {reinterpret_cast<std::uintptr_t>(phys_to_virt(registers)), page_size};
}

std::size_t offset_of(Register which) {
  return static_cast<std::size_t>(which) * bytes_apart;
}

}  // namespace

void write(Register which, std::uint32_t value) {
  if (is_x2apic) return write_msr(msr_of(which), value);
  memory_mapped().write<std::uint32_t>(offset_of(which), value);
}

std::uint32_t read(Register which) {
  if (is_x2apic) return static_cast<std::uint32_t>(read_msr(msr_of(which)));
  return memory_mapped().read<std::uint32_t>(offset_of(which));
}

void choose_mode() {
  constexpr std::uint32_t x2apic = 1 << 21;
  is_x2apic = (cpuid(1).c & x2apic) != 0;
}

Window window() {
  return is_x2apic ? Window{} : memory_mapped();
}

void start() {
  constexpr std::uint64_t enabled = 1 << 11, extended = 1 << 10;
  constexpr std::uint32_t masked = 1 << 16, software_enabled = 1 << 8;
  // The first PCs' interrupt controllers (8259A) are still there: mask all their lines.
  write_port(0x21, 0xff);
  write_port(0xa1, 0xff);
  write_msr(Msr::apic_base, read_msr(Msr::apic_base) | enabled);
  if (is_x2apic) write_msr(Msr::apic_base, read_msr(Msr::apic_base) | extended);
  write(Register::task_priority, 0);
  write(Register::timer_entry, masked);
  write(Register::line_0_entry, masked);
  write(Register::line_1_entry, masked);
  write(Register::error_status, 0);
  write(Register::error_entry, VECTOR_ERROR);
  write(Register::spurious, software_enabled | VECTOR_SPURIOUS);
}

std::uint32_t own_id() {
  return is_x2apic ? cpuid(0xb).d : cpuid(1).b >> 24;
}

void send(std::uint32_t id, Delivery delivery, unsigned vector) {
  constexpr std::uint32_t assert_level = 1 << 14, is_sending = 1 << 12;
  const std::uint32_t low = assert_level | static_cast<std::uint32_t>(delivery) << 8 | vector;
  // A write of a model-specific register does not wait for earlier stores.
  asm volatile("mfence\n\tlfence" ::: "memory");
  if (is_x2apic) return write_msr(msr_of(Register::command), std::uint64_t{id} << 32 | low);
  const InterruptGuard guard;  // nothing may send between the two writes
  while ((read(Register::command) & is_sending) != 0) asm volatile("pause");
  write(Register::command_high, id << 24);
  write(Register::command, low);
}

}  // namespace hal::pc::apic
