// Calls that few programs make. An argument chooses a group of them: `descriptors`, `processes`,
// `arguments`, `limits` or `clocks`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static char bytes[8192];
static const char* program;

// ── Descriptors ──

static void write_at_end(void) {
  struct iovec part = {"abc", 3};
  char text[32] = "";
  const int fd = open("/tmp/rare", O_CREAT | O_RDWR | O_TRUNC, 0600);
  SAY(write(fd, "0123456789", 10));
  SAY(lseek(fd, 2, SEEK_SET));
  SAY(pwritev2(fd, &part, 1, 0, RWF_APPEND));
  SAY(lseek(fd, 0, SEEK_CUR));
  SAY(pwritev2(fd, &part, 1, -1, RWF_APPEND));
  SAY(lseek(fd, 0, SEEK_CUR));
  SAY(pwritev2(fd, &part, 1, 1, RWF_DSYNC | RWF_SYNC | RWF_HIPRI));
  SAY(pread(fd, text, sizeof text, 0));
  printf("  %s\n", text);
  part = (struct iovec){text, 5};
  SAY(preadv2(fd, &part, 1, 0, RWF_HIPRI));
  SAY(preadv2(fd, &part, 1, 0, RWF_SYNC | RWF_DSYNC));
  SAY(preadv2(fd, &part, 1, 0, RWF_APPEND));
  SAY(preadv2(fd, &part, 1, 0, 0x4000));
  SAY(preadv2(99, &part, 1, 0, 0));
  SAY(pwritev2(fd, &part, 1, 0, 0x4000));
  SAY(pwritev2(99, &part, 1, 0, RWF_APPEND));
  close(fd);
}

static void splice_memory(void) {
  int ends[2];
  SAY(pipe(ends));
  struct iovec parts[3] = {{"one", 3}, {"", 0}, {"twothree", 8}};
  SAY(vmsplice(ends[1], parts, 3, 0));
  SAY(vmsplice(ends[1], parts, 0, 0));
  SAY(vmsplice(ends[1], parts, 1, 16));
  SAY(vmsplice(ends[1], parts, 1025, 0));
  SAY(vmsplice(99, parts, 1, 0));
  SAY(vmsplice(STDIN_FILENO + 50, parts, 1, 0));
  struct iovec bad = {(void*)16, 3};
  SAY(vmsplice(ends[1], &bad, 1, 0));
  parts[0] = (struct iovec){bytes, 5};
  parts[1] = (struct iovec){bytes + 5, 100};
  SAY(vmsplice(ends[0], parts, 2, 0));
  printf("  %s\n", bytes);
  SAY(vmsplice(ends[0], parts, 1, SPLICE_F_NONBLOCK));
  char* const large = mmap(NULL, 80000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(large, 'x', 80000);
  parts[0] = (struct iovec){large, 80000};
  SAY(vmsplice(ends[1], parts, 1, SPLICE_F_NONBLOCK) > 60000);
  SAY(vmsplice(ends[1], parts, 1, SPLICE_F_NONBLOCK));
  signal(SIGPIPE, SIG_IGN);
  close(ends[0]);
  SAY(vmsplice(ends[1], parts, 1, 0));
  close(ends[1]);
  munmap(large, 80000);
}

static int shared_end[2];
static int in_shared_table(void* unused) {
  (void)unused;
  SAY(syscall(SYS_close_range, 3, 100, CLOSE_RANGE_UNSHARE));
  SAY(fcntl(shared_end[0], F_GETFD));
  fflush(stdout);
  return 0;
}
static int separates(void* unused) {
  (void)unused;
  SAY(unshare(CLONE_FILES | CLONE_FS));
  SAY(close(shared_end[0]));
  SAY(chdir("/tmp"));
  fflush(stdout);
  return 0;
}
static void run_sharing(int (*life)(void*)) {
  static char stack[65536];
  int status;
  fflush(stdout);
  const pid_t child = clone(life, stack + sizeof stack, CLONE_FILES | CLONE_FS | SIGCHLD, NULL);
  waitpid(child, &status, 0);
}
static void close_ranges(void) {
  char path[PATH_MAX];
  SAY(pipe(shared_end));
  run_sharing(in_shared_table);
  SAY(fcntl(shared_end[0], F_GETFD));
  run_sharing(separates);
  SAY(fcntl(shared_end[0], F_GETFD));
  printf("  %s\n", getcwd(path, sizeof path));
  SAY(syscall(SYS_close_range, 3, 100, CLOSE_RANGE_CLOEXEC));
  SAY(fcntl(shared_end[0], F_GETFD));
  SAY(syscall(SYS_close_range, 3, 100, CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE));
  SAY(syscall(SYS_close_range, 5, 4, 0));
  SAY(syscall(SYS_close_range, 3, 100, 1));
  SAY(syscall(SYS_close_range, 3, UINT_MAX, 0));
  SAY(fcntl(shared_end[0], F_GETFD));
}

static void descriptors(void) {
  write_at_end();
  splice_memory();
  close_ranges();
  SAY(unshare(0));
  SAY(unshare(CLONE_FS));
  SAY(unshare(CLONE_SYSVSEM));
  SAY(unshare(CLONE_THREAD));
  SAY(unshare(CLONE_SIGHAND | CLONE_VM));
  SAY(unshare(SIGCHLD));
  SAY(setns(99, 0));
  const int fd = open("/tmp", O_RDONLY | O_DIRECTORY);
  SAY(setns(fd, 0));
}

// ── Processes ──

static long compare(pid_t a, pid_t b, int type, long x, long y) {
  const long answer = syscall(SYS_kcmp, a, b, type, x, y);
  return answer == 1 || answer == 2 ? 5 : answer;  // the order is any
}
static int wait_for_byte(int fd) {
  char byte;
  return read(fd, &byte, 1) == 1 ? byte : -1;
}

static void processes(void) {
  int go[2], ready[2];
  SAY(pipe(go));
  SAY(pipe(ready));
  char* const there =
      mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(there, "the parent's text");
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    strcpy(there + 4090, "the child's text");
    munmap(there + 3 * 4096, 4096);
    const int own = dup2(STDOUT_FILENO, 77);
    (void)own;
    write(ready[1], "r", 1);
    wait_for_byte(go[0]);
    printf("  the child has: %s, %s\n", there + 100, there + 2 * 4096 - 3);
    fflush(stdout);
    _exit(0);
  }
  wait_for_byte(ready[0]);
  struct iovec own[2] = {{bytes, 10}, {bytes + 10, 20}},
               other[2] = {{there + 4090, 17}, {there, 4}};
  SAY(process_vm_readv(child, own, 2, other, 2, 0));
  printf("  %s\n", bytes);
  strcpy(bytes, "written");
  own[0] = (struct iovec){bytes, 8};
  other[0] = (struct iovec){there + 100, 8};
  SAY(process_vm_writev(child, own, 1, other, 1, 0));
  other[0] = (struct iovec){there + 2 * 4096 - 3, 8};
  SAY(process_vm_writev(child, own, 1, other, 1, 0));
  other[0] = (struct iovec){there + 3 * 4096 - 3, 8};
  SAY(process_vm_readv(child, own, 1, other, 1, 0));
  other[0] = (struct iovec){there + 3 * 4096, 8};
  SAY(process_vm_readv(child, own, 1, other, 1, 0));
  SAY(process_vm_writev(child, own, 1, other, 1, 0));
  SAY(process_vm_readv(child, own, 0, other, 1, 0));
  SAY(process_vm_readv(child, own, 1, other, 0, 0));
  SAY(process_vm_readv(child, own, 1, other, 1, 1));
  SAY(process_vm_readv(unknown_id, own, 1, other, 1, 0));
  SAY(process_vm_readv(child, own, 1, other, 1025, 0));
  SAY(process_vm_readv(child, (void*)16, 1, other, 1, 0));
  SAY(process_vm_readv(child, own, 1, (void*)16, 1, 0));
  own[0] = (struct iovec){(void*)16, 8};
  other[0] = (struct iovec){there, 8};
  SAY(process_vm_readv(child, own, 1, other, 1, 0));
  printf("kcmp\n");
  const pid_t self = getpid();
  enum { kcmp_file, kcmp_vm, kcmp_files, kcmp_fs, kcmp_sighand, kcmp_io, kcmp_sysvsem };
  SAY(compare(self, self, kcmp_vm, 0, 0));
  SAY(compare(self, child, kcmp_vm, 0, 0));
  SAY(compare(self, child, kcmp_files, 0, 0));
  SAY(compare(self, child, kcmp_fs, 0, 0));
  SAY(compare(self, child, kcmp_sighand, 0, 0));
  SAY(compare(self, child, kcmp_file, 1, 1));
  SAY(compare(self, child, kcmp_file, 1, 77));
  SAY(compare(self, child, kcmp_file, 1, go[0]));
  SAY(compare(self, child, kcmp_file, 99, 1));
  SAY(compare(self, unknown_id, kcmp_vm, 0, 0));
  SAY(compare(self, self, 99, 0, 0));
  printf("pidfd_getfd\n");
  const int pidfd = syscall(SYS_pidfd_open, child, 0);
  const int got = syscall(SYS_pidfd_getfd, pidfd, 77, 0);
  say_whether("pidfd_getfd", got);
  SAY(compare(self, self, kcmp_file, got, 1));
  SAY(fcntl(got, F_GETFD));
  SAY(syscall(SYS_pidfd_getfd, pidfd, 99, 0));
  SAY(syscall(SYS_pidfd_getfd, pidfd, 1, 1));
  SAY(syscall(SYS_pidfd_getfd, 1, 1, 0));
  SAY(syscall(SYS_pidfd_getfd, 999, 1, 0));
  write(go[1], "g", 1);
  waitpid(child, NULL, 0);
  SAY(syscall(SYS_pidfd_getfd, pidfd, 1, 0));
  SAY(process_vm_readv(child, own, 1, other, 1, 0));
  printf("IDs\n");
  const unsigned groups[2] = {0, 0};
  SAY(syscall(SYS_setgroups, 0, NULL));
  SAY(syscall(SYS_setgroups, 65537, groups));
  SAY(syscall(SYS_setgroups, 2, (void*)16));
  SAY(syscall(SYS_setfsuid, 0));
  SAY(syscall(SYS_setfsgid, 0));
}

// ── Arguments of execve ──

enum { most_string = 128 * 1024 };
static char* text_of(size_t length) {
  char* const text = malloc(length + 1);
  memset(text, 'x', length);
  text[length] = '\0';
  return text;
}
static void count_arguments(int argc, char** argv) {
  size_t sum = 0;
  for (int i = 0; i < argc; ++i) sum += strlen(argv[i]);
  int variables = 0;
  while (environ[variables] != NULL) sum += strlen(environ[variables++]);
  printf("%d arguments, %d variables, %zu bytes; the last one has %zu\n", argc, variables, sum,
         strlen(argv[argc - 1]));
  fflush(stdout);
}

static const struct {
  const char* what;
  size_t count, length, variables;
  rlim_t stack;  // 0: unchanged
} programs[] = {
    {"a string of 131,071 bytes", 1, most_string - 1, 0, 0},
    {"a string of 131,072 bytes", 1, most_string, 0, 0},
    {"a variable of 131,071 bytes", 0, most_string - 1, 1, 0},
    {"a variable of 131,072 bytes", 0, most_string, 1, 0},
    {"1,000 strings of 1,000 bytes", 1000, 1000, 0, 0},
    {"100,000 strings of 5 bytes", 100000, 5, 0, 0},
    {"10,000 strings and 10,000 variables of 50 bytes", 10000, 50, 10000, 0},
    {"2,000 strings of 1,000 bytes", 2000, 1000, 0, 0},
    {"2,200 strings of 1,000 bytes", 2200, 1000, 0, 0},
    {"15 long strings", 15, most_string - 20, 0, 0},
    {"16 long strings", 16, most_string - 1, 0, 0},
    {"3 long strings and a stack of 1 MiB", 3, 80000, 0, 1 << 20},
    {"4 long strings and a stack of 1 MiB", 4, 80000, 0, 1 << 20},
    {"1 long string and a stack of 256 KiB", 1, 100000, 0, 1 << 18},
};

static void many_arguments(void) {
  for (unsigned i = 0; i < sizeof programs / sizeof *programs; ++i) {
    printf("%s: ", programs[i].what);
    fflush(stdout);
    if (fork() == 0) {
      char* const text = text_of(programs[i].length);
      char** const arguments = calloc(programs[i].count + 3, sizeof *arguments);
      arguments[0] = (char*)program;
      arguments[1] = "count";
      for (size_t k = 0; k < programs[i].count; ++k) arguments[k + 2] = text;
      char** const variables = calloc(programs[i].variables + 1, sizeof *variables);
      for (size_t k = 0; k < programs[i].variables; ++k) variables[k] = text;
      const struct rlimit stack = {programs[i].stack, RLIM_INFINITY};
      if (programs[i].stack != 0) setrlimit(RLIMIT_STACK, &stack);
      execve(program, arguments, variables);
      printf("%s\n", strerrorname_np(errno));
      fflush(stdout);
      _exit(1);
    }
    wait(NULL);
  }
}

static void script_arguments(void) {
  FILE* const script = fopen("/tmp/rare-script", "w");
  fprintf(script, "#!%s count\n", program);
  fclose(script);
  chmod("/tmp/rare-script", 0755);
  FILE* const second = fopen("/tmp/rare-second", "w");
  fprintf(second, "#!/tmp/rare-script\n");
  fclose(second);
  chmod("/tmp/rare-second", 0755);
  static const size_t lengths[] = {0, 10, 5000, most_string - 1};
  for (int i = 0; i < 8; ++i) {
    fflush(stdout);
    if (fork() == 0) {
      char* const text = text_of(lengths[i / 2]);
      char* const none[] = {NULL};
      execve(i % 2 != 0 ? "/tmp/rare-second" : "/tmp/rare-script",
             (char*[]){text, text, "end", NULL}, none);
      printf("%s\n", strerrorname_np(errno));
      fflush(stdout);
      _exit(1);
    }
    wait(NULL);
  }
}

// ── Limits ──

static volatile sig_atomic_t caught;
static void note(int signal) {
  caught = signal;
}
static void file_sizes(void) {
  const struct rlimit limit = {10000, 20000};
  signal(SIGXFSZ, note);
  SAY(setrlimit(RLIMIT_FSIZE, &limit));
  const int fd = open("/tmp/rare-size", O_CREAT | O_RDWR | O_TRUNC, 0600);
  SAY(write(fd, bytes, 8000));
  SAY(write(fd, bytes, 8000));
  SAY(caught);
  SAY(write(fd, bytes, 1));
  SAY(caught);
  caught = 0;
  SAY(write(fd, bytes, 0));
  SAY(pwrite(fd, bytes, 10, 9995));
  SAY(pwrite(fd, bytes, 10, 5000));
  SAY(pwrite(fd, bytes, 10, 20000));
  SAY(caught);
  caught = 0;
  SAY(ftruncate(fd, 10000));
  SAY(ftruncate(fd, 10001));
  SAY(caught);
  caught = 0;
  SAY(truncate("/tmp/rare-size", 30000));
  SAY(caught);
  caught = 0;
  SAY(fallocate(fd, 0, 0, 20000));
  SAY(caught);
  caught = 0;
  SAY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
  SAY(caught);
  SAY(lseek(fd, 0, SEEK_END));
  int ends[2];
  SAY(pipe(ends));
  for (int i = 0; i < 4; ++i) SAY(write(ends[1], bytes, 4096));
  fflush(stdout);
  signal(SIGXFSZ, SIG_DFL);
  write(fd, bytes, 100);
  printf("not reached\n");
}
static void cpu_time(void) {
  const struct rlimit limit = {1, 2};
  signal(SIGXCPU, note);
  SAY(setrlimit(RLIMIT_CPU, &limit));
  while (caught == 0) {
  }
  SAY(caught);
  struct rlimit now;
  SAY(getrlimit(RLIMIT_CPU, &now));
  printf("  soft limit now: %lu\n", (unsigned long)now.rlim_cur);
  fflush(stdout);
  if (fork() == 0) {
    caught = 0;
    while (caught == 0) {
    }
    printf("not reached\n");
    fflush(stdout);
    _exit(0);
  }
  int status;
  wait(&status);
  printf("  the child is killed by %d\n", WTERMSIG(status));
  fflush(stdout);
  for (;;) {
  }
}
static void data_size(void) {
  const size_t size = 4 << 20;
  const struct rlimit limit = {size, RLIM_INFINITY};
  SAY(setrlimit(RLIMIT_DATA, &limit));
  const int all = PROT_READ | PROT_WRITE, private = MAP_PRIVATE | MAP_ANONYMOUS;
  say_whether("5 MiB", (long)mmap(NULL, 5 << 20, all, private, -1, 0));
  say_whether("2 MiB", (long)mmap(NULL, 2 << 20, all, private, -1, 0));
  say_whether("2 MiB more", (long)mmap(NULL, 2 << 20, all, private, -1, 0));
  say_whether("5 MiB to read", (long)mmap(NULL, 5 << 20, PROT_READ, private, -1, 0));
  say_whether("5 MiB, shared", (long)mmap(NULL, 5 << 20, all, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  say_whether("a heap of 5 MiB", sbrk(5 << 20) == (void*)-1 ? -1 : 0);
}
// Signals with information that wait. Other processes of the user have none.
static long queue(int signal, int value) {
  return sigqueue(getpid(), signal, (union sigval){.sival_int = value});
}
static void take_all(void) {
  sigset_t all;
  sigfillset(&all);
  const struct timespec now = {0, 0};
  siginfo_t info;
  for (;;) {
    memset(&info, 0, sizeof info);
    if (sigtimedwait(&all, &info, &now) < 0) break;
    printf("  signal %d, code %d, value %d, own %d\n", info.si_signo, info.si_code,
           info.si_value.sival_int, info.si_pid == getpid());
  }
}
static void take_one(int signal) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, signal);
  SAY(sigwaitinfo(&wanted, NULL));
}
static void set_queue(rlim_t most) {
  const struct rlimit limit = {most, most};
  SAY(setrlimit(RLIMIT_SIGPENDING, &limit));
}
static void queued_signals(void) {
  const int first = SIGRTMIN, second = SIGRTMIN + 1;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
  timer_t timer, other;
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  set_queue(3);
  for (int i = 0; i < 4; ++i) SAY(queue(first, i));
  SAY(queue(second, 9));
  SAY(queue(SIGUSR1, 10));
  SAY(queue(SIGUSR1, 11));
  SAY(kill(getpid(), first));
  SAY(kill(getpid(), second));
  SAY(kill(getpid(), second));
  SAY(kill(getpid(), SIGUSR2));
  SAY(tgkill(getpid(), gettid(), first));
  SAY(tgkill(getpid(), gettid(), SIGHUP));
  SAY(timer_create(CLOCK_MONOTONIC, &event, &timer));
  take_all();
  SAY(timer_create(CLOCK_MONOTONIC, &event, &timer));
  SAY(queue(first, 1));
  SAY(tgkill(getpid(), gettid(), first));
  SAY(queue(first, 2));
  SAY(timer_create(CLOCK_MONOTONIC, &event, &other));
  SAY(timer_delete(timer));
  SAY(queue(first, 3));
  SAY(queue(first, 4));
  signal(second, SIG_IGN);
  take_all();
  for (int i = 0; i < 3; ++i) SAY(queue(first, i));
  SAY(queue(second, 3));  // ignored, but blocked
  SAY(kill(getpid(), second));
  take_one(first);
  SAY(kill(getpid(), second));
  take_all();
  SAY(queue(SIGTSTP, 1));
  SAY(queue(first, 2));
  SAY(queue(first, 3));
  SAY(queue(SIGCONT, 4));  // takes the place of SIGTSTP
  SAY(queue(first, 5));
  take_all();
  set_queue(0);
  SAY(queue(first, 1));
  SAY(queue(SIGUSR1, 1));
  SAY(kill(getpid(), first));
  SAY(kill(getpid(), SIGUSR2));
  SAY(timer_create(CLOCK_MONOTONIC, &event, &timer));
  take_all();
}

// Many short processes, which several harts end and reap.
static void end_limited(void) {
  const struct rlimit limit = {1000, 1000};
  setrlimit(RLIMIT_CPU, &limit);
}

static void limits(void) {
  printf("RLIMIT_FSIZE\n");
  int status = run_child(file_sizes);
  printf("  killed by %d\n", WTERMSIG(status));
  printf("RLIMIT_CPU\n");
  status = run_child(cpu_time);
  printf("  killed by %d\n", WTERMSIG(status));
  printf("RLIMIT_DATA\n");
  run_child(data_size);
  printf("RLIMIT_SIGPENDING\n");
  run_child(queued_signals);
  int ended = 0;
  for (int i = 0; i < 100; ++i) ended += run_child(end_limited) == 0;
  printf("processes with a limit of CPU time: %d\n", ended);
}

// ── Clocks of CPU time ──

static void* compute(void* stop) {
  while (*(volatile int*)stop == 0) {
  }
  return NULL;
}
static volatile sig_atomic_t expired;
static void note_expiry(int signal) {
  (void)signal;
  ++expired;
}
static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
static const struct itimerspec soon = {{0, 0}, {0, 50000000}};

static void clocks(void) {
  timer_t timer;
  clockid_t of_thread, of_process;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  signal(SIGUSR1, note_expiry);
  const clockid_t kinds[] = {CLOCK_THREAD_CPUTIME_ID, CLOCK_PROCESS_CPUTIME_ID};
  for (int i = 0; i < 2; ++i) {
    SAY(timer_create(kinds[i], &event, &timer));
    expired = 0;
    const double start = seconds(kinds[i]);
    SAY(timer_settime(timer, 0, &soon, NULL));
    while (expired == 0) {
    }
    const double used = seconds(kinds[i]) - start;
    printf("  after 50 ms: %d\n", used > 0.04);
    struct itimerspec now;
    SAY(timer_gettime(timer, &now));
    printf("  left: %ld\n", now.it_value.tv_sec * 1000000000 + now.it_value.tv_nsec);
    SAY(timer_delete(timer));
  }
  int stop = 0;
  pthread_t thread;
  pthread_create(&thread, NULL, compute, &stop);
  SAY(pthread_getcpuclockid(thread, &of_thread));
  SAY(timer_create(of_thread, &event, &timer));
  expired = 0;
  SAY(timer_settime(timer, 0, &soon, NULL));
  while (expired == 0) usleep(1000);
  SAY(expired);
  SAY(timer_delete(timer));
  struct timespec time = {0, 30000000};
  const double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
  SAY(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &time, NULL));
  const double slept = seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
  printf("  30 ms: %d\n", slept >= 0.03);
  SAY(clock_nanosleep(of_thread, 0, &time, NULL));
  SAY(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &time, NULL));
  SAY(clock_getcpuclockid(0, &of_process));
  SAY(clock_nanosleep(of_process, 0, &time, NULL));
  SAY(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL));
  stop = 1;
  pthread_join(thread, NULL);
  SAY(syscall(SYS_clock_nanosleep, -2, 0, &time, NULL));
  SAY(timer_create((clockid_t)(~(unknown_id / 10) * 8 + 2), &event, &timer));
  SAY(timer_create((clockid_t)-1, &event, &timer));
}

int main(int argc, char** argv) {
  const char* const part = argc > 1 ? argv[1] : "";
  program = argv[0];
  if (strcmp(part, "descriptors") == 0) descriptors();
  if (strcmp(part, "processes") == 0) processes();
  if (strcmp(part, "arguments") == 0) {
    many_arguments();
    script_arguments();
  }
  if (strcmp(part, "count") == 0) count_arguments(argc, argv);
  if (strcmp(part, "limits") == 0) limits();
  if (strcmp(part, "clocks") == 0) clocks();
  fflush(stdout);
  return 0;
}
