#include "process/program.h"

#include <abi/flags.h>
#include <abi/restartable.h>
#include <abi/types.h>
#include <kernel/log.h>
#include <trap/program_machine.h>
#include <trap/signal_frame.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

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

}  // namespace

// ── Arguments ────────────────────────────────────────────────────────────────────────────────────

Result<> ProgramArguments::make_room() {
  constexpr std::size_t usual_bytes = 2048;  // enough for most programs
  const bool has_first = first_.capacity != 0;
  const std::size_t before = room().size();
  if (has_first && (before == left_ || before >= longest_string)) return fail(Errno::e2big);
  const std::size_t size = has_first ? longest_string : usual_bytes;
  const bool has_memory =
      size <= hal::page_size ? memory::can_allocate(size) : memory::can_allocate_contiguous(size);
  if (!has_memory) return fail(Errno::enomem);
  Piece made{.bytes = std::make_unique_for_overwrite<char[]>(size), .capacity = size};
  if (first_.size == 0) {
    first_ = std::move(made);
  } else {
    pieces_.push_back(std::move(made));
  }
  return {};
}

Result<> ProgramArguments::add(std::string_view text) {
  while (text.size() >= room().size()) {
    if (auto made = make_room(); !made) return made;
  }
  text.copy(room().data(), text.size());
  take(text.size());
  return {};
}

Result<> ProgramArguments::add_argument(std::string_view text) {
  auto added = add(text);
  if (added) ++argument_count_;
  return added;
}

Result<> ProgramArguments::add_environment(std::string_view text) {
  auto added = add(text);
  if (added) ++environment_count_;
  return added;
}

bool ProgramArguments::replace_first(std::string_view interpreter,
                                     std::optional<std::string_view> argument,
                                     std::string_view script) {
  std::string front{interpreter};
  front += '\0';
  if (argument) (front += *argument) += '\0';
  (front += script) += '\0';
  const std::size_t added_pointers = argument ? 2 : 1;
  const bool is_first = front_.empty();
  const std::size_t old_bytes = (is_first ? piece(1) : piece(0)).find('\0') + 1;
  const std::size_t needed = front.size() + added_pointers * sizeof(void*);
  if (needed > left_ + old_bytes) return false;
  taken_by_front_ += needed - old_bytes;  // may wrap around
  left_ -= needed - old_bytes;
  if (is_first) {
    replaced_bytes_ = old_bytes;
  } else {
    front_.erase(0, old_bytes);
  }
  front_.insert(0, front);
  added_arguments_ += added_pointers;
  return true;
}

void ProgramArguments::restore_first() {
  if (front_.empty()) return;
  front_.clear();
  left_ += std::exchange(taken_by_front_, 0);
  replaced_bytes_ = 0;
  added_arguments_ = 0;
}

std::string_view ProgramArguments::piece(std::size_t index) const {
  if (index == 0) return front_;
  const Piece& piece = index == 1 ? first_ : pieces_[index - 2];
  const std::string_view all{piece.bytes.get(), piece.size};
  return index == 1 ? all.substr(replaced_bytes_) : all;
}

// ── The stack ────────────────────────────────────────────────────────────────────────────────────

Result<> StartupStack::put(AddressSpace& space, std::span<const std::byte> bytes,
                           std::size_t alignment) {
  if (bytes.empty()) return {};
  at_ = (at_ - bytes.size()) & ~(alignment - 1);
  return memory::copy_to_user(space, at_, bytes.data(), bytes.size());
}

// Does not write the zero behind the text: new pages of a stack have zeros.
Result<> StartupStack::put_string(AddressSpace& space, std::string_view text) {
  --at_;
  return put(space, std::as_bytes(std::span{text}));
}

Result<bool> StartupStack::step(AddressSpace& space, std::string_view path,
                                const ProgramArguments& arguments) {
  if (path_ == 0) {
    at_ -= sizeof(StackWord);
    if (auto done = put_string(space, path); !done) return fail(done.error());
    path_ = at_;
  }
  while (pieces_put_ < arguments.piece_count()) {
    const std::string_view piece = arguments.piece(arguments.piece_count() - 1 - pieces_put_);
    if (auto done = put(space, std::as_bytes(std::span{piece})); !done) return fail(done.error());
    ++pieces_put_;
    if (piece.size() > hal::page_size) return false;
  }
  if (table_ == 0) {
    if (auto begun = begin_table(space, arguments); !begun) return fail(begun.error());
  }
  return write_table(space, arguments);
}

Result<> StartupStack::begin_table(AddressSpace& space, const ProgramArguments& arguments) {
  string_ = at_;
  struct {
    std::array<std::byte, 16> random;
    std::array<char, trap::program_machine::name.size() + 1> platform{};
  } texts;
  fill_random(texts.random);
  std::ranges::copy(trap::program_machine::name, texts.platform.begin());
  if (auto done = put(space, std::as_bytes(std::span{&texts, 1}), alignof(StackWord)); !done)
    return done;
  const VirtAddr random_at = at_;
  const VirtAddr platform_at = at_ + sizeof texts.random;

  StackWord* next = aux_.data();
  const auto add = [&next](StackWord tag, StackWord value) {
    *next++ = tag;
    *next++ = value;
  };
  add(abi::at_phdr, facts_.program_headers);
  add(abi::at_phent, facts_.header_bytes);
  add(abi::at_phnum, facts_.header_count);
  add(abi::at_pagesz, hal::page_size);
  add(abi::at_base, facts_.interpreter);
  add(abi::at_flags, 0);
  add(abi::at_entry, facts_.entry);
  for (const StackWord id : {abi::at_uid, abi::at_euid, abi::at_gid, abi::at_egid}) add(id, 0);
  add(abi::at_hwcap, trap::program_machine::hardware_capabilities());
  if (const StackWord frame = trap::SignalFrame::most_bytes(); frame != 0)
    add(abi::at_minsigstksz, frame);
  add(abi::at_clktck, 100);
  add(abi::at_secure, 0);
  add(abi::at_random, random_at);
  add(abi::at_platform, platform_at);
  add(abi::at_rseq_feature_size, abi::sequence_area_bytes);
  add(abi::at_rseq_align, alignof(abi::SequenceArea));
  add(abi::at_execfn, path_);
  if (vdso::bytes != 0) add(abi::at_sysinfo_ehdr, space.stack_top() - vdso::bytes);
  if (const StackWord entry = trap::program_machine::syscall_entry(); entry != 0)
    add(abi::at_sysinfo, entry);
  add(abi::at_null, 0);
  aux_count_ = static_cast<std::size_t>(next - aux_.data());

  constexpr std::size_t others = 3;  // argc, and the end of both lists
  words_ = aux_count_ + arguments.argument_count() + arguments.environment_count() + others;
  constexpr VirtAddr alignment = 16;
  table_ = (at_ - words_ * sizeof(StackWord)) & ~(alignment - 1);
  return {};
}

/// write_table() of a table that is not larger than a usual one.
Result<> StartupStack::write_small_table(AddressSpace& space, const ProgramArguments& arguments) {
  std::array<StackWord, small_table> words;
  std::size_t count = 0;
  words[count++] = arguments.argument_count();
  for (std::size_t i = 0; i < arguments.argument_count(); ++i)
    words[count++] = next_pointer(arguments);
  words[count++] = 0;
  for (std::size_t i = 0; i < arguments.environment_count(); ++i)
    words[count++] = next_pointer(arguments);
  words[count++] = 0;
  std::copy_n(aux_.begin(), aux_count_, words.begin() + static_cast<long>(count));
  return memory::copy_to_user(space, table_, words.data(), words_ * sizeof(StackWord));
}

Result<bool> StartupStack::write_table(AddressSpace& space, const ProgramArguments& arguments) {
  constexpr std::size_t step_words = 8192;
  if (words_ <= small_table)
    return write_small_table(space, arguments).transform([] { return true; });
  std::array<StackWord, 64> words;
  const std::size_t end = std::min(words_, words_written_ + step_words);
  while (words_written_ < end) {
    const std::size_t count = std::min(words.size(), end - words_written_);
    const VirtAddr to = table_ + words_written_ * sizeof(StackWord);
    for (StackWord& word : std::span{words}.first(count)) {
      word = next_word(arguments);
      ++words_written_;
    }
    if (auto done = memory::copy_to_user(space, to, words.data(), count * sizeof(StackWord)); !done)
      return fail(done.error());
  }
  return words_written_ == words_;
}

StackWord StartupStack::next_word(const ProgramArguments& arguments) {
  const std::size_t argument_end = 1 + arguments.argument_count();
  const std::size_t environment_end = argument_end + 1 + arguments.environment_count();
  const std::size_t index = words_written_;
  if (index == 0) return arguments.argument_count();
  if (index == argument_end || index == environment_end) return 0;
  return index < environment_end ? next_pointer(arguments) : aux_[index - environment_end - 1];
}

StackWord StartupStack::next_pointer(const ProgramArguments& arguments) {
  while (strings_.empty()) strings_ = arguments.piece(piece_++);
  const std::size_t length = strings_.find('\0') + 1;
  strings_.remove_prefix(length);
  return std::exchange(string_, string_ + length);
}

// ── Programs ─────────────────────────────────────────────────────────────────────────────────────

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
                             std::string_view path, std::size_t stack_bytes) {
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
  const VirtAddr entry = plan->has_interpreter ? interpreter->entry : plan->entry;
  // Maps the page of the first instruction, at which the program would fault. Where the kernel
  // rewrites instructions, this fault may have to wait, so the program makes it.
  if (!memory::AreaCode::has_state) (void)(*space)->fault(entry, Access::execute);
  const StartupStack::Facts facts{.program_headers = plan->program_headers,
                                  .entry = plan->entry,
                                  .header_bytes = plan->program_header_bytes,
                                  .header_count = plan->program_header_count,
                                  .interpreter = interpreter->load_bias};
  return Program{.space = std::move(*space), .entry = entry, .stack_top = *top, .facts = facts};
}

trap::UserContext Program::start(VirtAddr stack) const {
  trap::UserContext context;
  context.set_program_counter(entry);
  context.set_stack(stack);
  trap::program_machine::prepare(context);
  return context;
}

}  // namespace kernel
