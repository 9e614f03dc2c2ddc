// A ring of io_uring without liburing, for the programs uring*.c: how they fill submissions, and
// print completions. Each part of such a program is an argument, because the emulator has no
// io_uring: the expected texts are Linux's.
#pragma once

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/stat.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "common.h"

// What older headers lack.
enum {
  OP_URING_CMD = 46,
  OP_READ_MULTISHOT = 49,
  OP_WAITID,
  OP_FUTEX_WAIT,
  OP_FUTEX_WAKE,
  OP_FIXED_FD_INSTALL = 54,
  OP_FTRUNCATE,
  OP_BIND,
  OP_LISTEN,
};
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1u << 16)
#endif

typedef struct io_uring_sqe Sqe;
typedef struct io_uring_cqe Cqe;
typedef struct io_uring_params Params;

static inline int set_up(unsigned entries, Params* params) {
  return syscall(SYS_io_uring_setup, entries, params);
}
static inline int enter(int fd, unsigned submit, unsigned complete, unsigned flags,
                        const void* argument, size_t size) {
  return syscall(SYS_io_uring_enter, fd, submit, complete, flags, argument, size);
}
static inline int enroll(int fd, unsigned opcode, const void* argument, unsigned count) {
  return syscall(SYS_io_uring_register, fd, opcode, argument, count);
}

typedef struct {
  int fd;
  Params params;
  char* memory;
  size_t bytes;
  char* sqes;
  size_t sqe_bytes, cqe_bytes;
  unsigned tail;
} Ring;

static inline unsigned* word(const Ring* ring, unsigned offset) {
  return (unsigned*)(ring->memory + offset);
}
static inline unsigned ring_word(const Ring* ring, unsigned offset) {
  return __atomic_load_n(word(ring, offset), __ATOMIC_ACQUIRE);
}
static inline int open_ring(Ring* ring, unsigned entries, unsigned flags, unsigned completions) {
  memset(ring, 0, sizeof *ring);
  ring->params.flags = flags;
  ring->params.cq_entries = completions;
  ring->fd = set_up(entries, &ring->params);
  if (ring->fd < 0) return ring->fd;
  const Params* params = &ring->params;
  ring->sqe_bytes = flags & IORING_SETUP_SQE128 ? 128 : 64;
  ring->cqe_bytes = flags & IORING_SETUP_CQE32 ? 32 : 16;
  ring->bytes = params->cq_off.cqes + params->cq_entries * ring->cqe_bytes;
  if (params->sq_off.array + params->sq_entries * 4 > ring->bytes)
    ring->bytes = params->sq_off.array + params->sq_entries * 4;
  ring->memory = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                      ring->fd, IORING_OFF_SQ_RING);
  ring->sqes = mmap(NULL, params->sq_entries * ring->sqe_bytes, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
  if (ring->memory == MAP_FAILED || ring->sqes == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return ring->fd;
}
static inline void close_ring(Ring* ring) {
  munmap(ring->sqes, ring->params.sq_entries * ring->sqe_bytes);
  munmap(ring->memory, ring->bytes);
  close(ring->fd);
}
// The next submission, which holds zeros.
static inline Sqe* next(Ring* ring, int opcode, uint64_t data) {
  const unsigned index = ring->tail++ & (ring->params.sq_entries - 1);
  if (!(ring->params.flags & IORING_SETUP_NO_SQARRAY))
    word(ring, ring->params.sq_off.array)[index] = index;
  Sqe* const sqe = (Sqe*)(ring->sqes + index * ring->sqe_bytes);
  memset(sqe, 0, ring->sqe_bytes);
  sqe->opcode = opcode;
  sqe->user_data = data;
  sqe->fd = -1;
  return sqe;
}
static inline int submit(Ring* ring, unsigned complete) {
  unsigned* const tail = word(ring, ring->params.sq_off.tail);
  const unsigned count = ring->tail - *tail;
  __atomic_store_n(tail, ring->tail, __ATOMIC_RELEASE);
  return enter(ring->fd, count, complete, complete ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}
// Takes the oldest completion. Returns 0 if there is none.
static inline int take(Ring* ring, Cqe* cqe) {
  unsigned* const head = word(ring, ring->params.cq_off.head);
  if (*head == ring_word(ring, ring->params.cq_off.tail)) return 0;
  const unsigned index = *head & (ring->params.cq_entries - 1);
  memcpy(cqe, ring->memory + ring->params.cq_off.cqes + index * ring->cqe_bytes, sizeof *cqe);
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return 1;
}
static inline int by_data(const void* one, const void* other) {
  const uint64_t a = ((const Cqe*)one)->user_data, b = ((const Cqe*)other)->user_data;
  return (a > b) - (a < b);
}
static inline void print_result(const Cqe* cqe) {
  printf(" [%llu ", (unsigned long long)cqe->user_data);
  if (cqe->res < 0) {
    printf("%s", strerrorname_np(-cqe->res) ? strerrorname_np(-cqe->res) : "?");
  } else {
    printf("%d", cqe->res);
  }
  // Whether more bytes are in a socket's queue is no promise.
  const unsigned flags = cqe->flags & ~IORING_CQE_F_SOCK_NONEMPTY;
  if (flags) printf(" %x", flags);
  printf("]");
}
// Prints all completions by their user data: those of equal data in their order.
static inline void print_all(const char* what, Ring* ring) {
  Cqe all[256];
  unsigned count = 0;
  while (count < 256 && take(ring, &all[count])) ++count;
  for (unsigned i = 1; i < count; ++i)  // a stable sort
    for (unsigned j = i; j > 0 && by_data(&all[j - 1], &all[j]) > 0; --j) {
      const Cqe one = all[j];
      all[j] = all[j - 1];
      all[j - 1] = one;
    }
  printf("%s:", what);
  for (unsigned i = 0; i < count; ++i) print_result(&all[i]);
  printf("\n");
  fflush(stdout);
}
static inline void pause_ms(int ms) {
  const struct timespec length = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&length, NULL);
}
// Submits, waits for `complete` completions and prints them.
static inline void run(const char* what, Ring* ring, unsigned complete) {
  const int submitted = submit(ring, complete);
  if (submitted < 0) printf("%s ", strerrorname_np(errno));
  // A timeout that ends also ends the wait for completions.
  const unsigned* const head = word(ring, ring->params.cq_off.head);
  for (int i = 0; i < 100; ++i) {
    if (ring_word(ring, ring->params.cq_off.tail) - *head >= complete) break;
    pause_ms(1);
  }
  print_all(what, ring);
}
static inline struct __kernel_timespec in_ms(long long ms) {
  const struct __kernel_timespec time = {ms / 1000, ms % 1000 * 1000000};
  return time;
}

// ── Submissions ──

static inline Sqe* nop(Ring* ring, uint64_t data, unsigned flags) {
  Sqe* const sqe = next(ring, IORING_OP_NOP, data);
  sqe->flags = flags;
  return sqe;
}
static inline Sqe* transfer(Ring* ring, int opcode, uint64_t data, int fd, const void* at,
                            unsigned size, unsigned flags) {
  Sqe* const sqe = next(ring, opcode, data);
  sqe->fd = fd;
  sqe->addr = (uintptr_t)at;
  sqe->len = size;
  sqe->flags = flags;
  return sqe;
}
static char space[256];
static inline Sqe* timeout(Ring* ring, uint64_t data, const struct __kernel_timespec* time,
                           uint64_t count, unsigned flags) {
  Sqe* const sqe = transfer(ring, IORING_OP_TIMEOUT, data, -1, time, 1, 0);
  sqe->off = count;
  sqe->timeout_flags = flags;
  return sqe;
}
static inline Sqe* poll_for(Ring* ring, uint64_t data, int fd, unsigned events, unsigned flags) {
  Sqe* const sqe = transfer(ring, IORING_OP_POLL_ADD, data, fd, NULL, flags, 0);
  sqe->poll32_events = events;
  return sqe;
}
static inline void put(int fd, const char* text) {
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) perror("write");
}
static inline Sqe* cancel(Ring* ring, uint64_t data, uint64_t target, int fd, unsigned flags) {
  Sqe* const sqe = next(ring, IORING_OP_ASYNC_CANCEL, data);
  sqe->addr = target;
  sqe->fd = fd;
  sqe->cancel_flags = flags;
  return sqe;
}

typedef struct {
  const char* name;
  void (*run)(void);
} Part;
// Runs the part that the first argument names.
static inline int run_part(int count, char** arguments, const Part* parts, size_t part_count) {
  alarm(100);  // only ends a part that hangs, also on a busy host
  for (size_t i = 0; count > 1 && i < part_count; ++i)
    if (strcmp(arguments[1], parts[i].name) == 0) parts[i].run();
  return 0;
}
#define RUN_PART(...)                                                       \
  int main(int count, char** arguments) {                                   \
    static const Part parts[] = {__VA_ARGS__};                              \
    return run_part(count, arguments, parts, sizeof parts / sizeof *parts); \
  }
