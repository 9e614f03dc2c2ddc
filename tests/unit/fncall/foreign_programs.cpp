// Programs that were not built for this machine: their fs is rewritten, their `syscall`s are caught
// or patched.

#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <trap/rewrite.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "random_program.h"
#include "thread_local_program.h"

using trap::Code;
using trap::Segments;
using trap::Thunks;
using trap::Trap;
using trap::UserContext;

void (*thread_local_program_gate)() = nullptr;

namespace {

constexpr std::uint64_t page_size = 4096;

/// Memory that can be written and executed, as programs' is where they are changed.
class Text {
 public:
  explicit Text(std::initializer_list<unsigned> code, std::size_t at = 0)
      : size_{at + code.size()} {
    page_ = static_cast<std::byte*>(mmap(nullptr, 2 * page_size, PROT_READ | PROT_WRITE | PROT_EXEC,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memset(page_, 0x90, page_size);
    for (const unsigned byte : code) page_[at++] = static_cast<std::byte>(byte);
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { munmap(page_, 2 * page_size); }
  std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(page_); }
  std::byte* bytes() { return page_; }
  Code code() { return {{page_, size_}, address()}; }
  /// For thunks: the page behind.
  Code room(std::size_t size = page_size) {
    return {{page_ + page_size, size}, address() + page_size};
  }

 private:
  std::byte* page_;
  std::size_t size_;
};

/// A copy of this thread's thread-local storage, as a program would have its own. fs points behind
/// the variables, at a pointer to itself; behind that is the stack protector's secret.
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
          return 1;  // the first is the program itself
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

TEST_CASE("A compiler's program with thread-local variables runs while fs is the kernel's") {
  const Hart hart{Segments::rewrite};
  const auto begin = reinterpret_cast<std::uint64_t>(__start_program_text);
  const auto end = reinterpret_cast<std::uint64_t>(__stop_program_text);
  const std::uint64_t page = begin & -page_size;
  REQUIRE(mprotect(reinterpret_cast<void*>(page), end - page, PROT_READ | PROT_WRITE | PROT_EXEC) ==
          0);
  const auto changed =
      trap::rewrite_all({{reinterpret_cast<std::byte*>(begin), end - begin}, begin});
  REQUIRE(mprotect(reinterpret_cast<void*>(page), end - page, PROT_READ | PROT_EXEC) == 0);
  REQUIRE(changed);
  CHECK(*changed >= 3);  // the variables' base, the secret twice

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

TEST_CASE("An instruction that faults for its fs is changed, and finds what gs points to") {
  const Hart hart{Segments::rewrite};
  trap::handle_signal(SIGSEGV, take_signal);
  // mov %fs:0x40000000, %rax, where the kernel has nothing; call *called_gate by rbx
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
  CHECK(trap::rewrite_instruction(text.code().from(context.program_counter())) == true);
  CHECK(run_user(context).kind == Trap::syscall);
  CHECK(context.general.rax == 42);
}

TEST_CASE(
    "A program's own system call instruction is caught, and changes only what it is known to") {
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

TEST_CASE(
    "The kernel's system calls in a handler are its own, and the program's are caught after it") {
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
  program.context.general.rflags |= 0x100;  // a step, and a handler, for each instruction
  CHECK(run_user(program.context).cause == UserContext::instruction);
  CHECK(steps > 10);
  CHECK(passed);
}

TEST_CASE("A system call whose number is put into eax before it becomes a jump to the gate") {
  const CatchingHart hart{GENERATE(from_range(all_modes()))};
  if (!hart.catching) SKIP("Linux cannot");
  // nop; mov $0x1234, %eax; syscall; ud2
  Text text{{0x90, 0xb8, 0x34, 0x12, 0, 0, 0x0f, 0x05, 0x0f, 0x0b}};
  const std::uint64_t syscall_at = text.address() + 6;
  RandomProgram program{61, RandomProgram::jumped, UserContext::all};
  UserContext& context = program.context;
  context.set_program_counter(text.address());
  trap::GeneralRegs expected = context.general;
  expected.rax = 0x1234;
  expected.rcx = expected.rip = syscall_at + 2;

  const auto run = [&](std::uint64_t from) {
    context.set_program_counter(from);
    context.general.rax = from == syscall_at ? 0x1234 : 0;
    const Trap trap = run_user(context);
    REQUIRE(trap.kind == Trap::syscall);
    trap::GeneralRegs found = context.general;
    found.rflags = expected.rflags;
    if (trap.cause == UserContext::instruction) found.r11 = expected.r11;  // the flags
    CHECK(found == expected);
    context.general.r11 = expected.r11;
    return trap.cause;
  };
  CHECK(run(text.address()) == UserContext::instruction);
  Thunks thunks{text.room(), trap::jump_entry_address()};
  REQUIRE(thunks.patch(text.code(), syscall_at) == Thunks::Result::patched);
  CHECK(run(text.address()) == UserContext::gate_call);
  CHECK(run(text.address() + 1) == UserContext::gate_call);
  CHECK(run(syscall_at) == UserContext::instruction);  // who jumps there, as before
  CHECK(program.red_zone_is_right());
}

TEST_CASE("What cannot be patched is left as it is") {
  using enum Thunks::Result;
  constexpr std::uint64_t gate = 0;
  const auto patch = [](Text& text, Code room, std::uint64_t at) {
    const std::vector<std::byte> before{text.bytes(), text.bytes() + page_size};
    Thunks thunks{room, gate};
    const Thunks::Result result = thunks.patch(text.code(), text.address() + at);
    if (result != patched) CHECK(std::equal(before.begin(), before.end(), text.bytes()));
    return result;
  };
  {
    INFO("xor %eax, %eax; syscall, and code that begins with a system call");
    Text text{{0x0f, 0x05, 0x31, 0xc0, 0x0f, 0x05}};
    CHECK(patch(text, text.room(), 0) == no_constant);
    CHECK(patch(text, text.room(), 4) == no_constant);
    INFO("add $1, %eax, which is as long as mov");
    Text add{{0x05, 1, 0, 0, 0, 0x0f, 0x05, 0x90}};
    CHECK(patch(add, add.room(), 5) == no_constant);
  }
  {
    INFO("mov $1, %r8d; and mov $1, -0x48(%rsp), which ends with the same bytes");
    Text other_register{{0x41, 0xb8, 1, 0, 0, 0, 0x0f, 0x05}};
    CHECK(patch(other_register, other_register.room(), 6) == no_constant);
    Text memory{{0xc7, 0x44, 0x24, 0xb8, 1, 0, 0, 0, 0x0f, 0x05}};
    CHECK(patch(memory, memory.room(), 8) == no_constant);
  }
  {
    INFO("in two cache lines, and at the end of one");
    Text across{{0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x90, 0x90, 0x90}, 60};
    CHECK(patch(across, across.room(), 65) == unsafe);
    Text within{{0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x90, 0x90, 0x90}, 59};
    CHECK(patch(within, within.room(), 64) == patched);
  }
  {
    INFO("with less than eight bytes that may be written");
    Text text{{0xb8, 1, 0, 0, 0, 0x0f, 0x05}};
    CHECK(patch(text, text.room(), 5) == unsafe);
  }
  {
    INFO("no room");
    Text text{{0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x90}};
    CHECK(patch(text, text.room(8 + Thunks::size - 1), 5) == full);
    CHECK(patch(text, text.room(8 + Thunks::size), 5) == patched);
  }
  {
    INFO("too far");
    Text text{{0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x90}};
    Code room = text.room();
    room.address += std::uint64_t{1} << 32;
    CHECK(patch(text, room, 5) == too_far);
  }
}
