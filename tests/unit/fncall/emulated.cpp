// Signal frames of valgrind are corrected to those of Linux.
#include <trap/emulated.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <vector>

using trap::Trap;

namespace {

using MachineCode = std::vector<unsigned char>;

struct Fault {
  siginfo_t info{};
  ucontext_t state{};

  Fault(int number, greg_t vector, greg_t error, greg_t address) : number_{number} {
    info.si_code = 1;
    (*this)[REG_TRAPNO] = vector;
    (*this)[REG_ERR] = error;
    (*this)[REG_CR2] = address;
  }
  greg_t& operator[](int index) { return state.uc_mcontext.gregs[index]; }
  Trap completed() {
    trap::Signal signal{number_, info, state, 0};
    trap::complete(signal);
    return trap::decode(signal);
  }

 private:
  int number_;
};

constexpr greg_t page_fault = 14, read_error = 4, write_error = 6;
constexpr greg_t stack = 0x7000;

/// Returns rsp after an instruction's access at rsp faults.
greg_t stack_after(const MachineCode& instruction, greg_t error = write_error,
                   greg_t address = stack) {
  Fault fault{SIGSEGV, page_fault, error, address};
  fault[REG_RIP] = reinterpret_cast<greg_t>(instruction.data());
  fault[REG_RSP] = stack;
  CHECK(fault.completed().kind == Trap::page_fault);
  return fault[REG_RSP];
}

greg_t count_after(const MachineCode& instruction) {
  Fault fault{SIGSEGV, page_fault, write_error, 0x1000};
  fault[REG_RIP] = reinterpret_cast<greg_t>(instruction.data());
  fault[REG_RCX] = 5;
  fault.completed();
  return fault[REG_RCX];
}

}  // namespace

TEST_CASE("a fault without details from the processor is decoded from its signal") {
  const Trap fetch = Fault{SIGSEGV, 0, 0, 0x1234}.completed();
  CHECK(fetch.kind == Trap::page_fault);
  CHECK(fetch.access == hal::Access::execute);
  CHECK(fetch.address == 0x1234);
  CHECK(Fault{SIGILL, 0, 0, 0}.completed().kind == Trap::illegal_instruction);
  CHECK(Fault{SIGTRAP, 0, 0, 0}.completed().kind == Trap::breakpoint);
  CHECK(Fault{SIGFPE, 0, 0, 0}.completed().kind == Trap::arithmetic);
}

TEST_CASE("a push or call that faults does not move the stack pointer") {
  const std::array pushes{
      MachineCode{0x55},                                // push %rbp
      MachineCode{0x41, 0x57},                          // push %r15
      MachineCode{0x68, 1, 2, 3, 4},                    // push $…
      MachineCode{0x6a, 1},                             // push $…
      MachineCode{0x9c},                                // pushf
      MachineCode{0xe8, 1, 2, 3, 4},                    // call
      MachineCode{0x41, 0xff, 0xd3},                    // call *%r11
      MachineCode{0xff, 0x15, 1, 2, 3, 4},              // call *…(%rip)
      MachineCode{0x64, 0xff, 0x34, 0x25, 1, 2, 3, 4},  // push %fs:…
      MachineCode{0x0f, 0xa0},                          // push %fs
  };
  for (const MachineCode& push : pushes) CHECK(stack_after(push) == stack + 8);

  CHECK(stack_after({0x48, 0x89, 0x04, 0x24}) == stack);  // mov %rax, (%rsp)
  CHECK(stack_after({0xff, 0x04, 0x24}) == stack);        // incl (%rsp)
  // The pushed operand faults, not the stack.
  CHECK(stack_after({0xff, 0x34, 0x24}, read_error) == stack);
  CHECK(stack_after({0x55}, write_error, stack + 64) == stack);  // the fault is elsewhere
}

TEST_CASE("a repeated instruction that faults does not count the failed round") {
  CHECK(count_after({0xf3, 0xa4}) == 6);              // rep movsb
  CHECK(count_after({0xf3, 0x48, 0xab}) == 6);        // rep stosq
  CHECK(count_after({0xf2, 0xae}) == 6);              // repne scasb
  CHECK(count_after({0x48, 0xab}) == 5);              // stosq
  CHECK(count_after({0xf3, 0x0f, 0x7f, 0x00}) == 5);  // movdqu
}

TEST_CASE("faults with details from the processor stay unchanged") {
  Fault fault{SIGSEGV, 13, 0, 0};
  fault[REG_RSP] = stack;
  fault[REG_RCX] = 5;
  CHECK(fault.completed().kind == Trap::access_fault);
  CHECK(fault[REG_RSP] == stack);
  CHECK(fault[REG_RCX] == 5);
}
