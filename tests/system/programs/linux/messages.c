// AF_UNIX sockets: datagrams, flags of messages, and the files and credentials that messages carry.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "common.h"

static char bytes[256];

static struct sockaddr_un name_of(const char* path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  return name;
}
static long send_to(int fd, const char* text, const char* path) {
  const struct sockaddr_un name = name_of(path);
  return sendto(fd, text, strlen(text), MSG_DONTWAIT, (const struct sockaddr*)&name, sizeof name);
}
static int bind_to(int fd, const char* path) {
  const struct sockaddr_un name = name_of(path);
  unlink(path);
  return bind(fd, (const struct sockaddr*)&name, sizeof name);
}
static int connect_to(int fd, const char* path) {
  const struct sockaddr_un name = name_of(path);
  return connect(fd, (const struct sockaddr*)&name, sizeof name);
}
static void look(const char* what, int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
  const int ready = poll(&one, 1, 0);
  printf("  %s: %d%s%s%s%s%s\n", what, ready, one.revents & POLLIN ? " in" : "",
         one.revents & POLLOUT ? " out" : "", one.revents & POLLERR ? " err" : "",
         one.revents & POLLHUP ? " hup" : "", one.revents & POLLRDHUP ? " rdhup" : "");
}
// Receives at most `most` bytes, and prints them and what comes with them.
static void receive(int fd, size_t most, int flags, size_t control_size) {
  static union {
    struct cmsghdr header;
    char room[2048];
  } control;
  memset(bytes, 0, sizeof bytes);
  memset(&control, 0, sizeof control);
  struct sockaddr_un from = {};
  struct iovec part = {bytes, most};
  struct msghdr message = {.msg_name = &from,
                           .msg_namelen = sizeof from,
                           .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control_size ? &control : NULL,
                           .msg_controllen = control_size,
                           .msg_flags = 0x77};
  const ssize_t got = recvmsg(fd, &message, flags);
  if (got < 0) {
    printf("  receive: %s\n", strerrorname_np(errno));
    return;
  }
  printf("  receive: %zd \"%s\", flags %x, name %u %s, control %zu\n", got, bytes,
         message.msg_flags, message.msg_namelen, from.sun_path[0] ? from.sun_path : "-",
         message.msg_controllen);
  for (struct cmsghdr* at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
    printf("  control: length %zu, level %d, type %d", (size_t)at->cmsg_len, at->cmsg_level,
           at->cmsg_type);
    if (at->cmsg_type == SCM_CREDENTIALS && at->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
      struct ucred sender;
      memcpy(&sender, CMSG_DATA(at), sizeof sender);
      printf(", %s %d %d",
             sender.pid == getpid() ? "me"
             : sender.pid == 0      ? "unknown"
                                    : "another",
             (int)sender.uid, (int)sender.gid);
    }
    if (at->cmsg_type == SCM_RIGHTS) {
      const size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int file;
        memcpy(&file, CMSG_DATA(at) + i * sizeof file, sizeof file);
        char byte = '?';
        printf(", file %s", fcntl(file, F_GETFD) & FD_CLOEXEC ? "(close on exec) " : "");
        if (pread(file, &byte, 1, 0) == 1) printf("%c", byte);
        close(file);
      }
    }
    printf("\n");
  }
}
// Sends `text` with `count` files.
static long send_files(int fd, const char* text, const int* files, int count) {
  static union {
    struct cmsghdr header;
    char room[2048];
  } control;
  struct iovec part = {(char*)text, strlen(text)};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  struct cmsghdr* const header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(header), files, count * sizeof(int));
  return sendmsg(fd, &message, MSG_DONTWAIT);
}
static long send_control(int fd, int level, int type, const void* data, size_t length,
                         size_t said) {
  static union {
    struct cmsghdr header;
    char room[256];
  } control;
  struct iovec part = {"c", 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = CMSG_SPACE(length)};
  *CMSG_FIRSTHDR(&message) =
      (struct cmsghdr){.cmsg_len = said, .cmsg_level = level, .cmsg_type = type};
  memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), data, length);
  return sendmsg(fd, &message, MSG_DONTWAIT);
}
static int file_with(char byte) {
  const int fd = memfd_create("file", 0);
  if (write(fd, &byte, 1) != 1) exit(1);
  return fd;
}

static void datagrams(void) {
  const int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  SAY(listen(a, 1));
  SAY(accept(a, NULL, NULL));
  look("new", a);
  SAY(bind_to(b, "/tmp/b"));
  SAY(send(a, "x", 1, 0));
  SAY(send_to(a, "from nobody", "/tmp/b"));
  SAY(bind_to(a, "/tmp/a"));
  SAY(send_to(a, "from a", "/tmp/b"));
  SAY(send_to(a, "", "/tmp/b"));
  SAY(send_to(a, "x", "/tmp/none"));
  SAY(send_to(a, "x", "/tmp"));
  look("with datagrams", b);
  int there = 0;
  SAY(ioctl(b, FIONREAD, &there));
  printf("next %d\n", there);
  receive(b, 100, 0, 0);
  receive(b, 3, MSG_PEEK, 0);
  receive(b, 3, MSG_PEEK | MSG_TRUNC, 0);
  receive(b, 3, MSG_TRUNC, 0);
  receive(b, 100, 0, 0);
  receive(b, 100, 0, 0);
  const int stream = socket(AF_UNIX, SOCK_STREAM, 0);
  SAY(bind_to(stream, "/tmp/stream"));
  SAY(send_to(a, "x", "/tmp/stream"));
  SAY(connect_to(a, "/tmp/stream"));
  SAY(send_to(stream, "x", "/tmp/b"));
  close(stream);
  SAY(unlink("/tmp/stream"));
  SAY(connect_to(a, "/tmp/b"));
  SAY(send(a, "connected", 9, 0));
  SAY(write(a, "written", 7));
  SAY(write(a, "", 0));
  receive(b, 100, 0, 0);
  SAY(read(b, bytes, 4));
  SAY(read(b, bytes, 0));
  SAY(read(b, bytes, 4));
  SAY(read(b, bytes, 4));
  // A socket with a peer takes datagrams of that peer only.
  const int c = socket(AF_UNIX, SOCK_DGRAM, 0);
  SAY(connect_to(b, "/tmp/a"));
  SAY(send_to(c, "x", "/tmp/b"));
  SAY(connect_to(c, "/tmp/b"));
  SAY(send(a, "x", 1, 0));
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  SAY(connect(b, &none, sizeof none));
  SAY(recv(b, bytes, 4, 0));
  SAY(send(b, "x", 1, 0));
  SAY(recv(a, bytes, 4, MSG_DONTWAIT));
  SAY(send_to(c, "x", "/tmp/b"));
  // The queue of a socket that has another peer is short.
  int sent = 0;
  while (send_to(c, "x", "/tmp/b") == 1) ++sent;
  printf("queue full after %d more: %s\n", sent, strerrorname_np(errno));
  SAY(connect_to(c, "/tmp/b"));
  look("connected to a full queue", c);
  SAY(recv(b, bytes, 4, 0));
  look("… with room", c);
  close(b);
  look("connected to none", c);
  SAY(send(c, "x", 1, 0));
  SAY(send(c, "x", 1, 0));
  SAY(send(a, "x", 1, 0));
  SAY(send_to(a, "x", "/tmp/b"));
  SAY(send_to(a, "to myself", "/tmp/a"));
  SAY(shutdown(a, SHUT_RD));
  look("shut to read", a);
  receive(a, 100, 0, 0);
  receive(a, 100, 0, 0);
  receive(a, 100, MSG_DONTWAIT, 0);
  SAY(send_to(c, "x", "/tmp/a"));
  SAY(shutdown(a, SHUT_WR));
  look("shut", a);
  SAY(send_to(a, "x", "/tmp/a"));
  close(a);
  close(c);
  unlink("/tmp/a");
  unlink("/tmp/b");
}

static void sizes(int type) {
  printf("messages of type %d\n", type);
  int pair[2];
  static char many[300000], got[300000];
  for (unsigned i = 0; i < sizeof many; ++i) many[i] = i * 7 + i / 251;
  socketpair(AF_UNIX, type, 0, pair);
  static const size_t lengths[] = {1, 2048, 2049, 4096, 4097, 65536, 100000, 200000};
  for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
    const ssize_t sent =
        i % 2 ? write(pair[0], many, lengths[i]) : send(pair[0], many, lengths[i], 0);
    const ssize_t read_now =
        i % 3 ? read(pair[1], got, sizeof got) : recv(pair[1], got, sizeof got, 0);
    printf("%zd %zd %s\n", sent, read_now, memcmp(many, got, lengths[i]) ? "differ" : "same");
  }
  SAY(send(pair[0], many, 212992 - 31, 0));
  SAY(send(pair[0], many, 212992 - 32, MSG_DONTWAIT));
  look("full", pair[0]);
  SAY(send(pair[0], many, 1, MSG_DONTWAIT));
  SAY(recv(pair[1], got, 1000, 0));
  look("empty", pair[0]);
  SAY(send(pair[0], "one", 3, MSG_EOR));
  SAY(send(pair[0], "two", 3, MSG_OOB));
  receive(pair[1], 100, 0, 0);
  SAY(recv(pair[1], got, 100, MSG_OOB));
  SAY(send(pair[0], (char*)8, 3, 0));
  SAY(send(pair[0], "lost", 4, 0));
  SAY(recv(pair[1], (char*)8, 100, 0));
  SAY(recv(pair[1], got, 100, MSG_DONTWAIT));
  struct iovec parts[2] = {{"ab", 2}, {"cde", 3}};
  SAY(writev(pair[0], parts, 2));
  parts[0] = (struct iovec){got, 1}, parts[1] = (struct iovec){got + 10, 10};
  SAY(readv(pair[1], parts, 2));
  printf("%c %.4s\n", got[0], got + 10);
  int sent = 0;
  while (send(pair[0], many, 1, MSG_DONTWAIT) == 1) ++sent;
  printf("many small ones: %d\n", sent > 200 && sent < 400);
  close(pair[0]);
  close(pair[1]);
}

static void streams(void) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  SAY(send(pair[0], "hello", 5, 0));
  receive(pair[1], 3, MSG_PEEK, 0);
  receive(pair[1], 100, MSG_PEEK, 0);
  receive(pair[1], 2, MSG_TRUNC, 0);
  receive(pair[1], 0, 0, 0);
  receive(pair[1], 100, 0, 0);
  receive(pair[1], 100, MSG_DONTWAIT, 0);
  SAY(send(pair[0], "", 0, 0));
  SAY(write(pair[0], "", 0));
  receive(pair[1], 100, MSG_DONTWAIT, 0);
  const struct sockaddr_un name = name_of("/tmp/x");
  SAY(sendto(pair[0], "x", 1, 0, (const struct sockaddr*)&name, sizeof name));
  SAY(sendto(pair[0], "x", 1, 0, (const struct sockaddr*)&name, 500));
  SAY(sendto(99, "x", 1, 0, NULL, 0));
  SAY(sendto(pair[0], "x", 1, 0, NULL, 5));
  struct sockaddr_un from;
  socklen_t length = sizeof from;
  SAY(recvfrom(pair[1], bytes, 10, 0, (struct sockaddr*)&from, &length));
  printf("length %u\n", length);
  SAY(recvmsg(pair[1], (struct msghdr*)8, 0));
  SAY(sendmsg(pair[1], (struct msghdr*)8, 0));
  struct iovec part = {bytes, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1025};
  SAY(sendmsg(pair[0], &message, 0));
  SAY(recvmsg(pair[1], &message, 0));
  message =
      (struct msghdr){.msg_iov = &part, .msg_iovlen = 1, .msg_name = &from, .msg_namelen = -1};
  SAY(sendmsg(pair[0], &message, 0));
  SAY(recvmsg(pair[1], &message, MSG_DONTWAIT));
  const int file = file_with('f');
  SAY(sendfile(pair[0], file, &(off_t){0}, 1));
  receive(pair[1], 100, 0, 0);
  int ends[2];
  if (pipe(ends) != 0) return;
  SAY(write(ends[1], "piped", 5));
  SAY(splice(ends[0], NULL, pair[0], NULL, 5, 0));
  receive(pair[1], 100, 0, 0);
  SAY(write(pair[0], "through", 7));
  SAY(splice(pair[1], NULL, ends[1], NULL, 100, 0));
  memset(bytes, 0, sizeof bytes);
  SAY(read(ends[0], bytes, 100));
  printf("%s\n", bytes);
  SAY(shutdown(pair[0], SHUT_WR));
  SAY(splice(pair[1], NULL, ends[1], NULL, 100, 0));
  close(ends[0]);
  close(ends[1]);
  close(file);
  close(pair[0]);
  close(pair[1]);
}

static void files(int type) {
  printf("files over type %d\n", type);
  int pair[2];
  socketpair(AF_UNIX, type, 0, pair);
  const int file[3] = {file_with('a'), file_with('b'), file_with('c')};
  const int bad[2] = {file[0], 99};
  SAY(send_files(pair[0], "one", file, 1));
  receive(pair[1], 100, 0, CMSG_SPACE(sizeof(int)));
  SAY(send_files(pair[0], "three", file, 3));
  receive(pair[1], 100, MSG_PEEK, 200);
  receive(pair[1], 100, MSG_CMSG_CLOEXEC, 200);
  SAY(send_files(pair[0], "cut", file, 3));
  receive(pair[1], 100, 0, CMSG_LEN(2 * sizeof(int)));
  SAY(send_files(pair[0], "no room", file, 3));
  receive(pair[1], 100, 0, CMSG_LEN(0));
  SAY(send_files(pair[0], "none", file, 3));
  receive(pair[1], 100, 0, 0);
  SAY(send_files(pair[0], "read", file, 1));
  SAY(read(pair[1], bytes, 100));
  SAY(send_files(pair[0], "bad", bad, 2));
  SAY(send_files(pair[0], "no files", file, 0));
  receive(pair[1], 100, 0, 200);
  static int many[300];
  for (int i = 0; i < 300; ++i) many[i] = file[0];
  SAY(send_files(pair[0], "253", many, 253));
  SAY(send_files(pair[0], "254", many, 254));
  receive(pair[1], 100, 0, CMSG_LEN(sizeof(int)));
  if (type == SOCK_STREAM) {
    // Bytes before a file are read with it, and bytes behind it are not.
    SAY(send(pair[0], "before ", 7, 0));
    SAY(send_files(pair[0], "with", file, 1));
    SAY(send(pair[0], " behind", 7, 0));
    SAY(send_files(pair[0], " last", file + 1, 1));
    receive(pair[1], 100, 0, 200);
    receive(pair[1], 9, 0, 200);
    receive(pair[1], 100, 0, 200);
    SAY(send_files(pair[0], "partly", file, 1));
    SAY(send(pair[0], " behind", 7, 0));
    receive(pair[1], 3, 0, 200);
    receive(pair[1], 100, 0, 200);
  }
  // A new descriptor refers to the same open file.
  SAY(send_files(pair[0], "socket", pair, 2));
  receive(pair[1], 100, 0, 0);
  for (int i = 0; i < 3; ++i) close(file[i]);
  close(pair[0]);
  close(pair[1]);
}

static void controls(void) {
  int pair[2], zero = 0;
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  SAY(send_control(pair[0], SOL_SOCKET, 99, &zero, sizeof zero, CMSG_LEN(sizeof zero)));
  SAY(send_control(pair[0], SOL_SOCKET + 1, 99, &zero, sizeof zero, CMSG_LEN(sizeof zero)));
  SAY(send_control(pair[0], SOL_SOCKET, SCM_RIGHTS, &zero, sizeof zero, 3));
  SAY(send_control(pair[0], SOL_SOCKET, SCM_RIGHTS, &zero, sizeof zero, 1000));
  receive(pair[1], 100, 0, 200);
  struct ucred me = {getpid(), getuid(), getgid()};
  SAY(send_control(pair[0], SOL_SOCKET, SCM_CREDENTIALS, &me, sizeof me, CMSG_LEN(sizeof me)));
  receive(pair[1], 100, 0, 200);
  SAY(send_control(pair[0], SOL_SOCKET, SCM_CREDENTIALS, &me, 8, CMSG_LEN(8)));
  me.pid = unknown_id;
  SAY(send_control(pair[0], SOL_SOCKET, SCM_CREDENTIALS, &me, sizeof me, CMSG_LEN(sizeof me)));
  close(pair[0]);
  close(pair[1]);
  for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += type == SOCK_STREAM ? 1 : 3) {
    printf("credentials over type %d\n", type);
    const int one = 1;
    socketpair(AF_UNIX, type, 0, pair);
    setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
    SAY(send(pair[0], "mine", 4, 0));
    receive(pair[1], 100, 0, 200);
    SAY(write(pair[0], "written", 7));
    receive(pair[1], 100, 0, 200);
    SAY(send(pair[0], "short", 5, 0));
    receive(pair[1], 100, 0, CMSG_LEN(4));
    SAY(send(pair[0], "no room", 7, 0));
    receive(pair[1], 100, 0, 0);
    SAY(send(pair[0], "parent ", 7, 0));
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) _exit(send(pair[0], "child", 5, 0) != 5);
    waitpid(child, NULL, 0);
    receive(pair[1], 100, 0, 200);
    receive(pair[1], 100, 0, 200);
    const int file = file_with('f');
    SAY(send_files(pair[0], "both", &file, 1));
    receive(pair[1], 100, 0, 200);
    close(file);
    close(pair[0]);
    close(pair[1]);
  }
}

static void several(void) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  struct iovec parts[3] = {{"one", 3}, {"four", 4}, {"seven", 5}};
  struct mmsghdr messages[3] = {};
  for (int i = 0; i < 3; ++i) {
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  SAY(sendmmsg(pair[0], messages, 3, 0));
  printf("%u %u %u\n", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
  static char room[4][16];
  struct iovec into[4];
  struct mmsghdr received[4] = {};
  for (int i = 0; i < 4; ++i) {
    into[i] = (struct iovec){room[i], sizeof room[i]};
    received[i].msg_hdr.msg_iov = &into[i];
    received[i].msg_hdr.msg_iovlen = 1;
  }
  SAY(recvmmsg(pair[1], received, 2, 0, NULL));
  printf("%s %s\n", room[0], room[1]);
  SAY(recvmmsg(pair[1], received, 4, MSG_DONTWAIT, NULL));
  printf("%s\n", room[0]);
  SAY(recvmmsg(pair[1], received, 4, MSG_DONTWAIT, NULL));
  SAY(sendmmsg(pair[0], messages, 2, 0));
  SAY(recvmmsg(pair[1], received, 4, MSG_WAITFORONE, NULL));
  struct timespec time = {0, 1000000};
  SAY(sendmmsg(pair[0], messages, 1, 0));
  SAY(recvmmsg(pair[1], received, 1, 0, &time));
  time.tv_nsec = -1;
  SAY(recvmmsg(pair[1], received, 1, 0, &time));
  SAY(sendmmsg(pair[0], messages, 0, 0));
  SAY(sendmmsg(99, messages, 1, 0));
  SAY(sendmmsg(pair[0], (struct mmsghdr*)8, 1, 0));
  parts[1].iov_base = (char*)8;
  SAY(sendmmsg(pair[0], messages, 3, 0));
  close(pair[0]);
  close(pair[1]);
}

// Sockets that are only in each other's messages. The number of open files must not grow.
static void cycles(void) {
  for (int round = 0; round < 2000; ++round) {
    int a[2], b[2];
    if (socketpair(AF_UNIX, round % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, a) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b) != 0 ||
        send_files(a[0], "x", (int[]){a[1], b[1], b[0]}, 3) != 1 ||
        send_files(b[0], "x", (int[]){a[1], a[0], b[1]}, 3) != 1) {
      printf("round %d: %s\n", round, strerrorname_np(errno));
      return;
    }
    close(a[0]);
    close(b[1]);
    close(a[1]);
    close(b[0]);
  }
  // A listening socket with a connection that carries the listening socket
  for (int round = 0; round < 300; ++round) {
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind_to(listener, "/tmp/cycle") != 0 || listen(listener, 3) != 0 ||
        connect_to(client, "/tmp/cycle") != 0 ||
        send_files(client, "x", (int[]){listener, client}, 2) != 1) {
      printf("round %d: %s\n", round, strerrorname_np(errno));
      return;
    }
    close(listener);
    close(client);
  }
  unlink("/tmp/cycle");
  // A chain: each socket carries the next one.
  int last = -1;
  for (int i = 0; i < 500; ++i) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) break;
    if (last >= 0 && send_files(pair[0], "x", &last, 1) != 1) {
      printf("link %d: %s\n", i, strerrorname_np(errno));
      break;
    }
    close(pair[0]);
    if (last >= 0) close(last);
    last = pair[1];
  }
  close(last);
  printf("cycles end\n");
}

int main(int argc, char** argv) {
  if (argc < 2 || strcmp(argv[1], "unix") != 0) return 0;
  datagrams();
  sizes(SOCK_DGRAM);
  sizes(SOCK_SEQPACKET);
  streams();
  files(SOCK_STREAM);
  files(SOCK_DGRAM);
  files(SOCK_SEQPACKET);
  controls();
  several();
  cycles();
  return 0;
}
