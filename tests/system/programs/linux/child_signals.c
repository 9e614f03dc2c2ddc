// Signals and processes: what a parent learns of a child's end, which handlers and pending signals a child
// inherits, and how a process ends whose stack overflows or that returns from no handler.
#define _GNU_SOURCE
#include <signal.h>

#include "common.h"

static volatile sig_atomic_t calls;
static void count(int signal) {
  (void)signal;
  ++calls;
}

static volatile sig_atomic_t child_code, child_status, child_id;
static void child_ended(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  child_code = info->si_code;
  child_status = info->si_status;
  child_id = info->si_pid;
  ++calls;
}
static void exits(void) { _exit(7); }
static void dies(void) {
  signal(SIGTERM, SIG_DFL);
  raise(SIGTERM);
}
static void children(void) {
  struct sigaction action = {.sa_sigaction = child_ended, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGCHLD, &action, NULL);
  calls = 0;
  int status = run_child(exits);
  printf("child: %d, %d calls, exited %d, status %d\n", WEXITSTATUS(status), calls, child_code == CLD_EXITED,
         child_status);
  status = run_child(dies);
  printf("child: signal %d, %d calls, killed %d, status %d\n", WTERMSIG(status), calls,
         child_code == CLD_KILLED, child_status);
  signal(SIGCHLD, SIG_DFL);
}

// In a forked child handlers stay, pending signals do not; execve drops handlers.
static void inherits(void) {
  sigset_t pending;
  sigpending(&pending);
  printf("in the child: pending %d\n", sigismember(&pending, SIGUSR2));
  calls = 0;
  raise(SIGUSR1);
  printf("in the child: %d calls\n", calls);
}
static void forks(void) {
  sigset_t block, old;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR2);
  sigprocmask(SIG_BLOCK, &block, &old);
  signal(SIGUSR1, count);
  signal(SIGUSR2, count);
  raise(SIGUSR2);
  run_child(inherits);
  calls = 0;
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("in the parent: %d calls\n", calls);
}

static void overflow(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info, (void)context;
  static const char text[] = "the stack has overflowed\n";
  (void)!write(1, text, sizeof text - 1);
  _exit(9);
}
static int deep(int n) {
  volatile char much[4096];
  much[0] = (char)n;
  return n == 0 ? 0 : deep(n - 1) + much[0];
}
static void overflowing(void) {
  static char own_stack[65536];
  stack_t wanted = {.ss_sp = own_stack, .ss_size = sizeof own_stack};
  sigaltstack(&wanted, NULL);
  struct sigaction action = {.sa_sigaction = overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &action, NULL);
  (void)deep(1 << 20);
}
static void broken_frame(void) {
#ifdef __riscv
  __asm__ volatile("mv sp, %0\n li a7, 139\n ecall" ::"r"(64L) : "a7", "memory");
#else
  __asm__ volatile("movq %0, %%rsp\n movl $15, %%eax\n syscall" ::"r"(64L) : "rax", "memory");
#endif
}

int main(void) {
  children();
  forks();
  int status = run_child(overflowing);
  printf("overflow: exited %d with %d\n", WIFEXITED(status), WEXITSTATUS(status));
  status = run_child(broken_frame);
  printf("a broken frame: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return 0;
}
