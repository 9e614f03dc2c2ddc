// bench-glibc [--samples N] [NAME…]: benchmarks whose cost depends on the C library. A program of
// the distribution's compiler and glibc, without anything of Cotrap, so the same file runs on
// Linux, there also as the first process. benchmark.h has the format of its output. The same
// source, linked dynamically, is bench-glibc-dynamic: glibc.dynamic executes it.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_samples = 1000 };

static int counted, samples_asked_for;
static const char* own_path;

static uint64_t instructions(void) {
  uint64_t count;
  __asm__ volatile("rdinstret %0" : "=r"(count));
  return count;
}

static uint64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t reading(void) {
  return counted ? instructions() : clock_ns();
}

// Whether every instruction takes a nanosecond, as user/counters.h decides it.
static int counts_are_exact(void) {
  const uint64_t begin = clock_ns(), first = instructions();
  for (int i = 0; i < 200000; ++i) __asm__ volatile("");
  const uint64_t count = instructions() - first, time = clock_ns() - begin;
  return count > time * 95 / 100 && count < time * 101 / 100;
}

static void* nothing(void* argument) {
  return argument;
}

static void start_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, nothing, NULL) != 0) exit(1);
  pthread_join(thread, NULL);
}

// The child is a program of this source, which ends at once.
static void start_program(const char* path) {
  int status;
  const pid_t child = fork();
  if (child == 0) {
    execl(path, path, "--nothing", (char*)NULL);
    _exit(1);
  }
  if (waitpid(child, &status, 0) != child || status != 0) exit(1);
}
static void start_process(void) {
  start_program(own_path);
}
static void start_dynamic_process(void) {
  start_program("/bin/bench-glibc-dynamic");
}

static const struct Benchmark {
  const char* name;
  void (*operation)(void);
  int batch;
} table[] = {
    // Threads last: after a thread a fork takes 5,000 instructions more.
    {"glibc.process", start_process, 20},
    {"glibc.dynamic", start_dynamic_process, 10},
    {"glibc.thread", start_thread, 100},
};

static void measure(const struct Benchmark* benchmark) {
  const int batch = counted ? benchmark->batch : 1;
  const int samples = samples_asked_for ? samples_asked_for : counted ? 15 : most_samples;
  printf("%s\t%s\t%d\t", benchmark->name, counted ? "instructions" : "ns", batch);
  // The first batch is the warm-up. Output would be measured with the operations, so it comes last.
  static uint64_t costs[most_samples + 1];
  for (int i = 0; i <= samples; ++i) {
    const uint64_t begin = reading();
    for (int each = 0; each < batch; ++each) benchmark->operation();
    costs[i] = reading() - begin;
  }
  for (int i = 1; i <= samples; ++i) printf(&" %lu"[i == 1], costs[i]);
  puts("");
  fflush(stdout);
}

// A Linux machine that has nothing but this program.
static int is_first_on_linux(void) {
  struct utsname name;
  return getpid() == 1 && uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0;
}

// Lets programs read `instret`: bench's on_linux.cpp says how.
static void let_programs_count(void) {
  struct {
    uint32_t type, size;
    uint64_t config, rest[6];
  } attributes = {.size = 64, .config = 1};
  mkdir("/proc", 0755);
  mount("none", "/proc", "proc", 0, NULL);
  FILE* setting = fopen("/proc/sys/kernel/perf_user_access", "w");
  if (setting != NULL) {
    fputs("2", setting);
    fclose(setting);
  }
  syscall(SYS_perf_event_open, &attributes, -1, 0, -1, 0);
}

int main(int argc, char** argv) {
  int first = 1;
  own_path = argv[0];
  if (argc > 1 && strcmp(argv[1], "--nothing") == 0) return 0;
  if (argc > 2 && strcmp(argv[1], "--samples") == 0) {
    samples_asked_for = atoi(argv[2]);
    if (samples_asked_for < 1 || samples_asked_for > most_samples) return 2;
    first = 3;
  }
  const int is_first = is_first_on_linux();
  if (is_first) let_programs_count();
  counted = counts_are_exact();
  puts(counted ? "# instructions, counted exactly" : "# time, by the clock");
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    int wanted = argc == first;
    for (int each = first; each < argc; ++each) wanted |= strcmp(argv[each], table[i].name) == 0;
    if (wanted) measure(&table[i]);
  }
  fflush(stdout);
  if (is_first) reboot(RB_POWER_OFF);
  return 0;
}
