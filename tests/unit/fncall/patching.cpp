// System calls of programs that were built for Linux are patched to jumps to the gate.

#include <trap/rewrite.h>

#include <catch2/catch_test_macros.hpp>

#include "random_program.h"
#include "text.h"

using trap::Code;
using trap::Rewriter;
using trap::Trap;
using trap::UserContext;

TEST_CASE("a system call becomes a jump to the gate if the instructions before it leave room") {
  const CatchingHart hart{GENERATE(from_range(all_modes()))};
  if (!hart.catching) SKIP("Linux cannot");
  struct Form {
    const char* name;
    std::vector<unsigned> code;
    std::size_t begin;  ///< of the instruction before the system call
    std::size_t size;   ///< of that instruction
    std::uint64_t (*number)(const trap::GeneralRegs&);
  };
  const auto form = GENERATE(values<Form>({
      {"mov $0x234, %eax",
       {0x90, 0xb8, 0x34, 2, 0, 0, 0x0f, 0x05, 0x0f, 0x0b},
       1,
       5,
       [](const trap::GeneralRegs&) -> std::uint64_t { return 0x234; }},
      {"lea 16(%rsp), %rax: numbers have 32 bits",
       {0x48, 0x8d, 0x44, 0x24, 0x10, 0x0f, 0x05, 0x0f, 0x0b},
       0,
       5,
       [](const trap::GeneralRegs& from) { return from.rsp + 16; }},
      {"xor %eax, %eax, and an island behind it",
       {0x31, 0xc0, 0x0f, 0x05, 0x0f, 0x0b, 0xc3, 0x0f, 0x1f, 0x44, 0, 0},
       0,
       2,
       [](const trap::GeneralRegs&) -> std::uint64_t { return 0; }},
      {"mov %r15d, %eax, and an island in front of it",
       {0xeb, 0x05, 0x0f, 0x1f, 0x44, 0, 0, 0x44, 0x89, 0xf8, 0x0f, 0x05, 0x0f, 0x0b},
       7,
       3,
       [](const trap::GeneralRegs& from) { return from.r15 & 0xffff'ffff; }},
  }));
  INFO(form.name << ", mode " << int(trap::segments()));
  Text text{form.code};
  const std::uint64_t begin = text.address() + form.begin;
  const std::uint64_t syscall_at = begin + form.size;
  constexpr std::uint32_t added = 0x2000;
  RandomProgram program{61, RandomProgram::jumped, UserContext::all};
  UserContext& context = program.context;
  trap::GeneralRegs expected = context.general;
  const std::uint64_t number = form.number(expected);
  expected.rcx = expected.rip = syscall_at + 2;

  const auto run = [&](std::uint64_t from) {
    context.set_program_counter(from);
    context.general.rflags = expected.rflags = 0x202;
    context.general.rax = from == syscall_at ? number : 0;
    const Trap trap = run_user(context);
    REQUIRE(trap.kind == Trap::syscall);
    const bool caught = trap.cause == UserContext::instruction;
    expected.rax = caught ? number : (number & 0xffff'ffff) + added;
    trap::GeneralRegs found = context.general;
    if (caught) found.r11 = expected.r11;  // the instruction syscall puts the flags there
    found.rflags = expected.rflags;
    CHECK(found == expected);
    context.general.r11 = expected.r11;
    return trap.cause;
  };
  CHECK(run(begin) == UserContext::instruction);
  const std::uint64_t flags = context.general.rflags;
  Rewriter rewriter{text.code(), text.address(), Rewriter::Fs::stays};
  CHECK_FALSE(rewriter.step(text.code().bytes.size()));
  REQUIRE(rewriter.system_calls() == 1);
  rewriter.patch_system_calls(text.room(), trap::jump_entry_address(), added);
  CHECK(rewriter.is_changed(0));
  for (int again = 0; again < 2; ++again) {
    CHECK(run(begin) == UserContext::gate_call);
    CHECK(context.general.rflags == flags);
  }
  // A jump to the old instruction is caught as before.
  CHECK(run(syscall_at) == UserContext::instruction);
  CHECK(program.red_zone_is_right());
}

TEST_CASE("a system call that cannot become a jump stays unchanged") {
  constexpr std::uint64_t gate = 0;
  const auto patch = [](Text& text, Code room) {
    const std::vector<std::byte> before{text.bytes(), text.bytes() + page_size};
    Rewriter rewriter{text.code(), text.address(), Rewriter::Fs::stays};
    CHECK_FALSE(rewriter.step(page_size));
    CHECK(!rewriter.refusal());
    rewriter.patch_system_calls(room, gate, 0);
    const bool patched = !std::equal(before.begin(), before.end(), text.bytes());
    CHECK(rewriter.is_changed(0) == patched);
    return patched;
  };
  const auto is_patched = [&](const std::vector<unsigned>& code) {
    Text text{code};
    return patch(text, text.room());
  };
  INFO("code that begins with a system call, or is as short as none; without an island");
  CHECK_FALSE(is_patched({0x0f, 0x05}));
  CHECK_FALSE(is_patched({0x90, 0x0f, 0x05}));
  CHECK_FALSE(is_patched({0x31, 0xc0, 0x0f, 0x05}));
  INFO("behind a jcc, a call, another system call, and what knows its address");
  CHECK_FALSE(is_patched({0x0f, 0x84, 0, 0, 0, 0, 0x0f, 0x05}));
  CHECK_FALSE(is_patched({0xe8, 0, 0, 0, 0, 0x0f, 0x05}));
  CHECK_FALSE(is_patched({0xff, 0x90, 1, 0, 0, 0, 0x0f, 0x05}));
  CHECK_FALSE(is_patched({0xc7, 0xf8, 0, 0, 0, 0, 0x0f, 0x05}));
  CHECK_FALSE(is_patched({0x0f, 0x05, 0x0f, 0x05}));
  CHECK_FALSE(is_patched({0x8b, 0x05, 1, 0, 0, 0, 0x0f, 0x05}));
  INFO("zeros, which need not have been one instruction with what comes next");
  CHECK_FALSE(is_patched({0xb8, 1, 0, 0, 0, 0, 0, 0, 0x0f, 0x05}));
  INFO("a nop that is no island: short, or code jumps into it");
  CHECK_FALSE(is_patched({0x31, 0xc0, 0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x40, 0}));
  CHECK_FALSE(is_patched({0x31, 0xc0, 0x0f, 0x05, 0x0f, 0x1f, 0x44, 0, 0}));
  CHECK_FALSE(is_patched({0x31, 0xc0, 0x0f, 0x05, 0x75, 0, 0x0f, 0x1f, 0x44, 0, 0}));
  CHECK(is_patched({0x31, 0xc0, 0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x44, 0, 0}));
  {
    INFO("an island for one of two");
    Text text{{0x31, 0xc0, 0x0f, 0x05, 0x31, 0xc0, 0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x44, 0, 0}};
    CHECK(patch(text, text.room()));
    CHECK(text.bytes()[0] == std::byte{0xeb});
    CHECK(text.bytes()[4] == std::byte{0x31});
  }
  {
    INFO("an island as far away as can be, and too far");
    const auto is_reached = [&](std::size_t distance) {
      Text text{{0xc3, 0x0f, 0x1f, 0x44, 0, 0}, distance - 1};
      text.bytes()[0] = std::byte{0x31};
      text.bytes()[1] = std::byte{0xc0};
      text.bytes()[2] = std::byte{0x0f};
      text.bytes()[3] = std::byte{0x05};
      return patch(text, text.room());
    };
    CHECK(is_reached(2 + 127));
    CHECK_FALSE(is_reached(2 + 128));
  }
  {
    INFO("room for one of two");
    Text text{{0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0xb8, 1, 0, 0, 0, 0x0f, 0x05}};
    CHECK_FALSE(patch(text, text.room(Rewriter::room_bytes(1) - 1)));
    CHECK(patch(text, text.room(Rewriter::room_bytes(1))));
    CHECK(text.bytes()[0] == std::byte{0xe9});
    CHECK(text.bytes()[7] == std::byte{0xb8});
  }
}
