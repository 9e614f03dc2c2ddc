// A program that generates code and executes it. With the argument `writable` it maps the code
// writable and executable at once: the kernel cannot rewrite such code, so with `--fs rewrite`
// and `--fs fault` it kills the program. With `mapped FILE` it executes code that starts in the last
// bytes of the file's first page. With `astray` it reads by gs at the base of fs: with `--fs fault` that
// is another base. Finally, three threads execute new code while the first thread makes that code's
// first system call. Without `--fs rewrite` the kernel rewrites the code at this call.
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 8192 };

static __thread int mine = 5;

// mov %fs:0, %rax; ret: where thread-local storage is
static const unsigned char find_storage[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0xc3};
// rdfsbase %rax; rdgsbase %rcx; sub %rcx, %rax; mov %gs:(%rax), %rdx; ret
static const unsigned char read_at_base_of_fs[] = {0xf3, 0x48, 0x0f, 0xae, 0xc0, 0xf3, 0x48, 0x0f, 0xae,
                                                   0xc9, 0x48, 0x29, 0xc8, 0x65, 0x48, 0x8b, 0x10, 0xc3};
// mov $39, %eax; syscall; ret: getpid
static const unsigned char call[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3};

static void run_storage(const unsigned char* code) {
  void* (*storage)(void) = (void* (*)(void))code;
  printf("storage: %s\n", storage() == __builtin_thread_pointer() ? "found" : "another's");
}

static void run(const unsigned char* code) {
  long (*number)(void) = (long (*)(void))(code + SIZE / 2);
  run_storage(code);
  printf("call: %s\n", number() == getpid() ? "the process's number" : "another's");
}

static const unsigned char* others_code;
static atomic_int started, stop;

static void* look_for_storage(void* unused) {
  void* (*storage)(void) = (void* (*)(void))others_code;
  long wrong = 0;
  ++started;
  do wrong += storage() != __builtin_thread_pointer();
  while (!stop);
  (void)unused;
  return (void*)wrong;
}

static void run_together(void) {
  enum { THREADS = 3 };
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, look_for_storage, NULL);
  while (started < THREADS) usleep(100);
  long (*number)(void) = (long (*)(void))(others_code + SIZE / 2);
  long wrong = 0;
  for (int i = 0; i < 1000; ++i) wrong += number() != getpid();
  stop = 1;
  for (int i = 0; i < THREADS; ++i) {
    void* found = NULL;
    pthread_join(threads[i], &found);
    wrong += (long)found;
  }
  started = stop = 0;
  if (wrong != 0) printf("together: %ld wrong\n", wrong);
}

static unsigned char* new_code(void) {
  unsigned char* const code = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, find_storage, sizeof find_storage);
  memcpy(code + SIZE / 2, call, sizeof call);
  mprotect(code, SIZE, PROT_READ | PROT_EXEC);
  return code;
}

static int run_astray(void) {
  unsigned char* const code = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, read_at_base_of_fs, sizeof read_at_base_of_fs);
  mprotect(code, SIZE, PROT_READ | PROT_EXEC);
  ((void (*)(void))code)();
  return 0;
}

static int run_mapped(const char* path) {
  const int file = open(path, O_RDONLY);
  const unsigned char* const code = mmap(NULL, SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  if (code == MAP_FAILED) {
    perror(path);
    return 1;
  }
  run_storage(code + SIZE / 2 - sizeof find_storage);
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 2) return run_mapped(argv[2]);
  if (argc > 1 && strcmp(argv[1], "astray") == 0) return run_astray();
  const int both = argc > 1 && strcmp(argv[1], "writable") == 0;
  printf("%d\n", mine);
  fflush(stdout);
  const int writable = PROT_READ | PROT_WRITE;
  unsigned char* const code = mmap(NULL, SIZE, writable | (both ? PROT_EXEC : 0),
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 3; ++i) {
    if (!both) mprotect(code, SIZE, writable);
    memcpy(code, find_storage, sizeof find_storage);
    memcpy(code + SIZE / 2, call, sizeof call);
    if (!both) mprotect(code, SIZE, PROT_READ | PROT_EXEC);
    run(code);
  }
  // One half keeps its rewritten code, and the other is generated again.
  mprotect(code + SIZE / 2, SIZE / 2, writable);
  memcpy(code + SIZE / 2, call, sizeof call);
  mprotect(code + SIZE / 2, SIZE / 2, PROT_READ | PROT_EXEC);
  run(code);
  for (int i = 0; i < 20; ++i) {
    others_code = new_code();
    run_together();
  }
  return 0;
}
