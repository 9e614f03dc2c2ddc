// io_uring: setting up, transfers, links, timeouts, polls, cancelling, and completions without
// room.
#include "uring.h"

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

// ── Rings that poll, and rings that show completions on demand ──

static void part_iopoll(void) {
  Ring ring;
  if (open_ring(&ring, 16, IORING_SETUP_IOPOLL, 0) < 0) perror("ring");
  int ends[2];
  if (pipe(ends)) perror("pipe");
  static const struct {
    const char* name;
    int operation;
  } tried[] = {{"nop", IORING_OP_NOP},         {"read", IORING_OP_READ},
               {"write", IORING_OP_WRITE},     {"poll", IORING_OP_POLL_ADD},
               {"timeout", IORING_OP_TIMEOUT}, {"cancel", IORING_OP_ASYNC_CANCEL},
               {"receive", IORING_OP_RECV},    {"fsync", IORING_OP_FSYNC},
               {"close", IORING_OP_CLOSE},     {"splice", IORING_OP_SPLICE},
               {"no operation", 200}};
  for (size_t i = 0; i < sizeof tried / sizeof *tried; ++i) {
    transfer(&ring, tried[i].operation, 1, ends[0], space, 8, 0);
    run(tried[i].name, &ring, 1);
  }
  transfer(&ring, IORING_OP_WRITE, 1, ends[1], space, 8, 0);
  run("write into the pipe", &ring, 1);
  transfer(&ring, IORING_OP_READ, 1, -1, space, 8, 0);
  run("read of no file", &ring, 1);
  Sqe* const sqe = transfer(&ring, IORING_OP_PROVIDE_BUFFERS, 1, 1, space, 8, 0);
  sqe->buf_group = 1;
  run("buffers", &ring, 1);
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  close_ring(&ring);
}

static void print_taskrun(const Ring* ring) {
  printf("IORING_SQ_TASKRUN: %d\n", (ring_word(ring, ring->params.sq_off.flags) >> 2) & 1);
}
static void part_deferred(void) {
  Ring ring;
  const unsigned flags = IORING_SETUP_SINGLE_ISSUER | 1u << 13 | IORING_SETUP_TASKRUN_FLAG;
  if (open_ring(&ring, 16, flags, 0) < 0) perror("ring");
  int ends[2];
  if (pipe(ends)) perror("pipe");
  poll_for(&ring, 1, ends[0], POLLIN, 0);
  SAY(submit(&ring, 0));
  print_taskrun(&ring);
  put(ends[1], "now");
  pause_ms(10);
  print_all("after the event", &ring);
  print_taskrun(&ring);
  struct pollfd ready = {.fd = ring.fd, .events = POLLIN};
  SAY(poll(&ready, 1, 0));
  SAY(enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
  print_taskrun(&ring);
  print_all("after io_uring_enter", &ring);
  SAY(poll(&ready, 1, 0));
  nop(&ring, 2, 0);
  SAY(submit(&ring, 0));
  print_all("a nop", &ring);
  char byte[4];
  SAY(read(ends[0], byte, sizeof byte));
  poll_for(&ring, 3, ends[0], POLLIN, 0);
  SAY(submit(&ring, 0));
  put(ends[1], "now");
  SAY(enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
  print_all("a wait", &ring);
  close_ring(&ring);
}

RUN_PART({"setup", part_setup}, {"basic", part_basic}, {"links", part_links},
         {"timeouts", part_timeouts}, {"polls", part_polls}, {"cancels", part_cancels},
         {"overflow", part_overflow}, {"iopoll", part_iopoll}, {"deferred", part_deferred})
