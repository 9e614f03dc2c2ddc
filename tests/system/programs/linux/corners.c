// Rare cases of calls whose usual cases other programs test: which waiters a wake reaches, waits
// whose object changes meanwhile, and limits that have no effect. An argument names each part.
#define _GNU_SOURCE
#include "uring.h"

#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/timerfd.h>

// Waits until a child, or a thread of this process, sleeps in a call. `format`: of the path of its
// file `stat` in /proc.
static void until_asleep_in(const char* format, pid_t id) {
  char path[64];
  snprintf(path, sizeof path, format, id);
  for (int i = 0; i < 2000; ++i) {
    char text[256] = "";
    FILE* const file = fopen(path, "r");
    if (file != NULL) {
      if (fgets(text, sizeof text, file) == NULL) text[0] = 0;
      fclose(file);
    }
    const char* const end = strrchr(text, ')');
    if (end != NULL && end[2] == 'S') break;
    usleep(1000);
  }
  usleep(5000);
}

static void until_asleep(pid_t child) {
  until_asleep_in("/proc/%d/stat", child);
}

static _Atomic pid_t waiter;
static pthread_t begin(void* (*life)(void*), void* argument) {
  pthread_t thread;
  waiter = 0;
  pthread_create(&thread, NULL, life, argument);
  while (waiter == 0) usleep(100);
  until_asleep_in("/proc/self/task/%d/stat", waiter);
  return thread;
}

// ── A private futex and a shared one at the same address ──

static uint32_t own_word;
static void* wait_at(void* operation) {
  waiter = gettid();
  const struct timespec most = {5, 0};
  return (void*)syscall(SYS_futex, &own_word, (int)(intptr_t)operation, 0, &most);
}
static void part_futexes(void) {
  const int private_wait = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
  const int private_wake = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;
  void* result;
  pthread_t thread = begin(wait_at, (void*)(intptr_t)private_wait);
  SAY(syscall(SYS_futex, &own_word, FUTEX_WAKE, 9));
  SAY(syscall(SYS_futex, &own_word, private_wake, 9));
  pthread_join(thread, &result);
  thread = begin(wait_at, (void*)(intptr_t)FUTEX_WAIT);
  SAY(syscall(SYS_futex, &own_word, private_wake, 9));
  SAY(syscall(SYS_futex, &own_word, FUTEX_WAKE, 9));
  pthread_join(thread, &result);
  // In shared memory, too, a private futex is known by its address.
  uint32_t* const shared =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  SAY(syscall(SYS_futex, shared, FUTEX_WAKE, 9));
  SAY(syscall(SYS_futex, shared, private_wake, 9));
}

// ── A receiver that only peeks ──

static int ends[2];
static void* peek_at_all(void* nothing) {
  (void)nothing;
  char bytes[8];
  waiter = gettid();
  return (void*)recv(ends[0], bytes, sizeof bytes, MSG_PEEK | MSG_WAITALL);
}
static void* receive_some(void* nothing) {
  (void)nothing;
  char bytes[8];
  waiter = gettid();
  return (void*)recv(ends[0], bytes, sizeof bytes, 0);
}
static void part_peeks(void) {
  void *peeked, *received;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) perror("socketpair");
  const struct timeval most = {2, 0};
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  const pthread_t peeker = begin(peek_at_all, NULL);
  const pthread_t receiver = begin(receive_some, NULL);
  SAY(send(ends[1], "abc", 3, 0));
  pthread_join(receiver, &received);
  printf("the receiver: %ld\n", (long)received);
  SAY(send(ends[1], "12345678", 8, 0));
  pthread_join(peeker, &peeked);
  close(ends[0]);
  close(ends[1]);
}

// ── Queues of messages whose permissions change ──

static int queue;
static struct {
  long type;
  char text[16000];
} message;
static void receive_without_rights(void) {
  drop_rights();
  SAY(msgrcv(queue, &message, 100, 5, 0));
}
static void send_without_rights(void) {
  drop_rights();
  message.type = 1;
  SAY(msgsnd(queue, &message, 8000, 0));
}
static pid_t start(void (*life)(void)) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    life();
    fflush(stdout);
    _exit(0);
  }
  until_asleep(child);
  return child;
}
// Prints nothing: the child prints meanwhile.
static void set_queue(struct msqid_ds* status) {
  if (msgctl(queue, IPC_SET, status) < 0) perror("msgctl");
}
// The end of a queue with many messages gives RLIMIT_MSGQUEUE back at once.
static void fill_and_end(void) {
  struct mq_attr shape = {.mq_maxmsg = 99, .mq_msgsize = 8000};
  const mqd_t filled = mq_open("/filled", O_CREAT | O_RDWR | O_EXCL, 0600, &shape);
  SAY(filled < 0 ? -1 : 0);
  for (int i = 0; i < 99; ++i)
    if (mq_send(filled, message.text, 8000, 0) < 0) perror("mq_send");
  mq_unlink("/filled");
  SAY(mq_close(filled));
}
static void part_queues(void) {
  struct msqid_ds status;
  fill_and_end();
  fill_and_end();
  queue = msgget(IPC_PRIVATE, 0600);
  if (msgctl(queue, IPC_STAT, &status) < 0) perror("msgctl");
  message.type = 1;
  pid_t child = start(receive_without_rights);
  status.msg_perm.mode = 0600;  // the receiver tests the queue again, and waits again
  set_queue(&status);
  until_asleep(child);
  message.type = 5;
  if (msgsnd(queue, &message, 3, 0) < 0) perror("msgsnd");
  waitpid(child, NULL, 0);
  child = start(receive_without_rights);
  status.msg_perm.mode = 0200;
  set_queue(&status);
  waitpid(child, NULL, 0);
  message.type = 1;
  SAY(msgsnd(queue, &message, 8000, 0));
  SAY(msgsnd(queue, &message, 8000, 0));
  child = start(send_without_rights);
  status.msg_perm.mode = 0400;
  set_queue(&status);
  until_asleep(child);  // the queue still has no room
  if (msgrcv(queue, &message, sizeof message.text, 0, 0) < 0) perror("msgrcv");
  waitpid(child, NULL, 0);
  child = start(send_without_rights);
  waitpid(child, NULL, 0);
  SAY(msgctl(queue, IPC_RMID, NULL));
}

// ── Segments of shared memory ──

static long attached(int segment) {
  struct shmid_ds status;
  return shmctl(segment, IPC_STAT, &status) < 0 ? -1 : (long)status.shm_nattch;
}
static void part_segments(void) {
  const int segment = shmget(IPC_PRIVATE, 5 * 4096, 0600);
  char* const there = shmat(segment, NULL, 0);
  SAY(attached(segment));
  SAY(mprotect(there + 4096, 4096, PROT_READ));
  SAY(attached(segment));
  SAY(mprotect(there + 4096, 4096, PROT_READ | PROT_WRITE));
  SAY(attached(segment));
  SAY(munmap(there + 3 * 4096, 4096));
  SAY(attached(segment));
  SAY(shmat(segment, (void*)-8192, 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, (void*)-8192, SHM_REMAP) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, (void*)((uintptr_t)1 << 60), 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, (void*)100, SHM_RND | SHM_REMAP) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, (void*)100, 0) == (void*)-1 ? -1 : 0);
  SAY(shmdt(there));
  SAY(attached(segment));
  SAY(shmctl(segment, IPC_RMID, NULL));
}

// ── io_uring ──

static void part_signals(void) {
  static char many[70000], part[70000];
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  const int fd = signalfd(-1, &set, 0);
  transfer(&ring, IORING_OP_READ, 1, fd, many, sizeof many, 0);
  SAY(submit(&ring, 0));
  kill(getpid(), SIGUSR1);
  run("a long read", &ring, 1);
  kill(getpid(), SIGUSR1);
  transfer(&ring, IORING_OP_READ, 2, fd, many, sizeof many, 0);
  run("of a pending signal", &ring, 1);
  const struct iovec parts[2] = {{many, sizeof many}, {part, sizeof part}};
  transfer(&ring, IORING_OP_READV, 3, fd, parts, 2, 0);
  SAY(submit(&ring, 0));
  pthread_kill(pthread_self(), SIGUSR1);
  run("a vector", &ring, 1);
  kill(getpid(), SIGUSR1);
  SAY(read(fd, many, sizeof many));
  close(fd);
  close_ring(&ring);
}

static void part_direct(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  struct io_uring_rsrc_register slots = {.nr = 8, .flags = IORING_RSRC_REGISTER_SPARSE};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES2, &slots, sizeof slots));
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0corners"};
  if (bind(listener, (struct sockaddr*)&name, sizeof name) < 0) perror("bind");
  if (listen(listener, 8) < 0) perror("listen");
  int clients[3];
  for (int i = 0; i < 3; ++i) clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &limit);
  SAY(open("/dev/null", O_RDONLY));
  Sqe* sqe = next(&ring, IORING_OP_OPENAT, 1);
  sqe->fd = AT_FDCWD;
  sqe->addr = (uintptr_t)"/dev/null";
  sqe->file_index = 1;
  run("open", &ring, 1);
  sqe = next(&ring, IORING_OP_OPENAT, 2);
  sqe->fd = AT_FDCWD;
  sqe->addr = (uintptr_t)"/dev/null";
  run("open with a descriptor", &ring, 1);
  sqe = next(&ring, IORING_OP_SOCKET, 3);
  sqe->fd = AF_UNIX;
  sqe->off = SOCK_STREAM;
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
  run("socket", &ring, 1);
  sqe = next(&ring, IORING_OP_ACCEPT, 4);
  sqe->fd = listener;
  sqe->file_index = 5;
  SAY(submit(&ring, 0));
  SAY(connect(clients[0], (struct sockaddr*)&name, sizeof name));
  run("accept", &ring, 1);
  sqe = next(&ring, IORING_OP_ACCEPT, 5);
  sqe->fd = listener;
  sqe->ioprio = IORING_ACCEPT_MULTISHOT;
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
  SAY(submit(&ring, 0));
  SAY(connect(clients[1], (struct sockaddr*)&name, sizeof name));
  run("multishot accept", &ring, 1);
  sqe = next(&ring, IORING_OP_WRITE, 6);
  sqe->fd = 4;
  sqe->flags = IOSQE_FIXED_FILE;
  sqe->addr = (uintptr_t)"hello";
  sqe->len = 5;
  run("write to the accepted socket", &ring, 1);
  SAY(recv(clients[0], space, sizeof space, 0));
  close_ring(&ring);
}

static void part_space(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  signal(SIGXFSZ, SIG_IGN);
  const int fd = memfd_create("space", 0);
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 65536;
  setrlimit(RLIMIT_FSIZE, &limit);
  SAY(fallocate(fd, 0, 0, 200000));
  struct stat status;
  fstat(fd, &status);
  SAY(status.st_blocks);
  static const unsigned flags[] = {0, IOSQE_ASYNC};
  static const unsigned lengths[] = {65536, 65537, 200000};
  for (int i = 0; i < 6; ++i) {
    Sqe* const sqe = next(&ring, IORING_OP_FALLOCATE, i);
    sqe->fd = fd;
    sqe->addr = lengths[i / 2];
    sqe->flags = flags[i % 2];
    run("fallocate", &ring, 1);
  }
  close(fd);
  close_ring(&ring);
}

// ── The wall clock ──

static void* sleep_until_wall(void* until) {
  waiter = gettid();
  return (void*)(intptr_t)clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, until, NULL);
}
static void part_clock(void) {
  struct timespec now, before;
  clock_gettime(CLOCK_MONOTONIC, &before);
  clock_gettime(CLOCK_REALTIME, &now);
  const struct timespec real = now;
  const int timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  const int cancelled = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  const int relative = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  const int boot = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec at = {.it_value = {now.tv_sec + 1000, now.tv_nsec}};
  SAY(timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL));
  SAY(timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL));
  struct itimerspec after = {.it_value = {1000, 0}};
  SAY(timerfd_settime(relative, TFD_TIMER_CANCEL_ON_SET, &after, NULL));
  SAY(timerfd_settime(boot, TFD_TIMER_CANCEL_ON_SET, &after, NULL));
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  timer_t signals;
  timer_create(CLOCK_REALTIME, NULL, &signals);
  SAY(timer_settime(signals, TIMER_ABSTIME, &at, NULL));
  struct timespec until = at.it_value;
  const pthread_t sleeper = begin(sleep_until_wall, &until);
  uint64_t count = 0;
  SAY(read(timer, &count, sizeof count));
  now.tv_sec += 1001;
  SAY(clock_settime(CLOCK_REALTIME, &now));
  void* result;
  pthread_join(sleeper, &result);
  printf("the sleeper: %ld\n", (long)(intptr_t)result);
  const struct timespec most = {5, 0};
  SAY(sigtimedwait(&set, NULL, &most) == SIGALRM);
  struct pollfd files[4] = {
      {timer, POLLIN, 0}, {cancelled, POLLIN, 0}, {relative, POLLIN, 0}, {boot, POLLIN, 0}};
  SAY(poll(files, 4, 1000));
  SAY(read(timer, &count, sizeof count));
  SAY(count);
  SAY(read(cancelled, &count, sizeof count));
  SAY(read(cancelled, &count, sizeof count));
  SAY(read(relative, &count, sizeof count));
  SAY(read(boot, &count, sizeof count));
  at.it_value.tv_sec += 5000;
  SAY(timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL));
  SAY(clock_settime(CLOCK_REALTIME, &now));
  SAY(timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL));
  SAY(timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL));
  struct itimerspec left;
  timerfd_gettime(cancelled, &left);
  SAY(left.it_value.tv_sec > 4990 && left.it_value.tv_sec <= 5000);
  SAY(clock_settime(CLOCK_REALTIME, &real));
  timerfd_gettime(cancelled, &left);
  SAY(left.it_value.tv_sec > 5990 && left.it_value.tv_sec <= 6001);
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  SAY(end.tv_sec - before.tv_sec < 20);
}

// ── Many descriptors ──

// The kernel changes this many registered files in several steps.
static void change_many(void) {
  Ring ring;
  if (open_ring(&ring, 4, 0, 0) < 0) perror("ring");
  struct io_uring_rsrc_register slots = {.nr = 1000, .flags = IORING_RSRC_REGISTER_SPARSE};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES2, &slots, sizeof slots));
  static int fds[700];  // the standard input
  struct io_uring_files_update update = {.offset = 100, .fds = (uintptr_t)fds};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES_UPDATE, &update, 700));
  fds[650] = 12345;
  SAY(enroll(ring.fd, IORING_REGISTER_FILES_UPDATE, &update, 700));
  fds[650] = 0;
  Sqe* sqe = transfer(&ring, IORING_OP_FILES_UPDATE, 1, -1, fds, 700, 0);
  sqe->off = IORING_FILE_INDEX_ALLOC;
  run("allocate", &ring, 1);
  printf("the first slots: %d %d, the next number: %d\n", fds[0], fds[1], fds[301]);
  memset(fds, 0xff, sizeof fds);
  sqe = transfer(&ring, IORING_OP_FILES_UPDATE, 2, -1, fds, 600, 0);
  sqe->off = 400;
  run("remove", &ring, 1);
  close_ring(&ring);
}
static void part_ranges(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
  setrlimit(RLIMIT_NOFILE, &limit);
  change_many();
  int pipes[2];
  if (pipe(pipes) < 0) perror("pipe");
  int last = 0;
  for (int fd = 100; fd < 4000; ++fd) last = dup2(pipes[1], fd);
  SAY(last);
  SAY(close_range(200, 3000, CLOSE_RANGE_CLOEXEC));
  SAY(fcntl(199, F_GETFD));
  SAY(fcntl(200, F_GETFD));
  SAY(fcntl(3000, F_GETFD));
  SAY(fcntl(3001, F_GETFD));
  SAY(close_range(150, 3990, 0));
  SAY(fcntl(149, F_GETFD));
  SAY(fcntl(150, F_GETFD));
  SAY(fcntl(3990, F_GETFD));
  SAY(fcntl(3991, F_GETFD));
  SAY(close_range(3, ~0u, 0));
  SAY(fcntl(pipes[0], F_GETFD));
  SAY(fcntl(3999, F_GETFD));
}

// ── Locked memory ──

static void lock_without_rights(void) {
  char* const there =
      mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  drop_rights();
  struct rlimit limit = {4 * 4096 + 100, 8 * 4096};
  setrlimit(RLIMIT_MEMLOCK, &limit);
  SAY(mlock(there, 4 * 4096));
  SAY(munlock(there, 4 * 4096));
  SAY(mlock(there + 1, 4 * 4096));
  SAY(mlock(there, 5 * 4096));
  SAY(mlock((void*)4096, 4096));
  SAY(mlockall(MCL_CURRENT));
  SAY(mlockall(MCL_FUTURE));
  SAY(munlockall());
  limit.rlim_cur = 0;
  setrlimit(RLIMIT_MEMLOCK, &limit);
  SAY(mlock(there, 4096));
  SAY(mlock(there, 0));
  SAY(mlockall(MCL_FUTURE));
  SAY(mlockall(0));
}
static void part_locking(void) {
  run_child(lock_without_rights);
}

RUN_PART({"futexes", part_futexes}, {"peeks", part_peeks}, {"queues", part_queues},
         {"segments", part_segments}, {"signals", part_signals}, {"direct", part_direct},
         {"space", part_space}, {"clock", part_clock}, {"ranges", part_ranges},
         {"locking", part_locking})
