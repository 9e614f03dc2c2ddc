// Programs and the kernel each find their own fs and gs bases.

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "random_program.h"

using trap::Segments;
using trap::Trap;
using trap::UserContext;

extern "C" {
void reads_fs();   // rax := the word at fs:0; then calls the gate
void reads_gs();   // … gs
void writes_fs();  // the base of fs := rax; then as reads_fs()
void writes_gs();  // … gs
}
asm(R"(
  .text
reads_fs:
  movq  %fs:0, %rax
  callq *called_gate(%rip)
  jmp   reads_fs
reads_gs:
  movq  %gs:0, %rax
  callq *called_gate(%rip)
  jmp   reads_gs
writes_fs:
  wrfsbase %rax
  jmp   reads_fs
writes_gs:
  wrgsbase %rax
  jmp   reads_gs
)");

namespace {

struct Program {
  explicit Program(void (*code)()) {
    context.set_program_counter(address_of(code));
    context.set_stack(reinterpret_cast<std::uint64_t>(stack.data() + stack.size()));
  }
  std::uint64_t run() {
    REQUIRE(run_user(context).kind == Trap::syscall);
    return context.general.rax;
  }
  UserContext context;
  alignas(16) std::array<std::uint64_t, 64> stack{};
};

std::uint64_t address_of_word(const std::uint64_t& word) {
  return reinterpret_cast<std::uint64_t>(&word);
}

bool has_own_fs() {
  return trap::segments() == Segments::wrfsbase || trap::segments() == Segments::arch_prctl;
}

constexpr std::uint64_t one = 1;
constexpr std::uint64_t two = 2;

}  // namespace

TEST_CASE("each program has its own base, however often they alternate") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  const auto code = has_own_fs() ? reads_fs : reads_gs;
  const auto base =
      trap::segments() == Segments::none ? &trap::GeneralRegs::gsbase : &trap::GeneralRegs::fsbase;
  Program first{code};
  Program second{code};
  first.context.general.*base = address_of_word(one);
  second.context.general.*base = address_of_word(two);
  for (int turn = 0; turn < 5; ++turn) {
    CHECK(first.run() == 1);
    CHECK(first.run() == 1);
    CHECK(second.run() == 2);
  }
  first.context.general.*base = address_of_word(two);
  CHECK(first.run() == 2);
}

TEST_CASE("a base that a program writes itself is kept") {
  if (!trap::bases_are_writable()) SKIP("this processor's programs cannot");
  const auto mode =
      GENERATE(Segments::none, Segments::wrfsbase, Segments::rewrite, Segments::fault);
  const Hart hart{mode};
  const auto base =
      mode == Segments::none ? &trap::GeneralRegs::gsbase : &trap::GeneralRegs::fsbase;
  Program writer{has_own_fs() ? writes_fs : writes_gs};
  Program other{has_own_fs() ? reads_fs : reads_gs};
  writer.context.general.*base = address_of_word(one);
  writer.context.general.rax = address_of_word(two);
  other.context.general.*base = address_of_word(one);
  CHECK(writer.run() == 2);
  CHECK(writer.context.general.*base == address_of_word(two));
  CHECK(other.run() == 1);
  CHECK(writer.run() == 2);

  // The base is also kept if the program's next trap is a fault instead of a call of the gate.
  trap::handle_signal(SIGSEGV, take_signal);
  called_gate = 0;
  writer.context.general.rax = address_of_word(one);
  writer.context.set_program_counter(address_of(has_own_fs() ? writes_fs : writes_gs));
  CHECK(run_user(writer.context).kind == Trap::page_fault);
  CHECK(writer.context.general.rax == 1);
  CHECK(writer.context.general.*base == address_of_word(one));
}

TEST_CASE("a base that is no valid address is an access fault and changes nothing") {
  if (!trap::bases_are_writable()) SKIP("Linux refuses such a base itself");
  const auto mode =
      GENERATE(Segments::none, Segments::wrfsbase, Segments::rewrite, Segments::fault);
  const Hart hart{mode};
  trap::handle_signal(SIGSEGV, take_signal);
  const auto base =
      mode == Segments::none ? &trap::GeneralRegs::gsbase : &trap::GeneralRegs::fsbase;
  Program program{has_own_fs() ? reads_fs : reads_gs};
  program.context.general.*base = 0x8000'0000'0000'0000;
  const trap::GeneralRegs before = program.context.general;
  CHECK(run_user(program.context).kind == Trap::access_fault);
  CHECK(program.context.general == before);
  program.context.general.*base = address_of_word(two);
  CHECK(program.run() == 2);
}

TEST_CASE("in the mode fault each access through fs is a page fault in the upper half") {
  if (!trap::bases_are_writable()) SKIP("this processor's programs cannot write bases");
  const Hart hart{Segments::fault};
  trap::handle_signal(SIGSEGV, take_signal);
  Program program{reads_fs};
  program.context.general.fsbase = address_of_word(one);
  const Trap trap = run_user(program.context);
  CHECK(trap.kind == Trap::page_fault);
  CHECK(trap.address == trap::cotrap_hart.hidden_fs);
  CHECK(program.context.program_counter() == address_of(reads_fs));
  CHECK(program.context.general.fsbase == address_of_word(one));
  program.context.set_program_counter(address_of(reads_gs));
  CHECK(program.run() == 1);
}

TEST_CASE("without thread-local storage of a program, fs keeps the kernel's base") {
  const auto mode = GENERATE(from_range(all_modes()));
  if (mode == Segments::fault) SKIP("in this mode programs have no fs");
  const Hart hart{mode};
  Program program{reads_fs};
  std::uint64_t kernels = 0;
  asm("movq %%fs:0, %0" : "=r"(kernels));
  CHECK(program.run() == kernels);
}

TEST_CASE("each thread is a hart, and a program may continue on another") {
  const auto mode = GENERATE(from_range(all_modes()));
  const Hart hart{mode};
  RandomProgram program{30, RandomProgram::called, UserContext::all};
  std::string what;
  REQUIRE(run_user(program.context).kind == Trap::syscall);
  for (int turn = 0; turn < 10; ++turn) {
    RandomProgram::forget_seen();
    std::jthread{[&] {
      std::vector<std::byte> signal_stack(Hart::signal_stack_size);
      trap::attach_hart(signal_stack);
      if (run_user(program.context).kind != Trap::syscall) what = "no system call";
      trap::detach_hart();
    }}.join();
    if (what.empty() && program.context_is_right(what)) program.seen_is_right(what);
    REQUIRE(what == "");
  }
}
