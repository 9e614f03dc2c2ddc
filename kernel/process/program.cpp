#include "process/program.h"

#include <trap/program_machine.h>

#include "formats/elf.h"
#include "process/startup_stack.h"

namespace kernel {
namespace {

using hal::Access;
using hal::VirtAddr;
using memory::AddressSpace;
using memory::Backing;
using Place = memory::MapRequest::Place;

Result<> map_segment(AddressSpace& space, const formats::Segment& segment) {
  // An area starts at a page boundary. Its backing therefore begins with the bytes of the file that
  // precede the segment's contents: file offset and address are equal modulo the page size.
  const std::size_t first_instruction_offset = segment.start - segment.first_page();
  Backing backing{};
  if (!segment.contents.empty()) {
    backing = Backing::of_segment({segment.contents.data() - first_instruction_offset,
                                   segment.contents.size() + first_instruction_offset});
  }
  const auto mapped = space.map({.address = segment.first_page(),
                                 .bytes = segment.end_page() - segment.first_page(),
                                 .access = segment.access,
                                 .place = Place::if_free,
                                 .backing = std::move(backing),
                                 .code = memory::AreaCode::beginning_at(
                                     static_cast<std::uint16_t>(first_instruction_offset))});
  if (!mapped) return fail(mapped.error());
  return {};
}

/// Maps the stack above a guard page, which makes an overflow a fault. Returns the top of the
/// stack. If the usual place is taken by segments, the stack is mapped elsewhere.
Result<VirtAddr> map_stack(AddressSpace& space, std::size_t bytes, bool executable) {
  const Access access =
      Access::read | Access::write | (executable ? Access::execute : Access::none);
  const std::size_t with_guard = hal::page_up(bytes) + hal::page_size;
  const auto bottom = space.map({.address = space.stack_top() - with_guard,
                                 .bytes = with_guard,
                                 .access = access,
                                 .place = Place::anywhere});
  if (!bottom) return bottom;
  if (auto guarded = space.protect(*bottom, hal::page_size, Access::none); !guarded) {
    return fail(guarded.error());
  }
  return *bottom + with_guard;
}

}  // namespace

Result<Program> load_program(std::span<const std::byte> file, std::string_view path,
                             const ProgramArguments& arguments, std::size_t stack_bytes) {
  auto space = AddressSpace::create();
  if (!space) return fail(space.error());
  const hal::VirtAddr load_bias = (*space)->user_range().origin() + formats::default_load_bias;
  const auto plan = formats::read_elf(file, load_bias);
  if (!plan) return fail(plan.error());
  for (const formats::Segment& segment : plan->segments()) {
    if (auto mapped = map_segment(**space, segment); !mapped) return fail(mapped.error());
  }
  (*space)->set_break_start(plan->end_page());
  const auto top = map_stack(**space, stack_bytes, plan->executable_stack);
  if (!top) return fail(top.error());
  const auto stack = build_startup_stack(**space, *top, *plan, path, arguments);
  if (!stack) return fail(stack.error());
  Program program{.space = std::move(*space)};
  program.start.set_program_counter(plan->entry);
  program.start.set_stack(*stack);
  trap::program_machine::prepare(program.start);
  return program;
}

}  // namespace kernel
