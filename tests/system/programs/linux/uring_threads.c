// io_uring: several threads and processes, their end, signals, and submission polling.
#include "uring.h"  // first: it defines _GNU_SOURCE

#include <sys/sysinfo.h>

// ── Threads, processes and polling ──

static Ring* common;
static void submit_and_end(void) {
  int ends[2];
  if (pipe(ends)) perror("pipe");
  transfer(common, IORING_OP_READ, 5, ends[0], space, 8, 0);
  SAY(submit(common, 0));
}
static void submit_a_nop(void) {
  nop(common, 6, 0);
  SAY(submit(common, 0));
}
static void submit_a_timeout(void) {
  static struct __kernel_timespec soon = {0, 100000000};
  Sqe* const sqe = next(common, IORING_OP_TIMEOUT, 7);
  sqe->addr = (uintptr_t)&soon;
  sqe->len = 1;
  SAY(submit(common, 0));
}
static void end_with_a_timeout(void) {
  static struct __kernel_timespec far = {100000, 0};
  Ring own;
  if (open_ring(&own, 256, 0, 0) < 0) perror("ring");
  Sqe* const sqe = next(&own, IORING_OP_TIMEOUT, 1);
  sqe->addr = (uintptr_t)&far;
  sqe->len = 1;
  if (submit(&own, 0) != 1) perror("submit");
}
static long free_kb(void) {
  struct sysinfo info;
  sysinfo(&info);
  return (long)(info.freeram * info.mem_unit / 1024);
}
static void submit_a_far_timeout(void) {
  static struct __kernel_timespec far = {100000, 0};
  Sqe* const sqe = next(common, IORING_OP_TIMEOUT, 7);
  sqe->addr = (uintptr_t)&far;
  sqe->len = 1;
  if (submit(common, 0) != 1) perror("submit");
}
// The cancellation follows the end of the process at once.
static void cancel_timeouts_of_ended(Ring* ring) {
  enum { rounds = 50 };
  int cancelled = 0;
  for (int i = 0; i < rounds; ++i) {
    run_child(submit_a_far_timeout);
    ring->tail = *word(ring, ring->params.sq_off.tail);
    next(ring, IORING_OP_ASYNC_CANCEL, 8)->addr = 7;
    submit(ring, 1);
    Cqe cqe;
    for (int tries = 0, taken = 0; tries < 1000 && taken < 2; ++tries) {
      if (!take(ring, &cqe)) {
        pause_ms(1);
        continue;
      }
      ++taken;
      if (cqe.user_data == 7) cancelled += cqe.res == -ECANCELED;
    }
  }
  printf("cancelled timeouts of ended processes: %d of %d\n", cancelled, rounds);
}
// A ring has about 30 KB.
static void end_with_timeouts(void) {
  run_child(end_with_a_timeout);
  const long before = free_kb();
  for (int i = 0; i < 64; ++i) run_child(end_with_a_timeout);
  long lost = before - free_kb();
  for (int i = 0; i < 100 && lost > 512; ++i) {
    pause_ms(20);
    lost = before - free_kb();
  }
  printf("rings of ended processes with timeouts: %s\n", lost <= 512 ? "freed" : "kept");
}
static void* thread_of_submit(void* unused) {
  submit_and_end();
  return unused;
}
static void* writes_later(void* fd) {
  pause_ms(30);
  put(*(int*)fd, "late");
  return NULL;
}
static volatile sig_atomic_t signals;
static void count_signal(int number) {
  signals += number != 0;
}
static void* signals_later(void* thread) {
  pause_ms(30);
  pthread_kill(*(pthread_t*)thread, SIGUSR1);
  return NULL;
}

static void part_sharing(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  common = &ring;
  pthread_t thread;
  run_child(submit_a_nop);
  ring.tail = *word(&ring, ring.params.sq_off.tail);
  print_all("a nop of another process", &ring);
  run_child(submit_a_timeout);
  ring.tail = *word(&ring, ring.params.sq_off.tail);
  run("a timeout of a process that has ended", &ring, 1);
  cancel_timeouts_of_ended(&ring);
  end_with_timeouts();
  int ends[2];
  if (pipe(ends)) perror("pipe");
  transfer(&ring, IORING_OP_READ, 1, ends[0], space, 8, 0);
  pthread_create(&thread, NULL, writes_later, &ends[1]);
  run("a wait for another thread", &ring, 1);
  pthread_join(thread, NULL);
  struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t self = pthread_self();
  pthread_create(&thread, NULL, signals_later, &self);
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  printf("signals: %d\n", (int)signals);
  pthread_join(thread, NULL);
  sigset_t none;
  sigfillset(&none);
  sigset_t before;
  sigemptyset(&before);
  sigaddset(&before, SIGUSR1);
  sigprocmask(SIG_BLOCK, &before, NULL);
  pthread_create(&thread, NULL, signals_later, &self);
  sigemptyset(&none);
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, &none, 8));
  printf("signals: %d\n", (int)signals);
  pthread_join(thread, NULL);
  close_ring(&ring);

  if (open_ring(&ring, 8, IORING_SETUP_SINGLE_ISSUER, 0) < 0) perror("ring");
  common = &ring;
  nop(&ring, 1, 0);
  run("the issuer", &ring, 1);
  pthread_create(&thread, NULL, thread_of_submit, NULL);
  pthread_join(thread, NULL);
  close_ring(&ring);
}

// ── One ring, several threads at the same time ──

enum { TAKERS = 4, TOGETHER = 4096, ROUNDS = 8 };

static void* takes_all(void*) {
  intptr_t sum = 0;
  for (int count; (count = enter(common->fd, 3, 0, 0, NULL, 0)) > 0;) sum += count;
  return (void*)sum;
}

// Each submission is taken by one of the threads, and completes once.
static void take_together(Ring* ring, int pipe_end) {
  for (unsigned i = 0; i < TOGETHER; ++i) {
    if (i % 4 == 0)
      transfer(ring, IORING_OP_WRITE, i, pipe_end, space, 1, 0);
    else
      nop(ring, i, 0);
  }
  __atomic_store_n(word(ring, ring->params.sq_off.tail), ring->tail, __ATOMIC_RELEASE);
  pthread_t takers[TAKERS];
  for (int i = 0; i < TAKERS; ++i) pthread_create(&takers[i], NULL, takes_all, NULL);
  intptr_t sum = 0;
  for (int i = 0; i < TAKERS; ++i) {
    void* part;
    pthread_join(takers[i], &part);
    sum += (intptr_t)part;
  }
  static char seen[TOGETHER];
  memset(seen, 0, sizeof seen);
  int wrong = 0, completed = 0;
  for (Cqe cqe; take(ring, &cqe); ++completed)
    wrong += cqe.res != (cqe.user_data % 4 == 0) || seen[cqe.user_data]++ != 0;
  if (sum != TOGETHER || completed != TOGETHER || wrong)
    printf("taken %d, completed %d, wrong %d\n", (int)sum, completed, wrong);
}

static void part_together(void) {
  Ring ring;
  if (open_ring(&ring, TOGETHER, 0, 0) < 0) perror("ring");
  common = &ring;
  int ends[2];
  if (pipe(ends)) perror("pipe");
  static char bytes[2 * TOGETHER];
  for (int i = 0; i < ROUNDS; ++i) {
    take_together(&ring, ends[1]);
    const int count = read(ends[0], bytes, sizeof bytes);
    if (count != TOGETHER / 4) printf("the pipe has %d bytes\n", count);
  }
  printf("%d submissions by %d threads\n", ROUNDS * TOGETHER, TAKERS);
  close_ring(&ring);
}

// ── The end of a thread ──

static int quiet[2], later[2];
static void* submits_and_ends(void* unused) {
  poll_for(common, 1, quiet[0], POLLIN, 0);
  transfer(common, IORING_OP_READ, 2, quiet[0], space, 8, IOSQE_IO_LINK);
  nop(common, 3, 0);
  poll_for(common, 4, quiet[0], POLLIN, IORING_POLL_ADD_MULTI);
  nop(common, 5, 0);
  SAY(submit(common, 0));
  return unused;
}
static void polls_its_ring(void) {
  poll_for(common, 1, common->fd, POLLPRI, 0);
  poll_for(common, 2, common->fd, POLLPRI, 0)->flags = IOSQE_IO_LINK;
  nop(common, 3, 0);
  poll_for(common, 4, quiet[0], POLLIN, 0);
  SAY(submit(common, 0));
}
static void part_ends(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  common = &ring;
  if (pipe(quiet) || pipe(later)) perror("pipe");
  pthread_t thread;
  pthread_create(&thread, NULL, submits_and_ends, NULL);
  pthread_join(thread, NULL);
  pause_ms(20);
  print_all("requests of an ended thread", &ring);
  transfer(&ring, IORING_OP_READ, 1, later[0], space, 8, 0);
  put(later[1], "own");
  run("a read of the main thread", &ring, 1);
  run_child(polls_its_ring);
  ring.tail = *word(&ring, ring.params.sq_off.tail);
  pause_ms(20);
  print_all("requests of an ended process", &ring);
  close_ring(&ring);
}

// ── Signals ──

static void part_signals(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  struct signalfd_siginfo info;
  for (int flags = 0; flags <= SFD_NONBLOCK; flags += SFD_NONBLOCK) {
    const int fd = signalfd(-1, &set, flags);
    poll_for(&ring, 1, fd, POLLIN, 0);
    SAY(submit(&ring, 0));
    print_all("no signal", &ring);
    kill(getpid(), SIGUSR1);
    run("a signal for the process", &ring, 1);
    poll_for(&ring, 2, fd, POLLIN, 0);
    run("a pending signal", &ring, 1);
    transfer(&ring, IORING_OP_READ, 3, fd, (char*)&info, sizeof info, 0);
    run("a read of it", &ring, 1);
    printf("signal %d\n", info.ssi_signo);
    memset(&info, 0, sizeof info);
    transfer(&ring, IORING_OP_READ, 4, fd, (char*)&info, sizeof info, 0);
    SAY(submit(&ring, 0));
    print_all("a read without a signal", &ring);
    pthread_kill(pthread_self(), SIGUSR1);
    run("a signal for the thread", &ring, 1);
    printf("signal %d\n", info.ssi_signo);
    poll_for(&ring, 5, fd, POLLIN, IORING_POLL_ADD_MULTI);
    SAY(submit(&ring, 0));
    kill(getpid(), SIGUSR1);
    pause_ms(5);
    print_all("a multishot poll", &ring);
    if (read(fd, &info, sizeof info) != sizeof info) perror("read");
    kill(getpid(), SIGUSR1);
    pause_ms(5);
    print_all("again", &ring);
    if (read(fd, &info, sizeof info) != sizeof info) perror("read");
    cancel(&ring, 9, 5, 0, 0);
    run("its end", &ring, 2);
    close(fd);
  }
  close_ring(&ring);
}

static void part_polling(void) {
  Ring ring;
  memset(&ring, 0, sizeof ring);
  if (open_ring(&ring, 8, IORING_SETUP_SQPOLL, 0) < 0) perror("ring");
  for (int i = 0; i < 20; ++i) {
    nop(&ring, i, 0);
    __atomic_store_n(word(&ring, ring.params.sq_off.tail), ring.tail, __ATOMIC_SEQ_CST);
    if (ring_word(&ring, ring.params.sq_off.flags) & IORING_SQ_NEED_WAKEUP)
      if (enter(ring.fd, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0) != 1) perror("enter");
    while (ring_word(&ring, ring.params.cq_off.tail) == *word(&ring, ring.params.cq_off.head))
      pause_ms(1);
    print_all("polled", &ring);
  }
  SAY(enter(ring.fd, 3, 0, 0, NULL, 0));
  nop(&ring, 1, 0);
  __atomic_store_n(word(&ring, ring.params.sq_off.tail), ring.tail, __ATOMIC_SEQ_CST);
  SAY(enter(ring.fd, 1, 1, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("entered", &ring);
  for (int i = 0; i < 40; ++i) {
    while (ring.tail - ring_word(&ring, ring.params.sq_off.head) == 8)
      if (enter(ring.fd, 0, 0, IORING_ENTER_SQ_WAIT | IORING_ENTER_SQ_WAKEUP, NULL, 0) < 0)
        perror("enter");
    nop(&ring, i, 0);
    __atomic_store_n(word(&ring, ring.params.sq_off.tail), ring.tail, __ATOMIC_SEQ_CST);
  }
  SAY(enter(ring.fd, 0, 16, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_GETEVENTS, NULL, 0));
  close_ring(&ring);
}

RUN_PART({"sharing", part_sharing}, {"together", part_together}, {"ends", part_ends},
         {"signals", part_signals}, {"polling", part_polling})
