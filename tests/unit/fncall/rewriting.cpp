// Instructions are rewritten from fs to gs to the assembler's encoding; instructions that the
// rewriter does not know are refused.

#include <elf.h>
#include <link.h>
#include <trap/rewrite.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "text.h"

using trap::Code;
using trap::decode_instruction;
using trap::Instruction;
using trap::Rewriter;

extern "C" {  // forms.S
extern const std::byte fs_forms[], fs_forms_end[];
extern const std::byte gs_forms[], gs_forms_end[];
extern const std::uint32_t form_starts[], form_starts_end[];
}

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes all;
  for (const unsigned value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}

std::string hex(std::span<const std::byte> code) {
  std::string text;
  for (const std::byte byte : code) {
    std::array<char, 4> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x ", std::to_integer<unsigned>(byte));
    text += digits.data();
  }
  return text;
}

}  // namespace

TEST_CASE("every form of an instruction with fs becomes the same form with gs") {
  const std::span<const std::uint32_t> starts{form_starts, form_starts_end};
  const std::size_t size = static_cast<std::size_t>(fs_forms_end - fs_forms);
  REQUIRE(static_cast<std::size_t>(gs_forms_end - gs_forms) == size);
  REQUIRE(starts.size() > 10'000);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < starts.size() && wrong < 20; ++i) {
    const std::size_t begin = starts[i];
    const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : size;
    const std::span<const std::byte> form{fs_forms + begin, end - begin};
    Bytes code{form.begin(), form.end()};
    const auto length = code.size();
    code.resize(length + 8, std::byte{0x90});
    const auto instruction = decode_instruction(code);
    const bool right_length = instruction && instruction->length == length;
    const auto changed = rewrite_instruction({code, 0});
    code.resize(length);
    if (right_length && changed && *changed &&
        std::equal(code.begin(), code.end(), gs_forms + begin))
      continue;
    ++wrong;
    UNSCOPED_INFO(hex(form) << (right_length ? "" : " length"));
  }
  CHECK(wrong == 0);
}

TEST_CASE("all instructions of a piece of code are changed in one pass") {
  Bytes code{fs_forms, fs_forms_end};
  code.resize(code.size() + 13);               // zeros at the end are not code
  code.insert(code.begin(), 3, std::byte{0});  // zeros before a function are not, either
  const Bytes before = code;
  Rewriter rewriter{{code, 0x1000}, 0x1000, Rewriter::Fs::becomes_gs};
  std::size_t steps = 1;
  while (rewriter.step(1000)) ++steps;
  CHECK(steps > code.size() / (1000 + trap::longest_instruction));
  REQUIRE(!rewriter.refusal());
  CHECK(rewriter.understood_end() == 0x1000 + code.size());
  CHECK(rewriter.changed() == static_cast<std::size_t>(form_starts_end - form_starts));
  CHECK(std::equal(gs_forms, gs_forms_end, code.begin() + 3));
  for (std::size_t page = 0; page * Rewriter::page_bytes < code.size(); ++page) {
    const std::size_t at = page * Rewriter::page_bytes;
    const std::size_t end = std::min(at + Rewriter::page_bytes, code.size());
    CHECK(rewriter.is_changed(page) ==
          !std::equal(code.begin() + at, code.begin() + end, before.begin() + at));
  }

  Rewriter again{{code, 0x1000}, 0x1000, Rewriter::Fs::mostly_is};
  while (again.step(code.size())) {
  }
  CHECK(!again.refusal());
  CHECK(again.changed() == 0);
}

TEST_CASE("code that already uses gs is refused where fs becomes gs") {
  for (const Bytes& use : {
           bytes({0x65, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0}),
           bytes({0xf3, 0x0f, 0xae, 0xc8}),        // rdgsbase
           bytes({0xf3, 0x48, 0x0f, 0xae, 0xd8}),  // wrgsbase
       }) {
    INFO(hex(use));
    CHECK(decode_instruction(use)->kind == Instruction::uses_gs);
    for (const auto& [fs, refused] : {std::pair{Rewriter::Fs::becomes_gs, true},
                                      {Rewriter::Fs::mostly_is, false},
                                      {Rewriter::Fs::stays, false}}) {
      Bytes code = use;
      Rewriter rewriter{{code, 0x1000}, 0x1000, fs};
      CHECK_FALSE(rewriter.step(100));
      CHECK(rewriter.refusal().has_value() == refused);
      CHECK(code == use);
    }
  }
  INFO("a register, and lea, which computes the same");
  for (const Bytes& no_use :
       {bytes({0x65, 0x48, 0x89, 0xc8}), bytes({0x65, 0x48, 0x8d, 0x04, 0x25, 1, 0, 0, 0})}) {
    CHECK(decode_instruction(no_use)->kind == Instruction::other);
  }
}

TEST_CASE("instructions without fs stay unchanged") {
  for (const Bytes& code : {
           bytes({0x90}),
           bytes({0x48, 0x8d, 0x05, 1, 0, 0, 0}),              // lea, rip-relative
           bytes({0x64, 0x48, 0x8d, 0x04, 0x25, 1, 0, 0, 0}),  // lea ignores fs
           bytes({0x64, 0x0f, 0x1f, 0x44, 0, 0}),              // a long nop
           bytes({0x64, 0x48, 0x89, 0xc8}),                    // mov from register to register
           bytes({0x65, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0}),
           bytes({0x66, 0x66, 0x48, 0xe8, 0, 0, 0, 0}),  // a padded call of __tls_get_addr
           bytes({0x8c, 0xe0}),                          // mov %fs, %eax: the selector
           bytes({0xf3, 0x0f, 0xae, 0xc8}),              // rdgsbase
       }) {
    INFO(hex(code));
    Bytes changed = code;
    CHECK(rewrite_instruction({changed, 0}) == false);
    CHECK(changed == code);
    CHECK(decode_instruction(code)->length == code.size());
  }
}

TEST_CASE("unknown and forbidden instructions are refused with address and bytes") {
  for (const Bytes& code : {
           bytes({0x06}),                    // no instruction in 64-bit mode
           bytes({0x64}),                    // only a prefix
           bytes({0x64, 0x48, 0x8b, 0x04}),  // the end is missing
           bytes({0x64, 0x65, 0x8b, 0x00}),  // two segments
           bytes({0x2e, 0x64, 0x8b, 0x00}),
           bytes({0x64, 0x64, 0x8b, 0x00}),
           bytes({0x48, 0x64, 0x8b, 0x00}),  // REX is not the last prefix
           bytes({0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x64,
                  0x8b, 0x80, 1, 0, 0, 0}),           // longer than 15
           bytes({0x66, 0xe8, 0, 0, 0, 0}),           // a call that processors execute differently
           bytes({0x8f, 0xe8, 0x78, 0xc0, 0xc0, 1}),  // XOP
           bytes({0x0f, 0x0f, 0xc0, 0x9e}),           // 3DNow!
           bytes(
               {0x66, 0xc5, 0xf8, 0x28, 0xc0}),  // a prefix 66 before VEX, which encodes it itself
           bytes({0x8e, 0xe0}),                  // mov %eax, %fs
           bytes({0x0f, 0xa1}),                  // pop %fs
           bytes({0x0f, 0xb4, 0x00}),            // lfs
       }) {
    INFO(hex(code));
    Bytes changed = code;
    const auto result = rewrite_instruction({changed, 0x4321});
    CHECK(changed == code);
    REQUIRE(!result);
    CHECK(result.error().address == 0x4321);
    CHECK(result.error().size == std::min<std::size_t>(code.size(), 15));
    CHECK(
        std::equal(code.begin(), code.begin() + result.error().size, result.error().bytes.begin()));
  }
}

TEST_CASE("code is decoded from its first instruction to the first one refused") {
  Bytes code =
      bytes({0x06, 0x06, 0x64, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x90, 0x06, 0x64, 0x8b, 0x00});
  Rewriter rewriter{{code, 0x1000}, 0x1002, Rewriter::Fs::becomes_gs};
  CHECK_FALSE(rewriter.step(code.size()));
  REQUIRE(rewriter.refusal());
  CHECK(rewriter.refusal()->address == 0x100b);
  CHECK(rewriter.refusal()->bytes[0] == std::byte{0x06});
  CHECK(rewriter.refusal()->size == 4);
  CHECK(rewriter.understood_end() == 0x100b);
  CHECK(rewriter.changed() == 1);
  CHECK(code[2] == std::byte{0x65});
  CHECK(code[12] == std::byte{0x64});
  CHECK_FALSE(rewriter.step(code.size()));
}

TEST_CASE("where fs stays, only system calls are counted") {
  // mov %fs:0, %eax; mov $1, %eax; syscall; jmp; syscall
  Bytes code = bytes({0x64, 0x8b, 0x04, 0x25, 0,    0, 0, 0, 0xb8, 1,    0,
                      0,    0,    0x0f, 0x05, 0xe9, 0, 0, 0, 0,    0x0f, 0x05});
  const Bytes before = code;
  Rewriter rewriter{{code, 0x1000}, 0x1000, Rewriter::Fs::stays};
  CHECK_FALSE(rewriter.step(code.size()));
  CHECK(!rewriter.refusal());
  CHECK(rewriter.system_calls() == 1);
  CHECK(code == before);
  CHECK_FALSE(rewriter.is_changed(0));
}

// Decodes this program's own functions: compiled C++, and the hand-written code of the C library
// that is linked into it.
TEST_CASE("the code of a large program is decoded from first to last instruction") {
#if __has_feature(undefined_behavior_sanitizer)
  SKIP("this sanitizer has data between functions");
#endif
  std::ifstream file{"/proc/self/exe", std::ios::binary};
  const std::string image{std::istreambuf_iterator<char>{file}, {}};
  const auto* const header = reinterpret_cast<const Elf64_Ehdr*>(image.data());
  const std::span sections{reinterpret_cast<const Elf64_Shdr*>(image.data() + header->e_shoff),
                           header->e_shnum};
  const char* const names = image.data() + sections[header->e_shstrndx].sh_offset;
  std::map<std::uint64_t, std::string> functions;
  const Elf64_Shdr* text = nullptr;
  for (const Elf64_Shdr& section : sections) {
    if (std::string_view{names + section.sh_name} == ".text") text = &section;
    if (section.sh_type != SHT_SYMTAB) continue;
    const char* const strings = image.data() + sections[section.sh_link].sh_offset;
    for (const Elf64_Sym& symbol :
         std::span{reinterpret_cast<const Elf64_Sym*>(image.data() + section.sh_offset),
                   section.sh_size / sizeof(Elf64_Sym)}) {
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC)
        functions[symbol.st_value] = strings + symbol.st_name;
    }
  }
  REQUIRE(text != nullptr);
  const std::uint64_t end = text->sh_addr + text->sh_size;
  std::erase_if(functions,
                [&](const auto& one) { return one.first < text->sh_addr || one.first >= end; });
  REQUIRE(functions.size() > 500);

  std::span code{reinterpret_cast<const std::byte*>(image.data() + text->sh_offset), text->sh_size};
  std::uint64_t at = text->sh_addr;
  auto next = functions.begin();
  while (at < end) {
    const auto instruction = decode_instruction(code);
    if (!instruction)
      FAIL("at " << std::hex << at << ": "
                 << hex(code.first(std::min<std::size_t>(15, code.size()))));
    while (next != functions.end() && next->first <= at) {
      if (next->first < at) FAIL(next->second << " is not found");
      ++next;
    }
    at += instruction->length;
    code = code.subspan(instruction->length);
  }
  CHECK(next == functions.end());
}
