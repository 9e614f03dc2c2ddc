// The kernel copies and frees large memory in steps: its contents stay the same, and other
// processes run meanwhile.
//
// large_memory         prints whether the contents stay the same
// large_memory others  also prints whether another process ran during each call
//
// The second form needs one hart and a machine that counts instructions: a busy host may delay a
// timer for longer than a call takes.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { page = 4096 };
static const size_t length = 48 << 20;

static char* memory;
static volatile long* rounds;  // of the other process
static int reports_others;

static _Noreturn void count_rounds(void) {
  for (;;) {
    struct timespec a_moment = {.tv_nsec = 20000};
    nanosleep(&a_moment, NULL);
    ++*rounds;
  }
}

// Two rounds of the other process do not count: one may end just after `before` was read, and one
// just after the call.
static void with_others(const char* name, void (*call)(void)) {
  const long before = *rounds;
  call();
  const int others = *rounds - before > 2;
  if (reports_others)
    printf("%s: %s\n", name, others ? "another process ran" : "no other process ran");
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

static pid_t forked;

static void fork_child(void) {
  forked = fork();
  if (forked == 0) _exit(child());
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

int main(int argc, char** argv) {
  reports_others = argc > 1 && strcmp(argv[1], "others") == 0;
  setvbuf(stdout, NULL, _IONBF, 0);
  rounds = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t counter = fork();
  if (counter == 0) count_rounds();
  while (*rounds == 0) usleep(100);

  map_all();
  with_others("fork", fork_child);
  int status = 0;
  waitpid(forked, &status, 0);
  printf("a child has all its memory: %s\n", status == 0 ? "yes" : "no");
  printf("the parent's memory: %ld pages are wrong\n", wrong(0, length, 1));

  pid_t pid = fork();
  if (pid == 0) {
    mark_all();
    for (;;) pause();
  }
  usleep(1000);
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  printf("a killed child ended with %d\n", status);

  mark_all();
  with_others("madvise", discard_half);
  printf("discarded: %ld pages are wrong\n",
         wrong(0, length / 2, 0) + wrong(length / 2, length, 1));
  munmap(memory, length);
  map_all();
  with_others("munmap", unmap_all);
  grow_heap();
  with_others("brk", shrink_heap);
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
