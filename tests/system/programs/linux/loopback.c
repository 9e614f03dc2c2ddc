// TCP connections between two sockets of one machine: how bytes, ends and resets follow each other.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "common.h"

static int listen_at(int family, struct sockaddr_storage* name, socklen_t* length) {
  const int fd = socket(family, SOCK_STREAM, 0);
  memset(name, 0, sizeof *name);
  if (family == AF_INET) {
    struct sockaddr_in* v4 = (struct sockaddr_in*)name;
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *length = sizeof *v4;
  } else {
    struct sockaddr_in6* v6 = (struct sockaddr_in6*)name;
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = in6addr_loopback;
    *length = sizeof *v6;
  }
  if (bind(fd, (struct sockaddr*)name, *length) < 0 || listen(fd, 8) < 0) perror("listen");
  getsockname(fd, (struct sockaddr*)name, length);
  return fd;
}
struct ends {
  int client, server;
};
static struct ends connect_ends(int family) {
  struct sockaddr_storage name;
  socklen_t length;
  const int listener = listen_at(family, &name, &length);
  struct ends made;
  made.client = socket(family, SOCK_STREAM, 0);
  if (connect(made.client, (struct sockaddr*)&name, length) < 0) perror("connect");
  made.server = accept(listener, NULL, NULL);
  close(listener);
  return made;
}
static void end(struct ends* ends) {
  close(ends->client);
  close(ends->server);
}
static void look(const char* what, int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI};
  const int ready = poll(&one, 1, 0);
  printf("  %s: %d%s%s%s%s%s\n", what, ready, one.revents & POLLIN ? " in" : "",
         one.revents & POLLOUT ? " out" : "", one.revents & POLLERR ? " err" : "",
         one.revents & POLLHUP ? " hup" : "", one.revents & POLLRDHUP ? " rdhup" : "");
}
static void await(int fd, int events) {
  struct pollfd one = {.fd = fd, .events = events};
  poll(&one, 1, 5000);
}
static int asked(int fd, unsigned long request) {
  int answer = -1;
  return ioctl(fd, request, &answer) < 0 ? -errno : answer;
}
static int error_of(int fd) {
  int error = -1;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}
static int state_of(int fd) {
  struct tcp_info info = {};
  socklen_t length = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ? -errno : info.tcpi_state;
}
static void set(int fd, int level, int option, int value) {
  if (setsockopt(fd, level, option, &value, sizeof value) < 0) perror("setsockopt");
}
static char large[400000];

// Each row: a call on one end, and what it answers.
static void bytes(int family) {
  printf("bytes of family %d\n", family);
  struct ends ends = connect_ends(family);
  const int c = ends.client, s = ends.server;
  char got[64] = {};
  SAY(send(c, "abcdefgh", 8, 0));
  await(s, POLLIN);
  SAY(asked(s, FIONREAD));
  SAY(recv(s, got, 3, MSG_PEEK));
  got[0] = '-';
  SAY(recv(s, got, 3, MSG_PEEK | MSG_TRUNC));
  printf("  %.3s\n", got);
  SAY(recv(s, NULL, 2, MSG_TRUNC));
  SAY(recv(s, got, 3, 0));
  printf("  %.3s\n", got);
  SAY(recv(s, got, 0, 0));
  SAY(recv(s, got, sizeof got, MSG_PEEK | MSG_TRUNC));
  SAY(asked(s, FIONREAD));
  SAY(recv(s, (void*)8, 3, 0));
  SAY(asked(s, FIONREAD));
  SAY(recv(s, got, sizeof got, MSG_DONTWAIT));
  SAY(recv(s, got, sizeof got, MSG_DONTWAIT));
  SAY(recv(s, got, sizeof got, MSG_DONTWAIT | MSG_PEEK));
  SAY(recv(s, got, sizeof got, MSG_DONTWAIT | MSG_WAITALL));
  SAY(recv(s, got, sizeof got, MSG_OOB));
  SAY(send(c, (void*)8, 3, 0));
  SAY(send(c, "", 0, 0));
  SAY(asked(s, FIONREAD));
  look("server", s);
  look("client", c);
  SAY(send(s, "back", 4, MSG_DONTWAIT));
  await(c, POLLIN);
  look("client", c);
  struct iovec parts[2] = {{got, 2}, {got + 10, 20}};
  SAY(readv(c, parts, 2));
  printf("  %.2s%.2s\n", got, got + 10);
  parts[0] = (struct iovec){"12", 2};
  parts[1] = (struct iovec){"345", 3};
  SAY(writev(c, parts, 2));
  SAY(recv(s, got, 5, MSG_WAITALL));
  printf("  %.5s\n", got);
  set(c, IPPROTO_TCP, TCP_NODELAY, 1);
  set(c, SOL_SOCKET, SO_KEEPALIVE, 1);
  SAY(state_of(c));
  SAY(state_of(s));
  set(c, IPPROTO_TCP, TCP_CORK, 1);
  SAY(send(c, "cork", 4, MSG_MORE));
  set(c, IPPROTO_TCP, TCP_CORK, 0);
  SAY(recv(s, got, 4, MSG_WAITALL));
  SAY(lseek(c, 0, SEEK_CUR));
  SAY(pread(c, got, 1, 0));
  end(&ends);
}

static void before_accept(int family) {
  printf("before accept, family %d\n", family);
  struct sockaddr_storage name;
  socklen_t length;
  const int listener = listen_at(family, &name, &length);
  const int c = socket(family, SOCK_STREAM, 0);
  SAY(connect(c, (struct sockaddr*)&name, length));
  SAY(send(c, "early ", 6, 0));
  SAY(send(c, "bytes", 5, 0));
  SAY(shutdown(c, SHUT_WR));
  SAY(send(c, "x", 1, MSG_NOSIGNAL));
  const int s = accept(listener, NULL, NULL);
  char got[20] = {};
  SAY(recv(s, got, sizeof got, MSG_WAITALL));
  printf("  %s\n", got);
  SAY(recv(s, got, sizeof got, 0));
  SAY(send(s, "answer", 6, 0));
  SAY(recv(c, got, sizeof got, 0));
  close(s);
  SAY(recv(c, got, sizeof got, 0));
  close(c);
  // A connection that is never accepted ends with a reset.
  const int lost = socket(family, SOCK_STREAM, 0);
  SAY(connect(lost, (struct sockaddr*)&name, length));
  SAY(send(lost, "lost", 4, 0));
  close(listener);
  await(lost, POLLIN);
  look("lost", lost);
  SAY(recv(lost, got, sizeof got, 0));
  SAY(recv(lost, got, sizeof got, 0));
  SAY(send(lost, "x", 1, MSG_NOSIGNAL));
  close(lost);
}

static void halves(void) {
  puts("halves");
  struct ends ends = connect_ends(AF_INET);
  const int c = ends.client, s = ends.server;
  char got[16];
  SAY(send(c, "last", 4, 0));
  SAY(shutdown(c, SHUT_WR));
  await(s, POLLRDHUP);
  look("server", s);
  look("client", c);
  SAY(recv(s, got, 2, 0));
  SAY(recv(s, got, sizeof got, 0));
  SAY(recv(s, got, sizeof got, 0));
  SAY(send(s, "more", 4, 0));
  SAY(shutdown(c, SHUT_RD));
  SAY(recv(c, got, 2, 0));
  SAY(recv(c, got, sizeof got, 0));
  SAY(recv(c, got, sizeof got, 0));
  SAY(send(s, "late", 4, 0));
  await(c, POLLIN);
  SAY(recv(c, got, sizeof got, 0));
  SAY(shutdown(s, SHUT_WR));
  await(c, POLLHUP);
  look("server", s);
  look("client", c);
  SAY(send(s, "x", 1, MSG_NOSIGNAL));
  SAY(shutdown(s, SHUT_RDWR));
  SAY(shutdown(c, SHUT_RD));
  SAY(listen(s, 1));
  SAY(listen(c, 1));
  end(&ends);
}

static void resets(void) {
  char got[16];
  puts("close with bytes that nobody has read");
  struct ends ends = connect_ends(AF_INET);
  SAY(send(ends.client, "kept", 4, 0));
  SAY(send(ends.server, "unread", 6, 0));
  await(ends.client, POLLIN);
  SAY(close(ends.client));
  await(ends.server, POLLHUP);
  look("server", ends.server);
  SAY(recv(ends.server, got, 2, 0));
  SAY(recv(ends.server, got, sizeof got, 0));
  SAY(recv(ends.server, got, sizeof got, 0));
  SAY(recv(ends.server, got, sizeof got, 0));
  SAY(send(ends.server, "x", 1, MSG_NOSIGNAL));
  SAY(state_of(ends.server));
  SAY(close(ends.server));

  puts("SO_ERROR takes the reset");
  ends = connect_ends(AF_INET);
  SAY(send(ends.server, "unread", 6, 0));
  await(ends.client, POLLIN);
  SAY(close(ends.client));
  await(ends.server, POLLHUP);
  SAY(error_of(ends.server));
  SAY(error_of(ends.server));
  SAY(recv(ends.server, got, sizeof got, 0));
  SAY(close(ends.server));

  puts("close after the other end has sent its last byte");
  ends = connect_ends(AF_INET);
  SAY(close(ends.client));
  await(ends.server, POLLRDHUP);
  look("server", ends.server);
  SAY(send(ends.server, "first", 5, MSG_NOSIGNAL));
  await(ends.server, POLLERR);
  look("server", ends.server);
  SAY(send(ends.server, "second", 6, MSG_NOSIGNAL));
  SAY(send(ends.server, "third", 5, MSG_NOSIGNAL));
  SAY(recv(ends.server, got, sizeof got, 0));
  SAY(close(ends.server));

  puts("SO_LINGER of 0 s");
  ends = connect_ends(AF_INET);
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  SAY(setsockopt(ends.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
  SAY(send(ends.client, "kept", 4, 0));
  await(ends.server, POLLIN);
  SAY(close(ends.client));
  await(ends.server, POLLHUP);
  look("server", ends.server);
  SAY(recv(ends.server, got, sizeof got, 0));
  SAY(recv(ends.server, got, sizeof got, 0));
  SAY(close(ends.server));

  puts("SIGPIPE");
  ends = connect_ends(AF_INET);
  SAY(shutdown(ends.client, SHUT_WR));
  const pid_t child = fork();
  if (child == 0) {
    write(ends.client, "x", 1);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  printf("  signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  end(&ends);
}

static void disconnects(void) {
  puts("connect to AF_UNSPEC, and again");
  struct sockaddr_storage name;
  socklen_t length;
  const int listener = listen_at(AF_INET, &name, &length);
  const int c = socket(AF_INET, SOCK_STREAM, 0);
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  char got[16] = {};
  SAY(connect(c, (struct sockaddr*)&name, length));
  const int first = accept(listener, NULL, NULL);
  SAY(send(c, "old", 3, 0));
  SAY(send(first, "dropped", 7, 0));
  await(c, POLLIN);
  SAY(connect(c, &none, sizeof none));
  SAY(recv(c, got, sizeof got, 0));
  SAY(connect(c, (struct sockaddr*)&name, length));
  const int second = accept(listener, NULL, NULL);
  SAY(send(c, "new", 3, 0));
  SAY(recv(second, got, sizeof got, 0));
  printf("  %.3s\n", got);
  SAY(send(second, "back", 4, 0));
  SAY(recv(c, got, sizeof got, 0));
  printf("  %.4s\n", got);
  SAY(recv(first, got, sizeof got, 0));
  SAY(recv(first, got, sizeof got, 0));
  close(first);
  SAY(send(c, "!", 1, 0));
  SAY(recv(second, got, sizeof got, 0));
  close(c);
  SAY(recv(second, got, sizeof got, 0));
  close(second);
  close(listener);
}

// Sends until the connection takes no more for some time. Returns how many bytes it has taken.
static long fill(int fd) {
  long written = 0;
  for (int idle = 0; idle < 5;) {
    const long more = send(fd, large, sizeof large, MSG_DONTWAIT);
    if (more > 0) {
      written += more;
      idle = 0;
    } else {
      ++idle;
      usleep(20000);
    }
  }
  return written;
}

// How many bytes wait depends on the system: a full connection takes no more, and takes more again
// when they have been read.
static void full(int sent_size) {
  printf("full, a buffer of %d\n", sent_size);
  struct ends ends = connect_ends(AF_INET);
  const int c = ends.client, s = ends.server;
  if (sent_size > 0) set(c, SOL_SOCKET, SO_SNDBUF, sent_size);
  const long written = fill(c);
  printf("  some bytes: %d, error %s\n", written > 1000, strerrorname_np(errno));
  if (sent_size == 0) printf("  bytes unsent: %d\n", asked(c, SIOCOUTQ) > 0);
  look("server", s);
  long got = 0;
  while (got < written) {
    const long more = recv(s, large, sizeof large, MSG_DONTWAIT);
    if (more > 0) got += more;
    if (more < 0) await(s, POLLIN);
  }
  printf("  all arrived: %d\n", got == written);
  await(c, POLLOUT);
  look("client", c);
  SAY(recv(s, large, 1, MSG_DONTWAIT));
  end(&ends);
}

static void* read_slowly(void* of) {
  const int fd = *(int*)of;
  long got = 0, more;
  char* const room = malloc(50000);
  while ((more = recv(fd, room, 50000, 0)) > 0) {
    got += more;
    if (got < 200000) usleep(1000);
  }
  free(room);
  return (void*)(more < 0 ? more : got);
}
static void waiting_writers(void) {
  puts("a write that waits for room");
  struct ends ends = connect_ends(AF_INET6);
  set(ends.client, SOL_SOCKET, SO_SNDBUF, 5000);
  pthread_t reader;
  pthread_create(&reader, NULL, read_slowly, &ends.server);
  SAY(write(ends.client, large, sizeof large));
  SAY(send(ends.client, large, sizeof large, 0));
  SAY(shutdown(ends.client, SHUT_WR));
  void* got;
  pthread_join(reader, &got);
  printf("  read %ld\n", (long)got);
  end(&ends);
}
static void* wait_then_close(void* of) {
  usleep(50000);
  close(*(int*)of);
  return NULL;
}
static void cut_writers(void) {
  puts("a write that waits while the other end closes");
  struct ends ends = connect_ends(AF_INET);
  signal(SIGPIPE, SIG_IGN);
  fill(ends.client);
  pthread_t closer;
  pthread_create(&closer, NULL, wait_then_close, &ends.server);
  SAY(send(ends.client, large, 1000, 0));
  SAY(send(ends.client, large, 1000, 0));
  pthread_join(closer, NULL);
  look("client", ends.client);
  close(ends.client);

  puts("a read that waits while the other end closes");
  ends = connect_ends(AF_INET);
  pthread_create(&closer, NULL, wait_then_close, &ends.server);
  SAY(recv(ends.client, large, 1000, 0));
  pthread_join(closer, NULL);
  close(ends.client);
}
static void* wait_then_shut(void* of) {
  usleep(50000);
  shutdown(*(int*)of, SHUT_RD);
  return NULL;
}
static void shut_readers(void) {
  puts("a read that waits while its end is shut");
  struct ends ends = connect_ends(AF_INET);
  pthread_t other;
  pthread_create(&other, NULL, wait_then_shut, &ends.client);
  SAY(recv(ends.client, large, 1000, 0));
  pthread_join(other, NULL);
  look("client", ends.client);
  end(&ends);
}

// Reads a part of a long write, and ends. `resets`: by an RST.
static pid_t read_a_part(struct ends ends, int resets) {
  const pid_t reader = fork();
  if (reader != 0) return reader;
  close(ends.client);
  const struct linger at_once = {.l_onoff = 1};
  if (resets) setsockopt(ends.server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  static char part[30000];
  recv(ends.server, part, sizeof part, MSG_WAITALL);
  usleep(50000);  // the writer waits for room
  _exit(0);
}
static volatile sig_atomic_t broken_pipes;
static void count_broken_pipe(int signal) {
  (void)signal;
  ++broken_pipes;
}
static void write_a_part(const char* what, struct ends ends, int resets, int calls_send) {
  static char more[4 << 20];
  const pid_t reader = read_a_part(ends, resets);
  close(ends.server);
  broken_pipes = 0;
  const ssize_t part = calls_send ? send(ends.client, more, sizeof more, 0)
                                  : write(ends.client, more, sizeof more);
  printf("%s: a part %d, SIGPIPE %d\n", what, part > 0 && (size_t)part < sizeof more, broken_pipes);
  waitpid(reader, NULL, 0);
  SAY(write(ends.client, more, 5));
  SAY(write(ends.client, more, 5));
  printf("  SIGPIPE %d\n", broken_pipes);
  close(ends.client);
}
static void parts(void) {
  puts("a write that has written a part when the other end closes");
  signal(SIGPIPE, count_broken_pipe);
  for (int calls_send = 0; calls_send < 2; ++calls_send) {
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    write_a_part("AF_UNIX", (struct ends){pair[0], pair[1]}, 0, calls_send);
    write_a_part("TCP, end", connect_ends(AF_INET), 0, calls_send);
    write_a_part("TCP, reset", connect_ends(AF_INET), 1, calls_send);
  }
  signal(SIGPIPE, SIG_IGN);

  puts("a read that has read a part when the other end resets the connection");
  struct ends ends = connect_ends(AF_INET);
  const pid_t writer = fork();
  if (writer == 0) {
    close(ends.client);
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(ends.server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)!write(ends.server, "part", 4);
    usleep(50000);  // the reader waits for more
    _exit(0);
  }
  close(ends.server);
  SAY(recv(ends.client, large, 10, MSG_WAITALL));
  SAY(recv(ends.client, large, 10, MSG_WAITALL));
  SAY(recv(ends.client, large, 10, MSG_WAITALL));
  waitpid(writer, NULL, 0);
  close(ends.client);
}

static void events(unsigned flags) {
  printf("epoll, flags %x\n", flags);
  const int epoll = epoll_create1(0);
  struct sockaddr_storage name;
  socklen_t length;
  const int listener = listen_at(AF_INET, &name, &length);
  const int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | flags, .data.u32 = 1}, got;
  SAY(connect(c, (struct sockaddr*)&name, length));
  SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, c, &event));
  const int s = accept(listener, NULL, NULL);
  char room[8];
  SAY(epoll_wait(epoll, &got, 1, 0));
  for (int i = 0; i < 2; ++i) {
    SAY(send(s, "four", 4, 0));
    SAY(epoll_wait(epoll, &got, 1, 1000));
    printf("  %x\n", got.events);
    SAY(epoll_wait(epoll, &got, 1, 0));
    SAY(recv(c, room, 2, 0));
    SAY(epoll_wait(epoll, &got, 1, 0));
    SAY(recv(c, room, 8, 0));
    SAY(epoll_wait(epoll, &got, 1, 0));
  }
  SAY(shutdown(s, SHUT_WR));
  SAY(epoll_wait(epoll, &got, 1, 1000));
  printf("  %x\n", got.events);
  SAY(close(s));
  event.events = EPOLLOUT | flags;
  SAY(epoll_ctl(epoll, EPOLL_CTL_MOD, c, &event));
  SAY(epoll_wait(epoll, &got, 1, 1000));
  printf("  %x\n", got.events);
  close(c);
  close(epoll);
  close(listener);
}

static void files(void) {
  puts("sendfile and splice");
  struct ends ends = connect_ends(AF_INET);
  char path[] = "/tmp/loopbackXXXXXX";
  const int file = mkstemp(path);
  unlink(path);
  SAY(write(file, large, 10000));
  off_t at = 0;
  SAY(sendfile(ends.client, file, &at, 10000));
  int pipe_ends[2];
  SAY(pipe(pipe_ends));
  long moved = 0;
  while (moved < 10000) {
    const long more = splice(ends.server, NULL, pipe_ends[1], NULL, 10000 - moved, 0);
    if (more <= 0) break;
    moved += more;
  }
  printf("  %ld\n", moved);
  moved = 0;
  while (moved < 10000) {
    const long more = splice(pipe_ends[0], NULL, ends.server, NULL, 10000 - moved, 0);
    if (more <= 0) break;
    moved += more;
  }
  printf("  %ld\n", moved);
  SAY(recv(ends.client, large, 10000, MSG_WAITALL));
  SAY(shutdown(ends.client, SHUT_WR));
  SAY(splice(ends.server, NULL, pipe_ends[1], NULL, 10000, 0));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  close(file);
  end(&ends);
}

static void inherited(void) {
  puts("ends in two processes");
  struct ends ends = connect_ends(AF_INET);
  const pid_t child = fork();
  if (child == 0) {
    char got[8];
    close(ends.client);
    while (recv(ends.server, got, sizeof got, 0) > 0) send(ends.server, got, 1, 0);
    _exit(3);
  }
  close(ends.server);
  char got[8];
  for (int i = 0; i < 3; ++i) {
    SAY(write(ends.client, "x", 1));
    SAY(read(ends.client, got, sizeof got));
  }
  close(ends.client);
  int status;
  waitpid(child, &status, 0);
  printf("  exit %d\n", WEXITSTATUS(status));
}

// Linux connects the socket, and Cotrap refuses.
static void itself(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof name;
  bind(fd, (struct sockaddr*)&name, length);
  getsockname(fd, (struct sockaddr*)&name, &length);
  const struct timeval second = {.tv_sec = 1};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  const int answer = connect(fd, (struct sockaddr*)&name, length);
  printf("a connect to itself waits: %d\n", answer < 0 && errno != ECONNREFUSED);
  close(fd);
}

static void timeouts(void) {
  puts("timeouts and low water");
  struct ends ends = connect_ends(AF_INET);
  const struct timeval soon = {.tv_usec = 20000};
  char got[16];
  SAY(setsockopt(ends.client, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon));
  SAY(recv(ends.client, got, sizeof got, 0));
  SAY(send(ends.server, "text", 4, 0));
  SAY(recv(ends.client, got, sizeof got, 0));
  SAY(send(ends.server, "text", 4, 0));
  SAY(recv(ends.client, got, sizeof got, MSG_WAITALL));
  set(ends.server, SOL_SOCKET, SO_RCVLOWAT, 6);
  SAY(send(ends.client, "1234", 4, 0));
  look("server", ends.server);
  SAY(send(ends.client, "56", 2, 0));
  await(ends.server, POLLIN);
  SAY(recv(ends.server, got, sizeof got, 0));
  end(&ends);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  bytes(AF_INET);
  bytes(AF_INET6);
  before_accept(AF_INET);
  before_accept(AF_INET6);
  halves();
  resets();
  disconnects();
  full(0);
  full(5000);
  waiting_writers();
  cut_writers();
  shut_readers();
  parts();
  events(0);
  events(EPOLLET);
  files();
  inherited();
  itself();
  timeouts();
  return 0;
}
