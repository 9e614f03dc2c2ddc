// The kernel copies and frees large memory in steps: its contents stay the same, and other
// processes run meanwhile.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { page = 4096 };
static const size_t length = 48 << 20;

static char* memory;
static volatile long* turns;

static _Noreturn void count_turns(void) {
  for (;;) {
    struct timespec a_moment = {.tv_nsec = 100000};
    nanosleep(&a_moment, NULL);
    ++*turns;
  }
}

// Repeats the call until another process has run during it. Two turns of that process do not count:
// one may come just before the call, and one just after it. A busy host may delay timer ticks, so
// one call is not enough.
static void with_others(const char* name, void (*prepare)(void), void (*call)(void)) {
  for (int i = 0; i < 1000; ++i) {
    prepare();
    const long before = *turns;
    call();
    if (*turns - before > 2) {
      printf("%s: another process ran\n", name);
      return;
    }
  }
  printf("%s: no other process ran\n", name);
}

static void mark(size_t from, size_t to) {
  for (size_t i = from; i < to; i += page) *(size_t*)(memory + i) = i + 1;
}

static long wrong(size_t from, size_t to, size_t factor) {
  long count = 0;
  for (size_t i = from; i < to; i += page) count += *(size_t*)(memory + i) != factor * (i + 1);
  return count;
}

static void mark_all(void) {
  mark(0, length);
}

static int child(void) {
  long bad = wrong(0, length, 1);
  memset(memory, 0, page);
  munmap(memory + length / 4, length / 2);
  bad += wrong(page, length / 4, 1) + wrong(length / 4 * 3, length, 1);
  return bad != 0;
}

static pid_t latest;
static int ended_badly;

static void wait_for_child(void) {
  int status = 0;
  if (latest != 0) waitpid(latest, &status, 0);
  ended_badly |= status;
  latest = 0;
}

static void fork_child(void) {
  latest = fork();
  if (latest == 0) _exit(child());
}

static void map_all(void) {
  memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mark_all();
}

static void discard_half(void) {
  madvise(memory, length / 2, MADV_DONTNEED);
}

static void unmap_all(void) {
  munmap(memory, length);
}

static void grow_heap(void) {
  memory = (char*)sbrk((long)length);
  mark_all();
}

static void shrink_heap(void) {
  sbrk(-(long)length);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  turns = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t counter = fork();
  if (counter == 0) count_turns();
  while (*turns == 0) usleep(100);

  map_all();
  with_others("fork", wait_for_child, fork_child);
  wait_for_child();
  printf("children have all their memory: %s\n", ended_badly ? "no" : "yes");
  printf("the parent's memory: %ld pages are wrong\n", wrong(0, length, 1));

  pid_t pid = fork();
  if (pid == 0) {
    mark_all();
    for (;;) pause();
  }
  usleep(1000);
  kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  printf("a killed child ended with %d\n", status);

  with_others("madvise", mark_all, discard_half);
  printf("discarded: %ld pages are wrong\n",
         wrong(0, length / 2, 0) + wrong(length / 2, length, 1));
  munmap(memory, length);
  with_others("munmap", map_all, unmap_all);
  with_others("brk", grow_heap, shrink_heap);
  grow_heap();
  sbrk(page - (long)length);
  brk((void*)1);
  printf("the heap's first page: %ld\n", wrong(0, page, 1));
  sbrk((long)length - page);
  printf("the other pages: %ld are wrong\n", wrong(page, length, 0));

  mark_all();
  pid = vfork();
  if (pid == 0) _exit(wrong(0, length, 1) == 0 ? 3 : 4);
  waitpid(pid, &status, 0);
  printf("a child in the same memory ended with %d\n", WEXITSTATUS(status));
  printf("after it, %ld pages are wrong\n", wrong(0, length, 1));
  kill(counter, SIGKILL);
  return 0;
}
