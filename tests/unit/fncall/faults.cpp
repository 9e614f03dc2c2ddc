// A program's fault ends run_user with a trap that describes it; all registers are kept.

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>

#include "random_program.h"
#include "text.h"

using hal::Access;
using trap::Taken;
using trap::Trap;
using trap::UserContext;

extern "C" {
void reads();         // rbx := the word at rax
void reads_here();    // the address of that read
void writes();        // the word at rax := rbx
void jumps();         // to rax
void divides();       // by zero
void undefined();     // instruction
void breaks();        // int3
void breaks_after();  // the address after the breakpoint
void privileged();    // instruction
void fault_end();     // calls the gate
}
asm(R"(
  .text
reads:
  nop
reads_here:
  movq  (%rax), %rbx
fault_end:
  callq *called_gate(%rip)
  ud2
writes:
  movq  %rbx, (%rax)
  jmp   fault_end
jumps:
  jmpq  *%rax
divides:
  xorl  %ecx, %ecx
  divl  %ecx
undefined:
  ud2
breaks:
  int3
breaks_after:
  jmp   fault_end
privileged:
  hlt
)");

namespace {

/// A page without access until it is opened.
class Page {
 public:
  Page() : page_{mmap(nullptr, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)} {}
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  ~Page() { munmap(page_, page_size); }
  std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(page_); }
  void open() const { mprotect(page_, page_size, PROT_READ | PROT_WRITE); }

 private:
  void* page_;
};

/// A hart that handles the faults of its programs.
struct FaultHart : Hart {
  explicit FaultHart(trap::Segments mode) : Hart{mode} {
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) {
      trap::handle_signal(signal, take_signal);
    }
  }
};

}  // namespace

TEST_CASE(
    "a page fault reports its address and access, and the program continues once the page is "
    "present") {
  const FaultHart hart{GENERATE(from_range(all_modes()))};
  const auto [program, access] =
      GENERATE(std::pair{&reads, Access::read}, std::pair{&writes, Access::write});
  RandomProgram random{20, RandomProgram::called, UserContext::all};
  const Page page;
  UserContext& context = random.context;
  context.general.rax = page.address() + 8;
  context.set_program_counter(address_of(program));
  const trap::GeneralRegs before = context.general;

  const Trap trap = run_user(context);

  CHECK(trap.kind == Trap::page_fault);
  CHECK(trap.access == access);
  CHECK(trap.address == page.address() + 8);
  CHECK(context.trap_num == 14);
  CHECK((context.error_code & 6) == (access == Access::write ? 6 : 4));  // user mode; write
  trap::GeneralRegs expected = before;
  expected.rip = access == Access::read ? address_of(reads_here) : address_of(writes);
  expected.rflags = context.general.rflags;
  CHECK(context.general == expected);
  CHECK((context.general.rflags & 0xcd5) == (before.rflags & 0xcd5));

  page.open();
  spoil_vectors();
  CHECK(run_user(context).kind == Trap::syscall);
  if (access == Access::read) {
    CHECK(context.general.rbx == 0);
  } else {
    CHECK(*reinterpret_cast<std::uint64_t*>(page.address() + 8) == before.rbx);
  }
}

TEST_CASE("a fault preserves all vector registers, whatever set the gate preserves") {
  const FaultHart hart{GENERATE(from_range(all_modes()))};
  RandomProgram random{26, RandomProgram::called, UserContext::none};
  REQUIRE(run_user(random.context).kind == Trap::syscall);
  called_gate = 0;
  REQUIRE(run_user(random.context).kind == Trap::page_fault);
  called_gate = trap::entry_address();
  random.context.general.rsp += 8;
  random.context.set_program_counter(address_of(caller_continues));
  const std::uint64_t set = given_set;
  spoil_vectors();
  REQUIRE(run_user(random.context).kind == Trap::syscall);
  CHECK(difference(given_vectors + set, seen_vectors, UserContext::all) == "");
}

TEST_CASE("a handler may run compiled code whatever flags the program has set") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  static bool copied;
  copied = false;
  trap::handle_signal(SIGILL, [](trap::Signal& signal) {
    alignas(8) std::array<std::uint32_t, 4> words{1, 2, 3, 4};
    std::uint64_t misaligned = 0;
    asm volatile("movq 4(%1), %0" : "=r"(misaligned) : "r"(words.data()), "m"(words));
    copied = misaligned == (std::uint64_t{3} << 32 | 2);
    take(signal);
  });
  RandomProgram random{27, RandomProgram::called, UserContext::all};
  random.context.set_program_counter(address_of(undefined));
  random.context.general.rflags = 0x40402;  // alignment check; direction: down
  CHECK(run_user(random.context).kind == Trap::illegal_instruction);
  CHECK(copied);
  CHECK((random.context.general.rflags & 0x40400) == 0x40400);
}

TEST_CASE("every exception is decoded as its kind") {
  const FaultHart hart{GENERATE(from_range(all_modes()))};
  struct Case {
    void (*program)();
    Trap::Kind kind;
    Access access;
    std::uint64_t vector;
    void (*at)();
  };
  const auto [program, kind, access, vector, at] =
      GENERATE(Case{undefined, Trap::illegal_instruction, Access::execute, 6, undefined},
               Case{breaks, Trap::breakpoint, Access::none, 3, breaks_after},
               Case{privileged, Trap::access_fault, Access::read, 13, privileged},
               Case{divides, Trap::arithmetic, Access::none, 0, nullptr});
  RandomProgram random{21, RandomProgram::called, UserContext::none};
  UserContext& context = random.context;
  context.set_program_counter(address_of(program));
  const Trap trap = run_user(context);
  CHECK(trap.kind == kind);
  CHECK(trap.access == access);
  CHECK(trap.cause == vector);
  CHECK(context.trap_num == vector);
  if (at != nullptr) CHECK(context.program_counter() == address_of(at));
}

TEST_CASE("a jump to an address without code is a page fault of execution") {
  const FaultHart hart{GENERATE(from_range(all_modes()))};
  const Page page;
  RandomProgram random{22, RandomProgram::called, UserContext::none};
  random.context.general.rax = page.address();
  random.context.set_program_counter(address_of(jumps));
  const Trap trap = run_user(random.context);
  CHECK(trap.kind == Trap::page_fault);
  CHECK(trap.access == Access::execute);
  CHECK(trap.address == page.address());
  CHECK(random.context.program_counter() == page.address());
}

TEST_CASE("an invalid address is an access fault, for the program and for the kernel") {
  const FaultHart hart{GENERATE(from_range(all_modes()))};
  constexpr std::uint64_t not_canonical = 0x8000'0000'0000'0000;
  RandomProgram random{23, RandomProgram::called, UserContext::none};
  UserContext& context = random.context;
  context.general.rax = not_canonical;
  context.set_program_counter(address_of(reads));
  CHECK(run_user(context).kind == Trap::access_fault);

  context.set_program_counter(not_canonical);
  const trap::GeneralRegs before = context.general;
  CHECK(run_user(context).kind == Trap::access_fault);
  CHECK(context.general == before);
}

TEST_CASE("a call of the gate without a stack is the program's fault and changes nothing") {
  const FaultHart hart{GENERATE(from_range(all_modes()))};
  const Page page;
  RandomProgram random{24, RandomProgram::called, UserContext::none};
  UserContext& context = random.context;
  context.set_stack(page.address() + 64);
  context.set_program_counter(trap::entry_address());
  const trap::GeneralRegs before = context.general;
  Trap trap = run_user(context);
  CHECK(trap.kind == Trap::page_fault);
  CHECK(trap.address == page.address() + 64);
  trap::GeneralRegs expected = before;
  expected.rflags = context.general.rflags;
  CHECK(context.general == expected);

  page.open();
  *reinterpret_cast<std::uint64_t*>(page.address() + 64) = address_of(undefined);
  trap = run_user(context);
  CHECK(trap.kind == Trap::syscall);
  CHECK(context.program_counter() == address_of(undefined));
  CHECK(context.stack() == page.address() + 72);
}

TEST_CASE("a signal from a process is an interrupt, whatever its number") {
  const FaultHart hart{GENERATE(from_range(all_modes()))};
  static Taken taken;
  trap::handle_signal(SIGSEGV, [](trap::Signal& signal) {
    taken = take(signal);
    if (taken == Taken::kernels) trap::cotrap_hart.pending = 1;
  });
  RandomProgram random{25, RandomProgram::called, UserContext::none};
  kill(getpid(), SIGSEGV);  // goes to this thread, the only one
  CHECK(taken == Taken::kernels);
  CHECK(run_user(random.context).kind == Trap::interrupt);
  trap::cotrap_hart.pending = 0;
  CHECK(run_user(random.context).kind == Trap::syscall);
}

TEST_CASE("a fault in the kernel is left to the kernel") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  static Taken taken;
  static Trap trap;
  trap::handle_signal(SIGSEGV, [](trap::Signal& signal) {
    taken = take(signal);
    trap = decode(signal);
    signal.state.uc_mcontext.gregs[REG_RIP] = signal.state.uc_mcontext.gregs[REG_RBX];
  });
  const Page page;
  asm volatile("leaq 1f(%%rip), %%rbx\n\tmovq %%rax, (%0)\n1:" ::"r"(page.address())
               : "rbx", "memory");
  CHECK(taken == Taken::kernels);
  CHECK(trap.kind == Trap::page_fault);
  CHECK(trap.access == Access::write);
  CHECK(trap.address == page.address());
}
