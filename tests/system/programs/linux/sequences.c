// Restartable sequences (rseq): registering an area, the number of the hart in it, and when a
// sequence begins again. The emulator lacks the call, so all is in the part `all`.
#define _GNU_SOURCE
#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#define SIGNATURE 0xf1401073u  // an instruction that no program executes, as the C library has it
enum { bytes = 32 };

typedef struct rseq Area;
typedef struct rseq_cs Sequence;

static int enter(volatile Area* area, unsigned bytes, int flags, unsigned with_signature) {
  return (int)syscall(SYS_rseq, area, bytes, flags, with_signature);
}

static _Thread_local Area area;
// Where the thread names the sequence that it runs.
static volatile uint64_t* running(void) {
  return (volatile uint64_t*)&area.rseq_cs;
}
// The thread may go to another hart between the two reads.
static int names_hart(void) {
  for (int i = 0; i < 3; ++i) {
    if (area.cpu_id == (unsigned)sched_getcpu() && area.cpu_id_start == area.cpu_id) return 1;
  }
  return 0;
}

// ── Sequences ──
// All of them have the form
//     start: …  end: …  the signature  restart:

// A sequence that never ends. It returns to its caller when it begins again.
int never_ends(volatile uint64_t* running, volatile int* has_begun);
extern const char never_start[], never_end[], never_restart[];
__asm__(
    ".text\n"
    ".balign 8\n"
    ".global never_ends, never_start, never_end, never_restart\n"
    "never_ends:\n"
    "  la t0, never_sequence\n"
    "  li t1, 1\n"
    "  sw t1, 0(a1)\n"
    "  sd t0, 0(a0)\n"
    "never_start:\n"
    "  addi t2, t2, 1\n"
    "  j never_start\n"
    "never_end:\n"
    "  li a0, 0\n"
    "  ret\n"
    "  .word 0xf1401073\n"
    "never_restart:\n"
    "  li a0, 1\n"
    "  ret\n"
    ".data\n"
    ".balign 32\n"
    "never_sequence:\n"
    "  .word 0, 0\n"
    "  .dword never_start, never_end - never_start, never_restart\n"
    ".text\n");

// Adds 1 to counters[8 * hart] in a sequence; *restarts counts how often it has begun again.
void add_here(volatile uint64_t* running, const volatile uint32_t* hart, uint64_t* counters,
              uint64_t* restarts);
__asm__(
    ".global add_here\n"
    "add_here:\n"
    "  la t0, add_sequence\n"
    "again:\n"
    "  sd t0, 0(a0)\n"
    "add_start:\n"
    "  lwu t1, 0(a1)\n"
    "  slli t1, t1, 6\n"
    "  add t1, t1, a2\n"
    "  ld t2, 0(t1)\n"
    "  addi t2, t2, 1\n"
    "  sd t2, 0(t1)\n"
    "add_end:\n"
    "  sd zero, 0(a0)\n"
    "  ret\n"
    "  .word 0xf1401073\n"
    "add_restart:\n"
    "  ld t1, 0(a3)\n"
    "  addi t1, t1, 1\n"
    "  sd t1, 0(a3)\n"
    "  j again\n"
    ".data\n"
    ".balign 32\n"
    "add_sequence:\n"
    "  .word 0, 0\n"
    "  .dword add_start, add_end - add_start, add_restart\n"
    ".text\n");

// ── Registering ──

static void register_areas(void) {
  static struct {
    _Alignas(32) Area area;
    char more[64];
  } other;
  volatile Area* const own = &area;
  SAY(enter(own, bytes, RSEQ_FLAG_UNREGISTER, SIGNATURE));
  SAY(enter(own, bytes - 4, 0, SIGNATURE));
  SAY(enter(own, 0, 0, SIGNATURE));
  SAY(enter((volatile Area*)((char*)own + 8), bytes, 0, SIGNATURE));
  SAY(enter(own, bytes, 4, SIGNATURE));
  SAY(enter(own, bytes, 0, SIGNATURE));
  printf("the hart: %d\n", names_hart());
  SAY(enter(own, bytes, 0, SIGNATURE));
  SAY(enter(own, bytes, 0, 7));
  SAY(enter(own, bytes + 32, 0, SIGNATURE));
  SAY(enter(&other.area, bytes, 0, SIGNATURE));
  SAY(enter(own, bytes, 2, SIGNATURE));
  SAY(enter(own, bytes, 3, SIGNATURE));
  SAY(enter(&other.area, bytes, RSEQ_FLAG_UNREGISTER, SIGNATURE));
  SAY(enter(own, bytes + 32, RSEQ_FLAG_UNREGISTER, SIGNATURE));
  SAY(enter(own, bytes, RSEQ_FLAG_UNREGISTER, 7));
  SAY(enter(own, bytes, RSEQ_FLAG_UNREGISTER, SIGNATURE));
  printf("afterwards: %u %d\n", own->cpu_id_start, (int)own->cpu_id);
  SAY(enter(&other.area, bytes + 32, 0, SIGNATURE));
  printf("a longer area: %d\n", other.area.cpu_id < 64);
  SAY(enter(&other.area, bytes + 32, RSEQ_FLAG_UNREGISTER, SIGNATURE));
  SAY(enter(own, bytes, 0, SIGNATURE));
  printf("again: %d\n", names_hart());
}

static void in_child(void) {
  printf("in a child: %d\n", names_hart());
  SAY(enter(&area, bytes, 0, SIGNATURE));
}

static void* in_thread(void* unused) {
  SAY(enter(&area, bytes, 0, SIGNATURE));
  printf("in a thread: %d\n", names_hart());
  return unused;
}

// ── Beginning again ──

static volatile sig_atomic_t signals;
static volatile uintptr_t interrupted_at;
static void on_signal(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info;
  interrupted_at = ((ucontext_t*)context)->uc_mcontext.__gregs[REG_PC];
  ++signals;
}

static int came_in_sequence(void) {
  const int is_within =
      interrupted_at >= (uintptr_t)never_start && interrupted_at < (uintptr_t)never_end;
  return is_within || interrupted_at == (uintptr_t)never_restart;
}
static void interrupt_by_signal(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
  volatile int has_begun = 0;
  // On a busy host the signal may come before the sequence begins. The test then sends it again.
  do {
    signals = 0;
    setitimer(ITIMER_REAL, &soon, NULL);
    // Other threads of the system may interrupt the sequence before.
    while (signals == 0) never_ends(running(), &has_begun);
  } while (!came_in_sequence());
  printf("the handler: %d, at the restart: %d\n", signals,
         interrupted_at == (uintptr_t)never_restart);
  printf("the sequence afterwards: %llu\n", (unsigned long long)area.rseq_cs);
}

static volatile int has_begun, ends;
static void* rival(void* unused) {
  while (!ends) sched_yield();
  return unused;
}

static void pin_to_first(void) {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
}

static void interrupt_by_thread(void) {
  pin_to_first();
  pthread_t thread;
  pthread_create(&thread, NULL, rival, NULL);
  printf("another thread: %d\n", never_ends(running(), &has_begun));
  ends = 1;
  pthread_join(thread, NULL);
}

enum { threads = 4, times = 200000, stride = 8 };
static uint64_t counters[64 * stride];
static void* count(void* restarts) {
  enter(&area, bytes, 0, SIGNATURE);
  for (int i = 0; i < times; ++i) add_here(running(), &area.cpu_id, counters, restarts);
  return NULL;
}

static void count_together(void) {
  pthread_t all[threads];
  static uint64_t restarts[threads];
  for (int i = 0; i < threads; ++i) pthread_create(&all[i], NULL, count, &restarts[i]);
  for (int i = 0; i < threads; ++i) pthread_join(all[i], NULL);
  uint64_t sum = 0;
  for (int i = 0; i < 64; ++i) sum += counters[stride * i];
  printf("counted without atomic instructions: %llu\n", (unsigned long long)sum);
}

// ── Broken sequences ──

// On a busy host the first signal may come before the sequence is named, so there are more.
static void signal_every_ms(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {.it_value = {.tv_usec = 1000}, .it_interval = {.tv_usec = 1000}};
  setitimer(ITIMER_REAL, &often, NULL);
}

static void nothing_there(void) {
  signal_every_ms();
  area.rseq_cs = 32;
  for (;;) __asm__ volatile("");
}
static void wrong_signature(void) {
  static _Alignas(32) Sequence sequence;
  sequence = (Sequence){.start_ip = (uintptr_t)never_start,
                        .post_commit_offset = (uintptr_t)(never_end - never_start),
                        .abort_ip = (uintptr_t)never_ends + 4};
  signal_every_ms();
  area.rseq_cs = (uintptr_t)&sequence;
  __asm__ volatile("j never_start");
  __builtin_unreachable();
}

// The C library may have registered an area of its own.
static void begin_without_area(char** argv) {
  if (__rseq_size == 0 || getenv("GLIBC_TUNABLES") != NULL) return;
  setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
  execv("/proc/self/exe", argv);
}

int main(int argc, char** argv) {
  if (argc < 2 || strcmp(argv[1], "all") != 0) return 0;
  begin_without_area(argv);
  register_areas();
  printf("the child: %d\n", run_child(in_child));
  pthread_t thread;
  fflush(stdout);
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  interrupt_by_signal();
  printf("the child: %d\n", run_child(interrupt_by_thread));
  count_together();
  printf("a sequence that is not there: signal %d\n", WTERMSIG(run_child(nothing_there)));
  printf("a wrong signature: signal %d\n", WTERMSIG(run_child(wrong_signature)));
  return 0;
}
