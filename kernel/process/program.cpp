#include "process/program.h"

#include <abi/flags.h>
#include <abi/types.h>
#include <kernel/log.h>
#include <trap/program_machine.h>
#include <trap/signal_frame.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/random.h"
#include "files/fetched.h"
#include "files/io_buffer.h"
#include "files/node.h"
#include "files/root.h"
#include "formats/elf.h"
#include "memory/user_memory.h"
#include "process/vdso.h"

namespace kernel {
namespace {

using hal::Access;
using hal::VirtAddr;
using memory::AddressSpace;
using memory::Backing;
using StackWord = std::uint64_t;
using Place = memory::MapRequest::Place;

// Without translation the segments replace parts of an area that has the program's place.
constexpr Place place_of_segments = hal::translates_addresses ? Place::if_free : Place::exactly;

/// Finds room for all segments of a plan, and without translation takes it. Returns the number to
/// add to their addresses.
Result<std::size_t> find_place(AddressSpace& space, const formats::ElfPlan& plan) {
  const VirtAddr planned = plan.segments().front().first_page();
  const std::size_t bytes = plan.end_page() - planned;
  const auto start = space.map({.bytes = bytes, .access = Access::none});
  if (!start) return fail(start.error());
  if constexpr (hal::translates_addresses) {
    if (auto unmapped = space.unmap(*start, bytes); !unmapped) return fail(unmapped.error());
  }
  return *start - planned;
}

/// Maps a segment whose pages are read at their first access: pages of the file, with zeros behind
/// the segment's contents, and then pages of zeros.
Result<> map_paged_segment(AddressSpace& space, const formats::Segment& segment,
                           const ProgramFile& file) {
  const auto offset = static_cast<std::size_t>(segment.contents.data() - file.bytes.data());
  const VirtAddr end_of_file = hal::page_up(segment.start + segment.contents.size());
  const auto map = [&](VirtAddr start, VirtAddr end, Backing backing) -> Result<> {
    if (start >= end) return {};
    const auto mapped = space.map({.address = start,
                                   .bytes = end - start,
                                   .access = segment.access,
                                   .place = place_of_segments,
                                   .backing = std::move(backing)});
    return mapped ? Result<>{} : fail(mapped.error());
  };
  if (!segment.contents.empty()) {
    auto pages = file.paged->pages_until(offset + segment.contents.size());
    if (!pages) return fail(pages.error());
    auto backing = Backing::of_source(std::move(*pages), offset / hal::page_size);
    if (auto mapped = map(segment.first_page(), end_of_file, std::move(backing)); !mapped)
      return mapped;
    return map(end_of_file, segment.end_page(), {});
  }
  return map(segment.first_page(), segment.end_page(), {});
}

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
                                 .place = place_of_segments,
                                 .backing = std::move(backing),
                                 .code = memory::AreaCode::beginning_at(
                                     static_cast<std::uint16_t>(first_instruction_offset))});
  if (!mapped) return fail(mapped.error());
  return {};
}

Result<> map_segments(AddressSpace& space, const formats::ElfPlan& plan, const ProgramFile& file) {
  for (const formats::Segment& segment : plan.segments()) {
    const auto mapped =
        file.paged ? map_paged_segment(space, segment, file) : map_segment(space, segment);
    if (!mapped) return mapped;
  }
  return {};
}

/// The address at which a program is read first. If that is not its place, it is read again.
VirtAddr first_load_bias(AddressSpace& space) {
  return space.user_range().origin() + formats::default_load_bias;
}

/// Where a program's interpreter is.
struct Interpreter {
  VirtAddr load_bias = 0;
  VirtAddr entry = 0;
};

/// Maps the interpreter of a program where there is room. Errors as in load_program().
[[gnu::noinline]] Result<Interpreter> map_interpreter(AddressSpace& space, const PathLookup& lookup,
                                                      const formats::ElfPlan& program) {
  const auto path = formats::interpreter_of(program);
  if (!path) return fail(path.error());
  auto opened = open_executable(lookup, *path);
  if (!opened) return fail(opened.error());
  const auto file = program_file(lookup, std::move(*opened));
  if (!file) return fail(file.error());
  auto plan = formats::read_elf(file->bytes, first_load_bias(space), file->present);
  if (!plan) return fail(Errno::elibbad);
  if (plan->load_bias != 0) {
    const auto distance = find_place(space, *plan);
    if (!distance) return fail(distance.error());
    plan = formats::read_elf(file->bytes, plan->load_bias + *distance, file->present);
    if (!plan) return fail(Errno::elibbad);
  }
  if (auto mapped = map_segments(space, *plan, *file); !mapped) return fail(mapped.error());
  return Interpreter{.load_bias = plan->load_bias, .entry = plan->entry};
}

/// Maps the stack above a guard page, which makes an overflow a fault. Returns the top of the
/// stack. If the usual place is taken by segments, the stack is mapped elsewhere.
Result<VirtAddr> map_stack(AddressSpace& space, std::size_t bytes, bool executable) {
  const Access access =
      Access::read | Access::write | (executable ? Access::execute : Access::none);
  const std::size_t with_guard = hal::page_up(bytes) + hal::page_size;
  const auto bottom = space.map({.address = space.stack_top() - vdso::bytes - with_guard,
                                 .bytes = with_guard,
                                 .access = access,
                                 .place = Place::anywhere});
  if (!bottom) return bottom;
  if (auto guarded = space.protect(*bottom, hal::page_size, Access::none); !guarded) {
    return fail(guarded.error());
  }
  return *bottom + with_guard;
}

/// Writes data to the stack from the top down.
class Downward {
 public:
  Downward(memory::AddressSpace& space, VirtAddr top) : space_{space}, at_{top} {}

  Result<VirtAddr> put(std::span<const std::byte> bytes, std::size_t alignment = 1) {
    at_ = (at_ - bytes.size()) & ~(alignment - 1);
    if (auto done = memory::copy_to_user(space_, at_, bytes.data(), bytes.size()); !done) {
      return fail(done.error());
    }
    return at_;
  }
  Result<VirtAddr> put_string(std::string_view text) {
    constexpr char zero = '\0';
    return put(std::as_bytes(std::span{&zero, 1})).and_then([&](VirtAddr) {
      return put(std::as_bytes(std::span{text}));
    });
  }

 private:
  memory::AddressSpace& space_;
  VirtAddr at_;
};

/// The table at the stack pointer: argc, argv, 0, envp, 0, auxiliary vector.
class Table {
 public:
  static constexpr std::size_t aux_entries = 24;

  explicit Table(const ProgramArguments& arguments)
      : words_{new StackWord[2 * aux_entries + arguments.argument_count() +
                             arguments.environment_count() + 3]} {}

  void add(StackWord word) { words_[size_++] = word; }
  void add_aux(StackWord tag, StackWord value) {
    add(tag);
    add(value);
  }
  /// Adds pointers to the first `count` of `strings`, whose first one is at `address`, and a null
  /// pointer. Returns the rest of `strings`, and moves `address` there.
  std::string_view add_pointers(std::string_view strings, VirtAddr& address, std::size_t count) {
    for (; count > 0; --count) {
      const std::size_t length = strings.find('\0') + 1;
      add(address);
      address += length;
      strings.remove_prefix(length);
    }
    add(0);
    return strings;
  }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span{words_.get(), size_}); }

 private:
  std::unique_ptr<StackWord[]> words_;
  std::size_t size_ = 0;
};

/// Builds the stack that a program finds when it starts: writes argc, argv, envp, the auxiliary
/// vector and what they point to below `top`, laid out as Linux does. Returns the stack pointer,
/// 16-aligned. `interpreter`: its load bias, or 0. (System V ABI, "Process Initialization";
/// getauxval(3) for the tags.) ENOMEM, EFAULT.
Result<VirtAddr> build_startup_stack(memory::AddressSpace& space, VirtAddr top,
                                     const formats::ElfPlan& plan, VirtAddr interpreter,
                                     std::string_view path, const ProgramArguments& arguments) {
  Downward stack{space, top - sizeof(StackWord)};
  std::array<std::byte, 16> random;
  fill_random(random);

  const auto path_at = stack.put_string(path);
  if (!path_at) return path_at;
  const auto strings_at = stack.put(std::as_bytes(std::span{arguments.strings()}));
  if (!strings_at) return strings_at;
  const auto platform_at = stack.put_string(trap::program_machine::name);
  if (!platform_at) return platform_at;
  const auto random_at = stack.put(random, alignof(StackWord));
  if (!random_at) return random_at;

  Table table{arguments};
  VirtAddr string_at = *strings_at;
  table.add(arguments.argument_count());
  const auto rest = table.add_pointers(arguments.strings(), string_at, arguments.argument_count());
  table.add_pointers(rest, string_at, arguments.environment_count());
  table.add_aux(abi::at_phdr, plan.program_headers);
  table.add_aux(abi::at_phent, plan.program_header_bytes);
  table.add_aux(abi::at_phnum, plan.program_header_count);
  table.add_aux(abi::at_pagesz, hal::page_size);
  table.add_aux(abi::at_base, interpreter);
  table.add_aux(abi::at_flags, 0);
  table.add_aux(abi::at_entry, plan.entry);
  for (const StackWord id : {abi::at_uid, abi::at_euid, abi::at_gid, abi::at_egid}) {
    table.add_aux(id, 0);
  }
  table.add_aux(abi::at_hwcap, trap::program_machine::hardware_capabilities());
  if (const StackWord frame = trap::SignalFrame::most_bytes(); frame != 0)
    table.add_aux(abi::at_minsigstksz, frame);
  table.add_aux(abi::at_clktck, 100);
  table.add_aux(abi::at_secure, 0);
  table.add_aux(abi::at_random, *random_at);
  table.add_aux(abi::at_platform, *platform_at);
  table.add_aux(abi::at_execfn, *path_at);
  if (vdso::bytes != 0) table.add_aux(abi::at_sysinfo_ehdr, space.stack_top() - vdso::bytes);
  if (const StackWord entry = trap::program_machine::syscall_entry(); entry != 0) {
    table.add_aux(abi::at_sysinfo, entry);
  }
  table.add_aux(abi::at_null, 0);
  return stack.put(table.bytes(), 16);
}

}  // namespace

bool ProgramArguments::replace_first(std::string_view interpreter,
                                     std::optional<std::string_view> argument,
                                     std::string_view script) {
  const std::size_t old_bytes = strings().find('\0') + 1;
  const std::size_t argument_bytes = argument ? argument->size() + 1 : 0;
  const std::size_t bytes = interpreter.size() + 1 + argument_bytes + script.size() + 1;
  const std::size_t added_pointers = argument ? 2 : 1;
  if (bytes > old_bytes && bytes - old_bytes + added_pointers * sizeof(void*) > room().size())
    return false;
  char* to = storage_.get();
  std::memmove(to + bytes, to + old_bytes, size_ - old_bytes);
  size_ += bytes - old_bytes;
  const auto put = [&](std::string_view text) {
    to = std::ranges::copy(text, to).out;
    *to++ = '\0';
  };
  put(interpreter);
  if (argument) put(*argument);
  put(script);
  argument_count_ += added_pointers;
  return true;
}

/// program_file() of a file in memory whose contents may change. Its start is copied, so that all
/// checks see the same bytes.
[[gnu::noinline]] static Result<ProgramFile> copied_start(Ref<File> file) {
  if (memory::AreaCode::has_state) return fail(Errno::eacces);
  if (const auto pages = file->pages_until(0); !pages)
    return fail(pages.error() == Errno::enodev ? Errno::eacces : pages.error());
  if (file->node()->has_writers()) return fail(Errno::etxtbsy);
  if (!memory::can_allocate(Fetched::bytes_of_start)) return fail(Errno::enomem);
  auto start = std::make_unique<std::byte[]>(Fetched::bytes_of_start);
  IoBuffer buffer{std::span{start.get(), Fetched::bytes_of_start}};
  const auto present = file->read_at(0, buffer);
  if (!present) return fail(present.error());
  const std::span bytes{start.get(), std::max<std::size_t>(file->node()->size(), *present)};
  return ProgramFile{bytes, *present, std::move(file), std::move(start)};
}

Result<ProgramFile> program_file(const PathLookup& lookup, Ref<File> file) {
  if (const auto bytes = file->bytes()) return ProgramFile{*bytes, bytes->size()};
  Node* const node = file->node();
  if (!hal::translates_addresses || node == nullptr) return fail(Errno::eacces);
  if (!node->is_remote()) return copied_start(std::move(file));
  const auto start = lookup.fetched->start(*file);
  if (!start) return fail(start.error());
  const std::size_t size = std::max<std::size_t>(node->size(), start->size());
  return ProgramFile{{start->data(), size}, start->size(), std::move(file)};
}

Result<Program> load_program(const PathLookup& lookup, const ProgramFile& file,
                             std::string_view path, const ProgramArguments& arguments,
                             std::size_t stack_bytes) {
  auto space = AddressSpace::create();
  if (!space) return fail(space.error());
  auto plan = formats::read_elf(file.bytes, first_load_bias(**space), file.present);
  if (!plan) return fail(plan.error());
  if constexpr (!hal::translates_addresses) {
    if (plan->load_bias == 0) {
      log("{} is not position independent, and this machine has no MMU: link it with -static-pie",
          path);
      return fail(Errno::enoexec);
    }
    const auto distance = find_place(**space, *plan);
    if (!distance) return fail(distance.error());
    plan = formats::read_elf(file.bytes, plan->load_bias + *distance, file.present);
    if (!plan) return fail(plan.error());
  }
  if (auto mapped = map_segments(**space, *plan, file); !mapped) return fail(mapped.error());
  (*space)->set_break_start(plan->end_page());
  const auto top = map_stack(**space, stack_bytes, plan->executable_stack);
  if (!top) return fail(top.error());
  Result<Interpreter> interpreter{};
  if (plan->has_interpreter) interpreter = map_interpreter(**space, lookup, *plan);
  if (!interpreter) return fail(interpreter.error());
  const auto stack =
      build_startup_stack(**space, *top, *plan, interpreter->load_bias, path, arguments);
  if (!stack) return fail(stack.error());
  const VirtAddr entry = plan->has_interpreter ? interpreter->entry : plan->entry;
  return Program{.space = std::move(*space), .entry = entry, .stack = *stack};
}

trap::UserContext Program::start() const {
  trap::UserContext context;
  context.set_program_counter(entry);
  context.set_stack(stack);
  trap::program_machine::prepare(context);
  return context;
}

}  // namespace kernel
