// io_uring: what its calls answer, and which completions come. Each part is an argument, because
// the emulator has no io_uring: the expected texts are Linux's.
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
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "common.h"

// What older headers lack.
enum {
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

static int set_up(unsigned entries, Params* params) {
  return syscall(SYS_io_uring_setup, entries, params);
}
static int enter(int fd, unsigned submit, unsigned complete, unsigned flags, const void* argument,
                 size_t size) {
  return syscall(SYS_io_uring_enter, fd, submit, complete, flags, argument, size);
}
static int enroll(int fd, unsigned opcode, const void* argument, unsigned count) {
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

static unsigned* word(const Ring* ring, unsigned offset) {
  return (unsigned*)(ring->memory + offset);
}
static unsigned ring_word(const Ring* ring, unsigned offset) {
  return __atomic_load_n(word(ring, offset), __ATOMIC_ACQUIRE);
}
static int open_ring(Ring* ring, unsigned entries, unsigned flags, unsigned completions) {
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
static void close_ring(Ring* ring) {
  munmap(ring->sqes, ring->params.sq_entries * ring->sqe_bytes);
  munmap(ring->memory, ring->bytes);
  close(ring->fd);
}
// The next submission, which holds zeros.
static Sqe* next(Ring* ring, int opcode, uint64_t data) {
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
static int submit(Ring* ring, unsigned complete) {
  unsigned* const tail = word(ring, ring->params.sq_off.tail);
  const unsigned count = ring->tail - *tail;
  __atomic_store_n(tail, ring->tail, __ATOMIC_RELEASE);
  return enter(ring->fd, count, complete, complete ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}
// Takes the oldest completion. Returns 0 if there is none.
static int take(Ring* ring, Cqe* cqe) {
  unsigned* const head = word(ring, ring->params.cq_off.head);
  if (*head == ring_word(ring, ring->params.cq_off.tail)) return 0;
  const unsigned index = *head & (ring->params.cq_entries - 1);
  memcpy(cqe, ring->memory + ring->params.cq_off.cqes + index * ring->cqe_bytes, sizeof *cqe);
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return 1;
}
static int by_data(const void* one, const void* other) {
  const uint64_t a = ((const Cqe*)one)->user_data, b = ((const Cqe*)other)->user_data;
  return (a > b) - (a < b);
}
static void print_result(const Cqe* cqe) {
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
static void print_all(const char* what, Ring* ring) {
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
static void pause_ms(int ms) {
  const struct timespec length = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&length, NULL);
}
// Submits, waits for `complete` completions and prints them.
static void run(const char* what, Ring* ring, unsigned complete) {
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
static struct __kernel_timespec in_ms(long long ms) {
  const struct __kernel_timespec time = {ms / 1000, ms % 1000 * 1000000};
  return time;
}

// ── Setting up ──

static void try_set_up(const char* what, unsigned entries, Params params) {
  const int fd = set_up(entries, &params);
  if (fd < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  printf("%s: %u submissions, %u completions, flags %x\n", what, params.sq_entries,
         params.cq_entries, params.flags);
  close(fd);
}
#define SET_UP(entries, ...) try_set_up(#entries " " #__VA_ARGS__, entries, (Params){__VA_ARGS__})

static void part_setup(void) {
  SET_UP(0, .flags = 0);
  SET_UP(1, .flags = 0);
  SET_UP(3, .flags = 0);
  SET_UP(4096, .flags = 0);
  SET_UP(32768, .flags = 0);
  SET_UP(32769, .flags = 0);
  SET_UP(100000, .flags = IORING_SETUP_CLAMP);
  SET_UP(8, .flags = IORING_SETUP_CQSIZE);
  SET_UP(8, .flags = IORING_SETUP_CQSIZE, .cq_entries = 4);
  SET_UP(8, .flags = IORING_SETUP_CQSIZE, .cq_entries = 8);
  SET_UP(8, .flags = IORING_SETUP_CQSIZE, .cq_entries = 100);
  SET_UP(8, .flags = IORING_SETUP_CQSIZE, .cq_entries = 65537);
  SET_UP(8, .flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, .cq_entries = 65537);
  SET_UP(8, .flags = 1u << 31);
  SET_UP(8, .flags = 0, .resv = {1});
  SET_UP(8, .flags = 0, .resv = {0, 0, 1});
  SET_UP(8, .flags = IORING_SETUP_SQ_AFF);
  SET_UP(8, .flags = IORING_SETUP_SQ_AFF | IORING_SETUP_SQPOLL, .sq_thread_cpu = 5000);
  SET_UP(8, .flags = IORING_SETUP_SQPOLL);
  SET_UP(8, .flags = IORING_SETUP_SQPOLL | IORING_SETUP_COOP_TASKRUN);
  SET_UP(8, .flags = IORING_SETUP_SQPOLL | IORING_SETUP_TASKRUN_FLAG);
  SET_UP(8, .flags = IORING_SETUP_COOP_TASKRUN);
  SET_UP(8, .flags = IORING_SETUP_TASKRUN_FLAG);
  SET_UP(8, .flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
  SET_UP(8, .flags = IORING_SETUP_DEFER_TASKRUN);
  SET_UP(8, .flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
  SET_UP(8, .flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
  SET_UP(8, .flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL);
  SET_UP(8, .flags = IORING_SETUP_ATTACH_WQ, .wq_fd = 900);
  SET_UP(8, .flags = IORING_SETUP_ATTACH_WQ, .wq_fd = 0);
  void* volatile nowhere = (void*)8;
  SAY(set_up(8, nowhere));
  SAY(enter(900, 0, 0, 0, NULL, 0));
  SAY(enter(1, 0, 0, 0, NULL, 0));
  SAY(enroll(900, IORING_REGISTER_PROBE, NULL, 0));
  SAY(enroll(1, IORING_REGISTER_PROBE, NULL, 0));
  Ring ring;
  if (open_ring(&ring, 8, 0, 0) < 0) perror("ring");
  SAY(fcntl(ring.fd, F_GETFD));
  SAY(fcntl(ring.fd, F_GETFL));
  SAY(enter(ring.fd, 0, 0, 1u << 30, NULL, 0));
  SAY(enter(ring.fd, 0, 0, 0, NULL, 0));
  SAY(enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
  SAY(enter(ring.fd, 5, 0, 0, NULL, 0));
  SAY(enter(ring.fd, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0));
  SAY(enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, NULL, 0));
  char byte;
  SAY(read(ring.fd, &byte, 1));
  SAY(write(ring.fd, &byte, 1));
  const long page = sysconf(_SC_PAGESIZE);
  const struct {
    const char* what;
    size_t bytes;
    uint64_t offset;
  } maps[] = {{"a page of the ring", page, IORING_OFF_SQ_RING},
              {"a page of the completions", page, IORING_OFF_CQ_RING},
              {"a page of the submissions", page, IORING_OFF_SQES},
              {"more than the ring", 64 * page, IORING_OFF_SQ_RING},
              {"more than the submissions", 64 * page, IORING_OFF_SQES},
              {"an unknown offset", page, 0x20000000}};
  for (size_t i = 0; i < sizeof maps / sizeof *maps; ++i) {
    void* const at = mmap(NULL, maps[i].bytes, PROT_READ, MAP_SHARED, ring.fd, maps[i].offset);
    say_whether(maps[i].what, at == MAP_FAILED ? -1 : 0);
    if (at != MAP_FAILED) munmap(at, maps[i].bytes);
  }
  printf("features:%s%s%s%s%s\n", ring.params.features & IORING_FEAT_SINGLE_MMAP ? " one map" : "",
         ring.params.features & IORING_FEAT_NODROP ? " nodrop" : "",
         ring.params.features & IORING_FEAT_EXT_ARG ? " ext-arg" : "",
         ring.params.features & IORING_FEAT_CQE_SKIP ? " skip" : "",
         ring.params.features & IORING_FEAT_RSRC_TAGS ? " tags" : "");
  struct pollfd state = {.fd = ring.fd, .events = POLLIN | POLLOUT};
  SAY(poll(&state, 1, 0));
  printf("%x\n", state.revents);
  next(&ring, IORING_OP_NOP, 1);
  SAY(submit(&ring, 0));
  SAY(poll(&state, 1, 0));
  printf("%x\n", state.revents);
  print_all("after poll", &ring);
  const int child = run_child(NULL == NULL ? (void (*)(void))getpid : NULL);
  printf("a child: %d\n", child);
  close_ring(&ring);
}

// ── Reads, writes and nops ──

static void part_basic(void) {
  static const unsigned kinds[] = {0,
                                   IORING_SETUP_SQE128,
                                   IORING_SETUP_CQE32,
                                   IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
                                   IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER,
                                   IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    Ring ring;
    if (open_ring(&ring, 4, kinds[i], 0) < 0) perror("ring");
    next(&ring, IORING_OP_NOP, 1);
    run("one nop", &ring, 1);
    for (int n = 0; n < 4; ++n) next(&ring, IORING_OP_NOP, n);
    run("four nops", &ring, 4);
    for (int round = 0; round < 5; ++round)
      for (int n = 0; n < 3; ++n) {
        next(&ring, IORING_OP_NOP, n);
        if (n == 2) run("three nops", &ring, 3);
      }
    close_ring(&ring);
  }
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  next(&ring, 200, 1);
  run("an unknown operation", &ring, 1);
  next(&ring, IORING_OP_NOP, 1)->flags = 0x80;
  run("an unknown flag", &ring, 1);
  next(&ring, IORING_OP_NOP, 1)->ioprio = 1;
  run("an I/O priority of a nop", &ring, 1);
  next(&ring, IORING_OP_NOP, 1)->personality = 3;
  run("an unknown personality", &ring, 1);
  next(&ring, IORING_OP_NOP, 1)->flags = IOSQE_BUFFER_SELECT;
  run("a buffer for a nop", &ring, 1);
  next(&ring, IORING_OP_NOP, 1)->flags = IOSQE_ASYNC;
  run("an asynchronous nop", &ring, 1);
  next(&ring, IORING_OP_NOP, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
  next(&ring, IORING_OP_NOP, 2);
  run("a nop without completion", &ring, 1);
  next(&ring, IORING_OP_NOP, 1);
  next(&ring, 200, 2);
  next(&ring, IORING_OP_NOP, 3);
  SAY(submit(&ring, 0));
  print_all("an invalid one ends the batch", &ring);
  SAY(submit(&ring, 0));
  SAY(enter(ring.fd, 1, 0, 0, NULL, 0));
  print_all("the rest", &ring);

  const int file = open("/tmp/uring-file", O_CREAT | O_TRUNC | O_RDWR, 0600);
  char text[] = "0123456789abcdef", buffer[32];
  Sqe* sqe = next(&ring, IORING_OP_WRITE, 1);
  sqe->fd = file;
  sqe->addr = (uintptr_t)text;
  sqe->len = 16;
  run("write 16", &ring, 1);
  const struct {
    const char* what;
    int opcode, fd;
    void* address;
    unsigned length;
    uint64_t offset;
    unsigned flags;
  } rows[] = {
      {"read 4 at 0", IORING_OP_READ, file, buffer, 4, 0, 0},
      {"read 32 at 8", IORING_OP_READ, file, buffer, 32, 8, 0},
      {"read at the end", IORING_OP_READ, file, buffer, 4, 16, 0},
      {"read far behind", IORING_OP_READ, file, buffer, 4, 1000, 0},
      {"read at the position", IORING_OP_READ, file, buffer, 4, -1, 0},
      {"read nothing", IORING_OP_READ, file, buffer, 0, 0, 0},
      {"read no file", IORING_OP_READ, 900, buffer, 4, 0, 0},
      {"read to nowhere", IORING_OP_READ, file, (void*)8, 4, 0, 0},
      {"write from nowhere", IORING_OP_WRITE, file, (void*)8, 4, 0, 0},
      {"write 4 at 20", IORING_OP_WRITE, file, text, 4, 20, 0},
      {"read the hole", IORING_OP_READ, file, buffer, 32, 0, 0},
      {"read with bad flags", IORING_OP_READ, file, buffer, 4, 0, 1u << 30},
      {"read fixed without buffers", IORING_OP_READ_FIXED, file, buffer, 4, 0, 0},
      {"fsync", IORING_OP_FSYNC, file, NULL, 0, 0, 0},
      {"fdatasync", IORING_OP_FSYNC, file, NULL, 0, 0, IORING_FSYNC_DATASYNC},
      {"fsync with bad flags", IORING_OP_FSYNC, file, NULL, 0, 0, 4},
      {"fsync with an address", IORING_OP_FSYNC, file, buffer, 0, 0, 0},
      {"ftruncate to 10", OP_FTRUNCATE, file, NULL, 0, 10, 0},
      {"read after that", IORING_OP_READ, file, buffer, 32, 0, 0},
      {"fallocate", IORING_OP_FALLOCATE, file, (void*)100, 0, 0, 0},
      {"fadvise", IORING_OP_FADVISE, file, NULL, 10, 0, 0},
      {"fadvise unknown", IORING_OP_FADVISE, file, NULL, 10, 0, 77},
      {"close", IORING_OP_CLOSE, -1, NULL, 0, 0, 0},
      {"close with a length", IORING_OP_CLOSE, 900, NULL, 1, 0, 0},
      {"sync a range", IORING_OP_SYNC_FILE_RANGE, file, NULL, 10, 0, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    sqe = next(&ring, rows[i].opcode, i);
    sqe->fd = rows[i].fd;
    sqe->addr = (uintptr_t)rows[i].address;
    sqe->len = rows[i].length;
    sqe->off = rows[i].offset;
    sqe->rw_flags = rows[i].flags;
    run(rows[i].what, &ring, 1);
  }
  struct iovec parts[3] = {{buffer, 3}, {buffer + 3, 0}, {buffer + 3, 4}};
  for (int count = 0; count <= 3; ++count) {
    sqe = next(&ring, IORING_OP_READV, count);
    sqe->fd = file;
    sqe->addr = (uintptr_t)parts;
    sqe->len = count;
    run("readv", &ring, 1);
  }
  sqe = next(&ring, IORING_OP_READV, 9);
  sqe->fd = file;
  sqe->addr = (uintptr_t)parts;
  sqe->len = 2000;
  run("readv of 2000", &ring, 1);
  int ends[2];
  if (pipe(ends)) perror("pipe");
  sqe = next(&ring, IORING_OP_READ, 1);
  sqe->fd = ends[0];
  sqe->addr = (uintptr_t)buffer;
  sqe->len = 8;
  SAY(submit(&ring, 0));
  print_all("a read that waits", &ring);
  sqe = next(&ring, IORING_OP_WRITE, 2);
  sqe->fd = ends[1];
  sqe->addr = (uintptr_t)text;
  sqe->len = 5;
  run("and the write it waits for", &ring, 2);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  sqe = next(&ring, IORING_OP_READ, 1);
  sqe->fd = ends[0];
  sqe->addr = (uintptr_t)buffer;
  sqe->len = 8;
  SAY(submit(&ring, 0));
  print_all("a read of a file with O_NONBLOCK", &ring);
  if (write(ends[1], "y", 1) != 1) perror("write");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("it has waited", &ring);
  fcntl(ends[0], F_SETFL, 0);
  sqe = next(&ring, IORING_OP_READ, 1);
  sqe->fd = ends[0];
  sqe->addr = (uintptr_t)buffer;
  sqe->len = 8;
  SAY(submit(&ring, 0));
  close(ends[1]);
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("the writer has gone", &ring);
  close(ends[0]);
  // An index that is out of range is dropped.
  if (1) {
    word(&ring, ring.params.sq_off.array)[ring.tail & 15] = 77;
    ++ring.tail;
    SAY(submit(&ring, 0));
    printf("dropped: %u\n", *word(&ring, ring.params.sq_off.dropped));
  }
  close_ring(&ring);
  unlink("/tmp/uring-file");
}

// ── Links ──

static Sqe* nop(Ring* ring, uint64_t data, unsigned flags) {
  Sqe* const sqe = next(ring, IORING_OP_NOP, data);
  sqe->flags = flags;
  return sqe;
}
static Sqe* transfer(Ring* ring, int opcode, uint64_t data, int fd, const void* at, unsigned size,
                     unsigned flags) {
  Sqe* const sqe = next(ring, opcode, data);
  sqe->fd = fd;
  sqe->addr = (uintptr_t)at;
  sqe->len = size;
  sqe->flags = flags;
  return sqe;
}
static char space[256];

static void part_links(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  enum {
    link = IOSQE_IO_LINK,
    hard = IOSQE_IO_HARDLINK,
    drain = IOSQE_IO_DRAIN,
    skip = IOSQE_CQE_SKIP_SUCCESS
  };
  nop(&ring, 1, link), nop(&ring, 2, link), nop(&ring, 3, 0);
  run("three linked nops", &ring, 3);
  nop(&ring, 1, link), nop(&ring, 2, link);
  run("a chain that the batch ends", &ring, 2);
  nop(&ring, 1, link), next(&ring, 200, 2)->flags = link, nop(&ring, 3, 0);
  run("an invalid member", &ring, 3);
  nop(&ring, 1, link), next(&ring, 200, 2), nop(&ring, 3, 0);
  SAY(submit(&ring, 2));
  print_all("an invalid end", &ring);
  SAY(enter(ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("the rest", &ring);
  int ends[2];
  if (pipe(ends)) perror("pipe");
  const int file = open("/tmp/uring-links", O_CREAT | O_TRUNC | O_RDWR, 0600);
  if (write(file, "0123456789", 10) != 10) perror("write");
  transfer(&ring, IORING_OP_READ, 1, file, space, 10, link);
  transfer(&ring, IORING_OP_WRITE, 2, ends[1], space, 10, link);
  transfer(&ring, IORING_OP_READ, 3, ends[0], space, 10, 0);
  run("read, write, read", &ring, 3);
  transfer(&ring, IORING_OP_READ, 1, file, space, 20, link);
  nop(&ring, 2, 0);
  run("a short read breaks the chain", &ring, 2);
  transfer(&ring, IORING_OP_READ, 1, file, space, 20, hard);
  nop(&ring, 2, 0);
  run("… but not a hard one", &ring, 2);
  transfer(&ring, IORING_OP_READ, 1, 900, space, 20, hard);
  nop(&ring, 2, link), nop(&ring, 3, 0);
  run("an error before a hard link", &ring, 3);
  transfer(&ring, IORING_OP_READ, 1, 900, space, 20, link);
  nop(&ring, 2, hard), nop(&ring, 3, 0);
  run("an error before a soft link", &ring, 3);
  nop(&ring, 1, link | skip), nop(&ring, 2, link | skip), nop(&ring, 3, 0);
  run("skipped successes", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, 900, space, 20, link | skip);
  nop(&ring, 2, link | skip), nop(&ring, 3, 0);
  run("skipped after an error", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, ends[0], space, 10, link);
  nop(&ring, 2, 0);
  SAY(submit(&ring, 0));
  print_all("a chain waits", &ring);
  nop(&ring, 3, 0);
  run("another completes", &ring, 1);
  if (write(ends[1], "0123456789", 10) != 10) perror("write");
  SAY(enter(ring.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("the chain completes", &ring);
  close_ring(&ring);

  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  transfer(&ring, IORING_OP_READ, 1, ends[0], space, 10, 0);
  nop(&ring, 2, drain), nop(&ring, 3, 0);
  SAY(submit(&ring, 0));
  print_all("a drained nop waits, and those behind it", &ring);
  if (write(ends[1], "01234", 5) != 5) perror("write");
  SAY(enter(ring.fd, 0, 3, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("drained", &ring);
  nop(&ring, 1, drain);
  run("nothing to drain", &ring, 1);
  nop(&ring, 1, skip);
  nop(&ring, 2, drain);
  SAY(submit(&ring, 1));
  print_all("drain after a skipped completion", &ring);
  close_ring(&ring);

  // A timeout of a linked request.
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  const struct __kernel_timespec soon = in_ms(20), late = in_ms(10000);
  transfer(&ring, IORING_OP_READ, 1, ends[0], space, 10, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &soon, 1, 0);
  run("a read that is too late", &ring, 2);
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)) perror("socketpair");
  transfer(&ring, IORING_OP_RECV, 1, sockets[0], space, 10, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &soon, 1, 0);
  run("a receive that is too late", &ring, 2);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0uring-late"};
  if (bind(listener, (const void*)&name, sizeof(sa_family_t) + 11) || listen(listener, 1))
    perror("listen");
  transfer(&ring, IORING_OP_ACCEPT, 1, listener, NULL, 0, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &soon, 1, 0);
  run("an accept that is too late", &ring, 2);
  close(listener), close(sockets[0]), close(sockets[1]);
  transfer(&ring, IORING_OP_READ, 1, ends[0], space, 10, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &soon, 1, link);
  nop(&ring, 3, 0);
  run("… and what follows it", &ring, 3);
  nop(&ring, 1, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &late, 1, link);
  nop(&ring, 3, 0);
  run("a nop in time", &ring, 3);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &late, 1, 0);
  run("a timeout without a request", &ring, 1);
  nop(&ring, 1, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &late, 1, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 3, -1, &late, 1, 0);
  run("two timeouts", &ring, 3);
  nop(&ring, 1, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, &late, 2, 0);
  run("a bad length", &ring, 2);
  void* const nowhere = (void*)8;
  nop(&ring, 1, link);
  transfer(&ring, IORING_OP_LINK_TIMEOUT, 2, -1, nowhere, 1, 0);
  run("a bad address", &ring, 2);
  close_ring(&ring);
  unlink("/tmp/uring-links");
}

// ── Timeouts ──

static Sqe* timeout(Ring* ring, uint64_t data, const struct __kernel_timespec* time, uint64_t count,
                    unsigned flags) {
  Sqe* const sqe = transfer(ring, IORING_OP_TIMEOUT, data, -1, time, 1, 0);
  sqe->off = count;
  sqe->timeout_flags = flags;
  return sqe;
}

static void part_timeouts(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  const struct __kernel_timespec soon = in_ms(10), late = in_ms(10000), bad = {0, -1},
                                 negative = {-1, 0};
  timeout(&ring, 1, &soon, 0, 0);
  run("10 ms", &ring, 1);
  timeout(&ring, 1, &late, 2, 0);
  nop(&ring, 2, 0), nop(&ring, 3, 0);
  run("two completions", &ring, 3);
  timeout(&ring, 1, &late, 1, 0);
  SAY(submit(&ring, 0));
  print_all("one completion", &ring);
  nop(&ring, 2, 0);
  run("… has come", &ring, 2);
  timeout(&ring, 1, &soon, 0, IORING_TIMEOUT_ABS);
  run("a time in the past", &ring, 1);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct __kernel_timespec until = {now.tv_sec, now.tv_nsec};
  if ((until.tv_nsec += 10000000) >= 1000000000) until.tv_nsec -= 1000000000, ++until.tv_sec;
  timeout(&ring, 1, &until, 0, IORING_TIMEOUT_ABS);
  run("a time from now", &ring, 1);
  clock_gettime(CLOCK_REALTIME, &now);
  until = (struct __kernel_timespec){now.tv_sec, now.tv_nsec};
  timeout(&ring, 1, &until, 0, IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME);
  run("now, by the wall clock", &ring, 1);
  timeout(&ring, 1, &soon, 0, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME);
  run("two clocks", &ring, 1);
  timeout(&ring, 1, &soon, 0, 1u << 20);
  run("an unknown flag", &ring, 1);
  timeout(&ring, 1, &bad, 0, 0);
  run("bad nanoseconds", &ring, 1);
  timeout(&ring, 1, &negative, 0, 0);
  run("negative seconds", &ring, 1);
  timeout(&ring, 1, (void*)8, 0, 0);
  run("a bad address", &ring, 1);
  timeout(&ring, 1, &soon, 0, 0)->len = 2;
  run("a bad length", &ring, 1);
  timeout(&ring, 1, &soon, 0, 0)->flags = IOSQE_IO_LINK;
  nop(&ring, 2, 0);
  run("a chain behind a timeout", &ring, 2);
  timeout(&ring, 1, &soon, 0, IORING_TIMEOUT_ETIME_SUCCESS)->flags = IOSQE_IO_LINK;
  nop(&ring, 2, 0);
  run("… that counts as a success", &ring, 2);
  enum { multishot = 64 };
  timeout(&ring, 1, &soon, 3, multishot);
  SAY(submit(&ring, 0));
  pause_ms(100);
  SAY(enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("three times", &ring);
  timeout(&ring, 1, &soon, 0, multishot | IORING_TIMEOUT_ABS);
  run("many times at an absolute time", &ring, 1);

  timeout(&ring, 1, &late, 0, 0);
  SAY(submit(&ring, 0));
  next(&ring, IORING_OP_TIMEOUT_REMOVE, 2)->addr = 9;
  run("remove an unknown timeout", &ring, 1);
  next(&ring, IORING_OP_TIMEOUT_REMOVE, 2)->addr = 1;
  run("remove the timeout", &ring, 2);
  timeout(&ring, 1, &late, 0, 0);
  SAY(submit(&ring, 0));
  Sqe* sqe = next(&ring, IORING_OP_TIMEOUT_REMOVE, 2);
  sqe->addr = 1;
  sqe->addr2 = (uintptr_t)&soon;
  sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
  run("change the timeout", &ring, 2);
  sqe = next(&ring, IORING_OP_TIMEOUT_REMOVE, 2);
  sqe->addr = 1;
  sqe->addr2 = (uintptr_t)&soon;
  sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
  run("change an unknown timeout", &ring, 1);
  timeout(&ring, 1, &late, 0, 0)->flags = IOSQE_IO_LINK;
  nop(&ring, 2, 0);
  SAY(submit(&ring, 0));
  next(&ring, IORING_OP_TIMEOUT_REMOVE, 3)->addr = 1;
  run("remove a linked timeout", &ring, 3);

  // Waiting with a time.
  struct io_uring_getevents_arg wait = {.ts = (uintptr_t)&soon};
  const unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  SAY(enter(ring.fd, 0, 1, flags, &wait, sizeof wait));
  SAY(enter(ring.fd, 0, 1, flags, &wait, 8));
  SAY(enter(ring.fd, 0, 1, flags, (void*)8, sizeof wait));
  wait.ts = 8;
  SAY(enter(ring.fd, 0, 1, flags, &wait, sizeof wait));
  wait.ts = (uintptr_t)&bad;
  SAY(enter(ring.fd, 0, 1, flags, &wait, sizeof wait));
  wait.ts = (uintptr_t)&soon;
  wait.sigmask = (uintptr_t)space;
  wait.sigmask_sz = 4;
  SAY(enter(ring.fd, 0, 1, flags, &wait, sizeof wait));
  wait.sigmask_sz = 8;
  SAY(enter(ring.fd, 0, 1, flags, &wait, sizeof wait));
  nop(&ring, 1, 0);
  SAY(submit(&ring, 0));
  SAY(enter(ring.fd, 0, 2, flags, &wait, sizeof wait));
  print_all("fewer than wanted", &ring);
  close_ring(&ring);
}

// ── Polls ──

static Sqe* poll_for(Ring* ring, uint64_t data, int fd, unsigned events, unsigned flags) {
  Sqe* const sqe = transfer(ring, IORING_OP_POLL_ADD, data, fd, NULL, flags, 0);
  sqe->poll32_events = events;
  return sqe;
}
static void put(int fd, const char* text) {
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) perror("write");
}

static void part_polls(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  int ends[2];
  if (pipe(ends)) perror("pipe");
  poll_for(&ring, 1, ends[1], POLLOUT, 0);
  run("a pipe with room", &ring, 1);
  poll_for(&ring, 1, 900, POLLIN, 0);
  run("no file", &ring, 1);
  poll_for(&ring, 1, ends[0], POLLIN, 0);
  SAY(submit(&ring, 0));
  print_all("an empty pipe", &ring);
  put(ends[1], "a");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("a byte", &ring);
  poll_for(&ring, 1, ends[0], POLLIN, 0);
  run("still there", &ring, 1);
  poll_for(&ring, 1, ends[0], POLLIN, 64);
  run("an unknown flag", &ring, 1);
  poll_for(&ring, 1, ends[0], POLLIN, 0)->off = 1;
  run("an offset", &ring, 1);
  if (read(ends[0], space, 1) != 1) perror("read");
  poll_for(&ring, 1, ends[0], POLLIN, IORING_POLL_ADD_MULTI);
  SAY(submit(&ring, 0));
  for (int i = 0; i < 3; ++i) {
    put(ends[1], "b");
    SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
    print_all("multishot", &ring);
    if (read(ends[0], space, 1) != 1) perror("read");
  }
  next(&ring, IORING_OP_POLL_REMOVE, 2)->addr = 9;
  run("remove an unknown poll", &ring, 1);
  next(&ring, IORING_OP_POLL_REMOVE, 2)->addr = 1;
  run("remove the poll", &ring, 2);
  poll_for(&ring, 1, ends[0], POLLIN, 0);
  SAY(submit(&ring, 0));
  Sqe* sqe = next(&ring, IORING_OP_POLL_REMOVE, 2);
  sqe->addr = 1;
  sqe->off = 7;
  sqe->len = IORING_POLL_UPDATE_USER_DATA;
  run("change the user data", &ring, 1);
  put(ends[1], "c");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("with the new data", &ring);
  if (read(ends[0], space, 1) != 1) perror("read");
  poll_for(&ring, 1, ends[0], POLLPRI, 0);
  SAY(submit(&ring, 0));
  put(ends[1], "d");
  sqe = next(&ring, IORING_OP_POLL_REMOVE, 2);
  sqe->addr = 1;
  sqe->poll32_events = POLLIN;
  sqe->len = IORING_POLL_UPDATE_EVENTS;
  run("change the events", &ring, 2);
  sqe = next(&ring, IORING_OP_POLL_REMOVE, 2);
  sqe->addr = 1;
  sqe->off = 5;
  run("an offset without a flag", &ring, 1);
  sqe = next(&ring, IORING_OP_POLL_REMOVE, 2);
  sqe->addr = 1;
  sqe->len = IORING_POLL_ADD_MULTI;
  run("only multishot", &ring, 1);
  if (read(ends[0], space, 1) != 1) perror("read");
  poll_for(&ring, 1, ends[0], POLLIN, 0);
  SAY(submit(&ring, 0));
  close(ends[1]);
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("the writer has gone", &ring);
  close(ends[0]);
  // The ring in epoll and in itself.
  const int epoll = epoll_create1(0), count = eventfd(0, 0);
  struct epoll_event event = {.events = EPOLLIN};
  SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, ring.fd, &event));
  SAY(epoll_wait(epoll, &event, 1, 0));
  nop(&ring, 1, 0);
  SAY(submit(&ring, 0));
  SAY(epoll_wait(epoll, &event, 1, 0));
  print_all("read", &ring);
  SAY(epoll_wait(epoll, &event, 1, 0));
  sqe = next(&ring, IORING_OP_EPOLL_CTL, 1);
  sqe->fd = epoll;
  sqe->len = EPOLL_CTL_ADD;
  sqe->off = count;
  sqe->addr = (uintptr_t)&event;
  run("add to an epoll file", &ring, 1);
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, count, &event));
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, ring.fd, &event));
  // Completions that an eventfd counts.
  SAY(enroll(ring.fd, IORING_REGISTER_EVENTFD, &epoll, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_EVENTFD, &count, 2));
  SAY(enroll(ring.fd, IORING_REGISTER_EVENTFD, &count, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_EVENTFD, &count, 1));
  nop(&ring, 1, 0);
  run("with an eventfd", &ring, 1);
  uint64_t value = 0;
  SAY(read(count, &value, sizeof value));
  SAY(enroll(ring.fd, IORING_UNREGISTER_EVENTFD, NULL, 0));
  SAY(enroll(ring.fd, IORING_UNREGISTER_EVENTFD, NULL, 0));
  close_ring(&ring);
}

// ── Cancelling ──

static Sqe* cancel(Ring* ring, uint64_t data, uint64_t target, int fd, unsigned flags) {
  Sqe* const sqe = next(ring, IORING_OP_ASYNC_CANCEL, data);
  sqe->addr = target;
  sqe->fd = fd;
  sqe->cancel_flags = flags;
  return sqe;
}

static void part_cancels(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  int one[2], other[2];
  if (pipe(one) || pipe(other)) perror("pipe");
  cancel(&ring, 9, 1, 0, 0);
  run("nothing to cancel", &ring, 1);
  cancel(&ring, 9, 1, 0, IORING_ASYNC_CANCEL_ALL);
  run("no requests", &ring, 1);
  cancel(&ring, 9, 1, 0, 1u << 20);
  run("an unknown flag", &ring, 1);
  cancel(&ring, 9, 1, 900, IORING_ASYNC_CANCEL_FD);
  run("no file", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, one[0], space, 8, 0);
  SAY(submit(&ring, 0));
  cancel(&ring, 9, 1, 0, 0);
  run("a read", &ring, 2);
  for (int i = 0; i < 3; ++i) transfer(&ring, IORING_OP_READ, 1, one[0], space, 8, 0);
  SAY(submit(&ring, 0));
  cancel(&ring, 9, 1, 0, 0);
  run("one of three reads", &ring, 2);
  cancel(&ring, 9, 1, 0, IORING_ASYNC_CANCEL_ALL);
  run("the others", &ring, 3);
  transfer(&ring, IORING_OP_READ, 1, one[0], space, 8, 0);
  transfer(&ring, IORING_OP_READ, 2, other[0], space, 8, 0);
  SAY(submit(&ring, 0));
  cancel(&ring, 9, 0, other[0], IORING_ASYNC_CANCEL_FD);
  run("by the file", &ring, 2);
  cancel(&ring, 9, 0, 0, IORING_ASYNC_CANCEL_ANY);
  run("any", &ring, 2);
  transfer(&ring, IORING_OP_READ, 1, one[0], space, 8, IOSQE_IO_LINK);
  nop(&ring, 2, 0);
  SAY(submit(&ring, 0));
  cancel(&ring, 9, 1, 0, 0);
  run("a chain", &ring, 3);
  transfer(&ring, IORING_OP_READ, 1, one[0], space, 8, IOSQE_IO_HARDLINK);
  nop(&ring, 2, 0);
  SAY(submit(&ring, 0));
  cancel(&ring, 9, 1, 0, 0);
  run("a hard chain", &ring, 3);
  const struct __kernel_timespec late = in_ms(10000);
  timeout(&ring, 1, &late, 0, 0);
  poll_for(&ring, 2, one[0], POLLIN, 0);
  poll_for(&ring, 3, one[0], POLLIN, IORING_POLL_ADD_MULTI);
  SAY(submit(&ring, 0));
  for (int i = 1; i <= 3; ++i) {
    cancel(&ring, 9, i, 0, 0);
    run("a timeout, a poll, a multishot poll", &ring, 2);
  }
  struct io_uring_sync_cancel_reg sync = {.addr = 1, .timeout = {-1, -1}};
  SAY(enroll(ring.fd, IORING_REGISTER_SYNC_CANCEL, &sync, 1));
  transfer(&ring, IORING_OP_READ, 1, one[0], space, 8, 0);
  SAY(submit(&ring, 0));
  SAY(enroll(ring.fd, IORING_REGISTER_SYNC_CANCEL, &sync, 1));
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("synchronously", &ring);
  close_ring(&ring);
}

// ── Completions without room ──

static void part_overflow(void) {
  Ring ring;
  if (open_ring(&ring, 4, 0, 0) < 0) perror("ring");
  for (int i = 0; i < 6; ++i) {
    nop(&ring, 2 * i, 0), nop(&ring, 2 * i + 1, 0);
    SAY(submit(&ring, 0));
  }
  printf("flags %x, overflow %u\n", ring_word(&ring, ring.params.sq_off.flags),
         ring_word(&ring, ring.params.cq_off.overflow));
  print_all("what the ring has room for", &ring);
  printf("flags %x\n", ring_word(&ring, ring.params.sq_off.flags));
  SAY(enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("the rest", &ring);
  printf("flags %x\n", ring_word(&ring, ring.params.sq_off.flags));
  nop(&ring, 1, 0);
  run("afterwards", &ring, 1);
  SAY(enter(ring.fd, 0, 100, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
            &(struct io_uring_getevents_arg){.ts = (uintptr_t)&(struct __kernel_timespec){0, 1}},
            sizeof(struct io_uring_getevents_arg)));
  close_ring(&ring);
}

// ── Registered things ──

static void part_registers(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  int ends[2];
  if (pipe(ends)) perror("pipe");
  int files[4] = {ends[0], -1, ends[1], -1}, bad[2] = {ends[0], 900};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, files, 0));
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, NULL, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, (void*)8, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, bad, 2));
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, &ring.fd, 1));
  SAY(enroll(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, files, 4));
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, files, 4));
  close(ends[0]);
  close(ends[1]);
  transfer(&ring, IORING_OP_WRITE, 1, 2, "hello", 5, IOSQE_FIXED_FILE);
  run("write", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, 0, space, 5, IOSQE_FIXED_FILE);
  run("read", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, 1, space, 5, IOSQE_FIXED_FILE);
  run("an empty slot", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, 4, space, 5, IOSQE_FIXED_FILE);
  run("no slot", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, 0, space, 5, IOSQE_FIXED_FILE);
  poll_for(&ring, 2, 0, POLLIN, 0)->flags = IOSQE_FIXED_FILE;
  SAY(submit(&ring, 0));
  transfer(&ring, IORING_OP_WRITE, 3, 2, "helloworld", 10, IOSQE_FIXED_FILE);
  run("they wait", &ring, 3);
  Sqe* sqe = next(&ring, IORING_OP_CLOSE, 1);
  sqe->fd = 0;
  sqe->file_index = 1;
  run("close a slot", &ring, 1);
  sqe = next(&ring, IORING_OP_CLOSE, 1);
  sqe->fd = 0;
  sqe->file_index = 1;
  run("close it again", &ring, 1);
  sqe = next(&ring, IORING_OP_CLOSE, 1);
  sqe->fd = 0;
  sqe->file_index = 9;
  run("close no slot", &ring, 1);
  sqe = transfer(&ring, IORING_OP_OPENAT, 1, AT_FDCWD, "/tmp", 0, 0);
  sqe->open_flags = O_RDONLY | O_DIRECTORY;
  sqe->file_index = 1;
  run("open into a slot", &ring, 1);
  sqe = transfer(&ring, IORING_OP_OPENAT, 1, AT_FDCWD, "/tmp", 0, 0);
  sqe->open_flags = O_RDONLY | O_CLOEXEC;
  sqe->file_index = 1;
  run("open into a slot for exec", &ring, 1);
  sqe = transfer(&ring, IORING_OP_OPENAT, 1, AT_FDCWD, "/tmp", 0, 0);
  sqe->open_flags = O_RDONLY;
  sqe->file_index = 7;
  run("open into no slot", &ring, 1);
  for (int i = 0; i < 3; ++i) {
    sqe = transfer(&ring, IORING_OP_OPENAT, 1, AT_FDCWD, "/tmp", 0, 0);
    sqe->open_flags = O_RDONLY;
    sqe->file_index = ~0u;
    run("open into a slot of the kernel's choice", &ring, 1);
  }
  const int null = open("/dev/null", O_RDWR);
  struct io_uring_files_update update = {.offset = 1, .fds = (uintptr_t)&null};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES_UPDATE, &update, 1));
  update.offset = 4;
  SAY(enroll(ring.fd, IORING_REGISTER_FILES_UPDATE, &update, 1));
  update.offset = 0;
  update.fds = (uintptr_t)bad;
  bad[0] = null;
  SAY(enroll(ring.fd, IORING_REGISTER_FILES_UPDATE, &update, 2));
  sqe = next(&ring, IORING_OP_FILES_UPDATE, 1);
  sqe->addr = (uintptr_t)&null;
  sqe->len = 1;
  sqe->off = 3;
  run("update by a submission", &ring, 1);
  transfer(&ring, IORING_OP_WRITE, 1, 3, "hello", 5, IOSQE_FIXED_FILE);
  run("write to it", &ring, 1);
  sqe = next(&ring, OP_FIXED_FD_INSTALL, 1);
  sqe->fd = 3;
  sqe->flags = IOSQE_FIXED_FILE;
  SAY(submit(&ring, 1));
  Cqe cqe;
  if (take(&ring, &cqe)) printf("a descriptor for it: %s\n", cqe.res >= 0 ? "ok" : "error");
  if (cqe.res >= 0) close(cqe.res);
  next(&ring, OP_FIXED_FD_INSTALL, 1)->fd = 3;
  run("a descriptor for no registered file", &ring, 1);
  SAY(enroll(ring.fd, IORING_UNREGISTER_FILES, NULL, 1));
  SAY(enroll(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));

  struct io_uring_rsrc_register sparse = {.nr = 8, .flags = IORING_RSRC_REGISTER_SPARSE};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES2, &sparse, 8));
  SAY(enroll(ring.fd, IORING_REGISTER_FILES2, &sparse, sizeof sparse));
  struct io_uring_file_index_range range = {.off = 4, .len = 2};
  SAY(enroll(ring.fd, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0));
  for (int i = 0; i < 3; ++i) {
    sqe = next(&ring, IORING_OP_SOCKET, i);
    sqe->fd = AF_UNIX;
    sqe->off = SOCK_STREAM;
    sqe->file_index = ~0u;
    run("a socket in a range", &ring, 1);
  }
  range.len = 8;
  SAY(enroll(ring.fd, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0));
  uint64_t tags[2] = {71, 72};
  const int two[2] = {null, null};
  struct io_uring_rsrc_update2 tagged = {
      .offset = 0, .data = (uintptr_t)two, .tags = (uintptr_t)tags, .nr = 2};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES_UPDATE2, &tagged, sizeof tagged));
  SAY(enroll(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
  pause_ms(100);
  SAY(enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("tags", &ring);

  static char memory[8192] __attribute__((aligned(4096)));
  struct iovec buffers[2] = {{memory, 4096}, {memory + 4096, 4096}};
  SAY(enroll(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
  SAY(enroll(ring.fd, IORING_REGISTER_BUFFERS, buffers, 0));
  SAY(enroll(ring.fd, IORING_REGISTER_BUFFERS, (void*)8, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_BUFFERS, &(struct iovec){(void*)4096, 10}, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_BUFFERS, &(struct iovec){memory, 0}, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_BUFFERS, buffers, 2));
  SAY(enroll(ring.fd, IORING_REGISTER_BUFFERS, buffers, 2));
  const int file = open("/tmp/uring-fixed", O_CREAT | O_TRUNC | O_RDWR, 0600);
  put(file, "0123456789");
  const struct {
    const char* what;
    unsigned index;
    char* at;
    unsigned size;
  } rows[] = {{"in the first buffer", 0, memory, 10},   {"in the second", 1, memory + 5000, 5},
              {"in no buffer", 2, memory, 10},          {"in the wrong buffer", 1, memory, 10},
              {"across the end", 0, memory + 4090, 10}, {"before it", 1, memory + 4090, 10},
              {"with a wrap", 0, (char*)-8, 16}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    transfer(&ring, IORING_OP_READ_FIXED, 1, file, rows[i].at, rows[i].size, 0)->buf_index =
        rows[i].index;
    run(rows[i].what, &ring, 1);
  }
  transfer(&ring, IORING_OP_WRITE_FIXED, 1, file, memory, 10, 0)->off = 10;
  run("write", &ring, 1);
  SAY(enroll(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));

  struct {
    struct io_uring_probe head;
    struct io_uring_probe_op operations[256];
  } probe = {0};
  SAY(enroll(ring.fd, IORING_REGISTER_PROBE, &probe, 257));
  SAY(enroll(ring.fd, IORING_REGISTER_PROBE, &probe, 256));
  printf("last: %u, count: %u\n", probe.head.last_op, probe.head.ops_len);
  SAY(enroll(ring.fd, IORING_REGISTER_PROBE, &probe, 256));
  SAY(enroll(ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
  nop(&ring, 1, 0)->personality = 1;
  run("a personality", &ring, 1);
  SAY(enroll(ring.fd, IORING_UNREGISTER_PERSONALITY, NULL, 1));
  SAY(enroll(ring.fd, IORING_UNREGISTER_PERSONALITY, NULL, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
  SAY(enroll(ring.fd, 900, NULL, 0));
  struct io_uring_rsrc_update ring_fd = {.offset = -1, .data = ring.fd};
  SAY(enroll(ring.fd, IORING_REGISTER_RING_FDS, &ring_fd, 1));
  printf("at %d\n", (int)ring_fd.offset);
  nop(&ring, 1, 0);
  *word(&ring, ring.params.sq_off.tail) = ring.tail;
  SAY(enter(ring_fd.offset, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING, NULL, 0));
  print_all("by a registered descriptor", &ring);
  SAY(enter(3, 1, 1, IORING_ENTER_REGISTERED_RING, NULL, 0));
  ring_fd.data = 0;
  SAY(enroll(ring.fd, IORING_UNREGISTER_RING_FDS, &ring_fd, 1));
  SAY(enter(ring_fd.offset, 1, 1, IORING_ENTER_REGISTERED_RING, NULL, 0));
  close_ring(&ring);

  if (open_ring(&ring, 8, IORING_SETUP_R_DISABLED, 0) < 0) perror("ring");
  nop(&ring, 1, 0);
  SAY(submit(&ring, 0));
  struct io_uring_restriction allowed[] = {
      {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP},
      {.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_ASYNC},
      {.opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_PERSONALITY}};
  SAY(enroll(ring.fd, IORING_REGISTER_RESTRICTIONS, allowed, 3));
  SAY(enroll(ring.fd, IORING_REGISTER_RESTRICTIONS, allowed, 3));
  SAY(enroll(ring.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
  SAY(enter(ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("allowed", &ring);
  transfer(&ring, IORING_OP_WRITE, 1, null, space, 1, 0);
  run("not allowed", &ring, 1);
  nop(&ring, 1, IOSQE_IO_LINK);
  run("a flag that is not allowed", &ring, 1);
  SAY(enroll(ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
  SAY(enroll(ring.fd, IORING_REGISTER_PROBE, &probe, 256));
  close_ring(&ring);
  unlink("/tmp/uring-fixed");
}

// ── Buffers that the kernel chooses ──

static void part_buffers(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  static char memory[16][64];
  int ends[2], pair[2];
  if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) perror("pipe");
  put(ends[1], "0123456789");
  const unsigned select = IOSQE_BUFFER_SELECT;
  transfer(&ring, IORING_OP_READ, 1, ends[0], NULL, 4, select)->buf_group = 5;
  run("no group", &ring, 1);
  Sqe* sqe = transfer(&ring, IORING_OP_PROVIDE_BUFFERS, 1, 4, memory, 64, 0);
  sqe->off = 10;
  sqe->buf_group = 5;
  run("four buffers", &ring, 1);
  sqe = transfer(&ring, IORING_OP_PROVIDE_BUFFERS, 1, 0, memory, 64, 0);
  run("no buffers", &ring, 1);
  sqe = transfer(&ring, IORING_OP_PROVIDE_BUFFERS, 1, 4, memory, 64, 0);
  sqe->off = 65534;
  run("numbers out of range", &ring, 1);
  for (int i = 0; i < 2; ++i) {
    transfer(&ring, IORING_OP_READ, 1, ends[0], NULL, 4, select)->buf_group = 5;
    run("read", &ring, 1);
    printf("%.4s\n", memory[i]);
  }
  sqe = next(&ring, IORING_OP_REMOVE_BUFFERS, 1);
  sqe->fd = 1;
  sqe->buf_group = 5;
  run("remove one", &ring, 1);
  sqe = next(&ring, IORING_OP_REMOVE_BUFFERS, 1);
  sqe->fd = 1;
  sqe->buf_group = 6;
  run("remove from no group", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, ends[0], NULL, 0, select)->buf_group = 5;
  run("the last one", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, ends[0], NULL, 4, select)->buf_group = 5;
  run("none is left", &ring, 1);
  sqe = transfer(&ring, IORING_OP_PROVIDE_BUFFERS, 1, 2, memory, 8, 0);
  sqe->buf_group = 5;
  run("two more", &ring, 1);
  transfer(&ring, IORING_OP_RECV, 1, pair[0], NULL, 0, select)->buf_group = 5;
  transfer(&ring, IORING_OP_RECV, 2, pair[0], NULL, 0, select)->buf_group = 5;
  SAY(submit(&ring, 0));
  print_all("two receives", &ring);
  put(pair[1], "abc");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  Cqe cqe;
  if (take(&ring, &cqe))
    printf("a receive: %d %x\n", cqe.res, cqe.flags & ~IORING_CQE_F_SOCK_NONEMPTY);
  put(pair[1], "abcdefghijk");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  if (take(&ring, &cqe))
    printf("a receive: %d %x\n", cqe.res, cqe.flags & ~IORING_CQE_F_SOCK_NONEMPTY);
  if (read(pair[0], space, 100) < 0) perror("read");

  // A ring of buffers.
  static struct io_uring_buf shared[8] __attribute__((aligned(4096)));
  struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)shared, .ring_entries = 8, .bgid = 7};
  struct io_uring_buf_reg wrong = group;
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &group, 0));
  wrong.ring_entries = 7;
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &wrong, 1));
  wrong = group, wrong.ring_addr += 8;
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &wrong, 1));
  wrong = group, wrong.ring_addr = 0;
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &wrong, 1));
  wrong = group, wrong.ring_entries = 65536;
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &wrong, 1));
  wrong = group, wrong.resv[1] = 1;
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &wrong, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &group, 1));
  SAY(enroll(ring.fd, IORING_REGISTER_PBUF_RING, &group, 1));
  transfer(&ring, IORING_OP_RECV, 1, pair[0], NULL, 0, select)->buf_group = 7;
  run("an empty ring of buffers", &ring, 1);
  for (int i = 0; i < 4; ++i) {
    shared[i].addr = (uintptr_t)memory[i];
    shared[i].len = 64;
    shared[i].bid = i + 20;
  }
  __atomic_store_n(&shared[0].resv, 4, __ATOMIC_RELEASE);  // the tail
  put(pair[1], "abc");
  transfer(&ring, IORING_OP_RECV, 1, pair[0], NULL, 0, select)->buf_group = 7;
  run("a receive", &ring, 1);
  sqe = transfer(&ring, IORING_OP_RECV, 2, pair[0], NULL, 0, select);
  sqe->ioprio = IORING_RECV_MULTISHOT;
  sqe->buf_group = 7;
  SAY(submit(&ring, 0));
  for (int i = 0; i < 3; ++i) {
    put(pair[1], "defg");
    SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
    print_all("a multishot receive", &ring);
  }
  __atomic_store_n(&shared[0].resv, 8, __ATOMIC_RELEASE);
  for (int i = 4; i < 8; ++i) {
    shared[i].addr = (uintptr_t)memory[i];
    shared[i].len = 64;
    shared[i].bid = i + 20;
  }
  sqe = transfer(&ring, OP_READ_MULTISHOT, 2, pair[0], NULL, 0, select);
  sqe->buf_group = 7;
  SAY(submit(&ring, 0));
  put(pair[1], "hi");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("a multishot read", &ring);
  close(pair[1]);
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("… and its end", &ring);
  sqe = transfer(&ring, IORING_OP_RECV, 2, pair[0], space, 10, 0);
  sqe->ioprio = IORING_RECV_MULTISHOT;
  run("multishot without a group", &ring, 1);
  wrong = (struct io_uring_buf_reg){.bgid = 8};
  SAY(enroll(ring.fd, IORING_UNREGISTER_PBUF_RING, &wrong, 1));
  wrong.bgid = 5;
  SAY(enroll(ring.fd, IORING_UNREGISTER_PBUF_RING, &wrong, 1));
  wrong.bgid = 7;
  SAY(enroll(ring.fd, IORING_UNREGISTER_PBUF_RING, &wrong, 1));
  close_ring(&ring);
}

// Messages into chosen buffers.
static void part_messages(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  static char memory[4][16];
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair)) perror("pair");
  struct iovec into[2] = {{space, 16}, {space, 16}};
  struct msghdr message = {.msg_iov = into, .msg_iovlen = 1};
  const unsigned select = IOSQE_BUFFER_SELECT;
  put(pair[1], "first");
  transfer(&ring, IORING_OP_RECVMSG, 1, pair[0], &message, 1, select)->buf_group = 3;
  run("no group", &ring, 1);
  transfer(&ring, IORING_OP_PROVIDE_BUFFERS, 9, 4, memory, 16, 0)->buf_group = 3;
  run("four buffers", &ring, 1);
  transfer(&ring, IORING_OP_RECVMSG, 1, pair[0], &message, 1, select)->buf_group = 3;
  run("a message", &ring, 1);
  printf("%s, flags %x, %s\n", memory[0], message.msg_flags, memory[3]);
  into[0].iov_len = 2;
  put(pair[1], "second");
  transfer(&ring, IORING_OP_RECVMSG, 1, pair[0], &message, 1, select)->buf_group = 3;
  run("a shorter part", &ring, 1);
  printf("%s, flags %x, %s\n", memory[1], message.msg_flags, memory[2]);
  message.msg_iovlen = 2;
  put(pair[1], "third");
  transfer(&ring, IORING_OP_RECVMSG, 1, pair[0], &message, 1, select)->buf_group = 3;
  run("two parts", &ring, 1);
  message.msg_iovlen = 0;
  transfer(&ring, IORING_OP_RECVMSG, 1, pair[0], &message, 1, select)->buf_group = 3;
  run("no part", &ring, 1);
  printf("%s, %s\n", memory[1], memory[2]);
  message.msg_iovlen = 1;
  into[0].iov_len = 16;
  transfer(&ring, IORING_OP_RECVMSG, 1, pair[0], &message, 1, select)->buf_group = 3;
  SAY(submit(&ring, 0));
  put(pair[1], "late");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("a later message", &ring);
  transfer(&ring, IORING_OP_RECVMSG, 1, pair[0], (void*)8, 1, select)->buf_group = 3;
  run("no header", &ring, 1);
  close_ring(&ring);
}

// ── Files and sockets ──

static void part_files(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  mkdir("/tmp/uring", 0700);
  Sqe* sqe = transfer(&ring, IORING_OP_OPENAT, 1, AT_FDCWD, "/tmp/uring/missing", 0600, 0);
  run("open a missing file", &ring, 1);
  sqe = transfer(&ring, IORING_OP_OPENAT, 1, AT_FDCWD, "/tmp/uring/file", 0600, 0);
  sqe->open_flags = O_CREAT | O_RDWR;
  SAY(submit(&ring, 1));
  Cqe cqe = {.res = -1};
  take(&ring, &cqe);
  const int file = cqe.res;
  printf("open a new one: %s\n", file >= 0 ? "ok" : "error");
  put(file, "0123456789");
  struct statx status;
  sqe = transfer(&ring, IORING_OP_STATX, 1, AT_FDCWD, "/tmp/uring/file", STATX_SIZE, 0);
  sqe->off = (uintptr_t)&status;
  run("statx", &ring, 1);
  printf("%llu bytes\n", (unsigned long long)status.stx_size);
  sqe = transfer(&ring, IORING_OP_MKDIRAT, 1, AT_FDCWD, "/tmp/uring/folder", 0700, 0);
  run("mkdir", &ring, 1);
  sqe = transfer(&ring, IORING_OP_MKDIRAT, 1, AT_FDCWD, "/tmp/uring/folder", 0700, 0);
  run("mkdir again", &ring, 1);
  sqe = transfer(&ring, IORING_OP_LINKAT, 1, AT_FDCWD, "/tmp/uring/file", AT_FDCWD, 0);
  sqe->addr2 = (uintptr_t)"/tmp/uring/other";
  run("link", &ring, 1);
  sqe = transfer(&ring, IORING_OP_SYMLINKAT, 1, AT_FDCWD, "file", 0, 0);
  sqe->addr2 = (uintptr_t)"/tmp/uring/symbolic";
  run("symlink", &ring, 1);
  sqe = transfer(&ring, IORING_OP_RENAMEAT, 1, AT_FDCWD, "/tmp/uring/other", AT_FDCWD, 0);
  sqe->addr2 = (uintptr_t)"/tmp/uring/third";
  run("rename", &ring, 1);
  static const char* const names[] = {"third", "symbolic", "folder", "missing"};
  for (size_t i = 0; i < 4; ++i) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/uring/%s", names[i]);
    transfer(&ring, IORING_OP_UNLINKAT, 1, AT_FDCWD, path, 0, 0);
    run("unlink", &ring, 1);
  }
  transfer(&ring, IORING_OP_UNLINKAT, 1, AT_FDCWD, "/tmp/uring/folder", 0, 0)->unlink_flags =
      AT_REMOVEDIR;
  run("rmdir", &ring, 1);
  struct {
    uint64_t flags, mode, resolve;
  } how = {O_RDONLY, 0, 0};
  sqe = transfer(&ring, IORING_OP_OPENAT2, 1, AT_FDCWD, "/tmp/uring/missing", sizeof how, 0);
  sqe->off = (uintptr_t)&how;
  run("openat2", &ring, 1);
  sqe = transfer(&ring, IORING_OP_OPENAT2, 1, AT_FDCWD, "/tmp/uring/file", 8, 0);
  sqe->off = (uintptr_t)&how;
  run("openat2 with a bad size", &ring, 1);
  int ends[2], others[2];
  if (pipe(ends) || pipe(others)) perror("pipe");
  sqe = transfer(&ring, IORING_OP_SPLICE, 1, ends[1], NULL, 4, 0);
  sqe->splice_fd_in = file;
  sqe->splice_off_in = 2;
  sqe->off = -1;
  run("splice from 2", &ring, 1);
  sqe = transfer(&ring, IORING_OP_TEE, 1, others[1], NULL, 4, 0);
  sqe->splice_fd_in = ends[0];
  run("tee", &ring, 1);
  if (read(others[0], space, 4) == 4) printf("%.4s\n", space);
  sqe = transfer(&ring, IORING_OP_SPLICE, 1, file, NULL, 4, 0);
  sqe->splice_fd_in = ends[0];
  sqe->splice_off_in = -1;
  sqe->off = 8;
  run("splice to 8", &ring, 1);
  sqe = transfer(&ring, IORING_OP_READ, 1, file, space, 32, 0);
  run("read", &ring, 1);
  printf("%.12s\n", space);
  sqe = transfer(&ring, IORING_OP_SPLICE, 1, file, NULL, 4, 0);
  sqe->splice_fd_in = 900;
  sqe->off = -1;
  sqe->splice_off_in = -1;
  run("splice from no file", &ring, 1);
  sqe = transfer(&ring, IORING_OP_MADVISE, 1, -1, (void*)((uintptr_t)space & -4096ul), 4096, 0);
  run("madvise", &ring, 1);
  sqe = next(&ring, IORING_OP_CLOSE, 1);
  sqe->fd = file;
  run("close", &ring, 1);
  sqe = next(&ring, IORING_OP_CLOSE, 1);
  sqe->fd = file;
  run("close it again", &ring, 1);
  sqe = next(&ring, IORING_OP_CLOSE, 1);
  sqe->fd = ring.fd;
  run("close the ring", &ring, 1);
  unlink("/tmp/uring/file");
  rmdir("/tmp/uring");
  uint32_t futex = 5;
  sqe = transfer(&ring, OP_FUTEX_WAIT, 1, 2 | FUTEX_PRIVATE_FLAG, &futex, 0, 0);
  sqe->off = 4;
  sqe->addr3 = ~0u;
  run("a futex with another value", &ring, 1);
  sqe = transfer(&ring, OP_FUTEX_WAIT, 1, 2 | FUTEX_PRIVATE_FLAG, &futex, 0, 0);
  sqe->off = 5;
  sqe->addr3 = ~0u;
  SAY(submit(&ring, 0));
  sqe = transfer(&ring, OP_FUTEX_WAKE, 2, 2 | FUTEX_PRIVATE_FLAG, &futex, 0, 0);
  sqe->off = 1;
  sqe->addr3 = ~0u;
  run("a futex", &ring, 2);
  sqe = transfer(&ring, OP_FUTEX_WAIT, 1, 64, &futex, 0, 0);
  run("a futex with bad flags", &ring, 1);
  const pid_t child = fork();
  if (child == 0) _exit(7);
  siginfo_t info = {0};
  sqe = transfer(&ring, OP_WAITID, 1, child, NULL, P_PID, 0);
  sqe->file_index = WEXITED;
  sqe->addr2 = (uintptr_t)&info;
  run("waitid", &ring, 1);
  printf("status %d\n", info.si_status);
  Ring other;
  if (open_ring(&other, 4, 0, 0) < 0) perror("ring");
  sqe = transfer(&ring, IORING_OP_MSG_RING, 1, other.fd, NULL, 33, 0);
  sqe->off = 44;
  run("a message", &ring, 1);
  print_all("… has come", &other);
  sqe = transfer(&ring, IORING_OP_MSG_RING, 1, ends[0], NULL, 33, 0);
  run("a message to a pipe", &ring, 1);
  close_ring(&other);
  close_ring(&ring);
}

static void part_sockets(void) {
  Ring ring;
  if (open_ring(&ring, 32, 0, 0) < 0) perror("ring");
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0uring"};
  const socklen_t length = offsetof(struct sockaddr_un, sun_path) + 6;
  Sqe* sqe = next(&ring, IORING_OP_SOCKET, 1);
  sqe->fd = AF_UNIX;
  sqe->off = SOCK_STREAM;
  SAY(submit(&ring, 1));
  Cqe cqe = {.res = -1};
  take(&ring, &cqe);
  const int listener = cqe.res;
  sqe = transfer(&ring, OP_BIND, 1, listener, &name, 0, 0);
  sqe->addr2 = length;
  run("bind", &ring, 1);
  transfer(&ring, OP_LISTEN, 1, listener, NULL, 8, 0);
  run("listen", &ring, 1);
  transfer(&ring, IORING_OP_ACCEPT, 1, listener, NULL, 0, 0);
  SAY(submit(&ring, 0));
  const int client = socket(AF_UNIX, SOCK_STREAM, 0);
  sqe = transfer(&ring, IORING_OP_CONNECT, 2, client, &name, 0, 0);
  sqe->addr2 = length;
  SAY(submit(&ring, 2));
  int server = -1;
  while (take(&ring, &cqe)) {
    printf("%llu: %s\n", (unsigned long long)cqe.user_data, cqe.res >= 0 ? "ok" : "error");
    if (cqe.user_data == 1) server = cqe.res;
  }
  transfer(&ring, IORING_OP_SEND, 1, client, "hello", 5, 0);
  transfer(&ring, IORING_OP_RECV, 2, server, space, 10, 0);
  run("send and receive", &ring, 2);
  transfer(&ring, IORING_OP_RECV, 2, server, space, 10, 0)->msg_flags = MSG_DONTWAIT;
  run("receive without waiting", &ring, 1);
  struct iovec part = {"hello", 5}, into = {space, 10};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1},
                received = {.msg_iov = &into, .msg_iovlen = 1};
  transfer(&ring, IORING_OP_RECVMSG, 2, server, &received, 1, 0);
  SAY(submit(&ring, 0));
  transfer(&ring, IORING_OP_SENDMSG, 1, client, &message, 1, 0);
  run("messages", &ring, 2);
  transfer(&ring, IORING_OP_SEND, 1, ring.fd, "hello", 5, 0);
  run("send to no socket", &ring, 1);
  transfer(&ring, IORING_OP_RECV, 1, server, space, 10, 0)->msg_flags = MSG_WAITALL;
  SAY(submit(&ring, 0));
  put(client, "01234");
  pause_ms(20);
  print_all("wait for all", &ring);
  put(client, "56789");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("all is there", &ring);
  transfer(&ring, IORING_OP_SHUTDOWN, 1, client, NULL, SHUT_WR, 0);
  transfer(&ring, IORING_OP_RECV, 2, server, space, 10, 0);
  run("shutdown", &ring, 2);
  transfer(&ring, IORING_OP_SHUTDOWN, 1, client, NULL, 7, 0);
  run("a bad shutdown", &ring, 1);
  sqe = transfer(&ring, IORING_OP_ACCEPT, 1, listener, NULL, 0, 0);
  sqe->ioprio = IORING_ACCEPT_MULTISHOT;
  SAY(submit(&ring, 0));
  for (int i = 0; i < 3; ++i) {
    const int more = socket(AF_UNIX, SOCK_STREAM, 0);
    SAY(connect(more, (struct sockaddr*)&name, length));
    SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
    if (take(&ring, &cqe)) {
      printf("accepted: %s %x\n", cqe.res >= 0 ? "ok" : "error", cqe.flags);
      close(cqe.res);
    }
    close(more);
  }
  cancel(&ring, 2, 1, 0, 0);
  run("cancelled", &ring, 2);
  transfer(&ring, IORING_OP_ACCEPT, 1, client, NULL, 0, 0);
  run("accept on a connection", &ring, 1);
  transfer(&ring, IORING_OP_ACCEPT, 1, listener, NULL, 5, 0);
  run("accept with a length", &ring, 1);
  fcntl(listener, F_SETFL, O_NONBLOCK);
  transfer(&ring, IORING_OP_ACCEPT, 1, listener, NULL, 0, 0);
  SAY(submit(&ring, 0));
  print_all("accept with O_NONBLOCK", &ring);
  cancel(&ring, 2, 1, 0, 0);
  run("… waits", &ring, 2);
  // A ring does not travel.
  struct {
    struct cmsghdr head;
    int fd;
  } control = {{CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}, ring.fd};
  struct msghdr carrying = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  SAY(sendmsg(server, &carrying, 0));
  close_ring(&ring);
}

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

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    void (*run)(void);
  } parts[] = {
      {"setup", part_setup},       {"basic", part_basic},         {"links", part_links},
      {"timeouts", part_timeouts}, {"polls", part_polls},         {"cancels", part_cancels},
      {"overflow", part_overflow}, {"registers", part_registers}, {"buffers", part_buffers},
      {"files", part_files},       {"sockets", part_sockets},     {"sharing", part_sharing},
      {"polling", part_polling},   {"ends", part_ends},           {"signals", part_signals},
      {"messages", part_messages}};
  alarm(20);
  for (size_t i = 0; count > 1 && i < sizeof parts / sizeof *parts; ++i)
    if (strcmp(arguments[1], parts[i].name) == 0) parts[i].run();
  return 0;
}
