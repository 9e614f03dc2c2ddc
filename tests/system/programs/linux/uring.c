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
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
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
// Submits, waits for `complete` completions and prints them.
static void run(const char* what, Ring* ring, unsigned complete) {
  const int submitted = submit(ring, complete);
  if (submitted < 0) printf("%s ", strerrorname_np(errno));
  print_all(what, ring);
}
static void pause_ms(int ms) {
  const struct timespec length = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&length, NULL);
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

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    void (*run)(void);
  } parts[] = {{"setup", part_setup}, {"basic", part_basic}};
  alarm(20);
  for (size_t i = 0; count > 1 && i < sizeof parts / sizeof *parts; ++i)
    if (strcmp(arguments[1], parts[i].name) == 0) parts[i].run();
  return 0;
}
