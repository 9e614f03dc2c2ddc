// Signal handlers: what they learn, which registers and masks they leave, which calls they interrupt, and
// their stacks.
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#include "common.h"

static volatile sig_atomic_t calls;
static volatile sig_atomic_t last_code, last_signal, last_is_own;

static void count(int signal) {
  last_signal = signal;
  ++calls;
}

static void learn(int signal, siginfo_t* info, void* context) {
  (void)context;
  last_signal = signal;
  last_code = info->si_code;
  last_is_own = info->si_pid == getpid();
  ++calls;
}

static void handle(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigemptyset(&action.sa_mask);
  if (sigaction(signal, &action, NULL) != 0) say("sigaction", -1);
}

static void simple(void) {
  handle(SIGUSR1, learn, 0);
  calls = 0;
  SAY(kill(getpid(), SIGUSR1));
  printf("kill: %d calls, code %d, own %d\n", calls, last_code, last_is_own);
  SAY(raise(SIGUSR1));
  printf("raise: %d calls, code %d, own %d\n", calls, last_code, last_is_own);
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  printf("the handler is set: %d, flags %x\n", now.sa_sigaction == learn, now.sa_flags & ~0x04000000);
  signal(SIGUSR1, SIG_IGN);
  raise(SIGUSR1);
  printf("ignored: %d calls\n", calls);
}

// ── Masks ──

static volatile sig_atomic_t order[8], ordered;
static void note_order(int signal) {
  order[ordered++] = signal;
}
static void raise_again(int signal) {
  order[ordered++] = signal;
  if (ordered == 1) raise(SIGUSR1);  // blocked until this handler has returned
  order[ordered++] = -signal;
}
static void masks(void) {
  sigset_t set, old, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  signal(SIGUSR1, note_order);
  signal(SIGUSR2, note_order);
  sigprocmask(SIG_BLOCK, &set, &old);
  raise(SIGUSR2);
  raise(SIGUSR1);
  raise(SIGUSR1);
  sigpending(&pending);
  printf("pending: %d %d %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2),
         sigismember(&pending, SIGHUP));
  printf("blocked: %d calls\n", ordered);
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("unblocked: %d calls: %d and %d\n", ordered, order[0] + order[1], order[0] == SIGUSR1 || order[0] == SIGUSR2);
  ordered = 0;
  signal(SIGUSR1, raise_again);
  raise(SIGUSR1);
  printf("deferred: %d: %d %d %d %d\n", ordered, order[0], order[1], order[2], order[3]);
  ordered = 0;
  struct sigaction action = {.sa_handler = raise_again, .sa_flags = SA_NODEFER};
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  printf("nested: %d: %d %d %d %d\n", ordered, order[0], order[1], order[2], order[3]);
  ordered = 0;
  signal(SIGRTMIN + 1, note_order);
  signal(SIGRTMIN + 2, note_order);
  sigaddset(&set, SIGRTMIN + 1);
  sigaddset(&set, SIGRTMIN + 2);
  sigprocmask(SIG_BLOCK, &set, &old);
  for (int i = 0; i < 3; ++i) raise(SIGRTMIN + 2);
  raise(SIGRTMIN + 1);
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("queued: %d calls\n", ordered);
  action.sa_handler = note_order;
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  sigaction(SIGUSR1, NULL, &action);
  printf("reset: %d\n", action.sa_handler == SIG_DFL);
}

// ── Faults ──

static sigjmp_buf back;
static volatile uintptr_t fault_address;
static void leave(int signal, siginfo_t* info, void* context) {
  (void)context;
  last_signal = signal;
  last_code = info->si_code;
  fault_address = (uintptr_t)info->si_addr;
  siglongjmp(back, 1);
}
static volatile char* page;
static void mend(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  ++calls;
  char* at = (char*)((uintptr_t)info->si_addr & ~(uintptr_t)4095);
  mprotect(at, 4096, PROT_READ | PROT_WRITE);
}
#ifdef __riscv
#define PROGRAM_COUNTER __gregs[REG_PC]
#define RESULT __gregs[REG_A0]
#define RESULT_REGISTER "a0"
#define ILLEGAL ".word 0x0000000b"
#define ILLEGAL_BYTES 4
#define BREAKPOINT ".option push\n.option norvc\nebreak\n.option pop"
#else
#define PROGRAM_COUNTER gregs[REG_RIP]
#define RESULT gregs[REG_RAX]
#define RESULT_REGISTER "rax"
#define ILLEGAL "ud2"
#define ILLEGAL_BYTES 2
#define BREAKPOINT "int3"
#endif
static long answer;  // what a register has behind skip()
static void skip(int signal, siginfo_t* info, void* given) {
  (void)signal, (void)info;
  ucontext_t* context = given;
  context->uc_mcontext.PROGRAM_COUNTER += ILLEGAL_BYTES;
  context->uc_mcontext.RESULT = answer;
  ++calls;
}
static void faults(void) {
  handle(SIGSEGV, leave, 0);
  volatile int* volatile nowhere = (volatile int*)16;
  if (sigsetjmp(back, 1) == 0) *nowhere = 1;
  printf("nothing mapped: signal %d, code %d, address %ld\n", last_signal, last_code, (long)fault_address);
  page = (volatile char*)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (sigsetjmp(back, 1) == 0) page[5] = 1;
  printf("read-only: signal %d, code %d, offset %ld\n", last_signal, last_code,
         (long)(fault_address - (uintptr_t)page));
  handle(SIGSEGV, mend, 0);
  calls = 0;
  page[7] = 42;
  printf("mended: %d calls, %d\n", calls, page[7]);
  handle(SIGILL, skip, 0);
  calls = 0;
  // -4096 in the register must not mean anything to the kernel.
  for (answer = 77; answer >= -4096; answer -= 4173) {
    register long result __asm__(RESULT_REGISTER) = 5;
    __asm__ volatile(ILLEGAL : "+r"(result)::"memory");
    const long skipped = result;
    printf("skipped: %ld, %d calls\n", skipped, calls);
  }
  handle(SIGTRAP, leave, 0);
  if (sigsetjmp(back, 1) == 0) __asm__ volatile(BREAKPOINT);
  printf("a breakpoint: signal %d, code %d\n", last_signal, last_code);
}

// ── Registers ──

static volatile double spoiled;
static void spoil(int signal) {
  (void)signal;
  ++calls;
  volatile double a = 3.5, b = 7.25;
  spoiled = a * b;
}
static void registers(void) {
  signal(SIGALRM, spoil);
  calls = 0;
  double sum = 0, factor = 1.5;
  long checksum = 1;
  for (int i = 0; i < 20; ++i) {
    sum += factor * i;
    checksum = checksum * 31 + i;
    raise(SIGALRM);
    factor += 0.25;
  }
  printf("registers: %.4f %ld, %d calls\n", sum, checksum, calls);
}

// ── Stacks ──

static char own_stack[65536];
static volatile sig_atomic_t on_stack;
static void where(int signal) {
  (void)signal;
  char here;
  on_stack = &here >= own_stack && &here < own_stack + sizeof own_stack;
  stack_t now;
  sigaltstack(NULL, &now);
  printf("inside: flags %d\n", now.ss_flags);
}
static void stacks(void) {
  stack_t wanted = {.ss_sp = own_stack, .ss_size = 100}, old;
  SAY(sigaltstack(&wanted, NULL));
  wanted.ss_size = sizeof own_stack;
  SAY(sigaltstack(&wanted, &old));
  printf("before: flags %d\n", old.ss_flags);
  struct sigaction action = {.sa_handler = where, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  printf("on its own stack: %d\n", on_stack);
  action.sa_flags = 0;
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  printf("on its own stack: %d\n", on_stack);
}

// ── Interrupted calls ──

static int ends[2];
static pthread_t reader;
static volatile int is_over;  // the read
// A signal may come before the read, and the byte before the read has seen the signal. So the signals
// are repeated, and a byte ends only a read that starts again.
static void* send_later(void* restarts) {
  const int most = restarts ? 1 : 300;
  for (int i = 0; i < most && !is_over; ++i) {
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    if (!is_over) pthread_kill(reader, SIGUSR1);
  }
  nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
  (void)!write(ends[1], "x", 1);
  return NULL;
}
static void interrupted_read(int flags, const char* what) {
  struct sigaction action = {.sa_handler = count, .sa_flags = flags};
  sigaction(SIGUSR1, &action, NULL);
  calls = 0;
  is_over = 0;
  reader = pthread_self();
  pthread_t sender;
  pthread_create(&sender, NULL, send_later, flags == SA_RESTART ? &reader : NULL);
  char byte;
  const long got = read(ends[0], &byte, 1);
  is_over = 1;
  say(what, got);
  pthread_join(sender, NULL);
  if (got < 0) (void)!read(ends[0], &byte, 1);
  printf("%s: the handler ran: %d\n", what, calls > 0);
}
static void* kill_later(void* to) {
  nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
  pthread_kill(*(pthread_t*)to, SIGUSR1);
  return NULL;
}
static void interrupts(void) {
  (void)!pipe(ends);
  interrupted_read(0, "read");
  interrupted_read(SA_RESTART, "read, restarted");
  pthread_t self = pthread_self(), sender;
  struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  pthread_create(&sender, NULL, kill_later, &self);
  struct timespec left = {0};
  SAY(nanosleep(&(struct timespec){.tv_sec = 5}, &left));
  printf("left: %d\n", left.tv_sec == 4);
  pthread_join(sender, NULL);
  sigset_t none, block, old;
  sigemptyset(&none);
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  sigprocmask(SIG_BLOCK, &block, &old);
  calls = 0;
  raise(SIGUSR1);
  printf("before sigsuspend: %d calls\n", calls);
  SAY(sigsuspend(&none));
  printf("after sigsuspend: %d calls\n", calls);
  pthread_create(&sender, NULL, kill_later, &self);
  SAY(sigsuspend(&none));
  printf("after another: %d calls\n", calls);
  pthread_join(sender, NULL);
  sigset_t now;
  sigprocmask(SIG_SETMASK, &old, &now);
  printf("still blocked: %d\n", sigismember(&now, SIGUSR1));
}

// ── Waits for signals ──

static void waiting(void) {
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, &old);
  siginfo_t info;
  const struct timespec none = {0}, short_time = {.tv_nsec = 20000000}, long_time = {.tv_sec = 5};
  SAY(sigtimedwait(&set, &info, &none));
  raise(SIGUSR2);
  SAY(sigtimedwait(&set, &info, &none));
  printf("signal %d, own %d\n", info.si_signo, info.si_pid == getpid());
  SAY(sigtimedwait(&set, &info, &short_time));
  kill(getpid(), SIGUSR2);
  SAY(sigwaitinfo(&set, &info));
  printf("signal %d, code %d\n", info.si_signo, info.si_code);
  signal(SIGUSR1, count);
  pthread_t self = pthread_self(), sender;
  pthread_create(&sender, NULL, kill_later, &self);
  SAY(sigtimedwait(&set, &info, &long_time));
  pthread_join(sender, NULL);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pthread_create(&sender, NULL, kill_later, &self);
  SAY(sigtimedwait(&set, &info, &long_time));
  pthread_join(sender, NULL);
  SAY(sigtimedwait(&set, &info, &(struct timespec){.tv_nsec = 1000000000}));
  sigprocmask(SIG_SETMASK, &old, NULL);
}

// ── Other threads ──

// Two threads wait for signals of the process, and each gets one. The emulator sometimes loses one.
static void* await_one(void* none) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 3);
  printf("awaited: %d\n", sigwaitinfo(&set, NULL) == SIGRTMIN + 3);
  return none;
}
static void two_await(void) {
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &set, &old);
  signal(SIGRTMIN + 3, count);
  pthread_t waiters[2];
  for (int i = 0; i < 2; ++i) pthread_create(&waiters[i], NULL, await_one, NULL);
  nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
  for (int i = 0; i < 2; ++i) kill(getpid(), SIGRTMIN + 3);
  for (int i = 0; i < 2; ++i) pthread_join(waiters[i], NULL);
  sigprocmask(SIG_SETMASK, &old, NULL);
}

// A read whose descriptor another thread has closed.
static void* close_and_kill(void* to) {
  nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
  close(ends[0]);
  pthread_kill(*(pthread_t*)to, SIGUSR1);
  return NULL;
}
static void closed(void) {
  (void)!pipe(ends);
  struct sigaction action = {.sa_handler = count};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t self = pthread_self(), other;
  pthread_create(&other, NULL, close_and_kill, &self);
  char byte;
  SAY(read(ends[0], &byte, 1));
  pthread_join(other, NULL);
}

static pthread_barrier_t both;
static void* end_with_signal(void* none) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_barrier_wait(&both);
  pthread_barrier_wait(&both);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);  // takes the signal of the process
  return none;
}
static void others_take(void) {
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  signal(SIGUSR2, count);
  pthread_barrier_init(&both, NULL, 2);
  calls = 0;
  pthread_t other;
  pthread_create(&other, NULL, end_with_signal, NULL);
  sigprocmask(SIG_BLOCK, &set, &old);
  pthread_barrier_wait(&both);
  kill(getpid(), SIGUSR2);
  printf("blocked everywhere: %d calls\n", calls);
  pthread_barrier_wait(&both);
  pthread_join(other, NULL);
  printf("taken by another: %d calls\n", calls);
  sigprocmask(SIG_SETMASK, &old, NULL);
}

// ── Computing ──

static void* kill_computing(void* to) {
  for (int i = 0; i < 5; ++i) {
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    pthread_kill(*(pthread_t*)to, SIGUSR1);
  }
  return NULL;
}
static void computing(void) {
  pthread_t self = pthread_self(), sender;
  signal(SIGUSR1, count);
  calls = 0;
  pthread_create(&sender, NULL, kill_computing, &self);
  unsigned long sum = 0;
  while (calls == 0) sum += 3;
  pthread_join(sender, NULL);
  printf("computing: interrupted %d, %d\n", calls > 0, (int)(sum % 3));
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "waiters") == 0) return two_await(), 0;
  simple();
  masks();
  faults();
  registers();
  stacks();
  interrupts();
  waiting();
  others_take();
  closed();
  computing();
  return 0;
}
