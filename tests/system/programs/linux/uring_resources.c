// io_uring: what programs register, buffers that the kernel chooses, and files.
#include "uring.h"

// ── Registered things ──

// Functions with the argument `slot` put a request with the user data 1 into the ring. A request
// has the number of a slot plus 1, because 0 means none.
static void close_slot(Ring* ring, unsigned slot) {
  Sqe* const sqe = next(ring, IORING_OP_CLOSE, 1);
  sqe->fd = 0;
  sqe->file_index = slot;
}
static void open_into_slot(Ring* ring, int flags, unsigned slot) {
  Sqe* const sqe = transfer(ring, IORING_OP_OPENAT, 1, AT_FDCWD, "/tmp", 0, 0);
  sqe->open_flags = flags;
  sqe->file_index = slot;
}

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
  close_slot(&ring, 1);
  run("close a slot", &ring, 1);
  close_slot(&ring, 1);
  run("close it again", &ring, 1);
  close_slot(&ring, 9);
  run("close no slot", &ring, 1);
  open_into_slot(&ring, O_RDONLY | O_DIRECTORY, 1);
  run("open into a slot", &ring, 1);
  open_into_slot(&ring, O_RDONLY | O_CLOEXEC, 1);
  run("open into a slot for exec", &ring, 1);
  open_into_slot(&ring, O_RDONLY, 7);
  run("open into no slot", &ring, 1);
  for (int i = 0; i < 3; ++i) {
    open_into_slot(&ring, O_RDONLY, ~0u);
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
  Sqe* sqe = next(&ring, IORING_OP_FILES_UPDATE, 1);
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

// Puts a request that removes one buffer of the group into the ring.
static void remove_buffer(Ring* ring, unsigned group) {
  Sqe* const sqe = next(ring, IORING_OP_REMOVE_BUFFERS, 1);
  sqe->fd = 1;
  sqe->buf_group = group;
}
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
  remove_buffer(&ring, 5);
  run("remove one", &ring, 1);
  remove_buffer(&ring, 6);
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

// ── Files ──

// `value`: the value that a wait expects, or the number of waiters to wake.
static void add_futex(Ring* ring, int operation, uint64_t user_data, uint32_t* futex,
                      uint64_t value) {
  Sqe* const sqe = transfer(ring, operation, user_data, 2 | FUTEX_PRIVATE_FLAG, futex, 0, 0);
  sqe->off = value;
  sqe->addr3 = ~0u;
}

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
  add_futex(&ring, OP_FUTEX_WAIT, 1, &futex, 4);
  run("a futex with another value", &ring, 1);
  add_futex(&ring, OP_FUTEX_WAIT, 1, &futex, 5);
  SAY(submit(&ring, 0));
  add_futex(&ring, OP_FUTEX_WAKE, 2, &futex, 1);
  run("a futex", &ring, 2);
  add_futex(&ring, OP_FUTEX_WAIT, 1, &futex, 5);
  add_futex(&ring, OP_FUTEX_WAKE, 2, &futex, 1);
  run("a wait and its wake in one batch", &ring, 2);
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

RUN_PART({"registers", part_registers}, {"buffers", part_buffers}, {"files", part_files})
