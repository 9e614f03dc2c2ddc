// io_uring: sockets and messages.
#include "uring.h"

#include <netinet/in.h>
#include <sys/time.h>

// ── Sockets ──

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

// ── Messages into buffers that the kernel chooses ──

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

// ── O_NONBLOCK ──

static char large[4][100000];
static void part_nonblocking(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  int none[4] = {-1, -1, -1, -1};
  SAY(enroll(ring.fd, IORING_REGISTER_FILES, none, 4));
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof name;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SAY(bind(listener, (struct sockaddr*)&name, length));
  SAY(getsockname(listener, (struct sockaddr*)&name, &length));
  SAY(listen(listener, 4));
  transfer(&ring, IORING_OP_ACCEPT, 1, listener, NULL, 0, 0)->file_index = 2;
  SAY(submit(&ring, 0));
  pause_ms(10);
  print_all("an accept into a slot", &ring);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  transfer(&ring, IORING_OP_CONNECT, 2, client, &name, 0, 0)->off = length;
  run("a connection", &ring, 2);
  transfer(&ring, IORING_OP_CONNECT, 3, client, &name, 0, 0)->off = length;
  run("once more", &ring, 1);
  Sqe* sqe = transfer(&ring, IORING_OP_ACCEPT, 4, listener, NULL, 0, 0);
  sqe->file_index = 2;
  sqe->ioprio = 2;  // IORING_ACCEPT_DONTWAIT
  run("an accept that does not wait", &ring, 1);
  const int other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  transfer(&ring, IORING_OP_CONNECT, 5, other, (void*)8, 0, 0)->off = length;
  run("no address", &ring, 1);
  transfer(&ring, IORING_OP_CONNECT, 5, other, &name, 0, 0)->off = 500;
  run("a long address", &ring, 1);
  close(listener);
  transfer(&ring, IORING_OP_CONNECT, 6, other, &name, 0, 0)->off = length;
  run("nobody listens", &ring, 1);
  int failure = -1;
  socklen_t size = sizeof failure;
  SAY(getsockopt(other, SOL_SOCKET, SO_ERROR, &failure, &size));
  printf("SO_ERROR is %d\n", failure);
  // Longer than the kernel moves in one step.
  int pair[2], ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair)) perror("socketpair");
  if (pipe2(ends, O_NONBLOCK)) perror("pipe2");
  transfer(&ring, IORING_OP_RECV, 7, pair[0], large, sizeof large, 0);
  transfer(&ring, IORING_OP_READ, 8, ends[0], large, sizeof large, 0);
  SAY(submit(&ring, 0));
  pause_ms(10);
  print_all("long reads", &ring);
  put(pair[1], "hello");
  put(ends[1], "second");
  pause_ms(10);
  print_all("… wait", &ring);
  close_ring(&ring);
}

// A socket for datagrams with a port of 127.0.0.1. Sets `bound` to its address.
static int bound_receiver(struct sockaddr_in* bound) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof name;
  const int receiver = socket(AF_INET, SOCK_DGRAM, 0);
  SAY(bind(receiver, (struct sockaddr*)&name, length));
  SAY(getsockname(receiver, (struct sockaddr*)&name, &length));
  *bound = name;
  return receiver;
}

// ── Commands to sockets ──

static Sqe* command(Ring* ring, int fd, unsigned number, int option, void* value, int size) {
  Sqe* const sqe = next(ring, OP_URING_CMD, 1);
  sqe->fd = fd;
  sqe->off = number;
  sqe->addr = (uint64_t)option << 32 | SOL_SOCKET;
  sqe->file_index = size;
  ((uint64_t*)sqe)[6] = (uintptr_t)value;
  return sqe;
}
static void part_commands(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  const int receiver = bound_receiver(&name), sender = socket(AF_INET, SOCK_DGRAM, 0);
  command(&ring, receiver, 0, 0, NULL, 0);
  run("bytes of an empty queue", &ring, 1);
  SAY(sendto(sender, "hello", 5, 0, (struct sockaddr*)&name, length));
  pause_ms(10);
  command(&ring, receiver, 0, 0, NULL, 0);
  run("bytes of a datagram", &ring, 1);
  command(&ring, sender, 1, 0, NULL, 0);
  run("bytes to send", &ring, 1);
  int value = 1;
  command(&ring, sender, 3, SO_BROADCAST, &value, sizeof value);
  run("setsockopt", &ring, 1);
  value = 7;
  command(&ring, sender, 2, SO_BROADCAST, &value, sizeof value);
  run("getsockopt", &ring, 1);
  printf("the value is %d\n", value);
  command(&ring, sender, 2, SO_BROADCAST, &value, 2);
  run("getsockopt of two bytes", &ring, 1);
  command(&ring, sender, 2, SO_BROADCAST, &value, -1);
  run("getsockopt of -1 bytes", &ring, 1);
  command(&ring, sender, 3, SO_BROADCAST, (void*)8, 4);
  run("setsockopt without memory", &ring, 1);
  command(&ring, sender, 2, 999, &value, 4);
  run("getsockopt of no option", &ring, 1);
  command(&ring, sender, 2, 1, &value, 4)->addr = 1ull << 32;
  run("getsockopt of another level", &ring, 1);
  command(&ring, sender, 4, 0, &value, 4);
  run("no command", &ring, 1);
  command(&ring, sender, 0, 0, NULL, 0)->off = 1ull << 32;
  run("a reserved field", &ring, 1);
  command(&ring, sender, 0, 0, NULL, 0)->rw_flags = 2;
  run("a flag", &ring, 1);
  command(&ring, ring.fd, 0, 0, NULL, 0);
  run("a ring", &ring, 1);
  command(&ring, -1, 0, 0, NULL, 0);
  run("no file", &ring, 1);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) perror("socketpair");
  command(&ring, pair[0], 2, SO_TYPE, &value, 4);
  run("a socket of AF_UNIX", &ring, 1);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  SAY(listen(listener, 1));
  command(&ring, listener, 0, 0, NULL, 0);
  run("bytes of a listener", &ring, 1);
  close_ring(&ring);
}

// ── Many messages by one request ──

static void print_frame(const char* bytes) {
  const uint32_t* const frame = (const uint32_t*)bytes;
  printf("name %u, control %u, payload %u, flags %x\n", frame[0], frame[1], frame[2], frame[3]);
}
static void part_frames(void) {
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  const int receiver = bound_receiver(&name), sender = socket(AF_INET, SOCK_DGRAM, 0);
  const int on = 1;
  SAY(setsockopt(receiver, IPPROTO_IP, IP_RECVORIGDSTADDR, &on, sizeof on));
  static char buffers[6][128] __attribute__((aligned(8)));
  Sqe* sqe = next(&ring, IORING_OP_PROVIDE_BUFFERS, 1);
  sqe->fd = 6;
  sqe->addr = (uintptr_t)buffers;
  sqe->len = sizeof buffers[0];
  sqe->buf_group = 3;
  run("buffers", &ring, 1);
  struct msghdr message = {.msg_namelen = 20, .msg_controllen = 40};
  sqe = transfer(&ring, IORING_OP_RECVMSG, 2, receiver, &message, 1, IOSQE_BUFFER_SELECT);
  sqe->ioprio = 2;  // IORING_RECV_MULTISHOT
  sqe->buf_group = 3;
  SAY(submit(&ring, 0));
  SAY(sendto(sender, "hello", 5, 0, (struct sockaddr*)&name, length));
  pause_ms(10);
  print_all("a message", &ring);
  print_frame(buffers[0]);
  const struct sockaddr_in* const from = (void*)(buffers[0] + 16);
  printf("family %d, address %x\n", from->sin_family, ntohl(from->sin_addr.s_addr));
  const struct cmsghdr* const control = (void*)(buffers[0] + 36);
  size_t control_length;
  int kind[2];
  memcpy(&control_length, control, sizeof control_length);
  memcpy(kind, (const char*)control + 8, sizeof kind);
  printf("control %zu %d %d\n", control_length, kind[0], kind[1]);
  printf("payload %.5s\n", buffers[0] + 16 + 20 + 40);
  static const char long_text[100];
  SAY(sendto(sender, long_text, sizeof long_text, 0, (struct sockaddr*)&name, length));
  pause_ms(10);
  print_all("a message that is too long", &ring);
  print_frame(buffers[1]);
  SAY(sendto(sender, "", 0, 0, (struct sockaddr*)&name, length));
  pause_ms(10);
  print_all("an empty message", &ring);
  print_frame(buffers[2]);
  message.msg_namelen = 100;
  sqe = transfer(&ring, IORING_OP_RECVMSG, 2, receiver, &message, 1, IOSQE_BUFFER_SELECT);
  sqe->ioprio = 2;
  sqe->buf_group = 3;
  SAY(submit(&ring, 0));
  SAY(sendto(sender, "hello", 5, 0, (struct sockaddr*)&name, length));
  pause_ms(10);
  print_all("buffers without room", &ring);
  message.msg_namelen = -1;
  sqe = transfer(&ring, IORING_OP_RECVMSG, 2, receiver, &message, 1, IOSQE_BUFFER_SELECT);
  sqe->ioprio = 2;
  sqe->buf_group = 3;
  run("a negative length", &ring, 1);
  sqe = transfer(&ring, IORING_OP_RECVMSG, 2, receiver, &message, 1, 0);
  sqe->ioprio = 2;
  run("no group", &ring, 1);
  close_ring(&ring);
}

// ── Receives that wait, into selected buffers ──

// Receives "hello" and "second" by one submission, which is cancelled if it has not ended.
static void receive_both(const char* what, int opcode, unsigned ioprio, unsigned flags,
                         unsigned size, int timeout, int low_water) {
  printf("%s\n", what);
  Ring ring;
  if (open_ring(&ring, 16, 0, 0) < 0) perror("ring");
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) perror("socketpair");
  const struct timeval time = {timeout, 0};
  if (setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time)) perror("timeout");
  if (setsockopt(pair[0], SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water)) perror("lowat");
  Sqe* sqe = transfer(&ring, IORING_OP_PROVIDE_BUFFERS, 1, 4, large, size, 0);
  sqe->buf_group = 3;
  run("buffers", &ring, 1);
  struct msghdr message = {};
  const int is_message = opcode == IORING_OP_RECVMSG;
  sqe = transfer(&ring, opcode, 2, pair[0], is_message ? &message : NULL, is_message,
                 IOSQE_BUFFER_SELECT);
  sqe->ioprio = ioprio;
  sqe->msg_flags = flags;
  sqe->buf_group = 3;
  SAY(submit(&ring, 0));
  pause_ms(10);
  put(pair[1], "hello");
  pause_ms(10);
  print_all("the first bytes", &ring);
  put(pair[1], "second");
  pause_ms(10);
  print_all("the second ones", &ring);
  cancel(&ring, 3, 2, 0, 0);
  run("cancelled", &ring, 1);
  close_ring(&ring);
  close(pair[0]);
  close(pair[1]);
}
static void part_selected(void) {
  const unsigned multishot = 2;
  receive_both("a long buffer", IORING_OP_RECV, 0, 0, sizeof large[0], 0, 1);
  receive_both("a long buffer for READ", IORING_OP_READ, 0, 0, sizeof large[0], 0, 1);
  receive_both("long buffers", IORING_OP_RECV, multishot, 0, sizeof large[0], 0, 1);
  receive_both("long frames", IORING_OP_RECVMSG, multishot, 0, sizeof large[0], 0, 1);
  receive_both("MSG_WAITALL", IORING_OP_RECV, 0, MSG_WAITALL, 10, 0, 1);
  receive_both("SO_RCVTIMEO", IORING_OP_RECV, multishot, 0, 100, 5, 1);
  receive_both("frames with SO_RCVTIMEO", IORING_OP_RECVMSG, multishot, 0, 100, 5, 1);
  receive_both("frames with SO_RCVLOWAT", IORING_OP_RECVMSG, multishot, 0, 100, 0, 8);
}

RUN_PART({"sockets", part_sockets}, {"messages", part_messages}, {"nonblocking", part_nonblocking},
         {"commands", part_commands}, {"frames", part_frames}, {"selected", part_selected})
