#include "formats/elf.h"

#include <abi/elf.h>
#include <trap/program_machine.h>

namespace kernel::formats {
namespace {

using hal::Access;
using hal::page_size;
using hal::VirtAddr;

using namespace abi::elf;

// More than any linker creates.
constexpr std::uint16_t max_program_headers = 64;

// Linux's PATH_MAX, the zero included.
constexpr std::size_t longest_interpreter_path = 4096;

constexpr auto refused = [] { return fail(Errno::enoexec); };

bool acceptable(const Header& header) {
  const auto& id = header.identification;
  return std::equal(magic.begin(), magic.end(), id.begin()) && id[4] == class_64 &&
         id[5] == little_endian && id[6] == current_version &&
         (id[7] == abi_system_v || id[7] == abi_linux) &&
         header.machine == trap::program_machine::elf_number && header.version == current_version &&
         header.header_bytes == sizeof(Header) &&
         (header.type == type_executable || header.type == type_shared) &&
         header.program_header_bytes == sizeof(ProgramHeader) && header.program_header_count > 0 &&
         header.program_header_count <= max_program_headers;
}

Access access_of(std::uint32_t flags) {
  Access access = Access::none;
  if ((flags & flag_read) != 0) access = access | Access::read;
  if ((flags & flag_write) != 0) access = access | Access::write | Access::read;
  if ((flags & flag_execute) != 0) access = access | Access::execute;
  return access;
}

// Checks one PT_LOAD header by itself.
Result<Segment> read_segment(Bytes file, const ProgramHeader& header, VirtAddr bias) {
  const auto contents = part(file, header.offset, header.file_bytes);
  if (!contents || header.file_bytes > header.memory_bytes) return refused();
  const bool power_of_two = (header.alignment & (header.alignment - 1)) == 0;
  if (!power_of_two) return refused();
  // The file can be mapped only if address and offset are equal modulo the page size.
  if ((header.virtual_address - header.offset) % page_size != 0) return refused();
  if (header.virtual_address > hal::user_end) return refused();
  const VirtAddr start = header.virtual_address + bias;
  if (!hal::user_range(hal::page_down(start), 0) || !hal::user_range(start, header.memory_bytes)) {
    return refused();
  }
  return Segment{.start = start,
                 .bytes = header.memory_bytes,
                 .contents = *contents,
                 .access = access_of(header.flags)};
}

// The address of the program header table in memory. 0 if no segment contains it.
VirtAddr find_in_memory(const ElfPlan& plan, Bytes file, std::uint64_t offset, std::size_t bytes) {
  for (const Segment& segment : plan.segments()) {
    const auto start = static_cast<std::uint64_t>(segment.contents.data() - file.data());
    if (offset >= start && offset - start <= segment.contents.size() &&
        bytes <= segment.contents.size() - (offset - start)) {
      return segment.start + (offset - start);
    }
  }
  return 0;
}

bool inside_code(const ElfPlan& plan, VirtAddr entry) {
  for (const Segment& segment : plan.segments()) {
    if (allows(segment.access, Access::execute) && entry >= segment.start &&
        entry - segment.start < segment.contents.size()) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<ElfPlan> read_elf(Bytes file, VirtAddr load_bias, std::size_t present) {
  const Bytes start = file.first(std::min(present, file.size()));
  const auto header = load<Header>(start, 0);
  if (!header || !acceptable(*header)) return refused();
  const std::size_t table_bytes = header->program_header_count * sizeof(ProgramHeader);
  const auto table = part(start, header->program_headers_offset, table_bytes);
  if (!table) return refused();

  ElfPlan plan;
  plan.load_bias = header->type == type_shared ? load_bias : 0;
  plan.program_header_count = header->program_header_count;
  plan.program_header_bytes = header->program_header_bytes;
  for (std::size_t i = 0; i < header->program_header_count; ++i) {
    const auto entry = *load<ProgramHeader>(*table, i * sizeof(ProgramHeader));
    switch (entry.type) {
      case interpreter: {
        if (plan.has_interpreter) break;
        plan.has_interpreter = true;
        if (const auto path = part(start, entry.offset, entry.file_bytes)) plan.interpreter = *path;
        break;
      }
      case gnu_stack: plan.executable_stack = (entry.flags & flag_execute) != 0; break;
      case loadable: {
        if (entry.memory_bytes == 0) break;
        const auto segment = read_segment(file, entry, plan.load_bias);
        if (!segment) return fail(segment.error());
        if (plan.segment_count == ElfPlan::max_segments) return refused();
        // Segments are in order and share no page: a shared page would need the rights of both.
        if (plan.segment_count > 0 && segment->first_page() < plan.end_page()) return refused();
        plan.segment_storage[plan.segment_count++] = *segment;
        break;
      }
      default: break;
    }
  }
  if (plan.segment_count == 0 || header->entry > hal::user_end) return refused();
  plan.entry = header->entry + plan.load_bias;
  if (plan.entry % trap::program_machine::instruction_alignment != 0 ||
      !inside_code(plan, plan.entry)) {
    return refused();
  }
  plan.program_headers = find_in_memory(plan, file, header->program_headers_offset, table_bytes);
  return plan;
}

Result<std::string_view> interpreter_of(const ElfPlan& plan) {
  const Bytes path = plan.interpreter;
  if (path.size() < 2 || path.size() > longest_interpreter_path) return refused();
  const std::string_view text{reinterpret_cast<const char*>(path.data()), path.size()};
  if (text.back() != '\0') return refused();
  return text.substr(0, text.find('\0'));
}

}  // namespace kernel::formats
