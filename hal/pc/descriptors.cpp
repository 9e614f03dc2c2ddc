#include "descriptors.h"

#include <hal/hart.h>
#include <hal/machine/gates.h>
#include <hal/machine/vectors.h>

#include <array>
#include <cstddef>

#include "stacks.h"

extern "C" const char interrupt_gates[], exception_gates[], nmi_gate[];  // gates.S

namespace hal::pc {
namespace {

/// A task state segment: the stacks for other privilege levels, and those of gates with an IST
/// number.
struct [[gnu::packed]] TaskState {
  std::uint32_t reserved0;
  std::uint64_t stack_of_level[3];
  std::uint64_t reserved1;
  std::uint64_t interrupt_stack[7];  ///< by IST number - 1
  std::uint64_t reserved2;
  std::uint16_t reserved3;
  std::uint16_t port_map;  ///< offset of the permissions for ports; none beyond the segment's end
};
static_assert(sizeof(TaskState) == 104);

enum Stack : std::uint8_t { current = 0, of_nmi = 1, emergency = 2 };  // IST numbers

struct Gate {
  std::uint64_t low, high;

  /// `for_programs`: a program may use the gate by an instruction.
  static Gate to(const char* code, Stack stack, bool for_programs = false) {
    const std::uint64_t present_interrupt_gate = for_programs ? 0xee : 0x8e;  // masks interrupts
    const auto address = reinterpret_cast<std::uint64_t>(code);
    return {.low = (address & 0xffff) | std::uint64_t{kernel_code} << 16 |
                   std::uint64_t{stack} << 32 | present_interrupt_gate << 40 |
                   (address >> 16 & 0xffff) << 48,
            .high = address >> 32};
  }
};

struct alignas(64) Descriptors {
  std::array<std::uint64_t, 8> segments;
  TaskState task;
};
constinit std::array<Descriptors, max_harts> descriptors{};
constinit std::array<Gate, VECTORS> gates{};

struct [[gnu::packed]] TablePointer {
  std::uint16_t limit;
  const void* table;
};

/// The first words of a TSS descriptor: it has 16 bytes.
std::array<std::uint64_t, 2> descriptor_of(const TaskState& task) {
  constexpr std::uint64_t present_free_task = 0x89;
  const auto address = reinterpret_cast<std::uint64_t>(&task);
  return {(sizeof(TaskState) - 1) | (address & 0xff'ffff) << 16 | present_free_task << 40 |
              (address >> 24 & 0xff) << 56,
          address >> 32};
}

/// Puts a word on the stack that ends at `top`. A gate finds it above the registers that the
/// processor pushes. Returns the stack's new end.
VirtAddr put_on_stack(VirtAddr top, std::uint64_t word) {
  constexpr VirtAddr alignment = 16;
  *reinterpret_cast<std::uint64_t*>(top - alignment) = word;
  return top - alignment;
}

std::uint64_t own_fs() {
  std::uint64_t base;
  asm("movq %%fs:0, %0" : "=r"(base));
  return base;
}

}  // namespace

constinit thread_local void* trap_stack = nullptr;

void use_gates(const char* exceptions, const char* interrupts) {
  const auto at = [](const char* first, unsigned number) {
    return first + number * std::size_t{GATE_BYTES};
  };
  for (unsigned vector = 0; vector < FIRST_INTERRUPT; ++vector)
    gates[vector] = Gate::to(at(exceptions, vector), current);
  for (unsigned vector = FIRST_INTERRUPT; vector < VECTORS; ++vector)
    gates[vector] = Gate::to(at(interrupts, vector - FIRST_INTERRUPT), current);
  for (const unsigned vector : {VECTOR_DOUBLE_FAULT, VECTOR_MACHINE_CHECK})
    gates[vector] = Gate::to(at(exceptions, vector), emergency);
  gates[VECTOR_BREAKPOINT] = Gate::to(at(exceptions, VECTOR_BREAKPOINT), current, true);
  gates[VECTOR_NMI] = Gate::to(nmi_gate, of_nmi);
}

void load_descriptors(unsigned hart, VirtAddr nmi_stack_top, VirtAddr emergency_stack_top) {
  if (hart == 0) use_gates(exception_gates, interrupt_gates);
  hal_emergency_stack = put_on_stack(emergency_stack_top, own_fs());

  auto& [segments, task_state] = descriptors[hart];
  trap_stack = &task_state.stack_of_level[0];
  task_state.interrupt_stack[of_nmi - 1] = put_on_stack(nmi_stack_top, hart);
  task_state.interrupt_stack[emergency - 1] = hal_emergency_stack;
  task_state.port_map = sizeof(TaskState);
  const auto task_descriptor = descriptor_of(task_state);
  segments = {0,
              0x00af'9b00'0000'ffff,  // kernel_code: 64 bits
              0x00cf'9300'0000'ffff,  // kernel_data
              0,                      // code of 32 bits, for which sysret has a place
              0x00cf'f300'0000'ffff,  // user_data
              0x00af'fb00'0000'ffff,  // user_code: 64 bits
              task_descriptor[0],
              task_descriptor[1]};

  const TablePointer segment_table{sizeof(segments) - 1, segments.data()};
  const TablePointer gate_table{sizeof(gates) - 1, gates.data()};
  asm volatile("lgdt %0" : : "m"(segment_table));
  asm volatile("lidt %0" : : "m"(gate_table));
  // A far return is the way to load CS. A load of FS or GS would clear its base address.
  asm volatile(
      "pushq %0\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "lretq\n"
      "1:\n\t"
      "movw %w1, %%ds\n\t"
      "movw %w1, %%es\n\t"
      "movw %w1, %%ss\n\t"
      "ltr %w2"
      :
      : "i"(std::uint64_t{kernel_code}), "r"(std::uint64_t{kernel_data}), "r"(std::uint64_t{task})
      : "rax", "memory");
}

}  // namespace hal::pc
