#include <hal/timer.h>
#include <trap/check_registers.h>

namespace trap {
namespace {

// Fills fourteen general registers and two vector registers from `seed`, spins for a while, and
// says whether all of them are as they were.
bool look(std::uint64_t seed) {
  std::uint64_t wrong = 0;
  asm volatile(
      R"(
    pushq %%rbp
    movq %[seed], %%rbp
    leaq 1(%%rbp), %%rax
    leaq 2(%%rbp), %%rbx
    leaq 3(%%rbp), %%rcx
    leaq 4(%%rbp), %%rdx
    leaq 5(%%rbp), %%rsi
    leaq 6(%%rbp), %%rdi
    leaq 8(%%rbp), %%r8
    leaq 9(%%rbp), %%r9
    leaq 10(%%rbp), %%r10
    leaq 11(%%rbp), %%r11
    leaq 12(%%rbp), %%r12
    leaq 13(%%rbp), %%r13
    leaq 14(%%rbp), %%r14
    movq %%r9, %%xmm3
    movq %%r14, %%xmm15
    movl $2000, %%r15d
  1:decl %%r15d
    jnz 1b
    .macro cotrap_compare distance, register
    subq %%rbp, \register
    xorq $\distance, \register
    orq \register, %%r15
    .endm
    cotrap_compare 1, %%rax
    cotrap_compare 2, %%rbx
    cotrap_compare 3, %%rcx
    cotrap_compare 4, %%rdx
    cotrap_compare 5, %%rsi
    cotrap_compare 6, %%rdi
    cotrap_compare 8, %%r8
    cotrap_compare 9, %%r9
    cotrap_compare 10, %%r10
    cotrap_compare 11, %%r11
    cotrap_compare 12, %%r12
    cotrap_compare 13, %%r13
    cotrap_compare 14, %%r14
    movq %%xmm3, %%rax
    cotrap_compare 9, %%rax
    movq %%xmm15, %%rax
    cotrap_compare 14, %%rax
    .purgem cotrap_compare
    popq %%rbp
    movq %%r15, %[wrong]
  )"
      : [wrong] "=r"(wrong)
      : [seed] "r"(seed)
      : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
        "r15", "xmm3", "xmm15", "cc", "memory");
  return wrong == 0;
}

}  // namespace

bool cotrap_check_registers(CheckRegisters& check) {
  bool intact = true;
  while (check.stop == 0 && hal::clock_ticks() < check.until_tick) {
    intact = look(check.seed) && intact;
    check.rounds = check.rounds + 1;
  }
  return intact;
}

}  // namespace trap
