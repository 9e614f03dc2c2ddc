// AF_UNIX sockets: names, connections, options and readiness.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common.h"

static struct sockaddr_un name_of(const char* path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  return name;
}
static int bind_to(int fd, const char* path) {
  const struct sockaddr_un name = name_of(path);
  return bind(fd, (const struct sockaddr*)&name, sizeof name);
}
static int connect_to(int fd, const char* path) {
  const struct sockaddr_un name = name_of(path);
  return connect(fd, (const struct sockaddr*)&name, sizeof name);
}
// An abstract name: a zero and `text`.
static struct sockaddr_un abstract_of(const char* text, socklen_t* length) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path + 1, text);
  *length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text);
  return name;
}
static int bind_abstract(int fd, const char* text) {
  socklen_t length;
  const struct sockaddr_un name = abstract_of(text, &length);
  return bind(fd, (const struct sockaddr*)&name, length);
}
static int connect_abstract(int fd, const char* text) {
  socklen_t length;
  const struct sockaddr_un name = abstract_of(text, &length);
  return connect(fd, (const struct sockaddr*)&name, length);
}
static int option(int fd, int which) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, which, &value, &length) < 0 ? -1 : value;
}
static int set(int fd, int which, int value) {
  return setsockopt(fd, SOL_SOCKET, which, &value, sizeof value);
}
static void show_name(const char* what, int fd, int (*get)(int, struct sockaddr*, socklen_t*)) {
  struct sockaddr_un name;
  memset(&name, 0x55, sizeof name);
  socklen_t length = sizeof name;
  if (get(fd, (struct sockaddr*)&name, &length) < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  printf("%s: family %d, length %u", what, name.sun_family, length);
  if (length > 2)
    printf(name.sun_path[0] ? ", path %s" : ", abstract %s",
           name.sun_path[0] ? name.sun_path : name.sun_path + 1);
  printf("\n");
}
static void look(const char* what, int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
  const int ready = poll(&one, 1, 0);
  printf("  %s: %d%s%s%s%s%s\n", what, ready, one.revents & POLLIN ? " in" : "",
         one.revents & POLLOUT ? " out" : "", one.revents & POLLERR ? " err" : "",
         one.revents & POLLHUP ? " hup" : "", one.revents & POLLRDHUP ? " rdhup" : "");
}

static void kinds(void) {
  int pair[2];
  SAY(socket(AF_UNIX, SOCK_RDM, 0));
  SAY(socket(AF_UNIX, 0, 0));
  SAY(socket(AF_UNIX, 11, 0));
  SAY(socket(AF_UNIX, SOCK_STREAM, 2));
  SAY(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
  SAY(socket(-1, SOCK_STREAM, 0));
  SAY(socket(46, SOCK_STREAM, 0));
  SAY(socketpair(AF_UNIX, SOCK_STREAM, 1, pair));
  SAY(option(pair[0], SO_TYPE));
  SAY(option(pair[0], SO_DOMAIN));
  SAY(option(pair[0], SO_ACCEPTCONN));
  struct stat status;
  SAY(fstat(pair[0], &status));
  printf("mode %o\n", status.st_mode);
  SAY(lseek(pair[0], 0, SEEK_CUR));
  SAY(pread(pair[0], &status, 1, 0));
  SAY(fcntl(pair[0], F_GETFL) & (O_ACCMODE | O_NONBLOCK));
  close(pair[0]);
  close(pair[1]);
  const int raw = socket(AF_UNIX, SOCK_RAW, 0);
  SAY(option(raw, SO_TYPE) == SOCK_DGRAM);
  close(raw);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  SAY((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  SAY(fcntl(fd, F_GETFD));
  close(fd);
  int* volatile nowhere = (int*)8;
  SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere));
  SAY(listen(0, 1) < 0 && errno == ENOTSOCK);
  SAY(listen(-1, 1));
  SAY(accept(99, NULL, NULL));
  SAY(accept4(99, NULL, NULL, 1));
  SAY(shutdown(99, 0));
}

static void names(void) {
  unlink("/tmp/s1");
  const int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
  show_name("unnamed", a, getsockname);
  show_name("peer of none", a, getpeername);
  SAY(bind_to(a, "/tmp/s1"));
  show_name("bound", a, getsockname);
  SAY(bind_to(a, "/tmp/s2"));
  SAY(access("/tmp/s2", F_OK));
  SAY(bind_to(b, "/tmp/s1"));
  SAY(bind_to(b, "/tmp/nothing/s"));
  SAY(bind_to(b, "/tmp/s1/x"));
  SAY(bind_to(b, "/proc/version"));
  struct stat status;
  umask(022);
  SAY(stat("/tmp/s1", &status));
  printf("mode %o\n", status.st_mode);
  SAY(open("/tmp/s1", O_RDWR));
  SAY(connect_to(b, "/tmp/s1"));
  SAY(connect_to(b, "/tmp/nothing"));
  SAY(connect_to(b, "/proc/version"));
  struct sockaddr_un name = name_of("/tmp/s3");
  const struct sockaddr* any = (const struct sockaddr*)&name;
  SAY(bind(b, any, 0));
  SAY(bind(b, any, 1));
  SAY(bind(b, any, sizeof name + 1));
  SAY(bind(b, any, 129));
  SAY(bind(b, any, -1));
  SAY(bind(b, (struct sockaddr*)8, sizeof name));
  SAY(connect(b, any, 2));
  name.sun_family = AF_INET;
  SAY(bind(b, any, sizeof name));
  SAY(connect(b, any, sizeof name));
  name = name_of("/tmp/s3XXX");
  SAY(bind(b, any, 2 + 7));
  show_name("without a zero", b, getsockname);
  SAY(unlink("/tmp/s3"));
  close(b);
  SAY(listen(a, 1));
  close(a);
  const int c = socket(AF_UNIX, SOCK_STREAM, 0);
  SAY(connect_to(c, "/tmp/s1"));
  SAY(bind_to(c, "/tmp/s1"));
  SAY(unlink("/tmp/s1"));
  SAY(bind_abstract(c, "cotrap test"));
  show_name("abstract", c, getsockname);
  const int d = socket(AF_UNIX, SOCK_STREAM, 0);
  SAY(bind_abstract(d, "cotrap test"));
  SAY(connect_abstract(d, "cotrap test"));
  SAY(connect_abstract(d, "cotrap tes"));
  close(c);
  SAY(bind_abstract(d, "cotrap test"));
  SAY(bind_abstract(d, "another"));
  close(d);
  const int e = socket(AF_UNIX, SOCK_DGRAM, 0);
  const struct sockaddr family = {.sa_family = AF_UNIX};
  SAY(bind(e, &family, 2));
  SAY(bind(e, &family, 2));
  struct sockaddr_un chosen;
  socklen_t length = sizeof chosen;
  SAY(getsockname(e, (struct sockaddr*)&chosen, &length));
  printf("length %u, first byte %d, %zu digits\n", length, chosen.sun_path[0],
         strspn(chosen.sun_path + 1, "0123456789abcdef"));
  length = 1;
  SAY(getsockname(e, (struct sockaddr*)&chosen, &length));
  printf("length %u\n", length);
  length = -1;
  SAY(getsockname(e, (struct sockaddr*)&chosen, &length));
  length = 3;
  SAY(getsockname(e, (struct sockaddr*)8, &length));
  SAY(getsockname(e, (struct sockaddr*)&chosen, (socklen_t*)8));
  close(e);
  SAY(mknod("/tmp/s4", S_IFSOCK | 0600, 0));
  const int f = socket(AF_UNIX, SOCK_DGRAM, 0);
  SAY(connect_to(f, "/tmp/s4"));
  SAY(unlink("/tmp/s4"));
  close(f);
}

static void connections(int type) {
  printf("connections of type %d\n", type);
  unlink("/tmp/s1");
  const int listener = socket(AF_UNIX, type, 0);
  SAY(listen(listener, 1));
  SAY(accept(listener, NULL, NULL));
  SAY(bind_to(listener, "/tmp/s1"));
  const int other = socket(AF_UNIX, type == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM, 0);
  SAY(connect_to(other, "/tmp/s1"));
  close(other);
  SAY(listen(listener, 1));
  SAY(listen(listener, 0));
  SAY(option(listener, SO_ACCEPTCONN));
  look("listening", listener);
  SAY(fcntl(listener, F_SETFL, O_NONBLOCK));
  SAY(accept(listener, NULL, NULL));
  const int a = socket(AF_UNIX, type, 0);
  look("new", a);
  char bytes[16] = "bytes";
  SAY(send(a, bytes, 1, MSG_NOSIGNAL));
  SAY(recv(a, bytes, 1, 0));
  SAY(read(a, bytes, 1));
  SAY(connect_to(a, "/tmp/s1"));
  look("connected", a);
  look("listener", listener);
  const int b = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
  SAY(connect_to(b, "/tmp/s1"));
  SAY(listen(a, 1));
  SAY(send(a, "early", 5, 0));
  show_name("client", a, getsockname);
  show_name("client's peer", a, getpeername);
  struct sockaddr_un name;
  socklen_t length = sizeof name;
  const int s = accept4(listener, (struct sockaddr*)&name, &length, SOCK_CLOEXEC);
  printf("accepted: %d, length %u, close on exec %d, nonblocking %d\n", s >= 0, length,
         fcntl(s, F_GETFD), (fcntl(s, F_GETFL) & O_NONBLOCK) != 0);
  show_name("server", s, getsockname);
  show_name("server's peer", s, getpeername);
  look("server with bytes", s);
  SAY(recv(s, bytes, sizeof bytes, 0));
  SAY(recv(s, bytes, sizeof bytes, MSG_DONTWAIT));
  look("server", s);
  SAY(connect_to(b, "/tmp/s1"));
  look("listener", listener);
  SAY(listen(listener, 5));
  SAY(connect_to(s, "/tmp/s1"));
  SAY(listen(s, 1));
  SAY(bind_to(s, "/tmp/s9"));
  SAY(shutdown(s, 3));
  SAY(shutdown(s, -1));
  SAY(shutdown(s, SHUT_WR));
  look("server, shut to write", s);
  look("client", a);
  SAY(recv(a, bytes, 1, 0));
  SAY(send(a, "more", 4, MSG_NOSIGNAL));
  SAY(send(s, "x", 1, MSG_NOSIGNAL));
  SAY(shutdown(a, SHUT_WR));
  look("client, shut twice", a);
  SAY(recv(s, bytes, sizeof bytes, 0));
  SAY(recv(s, bytes, sizeof bytes, 0));
  close(s);
  look("client without a server", a);
  show_name("its peer", a, getpeername);
  SAY(recv(a, bytes, 1, 0));
  SAY(send(a, "x", 1, MSG_NOSIGNAL));
  SAY(option(a, SO_ERROR));
  close(a);
  // A connection that waits when the listening socket ends
  close(listener);
  look("client of no listener", b);
  SAY(recv(b, bytes, 1, 0));
  SAY(recv(b, bytes, 1, 0));
  SAY(send(b, "x", 1, MSG_NOSIGNAL));
  SAY(connect_to(b, "/tmp/s1"));
  close(b);
  SAY(unlink("/tmp/s1"));
  // Bytes that nobody has read
  int pair[2];
  SAY(socketpair(AF_UNIX, type, 0, pair));
  SAY(send(pair[0], "lost", 4, 0));
  SAY(send(pair[1], "kept", 4, 0));
  close(pair[1]);
  look("peer gone", pair[0]);
  SAY(recv(pair[0], bytes, sizeof bytes, 0));
  SAY(recv(pair[0], bytes, sizeof bytes, 0));
  SAY(recv(pair[0], bytes, sizeof bytes, 0));
  close(pair[0]);
  SAY(socketpair(AF_UNIX, type, 0, pair));
  SAY(send(pair[0], "lost", 4, 0));
  close(pair[1]);
  SAY(option(pair[0], SO_ERROR));
  SAY(option(pair[0], SO_ERROR));
  close(pair[0]);
}

static void options(void) {
  int pair[2];
  SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  const int fd = pair[0];
  static const int switches[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST,
                                 SO_DONTROUTE, SO_OOBINLINE, SO_PASSCRED};
  for (unsigned i = 0; i < sizeof switches / sizeof *switches; ++i) {
    printf("option %d: %d", switches[i], option(fd, switches[i]));
    printf(", set %d", set(fd, switches[i], 5));
    printf(", %d\n", option(fd, switches[i]));
    set(fd, switches[i], 0);
  }
  SAY(set(fd, SO_SNDBUF, 10000));
  SAY(option(fd, SO_SNDBUF));
  SAY(set(fd, SO_SNDBUF, 1));
  SAY(option(fd, SO_SNDBUF));
  SAY(set(fd, SO_RCVBUF, 1));
  SAY(option(fd, SO_RCVBUF));
  SAY(set(fd, SO_PRIORITY, 3));
  SAY(option(fd, SO_PRIORITY));
  SAY(option(fd, SO_RCVLOWAT));
  SAY(option(fd, SO_SNDLOWAT));
  SAY(set(fd, SO_SNDLOWAT, 2));
  SAY(set(fd, SO_TYPE, 1));
  SAY(set(fd, SO_ERROR, 1));
  SAY(set(fd, SO_ACCEPTCONN, 1));
  SAY(set(fd, 9999, 1));
  SAY(option(fd, 9999));
  int value = 1;
  socklen_t length = 2;
  SAY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, 3));
  SAY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, -1));
  SAY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (int*)8, 4));
  SAY(setsockopt(fd, 6, 1, &value, sizeof value));
  SAY(getsockopt(fd, 6, 1, &value, &length));
  SAY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
  printf("length %u\n", length);
  length = -1;
  SAY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
  struct linger linger = {1, 7}, got = {};
  length = sizeof got;
  SAY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  SAY(getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &length));
  printf("linger %d %d\n", got.l_onoff, got.l_linger);
  SAY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4));
  struct timeval time = {0, 20000};
  SAY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  SAY(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
  length = sizeof time;
  time = (struct timeval){};
  SAY(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length));
  printf("timeout %ld.%06ld, length %u\n", (long)time.tv_sec, (long)time.tv_usec, length);
  char bytes[4];
  SAY(recv(fd, bytes, 1, 0));
  SAY(read(fd, bytes, 1));
  SAY(recv(fd, bytes, 1, MSG_WAITALL));
  time.tv_usec = 1000000;
  SAY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  SAY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, 8));
  static char many[1 << 16];
  long sent = 0, all = 0;
  while ((sent = send(fd, many, sizeof many, 0)) > 0) all += sent;
  printf("a full stream: %s, many %d\n", strerrorname_np(errno), all > 1000);
  look("full", fd);
  SAY(write(fd, many, 1));
  int there = 0;
  SAY(ioctl(pair[1], FIONREAD, &there));
  printf("all there: %d\n", there == all);
  SAY(ioctl(fd, TCGETS, many));
  struct ucred peer = {};
  length = sizeof peer;
  SAY(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length));
  printf("peer: me %d, length %u\n", peer.pid == getpid(), length);
  const int unconnected = socket(AF_UNIX, SOCK_DGRAM, 0);
  SAY(getsockopt(unconnected, SOL_SOCKET, SO_PEERCRED, &peer, &length));
  printf("peer %d %d %d\n", (int)peer.pid, (int)peer.uid, (int)peer.gid);
  close(unconnected);
  close(pair[0]);
  close(pair[1]);
}

static int shared[2];
static void* send_later(void* bytes) {
  usleep(30000);
  const ssize_t sent = send(shared[1], bytes, strlen(bytes), 0);
  return sent > 0 ? bytes : NULL;
}
static void* connect_later(void* path) {
  usleep(30000);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  connect_to(fd, path);
  close(fd);
  return NULL;
}
static void* accept_later(void* listener) {
  usleep(30000);
  close(accept(*(int*)listener, NULL, NULL));
  return NULL;
}
static void* close_later(void* fd) {
  usleep(30000);
  close(*(int*)fd);
  return NULL;
}
static void* drain_later(void* fd) {
  static char many[1 << 16];
  usleep(30000);
  while (recv(*(int*)fd, many, sizeof many, 0) > 0) continue;
  return NULL;
}

static void waits(void) {
  pthread_t thread;
  char bytes[16] = {};
  for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += type == SOCK_STREAM ? 1 : 3) {
    socketpair(AF_UNIX, type, 0, shared);
    pthread_create(&thread, NULL, send_later, "first");
    SAY(recv(shared[0], bytes, sizeof bytes, 0));
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, send_later, "second");
    SAY(read(shared[0], bytes, sizeof bytes));
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, send_later, "third");
    struct pollfd one = {.fd = shared[0], .events = POLLIN};
    SAY(poll(&one, 1, 5000));
    SAY(recv(shared[0], bytes, sizeof bytes, 0));
    pthread_join(thread, NULL);
    if (type != SOCK_DGRAM) {
      pthread_create(&thread, NULL, close_later, &shared[1]);
      SAY(recv(shared[0], bytes, sizeof bytes, 0));
      pthread_join(thread, NULL);
    }
    close(shared[0]);
    if (type == SOCK_DGRAM) close(shared[1]);
  }
  socketpair(AF_UNIX, SOCK_STREAM, 0, shared);
  send(shared[1], "abc", 3, 0);
  pthread_create(&thread, NULL, send_later, "defgh");
  SAY(recv(shared[0], bytes, 7, MSG_WAITALL));
  printf("%.7s\n", bytes);
  SAY(recv(shared[0], bytes, 7, 0));
  pthread_join(thread, NULL);
  pthread_create(&thread, NULL, drain_later, &shared[0]);
  static char many[300000];
  SAY(send(shared[1], many, sizeof many, 0));
  SAY(write(shared[1], many, sizeof many));
  SAY(shutdown(shared[1], SHUT_WR));
  pthread_join(thread, NULL);
  close(shared[0]);
  close(shared[1]);

  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  SAY(bind_to(listener, "/tmp/s1"));
  SAY(listen(listener, 0));
  pthread_create(&thread, NULL, connect_later, "/tmp/s1");
  const int s = accept(listener, NULL, NULL);
  printf("accepted: %d\n", s >= 0);
  SAY(recv(s, bytes, 1, 0));
  close(s);
  pthread_join(thread, NULL);
  const int a = socket(AF_UNIX, SOCK_STREAM, 0),
            b = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SAY(connect_to(a, "/tmp/s1"));
  SAY(connect_to(b, "/tmp/s1"));
  fcntl(b, F_SETFL, 0);
  pthread_create(&thread, NULL, accept_later, (int*)&listener);
  SAY(connect_to(b, "/tmp/s1"));
  pthread_join(thread, NULL);
  const int c = socket(AF_UNIX, SOCK_STREAM, 0);
  const struct timeval time = {0, 20000};
  setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  SAY(connect_to(c, "/tmp/s1"));
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  close(accept(listener, NULL, NULL));
  SAY(accept(listener, NULL, NULL));
  close(a);
  close(b);
  close(c);
  close(listener);
  unlink("/tmp/s1");
}

static volatile int signals;
static void count(int signal) {
  (void)signal;
  ++signals;
}
static void broken(void) {
  signal(SIGPIPE, count);
  for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += type == SOCK_STREAM ? 1 : 3) {
    printf("the peer of a socket of type %d is gone\n", type);
    int pair[2];
    signals = 0;
    socketpair(AF_UNIX, type, 0, pair);
    close(pair[1]);
    SAY(write(pair[0], "x", 1));
    printf("signals: %d\n", signals);
    SAY(write(pair[0], "x", 1));
    SAY(send(pair[0], "x", 1, 0));
    printf("signals: %d\n", signals);
    SAY(send(pair[0], "x", 1, MSG_NOSIGNAL));
    SAY(send(pair[0], "x", 0, MSG_NOSIGNAL));
    printf("signals: %d\n", signals);
    close(pair[0]);
  }
  signal(SIGPIPE, SIG_DFL);
}

// Repeats the alarm: on a busy host the first one may come before the call waits.
static void set_alarm(long microseconds) {
  const struct itimerval alarm = {{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &alarm, NULL);
}
// Prints the result of a call that the alarm has ended.
static void say_ended(const char* what, long answer) {
  set_alarm(0);
  say(what, answer);
}
static void interrupted(void) {
  int pair[2];
  char byte;
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  struct sigaction action = {.sa_handler = count};
  sigaction(SIGALRM, &action, NULL);
  set_alarm(30000);
  say_ended("recv(pair[0], &byte, 1, 0)", recv(pair[0], &byte, 1, 0));
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  bind_to(listener, "/tmp/s1");
  listen(listener, 1);
  set_alarm(30000);
  say_ended("accept(listener, NULL, NULL)", accept(listener, NULL, NULL));
  // With SA_RESTART the call is made again, unless the socket has a timeout.
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  pthread_t thread;
  shared[1] = pair[1];
  setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 10000}}, NULL);
  pthread_create(&thread, NULL, send_later, "late");
  SAY(recv(pair[0], &byte, 1, 0));
  pthread_join(thread, NULL);
  const struct timeval time = {5, 0};
  setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  set_alarm(30000);
  say_ended("recv(pair[1], &byte, 1, 0)", recv(pair[1], &byte, 1, 0));
  close(pair[0]);
  close(pair[1]);
  close(listener);
  unlink("/tmp/s1");
}

// ── More clients and senders than a queue has places ──

enum { crowd = 8, each_sends = 4 };
static void* connect_in_crowd(void* result) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  *(int*)result = connect_to(fd, "/tmp/s1");
  return NULL;
}
static void* send_in_crowd(void* result) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  const struct sockaddr_un to = name_of("/tmp/s2");
  for (int i = 0; i < each_sends; ++i)
    *(int*)result += sendto(fd, "x", 1, 0, (const struct sockaddr*)&to, sizeof to) == 1;
  close(fd);
  return NULL;
}
// Takes all without a pause: each place that becomes free is for another waiter.
static void crowds(void) {
  pthread_t threads[crowd];
  int results[crowd] = {0}, taken = 0, sum = 0;
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  bind_to(listener, "/tmp/s1");
  listen(listener, 3);
  for (int i = 0; i < crowd; ++i) pthread_create(&threads[i], NULL, connect_in_crowd, &results[i]);
  usleep(50000);
  while (taken < crowd && accept(listener, NULL, NULL) >= 0) ++taken;
  for (int i = 0; i < crowd; ++i) pthread_join(threads[i], NULL), sum += results[i];
  printf("a crowd connects: %d accepted, %d\n", taken, sum);
  close(listener);
  unlink("/tmp/s1");

  const int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
  bind_to(receiver, "/tmp/s2");
  memset(results, 0, sizeof results);
  for (int i = 0; i < crowd; ++i) pthread_create(&threads[i], NULL, send_in_crowd, &results[i]);
  usleep(50000);
  char byte;
  for (taken = 0; taken < crowd * each_sends && recv(receiver, &byte, 1, 0) == 1;) ++taken;
  for (int i = sum = 0; i < crowd; ++i) pthread_join(threads[i], NULL), sum += results[i];
  printf("a crowd sends: %d received of %d\n", taken, sum);
  close(receiver);
  unlink("/tmp/s2");
}

int main(int argc, char** argv) {
  if (argc < 2 || strcmp(argv[1], "unix") != 0) return 0;
  kinds();
  names();
  connections(SOCK_STREAM);
  connections(SOCK_SEQPACKET);
  options();
  waits();
  broken();
  interrupted();
  crowds();
  return 0;
}
