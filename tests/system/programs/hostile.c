// hostile SEED CASES [FIRST [KIND]]: programs that break the rules of signals, terminals, locks,
// counters, watchers, sockets and rings. Each case is a process in a session of its own, whose acts
// its number and SEED decide:
//
//   storm     one or two threads wait in random calls, while the parent sends random signals
//   stack     faults on a stack for handlers that is too small, read-only, not there or moved away
//   frame     rt_sigreturn with a frame of random bytes, or one whose members a handler has changed
//   terminal  readers of a pseudo-terminal, whose other end closes
//   lists     /proc lists threads and files that begin and end meanwhile
//   locks     processes lock ranges of a file, wait for locks, and close it
//   counters  threads and a child read, write, poll and close the same eventfds
//   watchers  threads and a child change and close epoll files, what they watch, signalfds and
//             inotify files
//   passing   sockets pass each other as descriptors, also in circles, and often without a receiver
//   urings    threads and a child fill the pages of an io_uring with random submissions and indices
//
// When a case has had its time, the parent kills its group and reaps it. At the end the program
// prints how much memory the cases have kept. Exit status 0: every case has ended, and the memory
// is back.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
  most_rounds = 12,
  signals_of_a_case = 24,
  slack_kb = 512,
  seconds_to_die = 60,
  pools_warm = 64
};

static __thread uint64_t state;
static uint64_t any(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
static uint64_t below(uint64_t limit) {
  return any() % limit;
}
static int chance(unsigned percent) {
  return below(100) < percent;
}
static void begin(uint64_t seed) {
  state = (seed + 1) * 0x9e3779b97f4a7c15;
  for (int i = 0; i < 4; ++i) any();
}
static void pass(long most_microseconds) {
  const struct timespec time = {0, (long)below((uint64_t)most_microseconds) * 1000};
  nanosleep(&time, NULL);
}

// Most cases of a kind that is not about signals end by themselves, or by SIGKILL.
static void outlive_signals(void) {
  sigset_t most;
  sigfillset(&most);
  if (chance(70)) sigprocmask(SIG_BLOCK, &most, NULL);
}

// ── storm ──

static volatile unsigned handled;
static void note(int signal) {
  handled += (unsigned)signal;
  if (handled % 16 == 0) sched_yield();
}
static void note_with_information(int signal, siginfo_t* info, void* context) {
  (void)info, (void)context;
  note(signal);
}

static void handle_most(void) {
  for (int signal = 1; signal <= 64; ++signal) {
    if (chance(3)) continue;
    struct sigaction action = {.sa_handler = note};
    if (chance(40)) action.sa_flags |= SA_RESTART;
    if (chance(30)) action.sa_flags |= SA_NODEFER;
    if (chance(30)) action.sa_flags |= SA_ONSTACK;
    if (chance(3)) action.sa_flags |= SA_RESETHAND;
    if (chance(10)) action.sa_flags |= SA_NOCLDWAIT | SA_NOCLDSTOP;
    if (chance(50)) {
      action.sa_flags |= SA_SIGINFO;
      action.sa_sigaction = note_with_information;
    }
    if (chance(10)) action.sa_handler = SIG_IGN;
    for (int each = 0; each < 4; ++each) sigaddset(&action.sa_mask, (int)below(64) + 1);
    sigaction(signal, &action, NULL);
  }
}

static int word;
static void wait_somehow(void) {
  const struct timespec time = {0, (long)below(3000) * 1000};
  struct timespec left;
  sigset_t set;
  siginfo_t info;
  char bytes[64];
  int ends[2] = {-1, -1};
  sigemptyset(&set);
  for (int i = 0; i < 8; ++i) sigaddset(&set, (int)below(64) + 1);
  switch (below(16)) {
    case 0: nanosleep(&time, &left); break;
    case 1: clock_nanosleep(CLOCK_REALTIME, 0, &time, &left); break;
    case 2: syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, NULL, 0); break;
    case 3: ppoll(NULL, 0, &time, &set); break;
    case 4: pselect(0, NULL, NULL, NULL, &time, &set); break;
    case 5: sigtimedwait(&set, &info, &time); break;
    case 6:
      if (pipe2(ends, chance(50) ? O_NONBLOCK : 0) == 0 && chance(50)) {
        const struct itimerval soon = {.it_value.tv_usec = 500};
        setitimer(ITIMER_REAL, &soon, NULL);
        read(ends[0], bytes, sizeof bytes);
      }
      break;
    case 7:
      ends[0] = eventfd(0, chance(50) ? EFD_NONBLOCK : 0);
      if (chance(50)) write(ends[0], &(uint64_t){1}, 8);
      if (chance(50)) setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 300}, NULL);
      read(ends[0], bytes, 8);
      break;
    case 8:
      ends[0] = timerfd_create(CLOCK_MONOTONIC, 0);
      timerfd_settime(ends[0], 0, &(struct itimerspec){.it_value = {0, 1 + time.tv_nsec}}, NULL);
      read(ends[0], bytes, 8);
      break;
    case 9: {
      const pid_t child = fork();
      if (child == 0) {
        pass(500);
        _exit((int)below(200));
      }
      int status;
      waitpid(child, &status, chance(50) ? WUNTRACED | WCONTINUED : 0);
      break;
    }
    case 10: {
      const pid_t child = vfork();
      if (child == 0) _exit(1);
      waitid(P_ALL, 0, &info, WEXITED | (chance(30) ? WNOHANG : 0));
      break;
    }
    case 11:
      ends[0] = open("/tmp/hostile-lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
      flock(ends[0], LOCK_EX | (chance(70) ? LOCK_NB : 0));
      pass(200);
      break;
    case 12: {
      timer_t timer;
      struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = (int)below(64) + 1};
      if (timer_create(chance(50) ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &event, &timer) ==
          0) {
        const struct itimerspec often = {{0, 1 + (long)below(200000)},
                                         {0, 1 + (long)below(200000)}};
        timer_settime(timer, 0, &often, NULL);
        pass(1000);
        if (chance(80)) timer_delete(timer);
      }
      break;
    }
    case 13: sigprocmask((int)below(3), &set, NULL); break;
    case 14: sigqueue(getpid(), (int)below(64) + 1, (union sigval){.sival_int = (int)any()}); break;
    case 15: raise((int)below(64) + 1); break;
  }
  if (ends[0] >= 0) close(ends[0]);
  if (ends[1] >= 0) close(ends[1]);
}
static void* wait_in_thread(void* seed) {
  begin((uint64_t)(uintptr_t)seed);
  for (int i = 0; i < most_rounds; ++i) wait_somehow();
  return NULL;
}
static void storm(void) {
  handle_most();
  if (chance(40)) {
    pthread_t thread;
    pthread_create(&thread, NULL, wait_in_thread, (void*)(uintptr_t)any());
    if (chance(20)) pthread_cancel(thread);
    if (chance(30)) pthread_detach(thread);
  }
  wait_in_thread((void*)(uintptr_t)any());
}

// ── stack ──

static void fault_again(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info, (void)context;
  *(volatile int*)(any() & 0x3fffffffff) = 1;
}
static void stack(void) {
  const size_t bytes = 4096 * (1 + below(4));
  char* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack_t where = {.ss_sp = memory, .ss_size = bytes, .ss_flags = 0};
  switch (below(6)) {
    case 0: where.ss_sp = (void*)(any() & ~0xful); break;
    case 1: where.ss_size = below(1 << 20); break;
    case 2: mprotect(memory, bytes, PROT_READ); break;
    case 3: where.ss_size = ~0ul - below(1 << 20); break;
    case 4: where.ss_flags = (int)any(); break;
    case 5: break;
  }
  sigaltstack(&where, NULL);
  const struct sigaction action = {
      .sa_sigaction = fault_again,
      .sa_flags = SA_SIGINFO | SA_ONSTACK | (chance(50) ? SA_NODEFER : 0)};
  for (int signal = SIGILL; signal <= SIGSEGV; ++signal) sigaction(signal, &action, NULL);
  if (chance(40)) munmap(memory, bytes);
  if (chance(30)) raise(SIGSEGV);
  *(volatile int*)(any() & 0xffff) = 1;
}

// ── frame ──

static void change_frame(int signal, siginfo_t* info, void* given) {
  (void)signal;
  uint64_t* const words = chance(70) ? given : (void*)info;
  const int changes = 1 + (int)below(6);
  for (int i = 0; i < changes; ++i)
    words[below(sizeof(ucontext_t) / 8)] = chance(50) ? any() : below(4096);
}
static void return_from(void* frame) {
#ifdef __riscv
  __asm__ volatile("mv sp, %0\n li a7, 139\n ecall" ::"r"(frame) : "a7", "memory");
#else
  __asm__ volatile("movq %0, %%rsp\n movl $15, %%eax\n syscall" ::"r"(frame) : "rax", "memory");
#endif
}
static void frame(void) {
  if (chance(60)) {
    const struct sigaction action = {.sa_sigaction = change_frame,
                                     .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 4; ++i) raise(SIGUSR1);
    return;
  }
  static uint64_t bytes[2048];
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; ++i)
    bytes[i] = chance(30) ? any() : below(1 << 16);
  return_from(bytes + below(1024));
}

// ── terminal ──

static void read_terminal(int which) {
  char bytes[256];
  for (int i = 0; i < most_rounds; ++i) {
    struct pollfd ready = {.fd = which, .events = (short)below(64)};
    if (chance(50)) poll(&ready, 1, (int)below(3));
    if (chance(50)) fcntl(which, F_SETFL, chance(50) ? O_NONBLOCK : 0);
    struct termios settings;
    if (chance(40) && tcgetattr(which, &settings) == 0) {
      settings.c_lflag ^= (tcflag_t)below(1 << 16);
      settings.c_iflag ^= (tcflag_t)below(1 << 14);
      settings.c_oflag ^= (tcflag_t)below(1 << 8);
      settings.c_cc[below(NCCS)] = (cc_t)any();
      settings.c_cc[VTIME] = (cc_t)below(2);
      tcsetattr(which, (int)below(3), &settings);
    }
    if (chance(60)) {
      for (size_t at = 0; at < sizeof bytes; ++at) bytes[at] = (char)any();
      write(which, bytes, below(sizeof bytes));
    }
    if (chance(60)) read(which, bytes, below(sizeof bytes));
    if (chance(10)) ioctl(which, any() & 0xffff, bytes);
  }
}
static void terminal(void) {
  const int master = posix_openpt(O_RDWR | (chance(30) ? 0 : O_NOCTTY));
  if (master < 0) return;
  if (chance(90)) unlockpt(master);
  const char* const name = ptsname(master);
  const int other = name == NULL ? -1 : open(name, O_RDWR | (chance(50) ? O_NOCTTY : 0));
  const pid_t child = fork();
  if (child == 0) {
    begin(any() ^ 1);
    if (chance(50)) close(master);
    if (other >= 0) read_terminal(other);
    _exit(0);
  }
  if (chance(50) && other >= 0) close(other);
  if (chance(60)) read_terminal(master);
  pass(300);
  close(master);
  if (chance(50)) waitpid(child, NULL, 0);
}

// ── lists ──

static void* end_at_once(void* nothing) {
  return nothing;
}
static void* change_lists(void* seed) {
  begin((uint64_t)(uintptr_t)seed);
  for (int i = 0; i < 4 * most_rounds; ++i) {
    pthread_t thread;
    if (chance(60) && pthread_create(&thread, NULL, end_at_once, NULL) == 0)
      pthread_join(thread, NULL);
    if (chance(40)) close(dup(1));
  }
  return NULL;
}
static void lists(void) {
  static _Alignas(4096) char entries[4096];
  pthread_t thread;
  if (pthread_create(&thread, NULL, change_lists, (void*)(uintptr_t)any()) != 0) return;
  static const char* const folders[] = {"/proc/self/task", "/proc/self/fd", "/proc/self/fdinfo",
                                        "/proc", "/dev/pts"};
  for (int i = 0; i < 4 * most_rounds; ++i) {
    const int folder =
        open(folders[below(sizeof folders / sizeof *folders)], O_RDONLY | O_DIRECTORY);
    lseek(folder, (off_t)below(8), SEEK_SET);
    while (syscall(SYS_getdents64, folder, entries, 1 + below(sizeof entries)) > 0) continue;
    close(folder);
  }
  pthread_join(thread, NULL);
}

// ── locks ──

static void lock_somehow(int file) {
  static const int commands[] = {F_SETLK,     F_SETLK,  F_OFD_SETLK, F_GETLK,
                                 F_OFD_GETLK, F_SETLKW, F_OFD_SETLKW};
  struct flock range = {.l_type = (short)below(3), .l_whence = (short)below(3)};
  range.l_start = chance(95) ? (off_t)below(100) : (off_t)any();
  range.l_len = chance(95) ? (off_t)below(40) - 8 : (off_t)any();
  const struct itimerval soon = {.it_value.tv_usec = 1 + (long)below(300)};
  setitimer(ITIMER_REAL, &soon, NULL);
  fcntl(file, commands[below(sizeof commands / sizeof *commands)], &range);
  if (chance(20)) flock(file, 1 << below(4) | (chance(60) ? LOCK_NB : 0));
  if (chance(10)) close(dup(file));
  if (chance(5)) dup2(file, 60);
}
static void lock_file(void) {
  int file = -1;
  for (int i = 0; i < 8 * most_rounds; ++i) {
    if (file < 0) file = open("/tmp/hostile-lock", O_RDWR | O_CREAT, 0600);
    lock_somehow(file);
    if (!chance(5)) continue;
    close(file);
    file = -1;
  }
}
static void* lock_in_thread(void* seed) {
  begin((uint64_t)(uintptr_t)seed);
  lock_file();
  return NULL;
}
static void locks(void) {
  const struct sigaction action = {.sa_handler = note, .sa_flags = chance(50) ? SA_RESTART : 0};
  sigaction(SIGALRM, &action, NULL);
  const int inherited = open("/tmp/hostile-lock", O_RDWR | O_CREAT, 0600);
  lock_somehow(inherited);
  for (uint64_t child = below(3); child > 0; --child) {
    const uint64_t seed = any();
    if (fork() != 0) continue;
    begin(seed);
    lock_somehow(inherited);
    lock_file();
    _exit(0);
  }
  pthread_t thread;
  if (chance(40)) pthread_create(&thread, NULL, lock_in_thread, (void*)(uintptr_t)any());
  lock_file();
}

// ── counters ──

static int counts[3];
static void* count(void* seed) {
  begin((uint64_t)(uintptr_t)seed);
  for (int i = 0; i < 16 * most_rounds; ++i) {
    int* const which = &counts[below(3)];
    uint64_t value = chance(80) ? below(4) : any();
    struct pollfd ready[2] = {{.fd = *which, .events = (short)below(8)},
                              {.fd = counts[below(3)], .events = POLLIN}};
    switch (below(8)) {
      case 0:
      case 1:
      case 2: write(*which, &value, 8 - (chance(5) ? below(9) : 0)); break;
      case 3:
      case 4: read(*which, chance(95) ? &value : (void*)8, 8); break;
      case 5: poll(ready, 2, (int)below(2)); break;
      case 6: dup2(counts[below(3)], *which); break;
      case 7:
        if (!chance(10)) break;
        close(*which);
        *which = eventfd((unsigned)below(3), EFD_NONBLOCK | (chance(50) ? EFD_SEMAPHORE : 0));
        break;
    }
  }
  return NULL;
}
static void counters(void) {
  for (int i = 0; i < 3; ++i) counts[i] = eventfd(0, chance(90) ? EFD_NONBLOCK : 0);
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i)
    if (pthread_create(&threads[i], NULL, count, (void*)(uintptr_t)any()) != 0) return;
  if (chance(30) && fork() == 0) begin(any() ^ 2);
  count((void*)(uintptr_t)any());
}

// ── watchers ──

enum { epolls = 4, watched = 12 };
static int files[watched];  // the first ones are epoll files
static void make_file(int which) {
  int ends[2];
  sigset_t set;
  sigfillset(&set);
  if (which < epolls) {
    files[which] = epoll_create1(0);
    return;
  }
  switch (below(6)) {
    case 0: files[which] = eventfd(0, EFD_NONBLOCK); break;
    case 1: files[which] = inotify_init1(IN_NONBLOCK); break;
    case 2: files[which] = signalfd(-1, &set, SFD_NONBLOCK); break;
    case 3: {
      files[which] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
      const struct itimerspec soon = {.it_value.tv_nsec = 1 + (long)below(300000)};
      timerfd_settime(files[which], 0, &soon, NULL);
      break;
    }
    default:
      if (pipe2(ends, O_NONBLOCK) != 0) break;
      files[which] = ends[0];
      files[epolls + below(watched - epolls)] = ends[1];
  }
}
static void name_somehow(void) {
  static const char* const names[] = {"/tmp/hostile-a", "/tmp/hostile-b", "/tmp/hostile-c", "/tmp"};
  const char *const name = names[below(3)], *const other = names[below(3)];
  switch (below(6)) {
    case 0: close(open(name, O_RDWR | O_CREAT | (chance(30) ? O_TRUNC : 0), 0600)); break;
    case 1: unlink(name); break;
    case 2: rename(name, other); break;
    case 3: link(name, other); break;
    case 4: chmod(name, 0600); break;
    case 5:
      inotify_add_watch(files[below(watched)], names[below(4)],
                        chance(80) ? (uint32_t)below(0x1000) : (uint32_t)any());
      break;
  }
}
static void* watch_somehow(void* seed) {
  begin((uint64_t)(uintptr_t)seed);
  char bytes[512];
  for (int i = 0; i < 24 * most_rounds; ++i) {
    const int epoll = files[below(epolls)], which = (int)below(watched);
    static const uint32_t flags[] = {0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE,
                                     EPOLLET | EPOLLONESHOT};
    struct epoll_event events[4] = {{.events = (uint32_t)below(32) | flags[below(5)]}};
    switch (below(12)) {
      case 0:
      case 1:
      case 2: epoll_ctl(epoll, EPOLL_CTL_ADD, files[which], events); break;
      case 3: epoll_ctl(epoll, (int)below(5), files[which], events); break;
      case 4:
      case 5: epoll_wait(epoll, chance(95) ? events : (void*)8, 4, (int)below(2)); break;
      case 6: write(files[which], bytes, chance(50) ? 8 : below(sizeof bytes)); break;
      case 7: read(files[which], bytes, chance(50) ? sizeof bytes : below(sizeof bytes)); break;
      case 8:
        if (!chance(30)) break;
        close(files[which]);
        make_file(which);
        break;
      case 9:
        if (chance(20)) dup2(files[below(watched)], files[which]);
        if (chance(20)) inotify_rm_watch(files[which], (int)below(4));
        break;
      case 10: kill(getpid(), 1 + (int)below(64)); break;
      case 11: name_somehow(); break;
    }
  }
  return NULL;
}
static void watchers(void) {
  outlive_signals();
  for (int i = 0; i < watched; ++i) make_file(i);
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i)
    if (pthread_create(&threads[i], NULL, watch_somehow, (void*)(uintptr_t)any()) != 0) return;
  if (chance(30) && fork() == 0) begin(any() ^ 3);
  watch_somehow((void*)(uintptr_t)any());
}

// ── passing ──

enum { socket_count = 8 };
static int sockets[socket_count];
static int some_socket(void) {
  return sockets[below(socket_count)];
}
static void make_pair(void) {
  static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  int ends[2];
  if (socketpair(AF_UNIX, types[below(4)] | SOCK_NONBLOCK, 0, ends) != 0) return;
  for (int i = 0; i < 2; ++i) {
    int* const place = &sockets[below(socket_count)];
    close(*place);
    *place = ends[i];
  }
}
static void send_some(int by) {
  char bytes[64] = {0};
  _Alignas(8) char control[128] = {0};
  struct iovec part = {bytes, below(sizeof bytes)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
  struct cmsghdr* const header = (struct cmsghdr*)control;
  const size_t count = below(6);
  int* const numbers = (int*)CMSG_DATA(header);
  for (size_t i = 0; i < count; ++i) numbers[i] = chance(97) ? some_socket() : (int)any();
  header->cmsg_len = chance(95) ? CMSG_LEN(count * sizeof(int)) : below(200);
  header->cmsg_level = chance(97) ? SOL_SOCKET : (int)any();
  header->cmsg_type = chance(97) ? SCM_RIGHTS : (int)below(4);
  message.msg_controllen = chance(95) ? CMSG_SPACE(count * sizeof(int)) : below(sizeof control);
  if (count == 0 && chance(80)) message.msg_controllen = 0;
  sendmsg(by, &message, MSG_NOSIGNAL | (chance(3) ? (int)any() & 0xffff : 0));
}
static void take_some(int from) {
  char bytes[64];
  _Alignas(8) char control[128];
  struct iovec part = {bytes, below(sizeof bytes)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
  message.msg_controllen = below(sizeof control);
  const int flags = MSG_DONTWAIT | (chance(20) ? MSG_PEEK : 0) | (chance(20) ? MSG_WAITALL : 0);
  if (recvmsg(from, &message, flags) < 0) return;
  for (struct cmsghdr* at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number;
      memcpy(&number, CMSG_DATA(at) + i * sizeof number, sizeof number);
      if (chance(70)) {
        close(number);
      } else {
        dup2(number, some_socket());
        close(number);
      }
    }
  }
}
static void* pass_sockets(void* seed) {
  begin((uint64_t)(uintptr_t)seed);
  for (int i = 0; i < 16 * most_rounds; ++i) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    name.sun_path[1] = (char)('a' + below(3));
    const socklen_t length = (socklen_t)(chance(90) ? sizeof(sa_family_t) + 2 : below(120));
    int value = (int)below(3);
    switch (below(10)) {
      case 0:
      case 1:
      case 2: send_some(some_socket()); break;
      case 3:
      case 4: take_some(some_socket()); break;
      case 5: make_pair(); break;
      case 6: shutdown(some_socket(), (int)below(4)); break;
      case 7:
        bind(some_socket(), (struct sockaddr*)&name, length);
        listen(some_socket(), (int)below(4));
        break;
      case 8:
        connect(some_socket(), (struct sockaddr*)&name, length);
        close(accept4(some_socket(), NULL, NULL, SOCK_NONBLOCK));
        break;
      case 9: {
        setsockopt(some_socket(), SOL_SOCKET, (int)below(60), &value, sizeof value);
        int* const place = &sockets[below(socket_count)];
        close(*place);
        *place = socket(AF_UNIX, (chance(50) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
        break;
      }
    }
  }
  return NULL;
}
static void passing(void) {
  outlive_signals();
  for (int i = 0; i < socket_count; ++i) sockets[i] = -1;
  for (int i = 0; i < socket_count; ++i) make_pair();
  pthread_t thread;
  if (chance(50)) pthread_create(&thread, NULL, pass_sockets, (void*)(uintptr_t)any());
  if (chance(40) && fork() == 0) begin(any() ^ 4);
  pass_sockets((void*)(uintptr_t)any());
}

// ── Rings of io_uring with anything in them ──

enum { ring_words = 4096 / 4, sqe_bytes = 64, operations = 60, uring_file_count = 12 };
static struct {
  int fd;
  struct io_uring_params params;
  unsigned* words;      // a page of the ring
  unsigned char* sqes;  // a page of submissions
} uring;
static int uring_files[uring_file_count];

// Memory for submissions: words that several structures share, the last bytes before a page that is
// not mapped, a page that can only be read, and a page that another thread unmaps.
static struct {
  char* bytes;
  char* end;
  char* read_only;
  char* fleeting;
} room;

static char* map_page(size_t pages, int protection) {
  return mmap(NULL, pages * 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void map_room(void) {
  room.bytes = map_page(4, PROT_READ | PROT_WRITE);
  room.end = map_page(2, PROT_READ | PROT_WRITE);
  munmap(room.end + 4096, 4096);
  room.end += 4096 - 24;
  room.read_only = map_page(1, PROT_READ);
  room.fleeting = map_page(1, PROT_READ | PROT_WRITE);
}
static uintptr_t some_memory(void) {
  char* const places[] = {
      room.bytes,    room.bytes + 4096, room.bytes + 2 * 4096 - 40, room.end, room.read_only,
      room.fleeting, (char*)uring.sqes, (char*)uring.words,         (char*)8, (char*)-8,
      NULL,          room.bytes + 4096};
  return (uintptr_t)places[below(sizeof places / sizeof *places)];
}
static int some_file(void) {
  return uring_files[below(uring_file_count)];
}

// Structures that operations read, at addresses that may be changed while they are read.
static uintptr_t some_time(void) {
  struct __kernel_timespec* const time = (void*)room.bytes;
  *time = (struct __kernel_timespec){0, (long long)below(600000)};
  return chance(90) ? (uintptr_t)time : some_memory();
}
static uintptr_t some_parts(void) {
  struct iovec* const parts = (void*)(room.bytes + 64);
  for (int i = 0; i < 4; ++i) {
    parts[i].iov_base = (void*)some_memory();
    parts[i].iov_len = chance(80) ? below(3000) : any();
  }
  return chance(90) ? (uintptr_t)parts : some_memory();
}
static uintptr_t some_message(void) {
  struct msghdr* const message = (void*)(room.bytes + 256);
  *message = (struct msghdr){.msg_iov = (void*)some_parts(), .msg_iovlen = below(4)};
  if (chance(30)) message->msg_name = (void*)some_memory();
  if (chance(30)) message->msg_namelen = (socklen_t)below(200);
  if (chance(30)) message->msg_control = (void*)some_memory();
  if (chance(30)) message->msg_controllen = below(300);
  return chance(90) ? (uintptr_t)message : some_memory();
}
static uintptr_t some_address(void) {
  struct sockaddr_un* const name = (void*)(room.bytes + 512);
  name->sun_family = chance(90) ? AF_UNIX : (sa_family_t)below(12);
  name->sun_path[0] = 0;
  name->sun_path[1] = (char)('a' + below(3));
  return chance(90) ? (uintptr_t)name : some_memory();
}

// A submission that mostly gets past the first checks.
static void fill_likely(struct io_uring_sqe* sqe) {
  static const unsigned char likely[] = {
      IORING_OP_READV,          IORING_OP_WRITEV,   IORING_OP_READ_FIXED,
      IORING_OP_WRITE_FIXED,    IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE,
      IORING_OP_SENDMSG,        IORING_OP_RECVMSG,  IORING_OP_TIMEOUT,
      IORING_OP_LINK_TIMEOUT,   IORING_OP_ACCEPT,   IORING_OP_ASYNC_CANCEL,
      IORING_OP_TIMEOUT_REMOVE, IORING_OP_CONNECT,  IORING_OP_CLOSE,
      IORING_OP_FILES_UPDATE,   IORING_OP_READ,     IORING_OP_WRITE,
      IORING_OP_SEND,           IORING_OP_RECV,     IORING_OP_EPOLL_CTL,
      IORING_OP_SPLICE,         IORING_OP_TEE,      IORING_OP_PROVIDE_BUFFERS,
      IORING_OP_REMOVE_BUFFERS, IORING_OP_SHUTDOWN, IORING_OP_MSG_RING,
      IORING_OP_SOCKET,         IORING_OP_NOP};
  *sqe = (struct io_uring_sqe){.opcode = likely[below(sizeof likely)],
                               .fd = some_file(),
                               .user_data = below(8),
                               .addr = some_memory(),
                               .len = (unsigned)below(3000)};
  if (chance(20)) sqe->flags = IOSQE_IO_LINK;
  if (chance(10)) sqe->flags |= (unsigned char)(1 << below(7));
  switch (sqe->opcode) {
    case IORING_OP_READV:
    case IORING_OP_WRITEV:
      sqe->addr = some_parts();
      sqe->len = (unsigned)below(5);
      break;
    case IORING_OP_READ:
    case IORING_OP_RECV:
      if (chance(40)) sqe->flags |= IOSQE_BUFFER_SELECT, sqe->buf_group = (uint16_t)below(3);
      if (sqe->opcode == IORING_OP_RECV && chance(40)) sqe->ioprio = 2, sqe->len = 0;
      break;
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
      sqe->buf_index = (uint16_t)below(3);
      sqe->addr = (uintptr_t)room.bytes + below(8000);
      break;
    case IORING_OP_POLL_ADD:
      sqe->poll32_events = (unsigned)below(64);
      sqe->addr = 0, sqe->len = (unsigned)below(2);
      break;
    case IORING_OP_POLL_REMOVE:
      sqe->addr = below(8), sqe->len = (unsigned)below(8), sqe->poll32_events = (unsigned)below(64);
      break;
    case IORING_OP_SENDMSG:
    case IORING_OP_RECVMSG:
      sqe->addr = some_message();
      sqe->len = 1;
      if (chance(30)) sqe->flags |= IOSQE_BUFFER_SELECT, sqe->buf_group = (uint16_t)below(3);
      break;
    case IORING_OP_TIMEOUT:
    case IORING_OP_LINK_TIMEOUT:
      sqe->addr = some_time();
      sqe->len = 1;
      if (sqe->opcode == IORING_OP_TIMEOUT) sqe->off = below(4), sqe->timeout_flags = below(2) << 6;
      break;
    case IORING_OP_TIMEOUT_REMOVE:
      sqe->addr = below(8), sqe->len = 0;
      if (chance(50)) sqe->addr2 = some_time(), sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
      break;
    case IORING_OP_ACCEPT:
      sqe->addr = 0, sqe->len = 0;
      if (chance(50)) sqe->ioprio = IORING_ACCEPT_MULTISHOT;
      if (chance(40)) sqe->file_index = chance(50) ? ~0u : (unsigned)below(6);
      break;
    case IORING_OP_CONNECT:
      sqe->addr = some_address(), sqe->off = sizeof(sa_family_t) + 2, sqe->len = 0;
      break;
    case IORING_OP_ASYNC_CANCEL:
      sqe->addr = below(8), sqe->len = 0, sqe->cancel_flags = (unsigned)below(64);
      break;
    case IORING_OP_CLOSE:
      sqe->addr = 0, sqe->len = 0;
      if (chance(60)) sqe->fd = 0, sqe->file_index = 1 + (unsigned)below(5);
      break;
    case IORING_OP_FILES_UPDATE:
      sqe->fd = 0, sqe->addr = (uintptr_t)uring_files, sqe->len = (unsigned)below(4);
      sqe->off = chance(60) ? below(6) : ~0ull;
      break;
    case IORING_OP_EPOLL_CTL:
      sqe->fd = uring_files[5], sqe->off = (unsigned)some_file(), sqe->len = 1 + (unsigned)below(3);
      break;
    case IORING_OP_SPLICE:
    case IORING_OP_TEE:
      sqe->splice_fd_in = some_file(), sqe->off = ~0ull;
      sqe->splice_off_in = sqe->opcode == IORING_OP_TEE ? 0 : ~0ull;
      break;
    case IORING_OP_PROVIDE_BUFFERS:
      sqe->fd = 1 + (int)below(4), sqe->len = (unsigned)below(1000), sqe->off = below(8);
      sqe->buf_group = (uint16_t)below(3);
      break;
    case IORING_OP_REMOVE_BUFFERS:
      sqe->fd = 1 + (int)below(4), sqe->addr = 0, sqe->len = 0, sqe->buf_group = (uint16_t)below(3);
      break;
    case IORING_OP_SHUTDOWN: sqe->addr = 0, sqe->len = (unsigned)below(3); break;
    case IORING_OP_MSG_RING:
      sqe->fd = uring_files[6 + below(2)], sqe->addr = below(2), sqe->off = below(8);
      if (sqe->addr == 1) sqe->addr3 = below(6), sqe->file_index = (unsigned)below(6);
      break;
    case IORING_OP_SOCKET:
      sqe->fd = AF_UNIX, sqe->off = SOCK_STREAM, sqe->addr = 0, sqe->len = 0;
      sqe->file_index = chance(70) ? 1 + (unsigned)below(5) : 0;
      break;
    default: break;
  }
}

static void fill_unlikely(struct io_uring_sqe* sqe) {
  *sqe = (struct io_uring_sqe){
      .opcode = below(operations), .fd = some_file(), .user_data = below(8), .addr = some_memory()};
  sqe->off = chance(60) ? 0 : chance(50) ? below(16) : some_memory();
  sqe->len = chance(70) ? below(3) : chance(50) ? below(5000) : any();
  if (chance(40)) sqe->flags = below(128);
  if (chance(20)) sqe->ioprio = below(32);
  if (chance(30)) sqe->rw_flags = chance(50) ? below(64) : any();
  if (chance(20)) sqe->buf_index = below(3);
  if (chance(20)) sqe->file_index = chance(50) ? below(10) : any();
  if (chance(5)) sqe->personality = below(3);
}

static void fill_sqe(unsigned char* at) {
  struct io_uring_sqe sqe;
  chance(60) ? fill_likely(&sqe) : fill_unlikely(&sqe);
  if (chance(5)) ((unsigned char*)&sqe)[below(sizeof sqe)] = any();
  if (chance(3))
    for (size_t i = 0; i < sizeof sqe; ++i) ((unsigned char*)&sqe)[i] = any();
  // These would end this process's other files, or its memory.
  if (sqe.opcode == IORING_OP_MADVISE || sqe.opcode == IORING_OP_UNLINKAT ||
      sqe.opcode == IORING_OP_RENAMEAT || sqe.opcode == IORING_OP_OPENAT)
    sqe.opcode = IORING_OP_NOP;
  memcpy(at, &sqe, sizeof sqe);
}

static void register_somehow(int ring) {
  static char group[4096] __attribute__((aligned(4096)));
  int fds[6];
  for (int i = 0; i < 6; ++i) fds[i] = chance(80) ? some_file() : -1;
  struct io_uring_buf_reg buffers = {.ring_addr = chance(80) ? (uintptr_t)group : some_memory(),
                                     .ring_entries = 1 << below(8),
                                     .bgid = (uint16_t)below(3)};
  ((uint16_t*)&buffers)[7] = (uint16_t)below(2);  // its flags, which older headers do not name
  struct iovec parts[3] = {{room.bytes, 8192}, {room.fleeting, 4096}, {room.read_only, 4096}};
  const unsigned wanted = (unsigned)below(5);
  switch (below(10)) {
    case 0: syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, parts, 3); break;
    case 1: syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0); break;
    case 2: syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, fds, 6); break;
    case 3: syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_FILES, NULL, 0); break;
    case 4:
      syscall(SYS_io_uring_register, ring, IORING_REGISTER_EVENTFD, &uring_files[4], 1);
      break;
    case 5: syscall(SYS_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &buffers, 1); break;
    case 6: syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_PBUF_RING, &buffers, 1); break;
    default: {
      const void* const arguments[] = {fds, &buffers, parts, group, NULL};
      syscall(SYS_io_uring_register, ring, below(36), arguments[below(5)], wanted);
    }
  }
}

static void use_files_of_uring(void) {
  char bytes[700] = {0};
  switch (below(6)) {
    case 0: write(uring_files[1], bytes, below(sizeof bytes)); break;
    case 1: send(uring_files[3], bytes, below(sizeof bytes), MSG_DONTWAIT | MSG_NOSIGNAL); break;
    case 2: write(uring_files[4], &(uint64_t){1}, 8); break;
    case 3: {
      const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
      struct sockaddr_un name = {.sun_family = AF_UNIX};
      name.sun_path[1] = 'a';
      connect(client, (struct sockaddr*)&name, sizeof(sa_family_t) + 2);
      if (chance(70)) send(client, bytes, below(sizeof bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
      close(client);
      break;
    }
    case 4: read(uring_files[8], bytes, chance(50) ? 0 : sizeof bytes); break;
    case 5:
      if (chance(20)) munmap(room.fleeting, 4096);
      break;
  }
}

static void cancel_requests_of_uring(void) {
  struct {
    uint64_t user_data;
    int32_t fd;
    uint32_t flags;
    struct __kernel_timespec timeout;
    uint64_t zeros[4];
  } cancel = {.flags = 1 << 2};                              // IORING_ASYNC_CANCEL_ANY
  syscall(SYS_io_uring_register, uring.fd, 24, &cancel, 1);  // IORING_REGISTER_SYNC_CANCEL
}

// The kernel's pools keep the memory of the most requests that were in flight at the same time. So
// that this memory does not look lost, this puts more of each kind in flight than any case does.
static void warm_pools(void) {
  enum { entries = 64, batches = 32 };
  const pid_t child = fork();
  if (child != 0) {
    waitpid(child, NULL, 0);
    return;
  }
  uring.fd = syscall(SYS_io_uring_setup, entries, &uring.params);
  uring.words = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd, IORING_OFF_SQ_RING);
  uring.sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd, IORING_OFF_SQES);
  int pair[2], pipe_ends[2];
  if (uring.fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || pipe(pipe_ends)) _exit(1);
  static char bytes[4096];
  static struct __kernel_timespec time = {1000, 0};
  static struct msghdr message;
  const struct io_uring_sqe kinds_of_requests[] = {
      {.opcode = IORING_OP_POLL_ADD, .fd = pipe_ends[0], .poll32_events = POLLIN},
      {.opcode = IORING_OP_TIMEOUT, .addr = (uintptr_t)&time, .len = 1, .off = 1000000},
      {.opcode = IORING_OP_READ, .fd = pipe_ends[0], .addr = (uintptr_t)bytes, .len = 1},
      {.opcode = IORING_OP_RECV, .fd = pair[0], .addr = (uintptr_t)bytes, .len = 1},
      {.opcode = IORING_OP_RECVMSG, .fd = pair[0], .addr = (uintptr_t)&message, .len = 1},
      {.opcode = IORING_OP_PROVIDE_BUFFERS, .fd = 1, .addr = (uintptr_t)bytes, .len = 1},
      {.opcode = IORING_OP_RECV, .fd = pair[0], .flags = IOSQE_BUFFER_SELECT}};
  for (size_t kind = 0; kind < sizeof kinds_of_requests / sizeof *kinds_of_requests; ++kind) {
    for (int batch = 0; batch < batches; ++batch) {
      for (unsigned i = 0; i < entries; ++i) {
        memcpy(uring.sqes + i * sqe_bytes, &kinds_of_requests[kind], sqe_bytes);
        uring.words[uring.params.sq_off.array / 4 + i] = i;
      }
      uring.words[uring.params.sq_off.tail / 4] += entries;
      syscall(SYS_io_uring_enter, uring.fd, entries, 0, 0, NULL, 0);
    }
  }
  _exit(0);
}

static void* use_uring(void* seed) {
  begin((uintptr_t)seed);
  for (int i = 0; i < 60; ++i) {
    const unsigned entries = uring.params.sq_entries;
    for (uint64_t n = below(6); n > 0; --n)
      fill_sqe(uring.sqes + below(4096 / sqe_bytes) % entries * sqe_bytes);
    unsigned* const tail = &uring.words[uring.params.sq_off.tail / 4];
    if (chance(90)) {
      *tail += below(entries + 1);
    } else {
      uring.words[below(ring_words)] = any();
    }
    if (chance(70))
      uring.words[(uring.params.sq_off.array / 4 + below(entries)) % ring_words] =
          below(entries + 1);
    if (chance(50))
      uring.words[uring.params.cq_off.head / 4] = uring.words[uring.params.cq_off.tail / 4];
    const struct __kernel_timespec soon = {0, below(2000000)};
    const struct io_uring_getevents_arg wait = {.ts = (uintptr_t)&soon};
    syscall(SYS_io_uring_enter, uring.fd, below(entries + 2), below(4),
            IORING_ENTER_EXT_ARG | below(4), &wait, sizeof wait);
    if (chance(30)) register_somehow(uring.fd);
    if (i % 8 == 7) cancel_requests_of_uring();
    if (chance(40)) use_files_of_uring();
    if (chance(5)) close(some_file());
    if (chance(3)) munmap(chance(50) ? (void*)uring.sqes : (void*)uring.words, 4096);
    if (chance(2)) close(uring.fd);
  }
  return NULL;
}

static void urings(void) {
  static const unsigned flags[] = {0,
                                   0,
                                   IORING_SETUP_CQSIZE,
                                   IORING_SETUP_SQPOLL,
                                   IORING_SETUP_CQE32,
                                   IORING_SETUP_SUBMIT_ALL,
                                   IORING_SETUP_R_DISABLED,
                                   IORING_SETUP_SINGLE_ISSUER,
                                   IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
  outlive_signals();
  uring.params.flags = flags[below(sizeof flags / sizeof *flags)];
  uring.params.sq_thread_idle = 1;
  const unsigned entries = 1 << below(6);
  uring.params.cq_entries = entries;  // with IORING_SETUP_CQSIZE completions soon overflow
  uring.fd = syscall(SYS_io_uring_setup, entries, &uring.params);
  if (uring.fd < 0) return;
  uring.words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd, IORING_OFF_SQ_RING);
  uring.sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd, IORING_OFF_SQES);
  map_room();
  if (pipe(uring_files) || socketpair(AF_UNIX, SOCK_STREAM, 0, uring_files + 2)) return;
  struct io_uring_params other = {.flags = chance(30) ? IORING_SETUP_SQPOLL : 0};
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  name.sun_path[1] = 'a';
  uring_files[4] = eventfd(0, 0);
  uring_files[5] = epoll_create1(0);
  uring_files[6] = uring.fd;
  uring_files[7] = syscall(SYS_io_uring_setup, 4, &other);
  uring_files[8] = open("/tmp/hostile-a", O_RDWR | O_CREAT, 0600);
  uring_files[9] = socket(AF_UNIX, SOCK_STREAM | (chance(50) ? SOCK_NONBLOCK : 0), 0);
  bind(uring_files[9], (struct sockaddr*)&name, sizeof(sa_family_t) + 2);
  listen(uring_files[9], 4);
  uring_files[10] = socket(AF_UNIX, (chance(50) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
  uring_files[11] = -1;
  pthread_t thread;
  if (chance(60)) pthread_create(&thread, NULL, use_uring, (void*)(uintptr_t)any());
  if (chance(30) && fork() == 0) begin(any() ^ 8);
  use_uring((void*)(uintptr_t)any());
}

// ── The cases ──

static const struct {
  const char* name;
  void (*run)(void);
  unsigned weight;
} kinds[] = {{"storm", storm, 2},       {"stack", stack, 1},       {"frame", frame, 1},
             {"terminal", terminal, 1}, {"lists", lists, 1},       {"locks", locks, 1},
             {"counters", counters, 1}, {"watchers", watchers, 2}, {"passing", passing, 2},
             {"urings", urings, 2}};
enum { kind_count = sizeof kinds / sizeof *kinds };
static unsigned weight_of_kinds = 0;
static unsigned only = kind_count;  // the only kind that runs; kind_count: all run

static unsigned kind_of_case(void) {
  uint64_t place = below(weight_of_kinds);
  unsigned kind = 0;
  while (place >= kinds[kind].weight) place -= kinds[kind++].weight;
  return only != kind_count ? only : kind;
}
static void run_case(uint64_t seed) {
  setsid();
  begin(seed);
  close(0);
  kinds[kind_of_case()].run();
  _exit(0);
}

static long free_kb(void) {
  struct sysinfo info;
  sysinfo(&info);
  return (long)(info.freeram * info.mem_unit / 1024);
}

// Kills what is left of a case. Its descendants are this process's children when their parents have
// ended. Returns false if one does not end.
static int end_all(void) {
  for (const time_t end = time(NULL) + seconds_to_die; time(NULL) < end;) {
    kill(-1, SIGKILL);
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) continue;
    if (ended < 0 && errno == ECHILD) return 1;
    pass(500);
  }
  return 0;
}

static int harass(uint64_t seed) {
  const pid_t child = fork();
  if (child == 0) run_case(seed);
  begin(seed ^ 0x5555);
  pass(2000);
  for (int i = 0; i < signals_of_a_case && waitpid(child, NULL, WNOHANG) == 0; ++i) {
    int signal = (int)below(64) + 1;
    if (signal == SIGKILL && chance(80)) signal = SIGCONT;
    kill(chance(50) ? child : -child, signal);
    if (signal == SIGSTOP || chance(20)) kill(-child, SIGCONT);
    if (chance(60)) pass(500);
  }
  return end_all();
}

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const uint64_t seed = strtoull(arguments[1], NULL, 0), cases = strtoull(arguments[2], NULL, 0);
  const uint64_t first = count > 3 ? strtoull(arguments[3], NULL, 0) : 0;
  for (unsigned i = 0; i < kind_count; ++i) {
    weight_of_kinds += kinds[i].weight;
    if (count > 4 && strcmp(arguments[4], kinds[i].name) == 0) only = i;
  }
  unsigned long long cases_of[kind_count] = {0};
  setvbuf(stdout, NULL, _IOLBF, 0);
  warm_pools();
  long before = free_kb();
  for (uint64_t i = first; i < first + cases; ++i) {
    begin(seed * 1000000 + i);
    ++cases_of[kind_of_case()];
    if (!harass(seed * 1000000 + i)) {
      printf("case %llu of seed %llu does not end\n", (unsigned long long)i,
             (unsigned long long)seed);
      return 1;
    }
    if (i == first + pools_warm) before = free_kb();  // the kernel's pools have grown
    if (i % 1000 == 999) printf("%llu cases\n", (unsigned long long)(i + 1 - first));
  }
  for (unsigned i = 0; i < kind_count; ++i)
    if (cases_of[i] != 0) printf("%llu of kind %s\n", cases_of[i], kinds[i].name);
  static const char* const left[] = {"lock", "a", "b", "c"};
  for (size_t i = 0; i < sizeof left / sizeof *left; ++i) {
    char name[32];
    snprintf(name, sizeof name, "/tmp/hostile-%s", left[i]);
    unlink(name);
  }
  for (int i = 0; i < 100 && free_kb() < before - slack_kb; ++i) pass(100000);
  printf("%ld kB are missing after %llu cases\n", before - free_kb(), (unsigned long long)cases);
  return free_kb() < before - slack_kb;
}
