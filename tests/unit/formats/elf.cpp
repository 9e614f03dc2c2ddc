// The ELF reader: a valid program yields the right plan; every defect yields ENOEXEC.
#include "formats/elf.h"

#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "damage.h"

using hal::Access;
using hal::page_size;
using kernel::Errno;
using kernel::formats::ElfPlan;
using kernel::formats::interpreter_of;
using kernel::formats::read_elf;
using test::Blob;

namespace {

struct Header {
  std::uint8_t identification[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
  std::uint16_t type = 2;
  std::uint16_t machine = 243;
  std::uint32_t version = 1;
  std::uint64_t entry = 0x10100;
  std::uint64_t program_headers = 64;
  std::uint64_t section_headers = 0;
  std::uint32_t flags = 5;
  std::uint16_t header_bytes = 64;
  std::uint16_t program_header_bytes = 56;
  std::uint16_t program_header_count = 3;
  std::uint16_t section_header_bytes = 64;
  std::uint16_t section_header_count = 0;
  std::uint16_t section_names = 0;
};

struct ProgramHeader {
  std::uint32_t type = 1;
  std::uint32_t flags = 5;
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t physical = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t alignment = 0x1000;
};

/// A small program: code at 0x10000, data followed by zeros at 0x12180, a stack note.
struct Program {
  Header header;
  ProgramHeader segments[3] = {
      {.flags = 5, .offset = 0, .address = 0x10000, .file_bytes = 0x180, .memory_bytes = 0x180},
      {.flags = 6, .offset = 0x180, .address = 0x12180, .file_bytes = 0x80, .memory_bytes = 0x3000},
      {.type = 0x6474e551, .flags = 6, .alignment = 16}};
  std::size_t file_bytes = 0x200;

  Blob build() const {
    Blob blob(file_bytes, std::byte{0x13});
    std::memcpy(blob.data(), &header, sizeof header);
    std::memcpy(blob.data() + sizeof header, segments, sizeof segments);
    return blob;
  }
};

/// Checks the guarantees of a plan.
void check_plan(std::span<const std::byte> file, const ElfPlan& plan) {
  REQUIRE(plan.segment_count > 0);
  hal::VirtAddr end = hal::user_begin;
  bool entry_is_code = false;
  for (const auto& segment : plan.segments()) {
    REQUIRE(segment.first_page() >= end);
    REQUIRE(segment.end() > segment.start);
    REQUIRE(segment.end() <= hal::user_end);
    REQUIRE(segment.contents.size() <= segment.bytes);
    const auto offset = static_cast<std::size_t>(segment.contents.data() - file.data());
    REQUIRE(offset <= file.size());
    REQUIRE(segment.contents.size() <= file.size() - offset);
    REQUIRE(offset % page_size == segment.start % page_size);
    end = segment.end_page();
    entry_is_code = entry_is_code || (allows(segment.access, Access::execute) &&
                                      plan.entry >= segment.start && plan.entry < segment.end());
  }
  REQUIRE(entry_is_code);
}

void check_refused(const char* why, const std::function<void(Program&)>& spoil) {
  INFO(why);
  Program program;
  spoil(program);
  const auto plan = read_elf(program.build());
  REQUIRE_FALSE(plan);
  CHECK(plan.error() == Errno::enoexec);
}

}  // namespace

TEST_CASE("a valid static program yields its segments, entry and header table") {
  const Blob file = Program{}.build();
  const auto plan = read_elf(file);
  REQUIRE(plan);
  check_plan(file, *plan);
  REQUIRE(plan->segment_count == 2);
  const auto& code = plan->segments()[0];
  CHECK(code.start == 0x10000);
  CHECK(code.access == (Access::read | Access::execute));
  CHECK(code.contents.data() == file.data());
  const auto& data = plan->segments()[1];
  CHECK(data.start == 0x12180);
  CHECK(data.bytes == 0x3000);
  CHECK(data.contents.size() == 0x80);
  CHECK(data.access == (Access::read | Access::write));
  CHECK(plan->end_page() == 0x16000);
  CHECK(plan->entry == 0x10100);
  CHECK(plan->program_headers == 0x10040);
  CHECK(plan->program_header_count == 3);
  CHECK(plan->load_bias == 0);
  CHECK_FALSE(plan->executable_stack);
}

TEST_CASE("a static PIE is moved as a whole, other programs are not moved") {
  Program program;
  program.header.type = 3;
  const Blob file = program.build();
  const auto plan = read_elf(file, 0x5000'0000);
  REQUIRE(plan);
  check_plan(file, *plan);
  CHECK(plan->load_bias == 0x5000'0000);
  CHECK(plan->entry == 0x5001'0100);
  CHECK(plan->segments()[1].start == 0x5001'2180);
  CHECK(plan->program_headers == 0x5001'0040);
}

TEST_CASE("a PIE may start at address zero, other programs may not") {
  Program program;
  program.segments[0].address = 0;
  program.header.entry = 0x100;
  CHECK_FALSE(read_elf(program.build()));
  program.header.type = 3;
}

TEST_CASE("an empty segment is ignored") {
  Program program;
  program.segments[1].file_bytes = program.segments[1].memory_bytes = 0;
  CHECK(read_elf(program.build())->segment_count == 1);
}

TEST_CASE("a header must name the right file format and machine") {
  check_refused("magic", [](Program& p) { p.header.identification[1] = 'e'; });
  check_refused("32 bits", [](Program& p) { p.header.identification[4] = 1; });
  check_refused("big-endian", [](Program& p) { p.header.identification[5] = 2; });
  check_refused("format version", [](Program& p) { p.header.identification[6] = 0; });
  check_refused("another system's", [](Program& p) { p.header.identification[7] = 9; });
  check_refused("relocatable", [](Program& p) { p.header.type = 1; });
  check_refused("core file", [](Program& p) { p.header.type = 4; });
  check_refused("x86_64", [](Program& p) { p.header.machine = 62; });
  check_refused("version", [](Program& p) { p.header.version = 2; });
  check_refused("header size", [](Program& p) { p.header.header_bytes = 52; });
}

TEST_CASE("the program header table must lie inside the file and have the right entry size") {
  check_refused("no headers", [](Program& p) { p.header.program_header_count = 0; });
  check_refused("absurdly many", [](Program& p) { p.header.program_header_count = 0xffff; });
  check_refused("entry size", [](Program& p) { p.header.program_header_bytes = 32; });
  check_refused("behind the end", [](Program& p) { p.header.program_headers = 0x1f0; });
  check_refused("far away", [](Program& p) { p.header.program_headers = ~0ULL - 8; });
}

TEST_CASE("a segment must lie in the file and in the user range") {
  check_refused("more file than memory", [](Program& p) { p.segments[1].memory_bytes = 0x7f; });
  check_refused("past the end", [](Program& p) { p.segments[1].file_bytes = 0x81; });
  check_refused("offset past the end", [](Program& p) { p.segments[1].offset = 0x1180; });
  check_refused("offset overflows", [](Program& p) { p.segments[1].offset = ~0ULL - 0xe7f; });
  check_refused("size overflows", [](Program& p) { p.segments[1].memory_bytes = ~0ULL; });
  check_refused("too large", [](Program& p) { p.segments[1].memory_bytes = 1ULL << 38; });
  check_refused("in the kernel's half",
                [](Program& p) { p.segments[1].address = 0xffff'ffc0'8000'0180; });
  check_refused("in the null page", [](Program& p) { p.segments[0].address = 0; });
  check_refused("address and offset unlike", [](Program& p) { p.segments[1].address = 0x12184; });
  check_refused("alignment", [](Program& p) { p.segments[1].alignment = 0x1800; });
}

TEST_CASE("segments must be in order and share no page") {
  check_refused("overlapping", [](Program& p) { p.segments[1].address = 0x10180; });
  check_refused("same page", [](Program& p) { p.segments[0].memory_bytes = 0x2001; });
  check_refused("wrong order", [](Program& p) { std::swap(p.segments[0], p.segments[1]); });
  check_refused("identical", [](Program& p) { p.segments[1] = p.segments[0]; });
}

TEST_CASE("the entry must be an instruction of the program") {
  check_refused("in data", [](Program& p) { p.header.entry = 0x12190; });
  check_refused("nowhere", [](Program& p) { p.header.entry = 0; });
  check_refused("just behind", [](Program& p) { p.header.entry = 0x10180; });
  check_refused("odd", [](Program& p) { p.header.entry = 0x10101; });
  check_refused("huge", [](Program& p) { p.header.entry = ~1ULL; });
  check_refused("code cannot run", [](Program& p) { p.segments[0].flags = 4; });
}

TEST_CASE("a program without segments is refused") {
  check_refused("nothing to load", [](Program& p) { p.segments[0].type = p.segments[1].type = 0; });
}

TEST_CASE("a program names its interpreter, or has none") {
  const auto find = [](const Program& program, std::string_view path) {
    Blob file = program.build();
    std::memcpy(file.data() + 0x1e0, path.data(), path.size());
    const auto plan = read_elf(file);
    if (!plan || !plan->has_interpreter) return std::string{plan ? "none" : "no program"};
    const auto found = interpreter_of(*plan);
    return found ? std::string{*found} : std::string{abi::name(found.error())};
  };
  using namespace std::string_literals;
  Program program;
  CHECK(find(program, "/lib/ld.so\0"s) == "none");
  program.segments[2] = {.type = 3, .offset = 0x1e0, .file_bytes = 11};
  CHECK(find(program, "/lib/ld.so\0"s) == "/lib/ld.so");
  CHECK(find(program, "/lib\0ld.so\0"s) == "/lib");
  CHECK(find(program, "/lib/ld.so1"s) == "ENOEXEC");
  program.segments[2].file_bytes = 1;
  CHECK(find(program, "\0"s) == "ENOEXEC");
  program.segments[2].file_bytes = 0x21;  // behind the end of the file
  CHECK(find(program, "/lib/ld.so\0"s) == "ENOEXEC");
  program.segments[2].offset = ~0ULL;
  CHECK(find(program, "/lib/ld.so\0"s) == "ENOEXEC");
  program.file_bytes = 0x2000;
  program.segments[2].offset = 0x200;
  program.segments[2].file_bytes = 4097;
  CHECK(find(program, "/lib/ld.so\0"s) == "ENOEXEC");
}

TEST_CASE("a program cut off anywhere is refused or still valid") {
  test::truncate_everywhere(Program{}.build(),
                            [](std::span<const std::byte> file) { CHECK_FALSE(read_elf(file)); });
}

TEST_CASE("twenty thousand programs with flipped bits are refused or still valid") {
  int accepted = 0;
  test::flip_bits(Program{}.build(), sizeof(Header) + 3 * sizeof(ProgramHeader), 20'000,
                  [&](std::span<const std::byte> file) {
                    const auto plan = read_elf(file);
                    if (plan) check_plan(file, *plan);
                    accepted += plan.has_value();
                  });
  CHECK(accepted > 0);
  CHECK(accepted < 15'000);
}

TEST_CASE("only the start of a file is read, and must have the headers") {
  const Blob file = Program{}.build();
  const auto plan = read_elf(file, 0, file.size());
  REQUIRE(plan);
  const std::size_t headers = sizeof(Header) + 3 * sizeof(ProgramHeader);
  const test::ExactCopy start{std::span{file}.first(headers)};
  const auto same = read_elf({start.view().data(), file.size()}, 0, headers);
  REQUIRE(same);
  CHECK(same->segment_count == plan->segment_count);
  CHECK(same->entry == plan->entry);
  CHECK(read_elf(file, 0, headers - 1).error() == Errno::enoexec);
}
