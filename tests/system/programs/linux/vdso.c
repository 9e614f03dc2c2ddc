// Clocks by the vDSO and by system calls: both agree, in children and threads, too. The argument
// `cost` prints how many instructions clock_gettime takes; it needs counted time.
#define _GNU_SOURCE
#include "common.h"

#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static int in_order(const struct timespec* a, const struct timespec* b) {
  return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

// Coarse clocks of Linux are behind the others, but in order among themselves.
static void try_clock(const char* name, clockid_t clock) {
  struct timespec before, between, after;
  const long first = syscall(SYS_clock_gettime, clock, &before);
  const int second = clock_gettime(clock, &between);
  const long third = syscall(SYS_clock_gettime, clock, &after);
  printf("%s: %ld %d %ld, in order: %d\n", name, first, second, third,
         in_order(&before, &between) && in_order(&between, &after));
}

static void try_all(void) {
  try_clock("CLOCK_REALTIME", CLOCK_REALTIME);
  try_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
  try_clock("CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID);
  try_clock("CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID);
  try_clock("CLOCK_MONOTONIC_RAW", CLOCK_MONOTONIC_RAW);
  try_clock("CLOCK_BOOTTIME", CLOCK_BOOTTIME);
  struct timespec time;
  SAY(clock_gettime(99, &time));
  SAY(clock_gettime(-1, &time));
  SAY(clock_getres(CLOCK_MONOTONIC, &time));
  printf("resolution: %ld.%09ld\n", (long)time.tv_sec, time.tv_nsec);
  SAY(clock_getres(99, &time));
  struct timeval now;
  clock_gettime(CLOCK_REALTIME, &time);
  SAY(gettimeofday(&now, NULL));
  printf("seconds: %d\n", now.tv_sec - time.tv_sec <= 1);
  unsigned hart = 99, node = 99;
  SAY(getcpu(&hart, &node));
  printf("hart: %d, node: %u\n", hart < 64, node);
  fflush(stdout);
}

static void* in_thread(void* unused) {
  printf("in a thread\n");
  try_all();
  return unused;
}

static void in_child(void) {
  printf("in a child\n");
  try_all();
}

static unsigned long instructions(void) {
#ifdef __riscv
  unsigned long count;
  __asm__ volatile("rdinstret %0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

static void cost(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  const unsigned long before = instructions();
  clock_gettime(CLOCK_MONOTONIC, &time);
  printf("%lu instructions\n", instructions() - before);
}

// The symbol with this name in the image; null: there is none.
static void* find(const char* name) {
  const char* const base = (const char*)getauxval(AT_SYSINFO_EHDR);
  const Elf64_Ehdr* const header = (const Elf64_Ehdr*)base;
  const Elf64_Phdr* const segments = (const Elf64_Phdr*)(base + header->e_phoff);
  const char* loaded = base;
  const Elf64_Dyn* entry = NULL;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD) loaded = base + segments[i].p_offset - segments[i].p_vaddr;
    if (segments[i].p_type == PT_DYNAMIC) entry = (const Elf64_Dyn*)(base + segments[i].p_offset);
  }
  const Elf64_Sym* symbols = NULL;
  const char* names = NULL;
  const uint32_t* hash = NULL;
  for (; entry != NULL && entry->d_tag != DT_NULL; ++entry) {
    const char* const at = loaded + entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) symbols = (const Elf64_Sym*)at;
    if (entry->d_tag == DT_STRTAB) names = at;
    if (entry->d_tag == DT_HASH) hash = (const uint32_t*)at;
  }
  for (uint32_t i = 0; hash != NULL && i < hash[1]; ++i)
    if (strcmp(names + symbols[i].st_name, name) == 0) return (void*)(loaded + symbols[i].st_value);
  return NULL;
}

// riscv_hwprobe has the number 258.
struct probe {
  int64_t key;
  uint64_t value;
};
static void probe(void) {
  int (*const function)(struct probe*, size_t, size_t, unsigned long*, unsigned) = (int (*)(
      struct probe*, size_t, size_t, unsigned long*, unsigned))find("__vdso_riscv_hwprobe");
  printf("hwprobe: %d\n", function != NULL);
  if (function == NULL) return;
  struct probe here[12], there[12];
  for (int i = 0; i < 12; ++i) here[i] = there[i] = (struct probe){i - 1, 7};
  here[11].key = there[11].key = 1000;
  printf("all keys: %d %ld\n", function(here, 12, 0, NULL, 0), syscall(258, there, 12, 0, NULL, 0));
  printf("the same answers: %d\n", memcmp(here, there, sizeof here) == 0);
  printf("unknown keys: %ld %lu, %ld %lu\n", (long)here[0].key, (unsigned long)here[0].value,
         (long)here[11].key, (unsigned long)here[11].value);
  printf("integers, multiplication and atomics: %lu\n", (unsigned long)here[4].value);
  unsigned long first = 1, none = 0;
  here[0] = (struct probe){3, 7};
  printf("one hart: %d\n", function(here, 1, sizeof first, &first, 0));
  printf("  %ld %lu\n", (long)here[0].key, (unsigned long)here[0].value);
  printf("no hart: %d\n", function(here, 1, sizeof none, &none, 0));
  printf("wrong flags: %d\n", function(here, 1, 0, NULL, 1u << 31));
  printf("no keys: %d\n", function(here, 0, 0, NULL, 0));
}

// The image cannot be written, and a program can remove it.
static void image(void) {
  const unsigned long at = getauxval(AT_SYSINFO_EHDR);
  const Elf64_Ehdr* const header = (const Elf64_Ehdr*)at;
  printf("an ELF image: %d\n", memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
  printf("a shared library: %d\n", header->e_type == ET_DYN);
  int written[2];
  if (pipe(written) != 0) return;
  SAY(read(written[0], (void*)at, syscall(SYS_write, written[1], "x", 1)));
  printf("it is as before: %d\n", memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
  printf("the least stack for handlers: %lu\n", getauxval(AT_MINSIGSTKSZ));
  probe();
}

int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "cost") == 0) {
    cost();
    return 0;
  }
  if (count > 1) {
    image();
    return 0;
  }
  try_all();
  run_child(in_child);
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  return 0;
}
