// Programs that were built for Linux: their fs is rewritten, and their `syscall`s are caught.
// (patching.cpp tests how system calls are patched.)

#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <trap/rewrite.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "random_program.h"
#include "text.h"
#include "thread_local_program.h"

using trap::Rewriter;
using trap::Segments;
using trap::Trap;
using trap::UserContext;

void (*thread_local_program_gate)() = nullptr;

namespace {

/// A copy of this thread's thread-local storage for a program. fs points behind the variables, to a
/// pointer to itself, which the stack protector's canary follows.
class ThreadLocalStorage {
 public:
  ThreadLocalStorage() {
    std::size_t size = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* to) {
          for (const auto& header : std::span{info->dlpi_phdr, info->dlpi_phnum}) {
            if (header.p_type != PT_TLS) continue;
            *static_cast<std::size_t*>(to) = header.p_memsz + header.p_align;
          }
          return 1;  // ends the iteration: the first object is the program itself
        },
        &size);
    storage_.resize(size + alignment + behind);
    const auto begin = reinterpret_cast<std::uint64_t>(storage_.data());
    base_ = (begin + size + alignment - 1) & -alignment;
    std::memcpy(reinterpret_cast<void*>(base_ - size),
                reinterpret_cast<const void*>(trap::cotrap_hart.kernel_fs - size), size + behind);
    *reinterpret_cast<std::uint64_t*>(base_) = base_;
  }
  std::uint64_t base() const { return base_; }
  Variables& variables_here() {
    const auto distance = reinterpret_cast<std::uint64_t>(&variables) - trap::cotrap_hart.kernel_fs;
    return *reinterpret_cast<Variables*>(base_ + distance);
  }

 private:
  static constexpr std::size_t behind = 64;
  static constexpr std::uint64_t alignment = 64;
  std::vector<std::byte> storage_;
  std::uint64_t base_ = 0;
};

}  // namespace

TEST_CASE("a compiled program with thread-local variables runs while fs belongs to the kernel") {
  const Hart hart{Segments::rewrite};
  const auto begin = reinterpret_cast<std::uint64_t>(__start_program_text);
  const auto end = reinterpret_cast<std::uint64_t>(__stop_program_text);
  const std::uint64_t page = begin & -page_size;
  REQUIRE(mprotect(reinterpret_cast<void*>(page), end - page, PROT_READ | PROT_WRITE | PROT_EXEC) ==
          0);
  Rewriter rewriter{
      {{reinterpret_cast<std::byte*>(begin), end - begin}, begin}, begin, Rewriter::Fs::becomes_gs};
  CHECK_FALSE(rewriter.step(end - begin));
  REQUIRE(mprotect(reinterpret_cast<void*>(page), end - page, PROT_READ | PROT_EXEC) == 0);
  REQUIRE(!rewriter.refusal());
  // At least one read of the variables' base and two of the stack protector's canary.
  CHECK(rewriter.changed() >= 3);

  thread_local_program_gate = reinterpret_cast<void (*)()>(trap::entry_address());
  ThreadLocalStorage storage;
  alignas(16) std::array<std::uint64_t, 512> stack{};
  UserContext context;
  context.set_program_counter(address_of(thread_local_program));
  context.set_stack(reinterpret_cast<std::uint64_t>(stack.data() + stack.size()) - 8);
  context.set_thread_pointer(storage.base());
  context.kept = UserContext::none;

  const Variables kernels = variables;
  Variables expected = variables;
  for (int i = 0; i < 10; ++i) {
    REQUIRE(run_user(context).kind == Trap::syscall);
    turn(expected);
    CHECK(storage.variables_here() == expected);
    CHECK(variables == kernels);
  }
}

TEST_CASE("an instruction that faults for its fs is rewritten to gs") {
  const Hart hart{Segments::rewrite};
  trap::handle_signal(SIGSEGV, take_signal);
  // mov %fs:0x40000000, %rax: nothing is mapped there with the kernel's fs; call *%rbx: the gate
  Text text{{0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0x40, 0xff, 0xd3}};
  const std::uint64_t value = 42;
  alignas(16) std::array<std::uint64_t, 64> stack{};
  UserContext context;
  context.set_program_counter(text.address());
  context.set_stack(reinterpret_cast<std::uint64_t>(stack.data() + stack.size()));
  context.set_thread_pointer(reinterpret_cast<std::uint64_t>(&value) - 0x4000'0000);
  context.general.rbx = trap::entry_address();
  const Trap fault = run_user(context);
  REQUIRE(fault.kind == Trap::page_fault);
  REQUIRE(context.program_counter() == text.address());
  CHECK(rewrite_instruction(text.code().from(context.program_counter())) == true);
  CHECK(run_user(context).kind == Trap::syscall);
  CHECK(context.general.rax == 42);
}

TEST_CASE("a program's own syscall instruction is caught and changes only documented registers") {
  const CatchingHart hart{GENERATE(from_range(all_modes()))};
  if (!hart.catching) SKIP("Linux cannot");
  for (std::uint64_t seed = 40; seed < 60; ++seed) {
    INFO("mode " << int(trap::segments()) << ", seed " << seed);
    RandomProgram program{seed, RandomProgram::caught, UserContext::all};
    std::string what;
    for (int again = 0; again < 3; ++again) {
      if (again > 0) RandomProgram::forget_seen();
      const Trap trap = run_user(program.context);
      REQUIRE(trap.kind == Trap::syscall);
      REQUIRE(trap.cause == UserContext::instruction);
      REQUIRE(program.context.error_code == 0);
      if (!program.context_is_right(what)) FAIL(what);
      if (again > 0 && !program.seen_is_right(what)) FAIL(what);
      spoil_vectors();
    }
    REQUIRE(program.red_zone_is_right());
  }
}

TEST_CASE("a handler's system calls reach Linux, and later ones of the program are caught") {
  const CatchingHart hart{GENERATE(from_range(all_modes()))};
  if (!hart.catching) SKIP("Linux cannot");
  static unsigned steps;
  static bool passed;
  steps = 0;
  passed = true;
  trap::handle_signal(SIGTRAP, [](trap::Signal&) {
    ++steps;
    if (syscall(SYS_getppid) != getppid()) passed = false;
  });
  RandomProgram program{62, RandomProgram::caught, UserContext::all};
  // Single-step: a signal handler runs after each instruction.
  program.context.general.rflags |= 0x100;
  CHECK(run_user(program.context).cause == UserContext::instruction);
  CHECK(steps >= 10);  // more in the modes in which the entry is single-stepped, too
  CHECK(passed);
}
