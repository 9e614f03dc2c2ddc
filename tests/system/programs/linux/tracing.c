// ptrace(2): the stops of a child and what its tracer sees and changes. The arguments `stops`,
// `calls`, `events`, `attach`, `seize` and `errors` choose a part; without one there is none,
// because emulators have no ptrace.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/ptrace.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static const char* program;
static long trace(long request, pid_t id, unsigned long address, unsigned long data) {
  return syscall(SYS_ptrace, request, id, address, data);
}
static unsigned long at(const void* place) {
  return (unsigned long)place;
}

static pid_t child;
static void tell_status(const char* who, int status) {
  if (WIFSTOPPED(status)) {
    printf("  %s: stopped by %d, event %d\n", who, WSTOPSIG(status), status >> 16);
  } else if (WIFSIGNALED(status)) {
    printf("  %s: killed by %d\n", who, WTERMSIG(status));
  } else {
    printf("  %s: exited with %d\n", who, WEXITSTATUS(status));
  }
  fflush(stdout);
}
// Returns whether the thread still exists.
static int next_stop(pid_t id) {
  int status = 0;
  if (waitpid(id, &status, __WALL) != id) {
    perror("waitpid");
    return 0;
  }
  tell_status("child", status);
  return WIFSTOPPED(status);
}
// Prints nothing of a success: the child may print before.
static void go(long request, unsigned long signal) {
  if (trace(request, child, 0, signal) != 0) printf("  %s\n", strerrorname_np(errno));
}
static void tell_info(void) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (trace(PTRACE_GETSIGINFO, child, 0, at(&info)) != 0) {
    printf("  no information: %s\n", strerrorname_np(errno));
    return;
  }
  printf("  signal %d, code %#x\n", info.si_signo, (unsigned)info.si_code);
  fflush(stdout);
}

// ── Signals ──

static volatile int handled;
static void handle(int signal) {
  handled = signal;
}
static volatile long shared_word = 17;

static void signalled(void) {
  SAY(trace(PTRACE_TRACEME, 0, 0, 0));
  SAY(trace(PTRACE_TRACEME, 0, 0, 0));
  signal(SIGUSR1, handle);
  signal(SIGUSR2, handle);
  signal(SIGWINCH, SIG_IGN);
  raise(SIGUSR1);
  printf("  handled %d\n", handled);
  fflush(stdout);
  handled = 0;
  raise(SIGUSR1);
  printf("  handled %d\n", handled);
  fflush(stdout);
  handled = 0;
  raise(SIGUSR1);
  printf("  handled %d\n", handled);
  fflush(stdout);
  raise(SIGWINCH);
  raise(SIGSTOP);
  printf("  the word is %ld\n", shared_word);
  fflush(stdout);
  raise(SIGSEGV);
  printf("  not killed\n");
  fflush(stdout);
  raise(SIGTERM);
}

static void stops(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    signalled();
    _exit(0);
  }
  next_stop(child);
  tell_info();
  go(PTRACE_CONT, SIGUSR1);
  next_stop(child);
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_CONT, SIGUSR2);
  next_stop(child);
  go(PTRACE_CONT, SIGWINCH);
  next_stop(child);
  tell_info();
  long word = 0;
  SAY(trace(PTRACE_PEEKDATA, child, at((void*)&shared_word), at(&word)));
  printf("  %ld\n", word);
  fflush(stdout);
  SAY(trace(PTRACE_POKEDATA, child, at((void*)&shared_word), 18));
  SAY(trace(PTRACE_PEEKDATA, child, 16, at(&word)));
  SAY(trace(PTRACE_POKEDATA, child, 16, 1));
  SAY(trace(PTRACE_PEEKTEXT, child, at((void*)stops), at(&word)));
  SAY(word == *(const long*)(const void*)stops);
  SAY(trace(PTRACE_POKETEXT, child, at((void*)stops), (unsigned long)word + 1));
  long other = 0;
  SAY(trace(PTRACE_PEEKTEXT, child, at((void*)stops), at(&other)));
  SAY(other - word);
  SAY(word == *(const long*)(const void*)stops);
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_CONT, SIGTERM);
  next_stop(child);
  SAY(trace(PTRACE_CONT, child, 0, 0));
}

// ── Calls ──

static void calling(void) {
  trace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  syscall(SYS_getppid, 1, 2);
  syscall(SYS_close, 99, 3);
  const long answer = syscall(SYS_lseek, 98, 5, SEEK_SET);
  _exit((int)answer);
}
static const char* name_of_call(long number) {
  switch (number) {
    case SYS_getppid: return "getppid";
    case SYS_close: return "close";
    case SYS_lseek: return "lseek";
    case SYS_exit_group: return "exit_group";
    default: return "another";
  }
}
static void tell_call(void) {
  struct ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  const long size = trace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, at(&info));
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    const char* const name = name_of_call((long)info.entry.nr);
    printf("  %ld bytes: call %s(%d, …)\n", size, name, (int)info.entry.args[0]);
    if (strcmp(name, "exit_group") != 0) SAY((int)info.entry.args[1]);
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    const int is_id = info.exit.rval == getpid();
    printf("  %ld bytes: result %lld, error %d\n", size, is_id ? 0 : (long long)info.exit.rval,
           info.exit.is_error);
  } else {
    printf("  %ld bytes: %d\n", size, info.op);
  }
  fflush(stdout);
}
// The places of registers in the set NT_PRSTATUS, and an instruction that raises SIGTRAP.
#ifdef __riscv
enum { set_size = 32, result_at = 10, number_at = 17, pc_at = 0, call_bytes = 4 };
static const unsigned long breakpoint = 0x100073, breakpoint_mask = 0xffffffff;
#else
enum { set_size = 27, result_at = 10, number_at = 15, pc_at = 16, call_bytes = 2 };
static const unsigned long breakpoint = 0xcc, breakpoint_mask = 0xff;
#endif
enum { whole = set_size * sizeof(long) };
static unsigned long registers[32];
static long move(int request, unsigned long kind, size_t bytes) {
  struct iovec vector = {registers, bytes};
  const long answer = trace(request, child, kind, at(&vector));
  return answer == 0 ? (long)vector.iov_len : answer;
}

static void calls(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) calling();
  next_stop(child);
  tell_call();
  SAY(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD));
  SAY(trace(PTRACE_SETOPTIONS, child, 0, 1u << 31));
  for (int stop = 0; stop < 6; ++stop) {
    trace(PTRACE_SYSCALL, child, 0, 0);
    next_stop(child);
    tell_info();
    tell_call();
  }
  SAY(move(PTRACE_GETREGSET, NT_PRSTATUS, whole) == whole);
  SAY((long)registers[result_at]);
  registers[result_at] = 42;
  SAY(move(PTRACE_SETREGSET, NT_PRSTATUS, whole) == whole);
  SAY(move(PTRACE_GETREGSET, NT_PRSTATUS, 88));
  SAY(move(PTRACE_GETREGSET, NT_PRSTATUS, 87));
  SAY(move(PTRACE_GETREGSET, NT_PRSTATUS, 0));
  SAY(move(PTRACE_GETREGSET, 0x999, 8));
  SAY(move(PTRACE_GETREGSET, NT_PRFPREG, 256));
  uint64_t mask = 0;
  SAY(trace(PTRACE_GETSIGMASK, child, 8, at(&mask)));
  printf("  %#lx\n", (unsigned long)mask);
  SAY(trace(PTRACE_GETSIGMASK, child, 4, at(&mask)));
  SAY(trace(PTRACE_SYSCALL, child, 0, 99));
  trace(PTRACE_SYSCALL, child, 0, 0);
  next_stop(child);
  tell_call();
  go(PTRACE_CONT, 0);
  next_stop(child);
}

// The tracer overwrites the instruction of a reported call.
static void call_once(void) {
  trace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  _exit(syscall(SYS_getppid) > 0 ? 3 : 4);
}
static void overwritten(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) call_once();
  next_stop(child);
  do {
    trace(PTRACE_SYSCALL, child, 0, 0);
    waitpid(child, NULL, 0);
    move(PTRACE_GETREGSET, NT_PRSTATUS, whole);
  } while (registers[number_at] != SYS_getppid);
  const unsigned long call_at = registers[pc_at] - call_bytes;
  const unsigned shift = call_at % 4 * 8;  // a word of memory holds the whole instruction
  unsigned long word = 0;
  trace(PTRACE_PEEKTEXT, child, call_at - call_at % 4, at(&word));
  word = (word & ~(breakpoint_mask << shift)) | breakpoint << shift;
  SAY(trace(PTRACE_POKETEXT, child, call_at - call_at % 4, word));
  go(PTRACE_SYSCALL, 0);
  // Linux makes the call nevertheless.
  int status = 0;
  waitpid(child, &status, 0);
  SAY(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
  go(PTRACE_KILL, 0);
  next_stop(child);
}

// ── Events ──

static void with_events(void) {
  trace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  const pid_t forked = fork();
  if (forked == 0) _exit(5);
  waitpid(forked, NULL, 0);
  const pid_t sharing = vfork();
  if (sharing == 0) _exit(6);
  waitpid(sharing, NULL, 0);
  char* const arguments[] = {(char*)program, "executed", NULL};
  execv(program, arguments);
  _exit(1);
}
static void events(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) with_events();
  next_stop(child);
  SAY(trace(PTRACE_SETOPTIONS, child, 0,
            PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE |
                PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT));
  trace(PTRACE_CONT, child, 0, 0);
  for (;;) {
    int status = 0;
    const pid_t id = waitpid(-1, &status, __WALL);
    if (id < 0) break;
    if (id != child) {
      // Its stops come at any time beside those of the first one.
      const int is_first = WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
      if (WIFSTOPPED(status)) trace(PTRACE_CONT, id, 0, is_first || status >> 16 ? 0 : SIGSTOP);
      continue;
    }
    tell_status("child", status);
    if (!WIFSTOPPED(status)) continue;
    unsigned long message = 0;
    trace(PTRACE_GETEVENTMSG, child, 0, at(&message));
    const int event = status >> 16;
    if (event == PTRACE_EVENT_EXIT) printf("  message %#lx\n", message);
    if (event == PTRACE_EVENT_EXEC) printf("  its own number: %d\n", (pid_t)message == child);
    if (event != 0 && event < PTRACE_EVENT_EXEC) printf("  a number: %d\n", message > 1);
    const int is_own = event != 0 || WSTOPSIG(status) == SIGTRAP;
    trace(PTRACE_CONT, child, 0, is_own ? 0 : (unsigned long)WSTOPSIG(status));
  }
  fflush(stdout);
  child = fork();
  if (child == 0) {
    trace(PTRACE_TRACEME, 0, 0, 0);
    char* const arguments[] = {(char*)program, "executed", NULL};
    execv(program, arguments);
  }
  next_stop(child);
  tell_info();
  go(PTRACE_KILL, 0);
  next_stop(child);
}

// ── Attaching ──

static void start_pausing(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    for (;;) pause();
  }
}
static void stop_child(void) {
  int status = 0;
  kill(child, SIGSTOP);
  waitpid(child, &status, WUNTRACED);
}

static void attach(void) {
  start_pausing();
  usleep(50000);
  SAY(trace(PTRACE_ATTACH, child, 0, 0));
  SAY(trace(PTRACE_ATTACH, child, 0, 0));
  next_stop(child);
  tell_info();
  go(PTRACE_CONT, 0);
  SAY(kill(child, SIGUSR1));
  next_stop(child);
  tell_info();
  SAY(trace(PTRACE_DETACH, child, 0, 99));
  SAY(trace(PTRACE_DETACH, child, 0, 0));
  SAY(trace(PTRACE_DETACH, child, 0, 0));
  SAY(kill(child, 0));
  SAY(trace(PTRACE_ATTACH, child, 0, 0));
  next_stop(child);
  go(PTRACE_DETACH, SIGTERM);
  next_stop(child);
}

// A process that is stopped already, and stays so behind the tracer.
static void attach_to_stopped(void) {
  start_pausing();
  stop_child();
  SAY(trace(PTRACE_ATTACH, child, 0, 0));
  next_stop(child);
  tell_info();
  kill(child, SIGUSR1);
  go(PTRACE_CONT, 0);
  next_stop(child);
  SAY(trace(PTRACE_DETACH, child, 0, 0));
  SAY(kill(child, SIGTERM));
  usleep(20000);
  int status = 0;
  SAY(waitpid(child, &status, WNOHANG));
  SAY(kill(child, SIGCONT));
  next_stop(child);
}

// The tracer learns by SIGCHLD of the end of a process that is not its child.
static volatile int told;
static void note(int signal) {
  (void)signal;
  ++told;
}
static void watch_end(void) {
  signal(SIGCHLD, note);
  trace(PTRACE_ATTACH, child, 0, 0);
  next_stop(child);
  told = 0;
  go(PTRACE_CONT, 0);
  kill(child, SIGTERM);
  next_stop(child);
  go(PTRACE_CONT, SIGTERM);
  next_stop(child);
  SAY(told);
}
static void attach_to_sibling(void) {
  start_pausing();
  run_child(watch_end);
  next_stop(child);
}

// The end of a tracer does not interrupt the call of a thread that runs.
static void wait_long(void) {
  trace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  struct epoll_event event;
  SAY(epoll_wait(epoll_create1(0), &event, 1, 300));
}
static void leave_waiting(void) {
  child = fork();
  if (child == 0) {
    wait_long();
    _exit(0);
  }
  next_stop(child);
  go(PTRACE_CONT, 0);
  usleep(100000);
}
static void leave(void) {
  int ends[2];
  if (pipe(ends) < 0) perror("pipe");
  run_child(leave_waiting);
  close(ends[1]);
  char nothing;
  SAY(read(ends[0], &nothing, 1));
  close(ends[0]);
}

// A thread that runs again with a signal gets it, although its tracer ends before the thread runs.
static int message[2];
static void tell_signal(int signal) {
  const char number = (char)signal;
  if (write(message[1], &number, 1) < 0) perror("write");
}
static void be_signalled(void) {
  signal(SIGUSR1, tell_signal);
  trace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGUSR1);
}
static void leave_signalled(void) {
  child = fork();
  if (child == 0) {
    be_signalled();
    _exit(0);
  }
  next_stop(child);
  go(PTRACE_CONT, SIGUSR1);
}
// So does one whose tracer ends before it learns of the signal.
static void leave_unknown(void) {
  child = fork();
  if (child == 0) {
    be_signalled();
    _exit(0);
  }
  usleep(100000);
}
static void leave_with_signal(void (*leaving)(void)) {
  if (pipe(message) < 0) perror("pipe");
  run_child(leaving);
  close(message[1]);
  char signal = 0;
  SAY(read(message[0], &signal, 1));
  SAY(signal);
  close(message[0]);
}

// ── Seizing ──

// Whether the child has nothing to report.
static void tell_silence(void) {
  usleep(50000);
  int status = 0;
  SAY(waitpid(child, &status, WNOHANG | __WALL));
}
static void seize(unsigned long options) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    signal(SIGUSR1, handle);
    signal(SIGUSR2, SIG_IGN);
    for (;;) pause();
  }
  usleep(50000);
  SAY(trace(PTRACE_SEIZE, child, 0, options));
}
static void interrupt(void) {
  seize(0);
  SAY(trace(PTRACE_SEIZE, child, 0, 0));
  SAY(trace(PTRACE_ATTACH, child, 0, 0));
  tell_silence();
  SAY(trace(PTRACE_CONT, child, 0, 0));
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  tell_info();
  SAY(move(PTRACE_GETREGSET, NT_PRSTATUS, 88));
  go(PTRACE_CONT, 0);
  tell_silence();
  // Once more, while it has stopped.
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  tell_silence();
  go(PTRACE_CONT, SIGUSR1);
  next_stop(child);
  go(PTRACE_CONT, 0);
  tell_silence();
  // A signal stops it as usual. Other stops forget an interruption before them.
  kill(child, SIGUSR1);
  next_stop(child);
  tell_info();
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  go(PTRACE_CONT, SIGUSR1);
  next_stop(child);
  go(PTRACE_CONT, 0);
  tell_silence();
  kill(child, SIGUSR1);
  next_stop(child);
  long word = 0;
  SAY(trace(PTRACE_PEEKDATA, child, at((void*)&handled), at(&word)));
  printf("  handled %d\n", (int)word);
  go(PTRACE_CONT, 0);
  tell_silence();
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  tell_silence();
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  go(PTRACE_DETACH, 0);
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  kill(child, SIGTERM);
  next_stop(child);
}

static void stop_group(void) {
  seize(0);
  kill(child, SIGSTOP);
  next_stop(child);
  tell_info();
  go(PTRACE_CONT, SIGSTOP);
  next_stop(child);
  tell_info();
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  tell_silence();
  SAY(trace(PTRACE_CONT, child, 0, 0));
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  kill(child, SIGUSR2);
  tell_silence();
  kill(child, SIGCONT);
  next_stop(child);
  tell_info();
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_CONT, SIGCONT);
  tell_silence();
  // It runs although its process is stopped.
  kill(child, SIGSTOP);
  next_stop(child);
  go(PTRACE_CONT, SIGSTOP);
  next_stop(child);
  go(PTRACE_CONT, 0);
  tell_silence();
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  kill(child, SIGCONT);
  tell_silence();
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  next_stop(child);
  go(PTRACE_KILL, 0);
  next_stop(child);
}

// The process remains stopped behind its tracer.
static void leave_stopped(unsigned long signal) {
  seize(0);
  kill(child, SIGSTOP);
  next_stop(child);
  go(PTRACE_CONT, SIGSTOP);
  next_stop(child);
  go(PTRACE_DETACH, signal);
  int status = 0;
  SAY(waitpid(child, &status, WUNTRACED) == child);
  tell_status("child", status);
  kill(child, SIGTERM);
  tell_silence();
  kill(child, SIGCONT);
  next_stop(child);
}

// A thread without a tracer stops the process, which has a seized thread, too.
static void* stop_all(void* nothing) {
  usleep(200000);
  pthread_kill(pthread_self(), SIGSTOP);
  for (;;) pause();
  return nothing;
}
static void stop_by_sibling(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    pthread_t sibling;
    pthread_create(&sibling, NULL, stop_all, NULL);
    for (;;) pause();
  }
  usleep(50000);
  SAY(trace(PTRACE_SEIZE, child, 0, 0));
  alarm(20);  // waits for a stop that may not come
  next_stop(child);
  alarm(0);
  tell_info();
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  tell_silence();
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  go(PTRACE_CONT, 0);
  tell_silence();
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  go(PTRACE_DETACH, 0);
  kill(child, SIGKILL);
  next_stop(child);
}
// The same while the seized thread has stopped already: PTRACE_LISTEN reports the other stop.
static void stop_by_sibling_later(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    pthread_t sibling;
    pthread_create(&sibling, NULL, stop_all, NULL);
    for (;;) pause();
  }
  usleep(50000);
  SAY(trace(PTRACE_SEIZE, child, 0, 0));
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  usleep(400000);
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  alarm(20);  // waits for a stop that may not come
  next_stop(child);
  alarm(0);
  go(PTRACE_KILL, 0);
  next_stop(child);
}

// An interruption comes before the signals that the tracer does not know yet, and after the one
// that it has chosen.
static void interrupt_signalled(void) {
  seize(0);
  kill(child, SIGUSR1);
  next_stop(child);
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  alarm(20);  // waits for a stop that may not come
  go(PTRACE_CONT, SIGUSR2);
  next_stop(child);
  go(PTRACE_CONT, 0);
  kill(child, SIGUSR1);
  next_stop(child);
  kill(child, SIGWINCH);
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  go(PTRACE_CONT, SIGUSR1);
  next_stop(child);
  go(PTRACE_CONT, 0);
  next_stop(child);
  alarm(0);
  go(PTRACE_KILL, 0);
  next_stop(child);
}

// SIGCONT cancels the stop for a signal that the tracer has not decided yet.
static void continue_signalled(void) {
  seize(0);
  kill(child, SIGTSTP);
  next_stop(child);
  kill(child, SIGCONT);
  go(PTRACE_CONT, SIGTSTP);
  next_stop(child);
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_CONT, SIGCONT);
  kill(child, SIGSTOP);
  next_stop(child);
  kill(child, SIGCONT);
  go(PTRACE_DETACH, SIGSTOP);
  usleep(50000);
  int status = 0;
  SAY(waitpid(child, &status, WNOHANG | WUNTRACED));
  kill(child, SIGTERM);
  next_stop(child);
}

// No process could continue a group without a parent in its session: it does not stop.
static void stop_orphan(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    setsid();
    for (;;) pause();
  }
  usleep(50000);
  SAY(trace(PTRACE_SEIZE, child, 0, 0));
  kill(child, SIGTSTP);
  next_stop(child);
  go(PTRACE_CONT, SIGTSTP);
  tell_silence();
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  go(PTRACE_DETACH, 0);
  kill(child, SIGTERM);
  next_stop(child);
}

// A new thread of a stopped process stops, too.
static void* wait_for_ever(void* nothing) {
  for (;;) pause();
  return nothing;
}
static void create(int signal) {
  (void)signal;
  pthread_t created;
  pthread_create(&created, NULL, wait_for_ever, NULL);
}
static void create_stopped(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    signal(SIGUSR1, create);
    for (;;) pause();
  }
  usleep(50000);
  stop_child();
  SAY(trace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACECLONE));
  next_stop(child);
  go(PTRACE_CONT, 0);
  kill(child, SIGUSR1);
  next_stop(child);
  go(PTRACE_CONT, SIGUSR1);
  next_stop(child);
  unsigned long created = 0;
  SAY(trace(PTRACE_GETEVENTMSG, child, 0, at(&created)));
  alarm(20);  // waits for stops that may not come
  next_stop((pid_t)created);
  SAY(trace(PTRACE_CONT, (pid_t)created, 0, 0));
  usleep(50000);
  SAY(trace(PTRACE_INTERRUPT, (pid_t)created, 0, 0));
  next_stop((pid_t)created);
  alarm(0);
  go(PTRACE_KILL, 0);
  int status = 0;
  waitpid((pid_t)created, &status, __WALL);
  next_stop(child);
}

// Stops for events ignore the signal of PTRACE_CONT.
static void signal_event(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    usleep(100000);
    _exit(3);
  }
  SAY(trace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACEEXIT));
  next_stop(child);
  go(PTRACE_CONT, SIGUSR1);
  next_stop(child);
}

static void seize_stopped(void) {
  start_pausing();
  stop_child();
  SAY(trace(PTRACE_SEIZE, child, 0, 0));
  next_stop(child);
  tell_info();
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  kill(child, SIGCONT);
  next_stop(child);
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_DETACH, SIGTERM);
  next_stop(child);
}

// The calls of a seized thread, and an interruption of one that waits.
static void seize_calls(void) {
  seize(PTRACE_O_TRACESYSGOOD);
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  go(PTRACE_SYSCALL, 0);
  next_stop(child);
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  go(PTRACE_SYSCALL, 0);
  next_stop(child);
  go(PTRACE_SYSCALL, 0);
  next_stop(child);
  go(PTRACE_SYSCALL, 0);
  tell_silence();
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  next_stop(child);
  go(PTRACE_CONT, 0);
  tell_silence();
  go(PTRACE_KILL, 0);
  next_stop(child);
}

// Children of a seized process are seized, and execve has no signal.
static void forking(void) {
  int ready = 0;
  while (read(0, &ready, 1) < 0) continue;
  const pid_t forked = fork();
  if (forked == 0) _exit(5);
  waitpid(forked, NULL, 0);
  char* const arguments[] = {(char*)program, "executed", NULL};
  execv(program, arguments);
}
static void seize_forking(void) {
  int ends[2];
  if (pipe(ends) < 0) perror("pipe");
  fflush(stdout);
  child = fork();
  if (child == 0) {
    dup2(ends[0], 0);
    forking();
    _exit(0);
  }
  usleep(50000);
  SAY(trace(PTRACE_SEIZE, child, 1, 0));
  SAY(trace(PTRACE_SEIZE, child, 0, 1ul << 31));
  SAY(trace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACEFORK));
  SAY(write(ends[1], "", 1));
  next_stop(child);
  unsigned long forked = 0;
  SAY(trace(PTRACE_GETEVENTMSG, child, 0, at(&forked)));
  int status = 0;
  waitpid((pid_t)forked, &status, __WALL);
  tell_status("child of the child", status);
  SAY(trace(PTRACE_CONT, (pid_t)forked, 0, 0));
  waitpid((pid_t)forked, &status, __WALL);
  tell_status("child of the child", status);
  go(PTRACE_CONT, 0);
  next_stop(child);
  go(PTRACE_CONT, SIGCHLD);
  next_stop(child);
  SAY(close(ends[0]));
  SAY(close(ends[1]));
}

static void not_seized(void) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    trace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(0);
  }
  next_stop(child);
  SAY(trace(PTRACE_INTERRUPT, child, 0, 0));
  SAY(trace(PTRACE_LISTEN, child, 0, 0));
  SAY(trace(PTRACE_SEIZE, getpid(), 0, 0));
  SAY(trace(PTRACE_SEIZE, unknown_id, 0, 0));
  SAY(trace(PTRACE_SEIZE, unknown_id, 1, 0));
  SAY(trace(PTRACE_INTERRUPT, getppid(), 0, 0));
  go(PTRACE_KILL, 0);
  next_stop(child);
}

static void errors(void) {
  SAY(trace(PTRACE_ATTACH, getpid(), 0, 0));
  SAY(trace(PTRACE_ATTACH, unknown_id, 0, 0));
  SAY(trace(PTRACE_CONT, getppid(), 0, 0));
  SAY(trace(PTRACE_CONT, unknown_id, 0, 0));
  SAY(trace(PTRACE_PEEKDATA, getpid(), 0, 0));
  SAY(trace(0x1234, unknown_id, 0, 0));
  fflush(stdout);
  child = fork();
  if (child == 0) {
    trace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (;;) pause();
  }
  next_stop(child);
  SAY(trace(0x1234, child, 0, 0));
  siginfo_t info;
  SAY(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG));
  SAY(trace(PTRACE_CONT, child, 0, 0));
  SAY(trace(PTRACE_CONT, child, 0, 0));
  kill(child, SIGUSR1);
  SAY(waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOWAIT));
  printf("  signal %d, code %d, status %d\n", info.si_signo, info.si_code, info.si_status);
  next_stop(child);
  kill(child, SIGKILL);
  next_stop(child);
}

int main(int count, char** arguments) {
  program = "/proc/self/exe";
  const char* const part = count > 1 ? arguments[1] : "";
  if (strcmp(part, "stops") == 0) stops();
  if (strcmp(part, "calls") == 0) {
    calls();
    overwritten();
  }
  if (strcmp(part, "events") == 0) events();
  if (strcmp(part, "attach") == 0) {
    attach();
    attach_to_stopped();
    attach_to_sibling();
    leave();
    leave_with_signal(leave_signalled);
    leave_with_signal(leave_unknown);
  }
  if (strcmp(part, "seize") == 0) {
    interrupt();
    stop_group();
    leave_stopped(0);
    leave_stopped(SIGUSR1);
    stop_by_sibling();
    stop_by_sibling_later();
    interrupt_signalled();
    continue_signalled();
    stop_orphan();
    create_stopped();
    signal_event();
    seize_stopped();
    seize_calls();
    seize_forking();
    not_seized();
  }
  if (strcmp(part, "errors") == 0) errors();
  if (strcmp(part, "executed") == 0) return 7;
  return 0;
}
