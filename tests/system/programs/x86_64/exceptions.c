// Prints the signal, its code and its address for exceptions that a program can cause. QEMU without
// KVM does not raise exceptions of SSE and stack faults, so these are not tested.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

static sigjmp_buf back;
static int number, code;
static void *address, *at;

static void handle(int signal, siginfo_t* info, void* context) {
  number = signal;
  code = info->si_code;
  address = info->si_addr;
  at = (void*)((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP];
  siglongjmp(back, 1);
}

static void set_x87(unsigned short control) {
  asm volatile("fninit\n\tfldcw %0" : : "m"(control));
}

int main(void);

// Names an address, because the program lies elsewhere in each run.
static const char* text_of(void* address) {
  static char text[32];
  if (address == at) return "the instruction";
  if (address == (void*)main) return "main";
  snprintf(text, sizeof text, "%p", address);
  return address == NULL ? "none" : text;
}

#define TRY(what, instructions, ...)                                               \
  do {                                                                             \
    number = 0;                                                                    \
    if (sigsetjmp(back, 1) == 0) asm volatile(instructions : : __VA_ARGS__);       \
    set_x87(0x37f);                                             \
    printf("%s: %s, code %d, address %s\n", what, number ? strsignal(number) : "", \
           code, text_of(address));                                                \
  } while (0)

int main(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; ++i)
    sigaction(signals[i], &action, NULL);

  TRY("hlt", "hlt", "r"(0));
  TRY("cli", "cli", "r"(0));
  TRY("int3", "int3", "r"(0));
  TRY("ud2", "ud2", "r"(0));
  TRY("int $0x20", "int $0x20", "r"(0));
  TRY("a division by zero", "xorl %%edx, %%edx\n\tdivl %%edx", "a"(1) : "edx");
  TRY("a load from page 0", "movl 8, %%eax", "r"(0) : "eax");
  TRY("a store to the program's code", "movl %%eax, (%0)", "r"(main) : "memory");
  TRY("a load from a non-canonical address", "movl (%0), %%eax", "r"(1ul << 60) : "eax");
  TRY("a jump to a non-canonical address", "jmpq *%0", "r"(1ul << 60));

  set_x87(0x360);
  TRY("a division by zero by the x87", "fld1\n\tfldz\n\tfdivrp\n\tfwait", "r"(0));
  set_x87(0x360);
  TRY("an invalid x87 operation", "fldz\n\tfldz\n\tfdivrp\n\tfwait", "r"(0));
  set_x87(0x35f);
  TRY("an inexact x87 operation", "fld1\n\tfldpi\n\tfdivrp\n\tfwait", "r"(0));
  return 0;
}
