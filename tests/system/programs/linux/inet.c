// AF_INET and AF_INET6 sockets over loopback: names, connections, datagrams, options and readiness.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "common.h"

union name {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_storage all;
};
static socklen_t size_of(int family) {
  return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}
static union name name_of(const char* ip, int port) {
  union name name = {};
  if (strchr(ip, ':') == NULL) {
    name.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &name.v4.sin_addr);
  } else {
    name.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    inet_pton(AF_INET6, ip, &name.v6.sin6_addr);
  }
  return name;
}
static int bind_to(int fd, const char* ip, int port) {
  const union name name = name_of(ip, port);
  return bind(fd, &name.any, size_of(name.any.sa_family));
}
static int connect_to(int fd, const char* ip, int port) {
  const union name name = name_of(ip, port);
  return connect(fd, &name.any, size_of(name.any.sa_family));
}
static int send_to(int fd, const char* text, int flags, const char* ip, int port) {
  const union name name = name_of(ip, port);
  return sendto(fd, text, strlen(text), flags, &name.any, size_of(name.any.sa_family));
}
static int port_of(int fd) {
  union name name;
  socklen_t length = sizeof name;
  if (getsockname(fd, &name.any, &length) < 0) return -1;
  return ntohs(name.v4.sin_port);  // both families have it at the same place
}
// Ports differ from run to run: prints whether there is one.
static void show_name(const char* what, int fd, int (*get)(int, struct sockaddr*, socklen_t*)) {
  union name name = {};
  socklen_t length = sizeof name;
  if (get(fd, &name.any, &length) < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  char text[64] = "?";
  const int family = name.any.sa_family;
  inet_ntop(family, family == AF_INET ? (void*)&name.v4.sin_addr : (void*)&name.v6.sin6_addr, text,
            sizeof text);
  printf("%s: family %d, %s, %s, length %u\n", what, family, text,
         name.v4.sin_port == 0 ? "no port" : "a port", length);
}
static int option(int fd, int level, int which) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, level, which, &value, &length) < 0 ? -1 : value;
}
static int set(int fd, int level, int which, int value) {
  return setsockopt(fd, level, which, &value, sizeof value);
}
static void look(const char* what, int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI};
  const int ready = poll(&one, 1, 0);
  printf("  %s: %d%s%s%s%s%s%s\n", what, ready, one.revents & POLLIN ? " in" : "",
         one.revents & POLLOUT ? " out" : "", one.revents & POLLERR ? " err" : "",
         one.revents & POLLHUP ? " hup" : "", one.revents & POLLRDHUP ? " rdhup" : "",
         one.revents & POLLPRI ? " pri" : "");
}
// Waits until the socket has an event that only comes with the peer's packets.
static void await(int fd, int events) {
  struct pollfd one = {.fd = fd, .events = events};
  poll(&one, 1, 5000);
}
// A listening socket and both ends of a connection to it.
struct connection {
  int listener, client, server;
};
static struct connection connect_pair(const char* ip) {
  struct connection made;
  const int family = strchr(ip, ':') == NULL ? AF_INET : AF_INET6;
  made.listener = socket(family, SOCK_STREAM, 0);
  if (bind_to(made.listener, ip, 0) < 0 || listen(made.listener, 8) < 0) perror("listen");
  made.client = socket(family, SOCK_STREAM, 0);
  if (connect_to(made.client, ip, port_of(made.listener)) < 0) perror("connect");
  made.server = accept(made.listener, NULL, NULL);
  return made;
}
static void close_all(struct connection* made) {
  close(made->client);
  close(made->server);
  close(made->listener);
}

static void kinds(void) {
  static const int families[] = {AF_INET, AF_INET6};
  for (unsigned i = 0; i < 2; ++i) {
    const int family = families[i];
    printf("family %d\n", family);
    SAY(close(socket(family, SOCK_STREAM, 0)));
    SAY(close(socket(family, SOCK_STREAM, IPPROTO_TCP)));
    SAY(close(socket(family, SOCK_DGRAM, IPPROTO_UDP)));
    SAY(socket(family, SOCK_STREAM, IPPROTO_UDP));
    SAY(socket(family, SOCK_DGRAM, IPPROTO_TCP));
    SAY(socket(family, SOCK_SEQPACKET, 0));
    SAY(socket(family, SOCK_RDM, 0));
    SAY(socket(family, 0, 0));
    SAY(socket(family, SOCK_STREAM, -1));
    SAY(socket(family, SOCK_STREAM, 10000));
    int pair[2];
    SAY(socketpair(family, SOCK_STREAM, 0, pair));
    const int tcp = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    SAY(option(tcp, SOL_SOCKET, SO_TYPE));
    SAY(option(tcp, SOL_SOCKET, SO_DOMAIN));
    SAY(option(tcp, SOL_SOCKET, SO_PROTOCOL));
    SAY(option(tcp, SOL_SOCKET, SO_ACCEPTCONN));
    SAY((fcntl(tcp, F_GETFL) & O_NONBLOCK) != 0);
    SAY(fcntl(tcp, F_GETFD));
    struct stat status;
    SAY(fstat(tcp, &status));
    printf("mode %o\n", status.st_mode);
    SAY(lseek(tcp, 0, SEEK_CUR));
    show_name("new", tcp, getsockname);
    show_name("peer of none", tcp, getpeername);
    look("new", tcp);
    char bytes[4];
    SAY(send(tcp, "x", 1, MSG_NOSIGNAL));
    SAY(recv(tcp, bytes, 1, 0));
    SAY(read(tcp, bytes, 1));
    SAY(shutdown(tcp, SHUT_RDWR));
    SAY(accept(tcp, NULL, NULL));
    close(tcp);
    const int udp = socket(family, SOCK_DGRAM, 0);
    SAY(option(udp, SOL_SOCKET, SO_PROTOCOL));
    show_name("new", udp, getsockname);
    look("new", udp);
    SAY(listen(udp, 1));
    SAY(accept(udp, NULL, NULL));
    SAY(shutdown(udp, SHUT_RDWR));
    SAY(send(udp, "x", 1, 0));
    SAY(recv(udp, bytes, 1, MSG_DONTWAIT));
    close(udp);
  }
}

static void names(void) {
  const int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
  SAY(bind_to(a, "127.0.0.1", 0));
  show_name("bound", a, getsockname);
  SAY(port_of(a) >= 1024);
  SAY(bind_to(a, "127.0.0.1", 0));
  SAY(bind_to(b, "127.0.0.1", port_of(a)));
  SAY(bind_to(b, "0.0.0.0", port_of(a)));
  SAY(bind_to(b, "192.0.2.1", 0));
  SAY(bind_to(b, "127.0.0.2", port_of(a)));
  show_name("another address", b, getsockname);
  const int c = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
  SAY(bind_to(u, "127.0.0.1", port_of(a)));  // another protocol
  SAY(set(c, SOL_SOCKET, SO_REUSEADDR, 1));
  SAY(bind_to(c, "127.0.0.1", port_of(a)));
  SAY(set(a, SOL_SOCKET, SO_REUSEADDR, 1));
  SAY(bind_to(c, "127.0.0.1", port_of(a)));
  SAY(listen(a, 1));
  SAY(listen(c, 1));
  close(c);
  const int d = socket(AF_INET, SOCK_STREAM, 0);
  SAY(set(d, SOL_SOCKET, SO_REUSEADDR, 1));
  SAY(bind_to(d, "127.0.0.1", port_of(a)));
  union name name = name_of("127.0.0.1", 0);
  SAY(bind(d, &name.any, 15));
  SAY(bind(d, &name.any, 1));
  SAY(bind(d, &name.any, 200));
  SAY(bind(d, (struct sockaddr*)8, 16));
  name.any.sa_family = AF_UNIX;
  SAY(bind(d, &name.any, 16));
  name.any.sa_family = AF_INET6;
  SAY(bind(d, &name.any, 16));
  name = name_of("0.0.0.0", 0);
  name.any.sa_family = AF_UNSPEC;
  SAY(bind(d, &name.any, 16));
  show_name("of no family", d, getsockname);
  socklen_t length = 3;
  SAY(getsockname(d, &name.any, &length));
  printf("length %u\n", length);
  length = -1;
  SAY(getsockname(d, &name.any, &length));
  close(a);
  close(b);
  close(d);
  close(u);
  // SO_REUSEPORT
  const int e = socket(AF_INET, SOCK_DGRAM, 0), f = socket(AF_INET, SOCK_DGRAM, 0);
  SAY(set(e, SOL_SOCKET, SO_REUSEPORT, 1));
  SAY(option(e, SOL_SOCKET, SO_REUSEPORT));
  SAY(bind_to(e, "0.0.0.0", 0));
  SAY(bind_to(f, "0.0.0.0", port_of(e)));
  SAY(set(f, SOL_SOCKET, SO_REUSEPORT, 1));
  SAY(bind_to(f, "0.0.0.0", port_of(e)));
  close(e);
  close(f);
  // IPv6, and both
  const int g = socket(AF_INET6, SOCK_STREAM, 0), h = socket(AF_INET, SOCK_STREAM, 0);
  SAY(option(g, IPPROTO_IPV6, IPV6_V6ONLY));
  SAY(bind_to(g, "::", 0));
  show_name("any", g, getsockname);
  SAY(bind_to(h, "127.0.0.1", port_of(g)));
  SAY(set(g, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  const int i = socket(AF_INET6, SOCK_STREAM, 0);
  SAY(set(i, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  SAY(bind_to(i, "::", 0));
  SAY(bind_to(h, "127.0.0.1", port_of(i)));
  const int j = socket(AF_INET6, SOCK_STREAM, 0);
  SAY(bind_to(j, "::1", port_of(i)));
  SAY(bind_to(j, "::ffff:127.0.0.1", 0));
  show_name("mapped", j, getsockname);
  const int k = socket(AF_INET6, SOCK_STREAM, 0);
  SAY(set(k, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  SAY(bind_to(k, "::ffff:127.0.0.1", 0));
  name = name_of("::1", 0);
  SAY(bind(k, &name.any, 23));
  SAY(bind(k, &name.any, 24));
  name = name_of("127.0.0.1", 0);
  SAY(bind(k, &name.any, 28));
  SAY(bind_to(k, "2001:db8::1", 0));
  close(g);
  close(h);
  close(i);
  close(j);
  close(k);
}

static void connections(const char* ip) {
  printf("connections to %s\n", ip);
  const int family = strchr(ip, ':') == NULL ? AF_INET : AF_INET6;
  const int listener = socket(family, SOCK_STREAM, 0);
  SAY(bind_to(listener, ip, 0));
  SAY(listen(listener, 1));
  SAY(listen(listener, 2));
  const int port = port_of(listener);
  SAY(option(listener, SOL_SOCKET, SO_ACCEPTCONN));
  look("listening", listener);
  SAY(fcntl(listener, F_SETFL, O_NONBLOCK));
  SAY(accept(listener, NULL, NULL));
  SAY(accept4(listener, NULL, NULL, 1));
  char bytes[32] = "";
  SAY(recv(listener, bytes, 1, 0));
  SAY(send(listener, bytes, 1, MSG_NOSIGNAL));
  SAY(connect_to(listener, ip, port));
  int there = -1;
  SAY(ioctl(listener, FIONREAD, &there));
  const int a = socket(family, SOCK_STREAM, 0);
  SAY(connect_to(a, ip, port));
  SAY(connect_to(a, ip, port));
  SAY(listen(a, 1));
  look("connected", a);
  await(listener, POLLIN);
  look("listener", listener);
  show_name("client", a, getsockname);
  show_name("client's peer", a, getpeername);
  SAY(send(a, "early", 5, 0));
  union name name;
  socklen_t length = sizeof name;
  const int s = accept4(listener, &name.any, &length, SOCK_CLOEXEC);
  printf("accepted: %d, length %u, close on exec %d, nonblocking %d\n", s >= 0, length,
         fcntl(s, F_GETFD), (fcntl(s, F_GETFL) & O_NONBLOCK) != 0);
  printf("the client's port: %d\n", ntohs(name.v4.sin_port) == port_of(a));
  printf("the server's port: %d\n", port_of(s) == port);
  show_name("server", s, getsockname);
  show_name("server's peer", s, getpeername);
  look("server with bytes", s);
  SAY(ioctl(s, FIONREAD, &there));
  printf("there: %d\n", there);
  SAY(recv(s, bytes, 2, MSG_PEEK));
  SAY(recv(s, bytes, sizeof bytes, 0));
  printf("%.5s\n", bytes);
  SAY(recv(s, bytes, sizeof bytes, MSG_DONTWAIT));
  SAY(recv(s, bytes, sizeof bytes, MSG_OOB));
  SAY(recv(s, bytes, 0, MSG_DONTWAIT));
  look("server", s);
  SAY(bind_to(s, ip, 0));
  SAY(connect_to(s, ip, port));
  // Addresses of sends and receives
  SAY(send_to(a, "to", 0, ip, port));
  length = sizeof name;
  SAY(recvfrom(s, bytes, sizeof bytes, 0, &name.any, &length));
  printf("length %u\n", length);
  struct iovec parts[] = {{"one ", 4}, {"two ", 4}, {"three", 5}};
  SAY(writev(a, parts, 3));
  await(s, POLLIN);
  struct iovec rooms[] = {{bytes, 3}, {bytes + 3, 20}};
  SAY(readv(s, rooms, 2));
  printf("%.13s\n", bytes);
  SAY(send(a, "truncated", 9, 0));
  await(s, POLLIN);
  SAY(recv(s, NULL, 4, MSG_TRUNC));
  SAY(recv(s, bytes, sizeof bytes, 0));
  printf("%.5s\n", bytes);
  SAY(send(a, "all", 3, MSG_MORE));
  SAY(send(a, " of it", 6, 0));
  SAY(recv(s, bytes, 9, MSG_WAITALL));
  printf("%.9s\n", bytes);
  SAY(recv(s, (void*)8, 0, MSG_DONTWAIT));
  SAY(send(a, (void*)8, 4, 0));
  SAY(send(a, "x", 1, 0));
  await(s, POLLIN);
  SAY(recv(s, (void*)8, 4, 0));
  SAY(recv(s, bytes, 4, 0));
  // The ends
  SAY(shutdown(s, 3));
  SAY(shutdown(s, -1));
  SAY(shutdown(s, SHUT_WR));
  SAY(send(s, "x", 1, MSG_NOSIGNAL));
  await(a, POLLRDHUP);
  look("server, shut to write", s);
  look("client", a);
  SAY(recv(a, bytes, 1, 0));
  SAY(send(a, "more", 4, MSG_NOSIGNAL));
  SAY(recv(s, bytes, sizeof bytes, 0));
  SAY(shutdown(a, SHUT_RD));
  SAY(recv(a, bytes, 1, 0));
  SAY(shutdown(a, SHUT_WR));
  await(s, POLLRDHUP);
  look("client, shut twice", a);
  look("server", s);
  SAY(recv(s, bytes, sizeof bytes, 0));
  show_name("peer of a closed connection", s, getpeername);
  SAY(send(s, "x", 1, MSG_NOSIGNAL));
  SAY(send(a, "x", 1, MSG_NOSIGNAL));
  close(s);
  close(a);
  // A connection that waits when the listening socket ends
  const int b = socket(family, SOCK_STREAM, 0);
  SAY(connect_to(b, ip, port));
  await(listener, POLLIN);
  close(listener);
  await(b, POLLHUP);
  look("client of no listener", b);
  SAY(recv(b, bytes, 1, 0));
  SAY(recv(b, bytes, 1, 0));
  SAY(send(b, "x", 1, MSG_NOSIGNAL));
  SAY(connect_to(b, ip, port));
  close(b);
  // No listener
  const int c = socket(family, SOCK_STREAM, 0);
  SAY(connect_to(c, ip, port));
  look("refused", c);
  SAY(option(c, SOL_SOCKET, SO_ERROR));
  show_name("peer of a refused one", c, getpeername);
  SAY(connect_to(c, ip, port));
  close(c);
}

static void wrong_connections(void) {
  const int a = socket(AF_INET, SOCK_STREAM, 0);
  union name name = name_of("127.0.0.1", 1);
  SAY(connect(a, &name.any, 15));
  SAY(connect(a, &name.any, 1));
  SAY(connect(a, (struct sockaddr*)8, 16));
  name.any.sa_family = AF_INET6;
  SAY(connect(a, &name.any, sizeof name.v6));
  name.any.sa_family = AF_UNIX;
  SAY(connect(a, &name.any, 16));
  name.any.sa_family = AF_UNSPEC;
  SAY(connect(a, &name.any, 16));
  SAY(connect_to(a, "127.0.0.1", 1));
  SAY(connect_to(a, "127.0.0.1", 0));
  close(a);
  const int b = socket(AF_INET6, SOCK_STREAM, 0);
  name = name_of("::1", 1);
  SAY(connect(b, &name.any, 23));
  name = name_of("127.0.0.1", 1);
  SAY(connect(b, &name.any, 28));
  SAY(connect_to(b, "::1", 1));
  SAY(connect_to(b, "::ffff:127.0.0.1", 1));
  close(b);
  const int c = socket(AF_INET6, SOCK_STREAM, 0);
  SAY(set(c, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  SAY(connect_to(c, "::ffff:127.0.0.1", 1));
  close(c);
}

// A dual socket accepts both versions of IP.
static void both_versions(void) {
  const int listener = socket(AF_INET6, SOCK_STREAM, 0);
  SAY(bind_to(listener, "::", 0));
  SAY(listen(listener, 5));
  const int port = port_of(listener);
  const int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET6, SOCK_STREAM, 0);
  SAY(connect_to(a, "127.0.0.1", port));
  SAY(connect_to(b, "::1", port));
  const int c = accept(listener, NULL, NULL), d = accept(listener, NULL, NULL);
  show_name("server of IPv4", c, getsockname);
  show_name("its peer", c, getpeername);
  show_name("server of IPv6", d, getsockname);
  show_name("its peer", d, getpeername);
  char bytes[8];
  SAY(send(a, "four", 4, 0));
  SAY(recv(c, bytes, 8, 0));
  SAY(send(d, "six", 3, 0));
  SAY(recv(b, bytes, 8, 0));
  const int e = socket(AF_INET6, SOCK_STREAM, 0);
  SAY(connect_to(e, "::ffff:127.0.0.1", port));
  show_name("client by a mapped address", e, getsockname);
  show_name("its peer", e, getpeername);
  const int f = socket(AF_INET, SOCK_STREAM, 0);
  SAY(connect_to(f, "0.0.0.0", port));
  show_name("peer by 0.0.0.0", f, getpeername);
  const int g = socket(AF_INET, SOCK_STREAM, 0);
  SAY(connect_to(g, "127.1.2.3", port));
  show_name("client of 127.1.2.3", g, getsockname);
  show_name("its peer", g, getpeername);
  for (int fd = listener; fd <= g; ++fd) close(fd);
}

static void nonblocking(void) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind_to(listener, "127.0.0.1", 0);
  listen(listener, 5);
  const int port = port_of(listener);
  const int a = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SAY(connect_to(a, "127.0.0.1", port));
  await(a, POLLOUT);
  look("connected", a);
  SAY(option(a, SOL_SOCKET, SO_ERROR));
  SAY(connect_to(a, "127.0.0.1", port));
  SAY(connect_to(a, "127.0.0.1", port));
  const int s = accept(listener, NULL, NULL);
  char bytes[8];
  SAY(recv(a, bytes, 1, 0));
  SAY(read(a, bytes, 1));
  close(listener);
  const int b = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SAY(connect_to(b, "127.0.0.1", port));
  await(b, POLLOUT);
  look("refused", b);
  SAY(option(b, SOL_SOCKET, SO_ERROR));
  SAY(option(b, SOL_SOCKET, SO_ERROR));
  close(b);
  const int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SAY(connect_to(c, "127.0.0.1", port));
  await(c, POLLOUT);
  SAY(connect_to(c, "127.0.0.1", port));
  SAY(connect_to(c, "127.0.0.1", port));
  close(c);
  // A stream that is full
  static char many[1 << 16];
  long sent = 0, all = 0;
  while ((sent = send(a, many, sizeof many, 0)) > 0) all += sent;
  printf("full: %s, many %d\n", strerrorname_np(errno), all > 100000);
  look("full", a);
  SAY(write(a, many, 1));
  int queued = 0;
  SAY(ioctl(a, SIOCOUTQ, &queued));
  printf("queued: %d\n", queued > 0);
  long got = 0, part = 0;
  while (got < all && (part = recv(s, many, sizeof many, 0)) > 0) got += part;
  printf("all received: %d\n", got == all);
  await(a, POLLOUT);
  look("empty", a);
  // epoll, by edges
  const int watch = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET}, out = {};
  SAY(epoll_ctl(watch, EPOLL_CTL_ADD, s, &event));
  SAY(epoll_wait(watch, &out, 1, 0));
  SAY(send(a, "1", 1, 0));
  SAY(epoll_wait(watch, &out, 1, 5000));
  printf("events %x\n", out.events);
  SAY(epoll_wait(watch, &out, 1, 0));
  SAY(send(a, "2", 1, 0));
  SAY(epoll_wait(watch, &out, 1, 5000));
  SAY(close(a));
  SAY(epoll_wait(watch, &out, 1, 5000));
  printf("events %x\n", out.events);
  SAY(recv(s, bytes, 8, 0));
  SAY(recv(s, bytes, 8, 0));
  close(watch);
  close(s);
}

static volatile sig_atomic_t pipes;
static void count_pipe(int number) {
  (void)number;
  ++pipes;
}

static void resets(void) {
  char bytes[16];
  // Bytes that no program has read
  struct connection made = connect_pair("127.0.0.1");
  SAY(send(made.client, "lost", 4, 0));
  SAY(send(made.server, "kept", 4, 0));
  await(made.server, POLLIN);
  await(made.client, POLLIN);
  close(made.server);
  await(made.client, POLLHUP);
  look("reset", made.client);
  SAY(option(made.client, SOL_SOCKET, SO_ERROR));
  SAY(option(made.client, SOL_SOCKET, SO_ERROR));
  look("afterwards", made.client);
  SAY(send(made.client, "x", 1, MSG_NOSIGNAL));
  close(made.client);
  close(made.listener);
  // SO_LINGER of no time
  made = connect_pair("127.0.0.1");
  struct linger linger = {1, 0};
  SAY(setsockopt(made.server, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  close(made.server);
  await(made.client, POLLHUP);
  SAY(recv(made.client, bytes, 1, 0));
  SAY(recv(made.client, bytes, 1, 0));
  show_name("peer after a reset", made.client, getpeername);
  SAY(shutdown(made.client, SHUT_RDWR));
  close(made.client);
  close(made.listener);
  // A write after the peer's close
  signal(SIGPIPE, count_pipe);
  made = connect_pair("127.0.0.1");
  close(made.server);
  await(made.client, POLLRDHUP);
  look("peer closed", made.client);
  SAY(recv(made.client, bytes, 1, 0));
  SAY(write(made.client, "x", 1));
  await(made.client, POLLHUP);
  look("peer closed, and a write", made.client);
  SAY(write(made.client, "x", 1));
  SAY(pipes);
  SAY(write(made.client, "x", 1));
  SAY(pipes);
  SAY(send(made.client, "x", 1, MSG_NOSIGNAL));
  SAY(pipes);
  close(made.client);
  close(made.listener);
  // The port after the connection
  made = connect_pair("127.0.0.1");
  const int port = port_of(made.listener);
  close(made.server);
  await(made.client, POLLRDHUP);
  close(made.client);
  close(made.listener);
  const int a = socket(AF_INET, SOCK_STREAM, 0);
  usleep(20000);
  SAY(bind_to(a, "127.0.0.1", port));
  SAY(set(a, SOL_SOCKET, SO_REUSEADDR, 1));
  SAY(bind_to(a, "127.0.0.1", port));
  SAY(listen(a, 1));
  close(a);
}

static void datagrams(const char* ip) {
  printf("datagrams to %s\n", ip);
  const int family = strchr(ip, ':') == NULL ? AF_INET : AF_INET6;
  const int a = socket(family, SOCK_DGRAM, 0), b = socket(family, SOCK_DGRAM, 0);
  SAY(bind_to(a, ip, 0));
  const int port = port_of(a);
  SAY(send_to(b, "one", 0, ip, port));
  show_name("sender", b, getsockname);
  show_name("sender's peer", b, getpeername);
  await(a, POLLIN);
  look("receiver", a);
  int there = 0;
  SAY(send_to(b, "number two", 0, ip, port));
  SAY(ioctl(a, FIONREAD, &there));
  printf("there: %d\n", there);
  char bytes[64];
  union name name;
  socklen_t length = sizeof name;
  SAY(recvfrom(a, bytes, sizeof bytes, MSG_PEEK, &name.any, &length));
  SAY(recvfrom(a, bytes, sizeof bytes, 0, &name.any, &length));
  printf("length %u, from the sender %d\n", length, ntohs(name.v4.sin_port) == port_of(b));
  SAY(recv(a, bytes, 4, MSG_TRUNC | MSG_PEEK));
  struct iovec part = {bytes, 4};
  struct msghdr message = {
      .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &part, .msg_iovlen = 1};
  SAY(recvmsg(a, &message, 0));
  printf("flags %x, length %u\n", message.msg_flags, message.msg_namelen);
  SAY(recv(a, bytes, 1, MSG_DONTWAIT));
  SAY(send_to(b, "", 0, ip, port));
  await(a, POLLIN);
  SAY(recv(a, bytes, 1, 0));
  SAY(send_to(b, "x", 0, ip, 0));
  SAY(send(b, "x", 1, 0));
  SAY(recv(a, bytes, 1, MSG_OOB | MSG_DONTWAIT) < 0);
  static char large[70000];
  union name to = name_of(ip, port);
  SAY(sendto(b, large, 70000, 0, &to.any, size_of(family)));
  SAY(sendto(b, large, family == AF_INET ? 65507 : 65487, 0, &to.any, size_of(family)));
  await(a, POLLIN);
  SAY(recv(a, large, sizeof large, 0));
  if (family == AF_INET) SAY(sendto(b, large, 65508, 0, &to.any, size_of(family)));
  SAY(sendto(b, large, 1, 0, &to.any, 5));
  SAY(sendto(b, (void*)8, 5, 0, &to.any, size_of(family)));
  // Connected
  SAY(connect_to(b, ip, port));
  show_name("connected", b, getsockname);
  show_name("its peer", b, getpeername);
  SAY(send(b, "three", 5, 0));
  SAY(write(b, "four", 4));
  await(a, POLLIN);
  SAY(recv(a, bytes, sizeof bytes, 0));
  SAY(read(a, bytes, sizeof bytes));
  const int c = socket(family, SOCK_DGRAM, 0);
  SAY(bind_to(c, ip, 0));
  SAY(send_to(c, "stranger", 0, ip, port_of(b)));
  SAY(recv(b, bytes, sizeof bytes, MSG_DONTWAIT));
  SAY(send_to(a, "answer", 0, ip, port_of(b)));
  SAY(recv(b, bytes, sizeof bytes, 0));
  SAY(send_to(b, "elsewhere", 0, ip, port_of(c)));
  SAY(recv(c, bytes, sizeof bytes, 0));
  const int closed = port_of(c);
  close(c);
  // Without a receiver
  SAY(send_to(a, "x", 0, ip, closed));
  SAY(option(a, SOL_SOCKET, SO_ERROR));
  SAY(connect_to(b, ip, closed));
  SAY(send(b, "x", 1, 0));
  await(b, POLLERR);
  look("refused", b);
  SAY(send(b, "x", 1, 0));
  SAY(send(b, "x", 1, 0));
  await(b, POLLERR);
  SAY(recv(b, bytes, 1, 0));
  SAY(recv(b, bytes, 1, MSG_DONTWAIT));
  SAY(send(b, "x", 1, 0));
  await(b, POLLERR);
  SAY(option(b, SOL_SOCKET, SO_ERROR));
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  SAY(connect(b, &none, sizeof none));
  show_name("disconnected", b, getpeername);
  SAY(send(b, "x", 1, 0));
  SAY(connect_to(b, ip, port));
  SAY(shutdown(b, SHUT_RD));
  look("shut to read", b);
  SAY(recv(b, bytes, 1, 0));
  SAY(recv(b, bytes, 1, MSG_DONTWAIT));
  SAY(send_to(a, "late", 0, ip, port_of(b)));
  usleep(10000);
  SAY(recv(b, bytes, sizeof bytes, MSG_DONTWAIT));
  SAY(recv(b, bytes, sizeof bytes, 0));
  SAY(shutdown(b, SHUT_WR));
  look("shut", b);
  SAY(send(b, "x", 1, MSG_NOSIGNAL));
  close(a);
  close(b);
}

static void options(void) {
  const int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET6, SOCK_DGRAM, 0);
  static const int switches[] = {SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE,
                                 SO_BROADCAST, SO_DONTROUTE, SO_OOBINLINE};
  for (unsigned i = 0; i < sizeof switches / sizeof *switches; ++i) {
    printf("option %d: %d", switches[i], option(a, SOL_SOCKET, switches[i]));
    printf(", set %d", set(a, SOL_SOCKET, switches[i], 5));
    printf(", %d\n", option(a, SOL_SOCKET, switches[i]));
  }
  static const struct {
    int level, which, value;
  } numbers[] = {
      {IPPROTO_TCP, TCP_NODELAY, 1},
      {IPPROTO_TCP, TCP_CORK, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, 10},
      {IPPROTO_TCP, TCP_KEEPIDLE, 0},
      {IPPROTO_TCP, TCP_KEEPINTVL, 5},
      {IPPROTO_TCP, TCP_KEEPINTVL, 40000},
      {IPPROTO_TCP, TCP_KEEPCNT, 3},
      {IPPROTO_TCP, TCP_KEEPCNT, 128},
      {IPPROTO_TCP, TCP_SYNCNT, 4},
      {IPPROTO_TCP, TCP_SYNCNT, 0},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, 9},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, -1},
      {IPPROTO_TCP, TCP_LINGER2, 7},
      {IPPROTO_TCP, 9999, 1},
      {IPPROTO_IP, IP_TTL, 7},
      {IPPROTO_IP, IP_TTL, 0},
      {IPPROTO_IP, IP_TTL, 256},
      {IPPROTO_IP, IP_TTL, -1},
      {IPPROTO_IP, IP_TOS, 0x10},
      {IPPROTO_IP, 9999, 1},
      {IPPROTO_IP, IP_RECVERR, 1},
      {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 5},
      {IPPROTO_UDP, 9999, 1},
      {9999, 1, 1},
  };
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
    printf("level %d, option %d: ", numbers[i].level, numbers[i].which);
    if (set(a, numbers[i].level, numbers[i].which, numbers[i].value) < 0)
      printf("%s, ", strerrorname_np(errno));
    printf("%d\n", option(a, numbers[i].level, numbers[i].which));
  }
  SAY(set(b, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9));
  SAY(option(b, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
  SAY(set(b, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256));
  SAY(set(b, IPPROTO_IPV6, IPV6_TCLASS, 8));
  SAY(option(b, IPPROTO_IPV6, IPV6_TCLASS));
  SAY(set(b, IPPROTO_IPV6, 9999, 1));
  SAY(set(b, IPPROTO_TCP, TCP_NODELAY, 1));
  SAY(option(b, IPPROTO_TCP, TCP_NODELAY));
  const char byte = 8;
  SAY(setsockopt(a, IPPROTO_IP, IP_TTL, &byte, 1));
  SAY(option(a, IPPROTO_IP, IP_TTL));
  SAY(setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &byte, 1));
  SAY(setsockopt(a, IPPROTO_TCP, TCP_NODELAY, (void*)8, 4));
  int value = 0;
  socklen_t length = 1;
  SAY(getsockopt(a, IPPROTO_IP, IP_TTL, &value, &length));
  printf("value %d, length %u\n", value, length);
  length = 2;
  SAY(getsockopt(a, IPPROTO_TCP, TCP_NODELAY, &value, &length));
  printf("length %u\n", length);
  length = 100;
  SAY(getsockopt(a, IPPROTO_TCP, TCP_NODELAY, &value, &length));
  printf("length %u\n", length);
  length = -1;
  SAY(getsockopt(a, IPPROTO_TCP, TCP_NODELAY, &value, &length));
  SAY(set(a, SOL_SOCKET, SO_SNDBUF, 20000));
  SAY(option(a, SOL_SOCKET, SO_SNDBUF));
  SAY(set(a, SOL_SOCKET, SO_RCVBUF, 30000));
  SAY(option(a, SOL_SOCKET, SO_RCVBUF));
  struct tcp_info info = {};
  length = sizeof info;
  SAY(getsockopt(a, IPPROTO_TCP, TCP_INFO, &info, &length));
  printf("state %d\n", info.tcpi_state);
  close(a);
  close(b);
  struct connection made = connect_pair("127.0.0.1");
  length = sizeof info;
  SAY(getsockopt(made.client, IPPROTO_TCP, TCP_INFO, &info, &length));
  printf("state %d\n", info.tcpi_state);
  SAY(getsockopt(made.listener, IPPROTO_TCP, TCP_INFO, &info, &length));
  printf("state %d\n", info.tcpi_state);
  shutdown(made.client, SHUT_WR);
  await(made.server, POLLRDHUP);
  SAY(getsockopt(made.server, IPPROTO_TCP, TCP_INFO, &info, &length));
  printf("state %d\n", info.tcpi_state);
  // Timeouts
  struct timeval time = {0, 20000};
  SAY(setsockopt(made.client, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  char bytes[4];
  SAY(recv(made.client, bytes, 1, 0));
  SAY(read(made.client, bytes, 1));
  SAY(setsockopt(made.listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  SAY(accept(made.listener, NULL, NULL));
  close_all(&made);
  made = connect_pair("::1");
  // SO_RCVLOWAT
  SAY(set(made.server, SOL_SOCKET, SO_RCVLOWAT, 3));
  SAY(send(made.client, "12", 2, 0));
  usleep(1000);
  look("too few bytes", made.server);
  SAY(send(made.client, "3", 1, 0));
  await(made.server, POLLIN);
  look("enough bytes", made.server);
  SAY(recv(made.server, bytes, 4, 0));
  close_all(&made);
}

static void show_control(int fd) {
  char bytes[16], control[256] = {};
  struct iovec part = {bytes, sizeof bytes};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  await(fd, POLLIN);
  SAY(recvmsg(fd, &message, MSG_DONTWAIT));
  for (struct cmsghdr* one = CMSG_FIRSTHDR(&message); one != NULL; one = CMSG_NXTHDR(&message, one))
    printf("level %d, type %d, %zu bytes, first byte %d\n", one->cmsg_level, one->cmsg_type,
           one->cmsg_len - CMSG_LEN(0), CMSG_DATA(one)[0]);
}
static int send_with(int fd, int level, int type, const void* data, size_t size) {
  char control[64] = {};
  struct iovec part = {"x", 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = CMSG_SPACE(size)};
  struct cmsghdr* one = CMSG_FIRSTHDR(&message);
  *one = (struct cmsghdr){.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(size)};
  memcpy(CMSG_DATA(one), data, size);
  return sendmsg(fd, &message, 0);
}

static void control_messages(void) {
  const int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
  bind_to(a, "127.0.0.1", 0);
  connect_to(b, "127.0.0.1", port_of(a));
  SAY(set(a, IPPROTO_IP, IP_RECVTTL, 1));
  SAY(set(a, IPPROTO_IP, IP_RECVTOS, 1));
  SAY(send(b, "x", 1, 0));
  show_control(a);
  int value = 9;
  SAY(send_with(b, IPPROTO_IP, IP_TTL, &value, sizeof value));
  show_control(a);
  value = 8;
  SAY(send_with(b, IPPROTO_IP, IP_TOS, &value, sizeof value));
  show_control(a);
  SAY(set(b, IPPROTO_IP, IP_TTL, 33));
  SAY(send(b, "x", 1, 0));
  show_control(a);
  SAY(set(a, IPPROTO_IP, IP_RECVTTL, 0));
  SAY(set(a, IPPROTO_IP, IP_RECVTOS, 0));
  SAY(set(a, IPPROTO_IP, IP_PKTINFO, 1));
  SAY(send(b, "x", 1, 0));
  show_control(a);
  value = 0;
  SAY(send_with(b, IPPROTO_IP, IP_TTL, &value, sizeof value));
  SAY(send_with(b, IPPROTO_IP, IP_TTL, &value, 3));
  SAY(send_with(b, IPPROTO_IP, 99, &value, sizeof value));
  SAY(send_with(b, SOL_SOCKET, 99, &value, sizeof value));
  close(a);
  close(b);
  const int c = socket(AF_INET6, SOCK_DGRAM, 0), d = socket(AF_INET6, SOCK_DGRAM, 0);
  bind_to(c, "::1", 0);
  connect_to(d, "::1", port_of(c));
  SAY(set(c, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
  SAY(set(c, IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
  SAY(send(d, "x", 1, 0));
  show_control(c);
  value = 9;
  SAY(send_with(d, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, sizeof value));
  show_control(c);
  SAY(send_with(d, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof value));
  show_control(c);
  value = 256;
  SAY(send_with(d, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, sizeof value));
  close(c);
  close(d);
}

static void devices(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0), local = socket(AF_UNIX, SOCK_DGRAM, 0);
  struct ifreq request = {.ifr_name = "lo"};
  SAY(ioctl(fd, SIOCGIFINDEX, &request));
  printf("index %d\n", request.ifr_ifindex);
  SAY(ioctl(local, SIOCGIFINDEX, &request));
  SAY(ioctl(fd, SIOCGIFNAME, &request));
  printf("name %s\n", request.ifr_name);
  SAY(ioctl(fd, SIOCGIFFLAGS, &request));
  printf("flags %x\n", request.ifr_flags);
  SAY(ioctl(fd, SIOCGIFADDR, &request));
  printf("address %s\n", inet_ntoa(((struct sockaddr_in*)&request.ifr_addr)->sin_addr));
  SAY(ioctl(fd, SIOCGIFNETMASK, &request));
  printf("mask %s\n", inet_ntoa(((struct sockaddr_in*)&request.ifr_addr)->sin_addr));
  SAY(ioctl(fd, SIOCGIFHWADDR, &request));
  printf("kind %d\n", request.ifr_hwaddr.sa_family);
  strcpy(request.ifr_name, "none");
  SAY(ioctl(fd, SIOCGIFINDEX, &request));
  SAY(ioctl(fd, SIOCGIFFLAGS, &request));
  request.ifr_ifindex = 9999;
  SAY(ioctl(fd, SIOCGIFNAME, &request));
  SAY(ioctl(fd, SIOCGIFFLAGS, (void*)8));
  SAY(ioctl(fd, TCGETS, &request));
  struct ifreq list[4];
  struct ifconf all = {.ifc_len = sizeof list, .ifc_req = list};
  SAY(ioctl(fd, SIOCGIFCONF, &all));
  printf("first device: %s\n", list[0].ifr_name);
  all.ifc_len = sizeof *list - 1;
  SAY(ioctl(fd, SIOCGIFCONF, &all));
  printf("length %d\n", all.ifc_len);
  close(fd);
  close(local);
}

// Other machines have more devices: only `lo` is printed.
static void netlink(void) {
  struct if_nameindex* const names = if_nameindex();
  SAY(names != NULL);
  for (struct if_nameindex* one = names; one->if_index != 0; ++one)
    if (strcmp(one->if_name, "lo") == 0) printf("lo is %u\n", one->if_index);
  struct ifaddrs* all = NULL;
  SAY(getifaddrs(&all));
  for (struct ifaddrs* one = all; one != NULL; one = one->ifa_next) {
    if (strcmp(one->ifa_name, "lo") != 0 || one->ifa_addr == NULL) continue;
    const union name* name = (const union name*)one->ifa_addr;
    char text[64] = "";
    if (name->any.sa_family == AF_INET) inet_ntop(AF_INET, &name->v4.sin_addr, text, sizeof text);
    if (name->any.sa_family == AF_INET6)
      inet_ntop(AF_INET6, &name->v6.sin6_addr, text, sizeof text);
    printf("lo: family %d, flags %x, %s\n", name->any.sa_family,
           one->ifa_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING), text);
  }
  SAY(socket(AF_NETLINK, SOCK_STREAM, 0));
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
  char bytes[256];
  look("netlink", fd);
  SAY(recv(fd, bytes, sizeof bytes, 0));
  SAY(send(fd, bytes, 0, 0));
  SAY(listen(fd, 1));
  SAY(accept(fd, NULL, NULL));
  SAY(shutdown(fd, SHUT_RDWR));
  close(fd);
}

// Clients are spread over listening sockets with one port.
static void shared_ports(void) {
  int listeners[2], clients[64], counts[2] = {};
  for (int i = 0; i < 2; ++i) {
    listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    set(listeners[i], SOL_SOCKET, SO_REUSEPORT, 1);
    SAY(bind_to(listeners[i], "127.0.0.1", i == 0 ? 0 : port_of(listeners[0])));
    SAY(listen(listeners[i], 100));
  }
  for (int i = 0; i < 64; ++i) {
    clients[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect_to(clients[i], "127.0.0.1", port_of(listeners[0])) < 0) perror("connect");
  }
  for (int i = 0; i < 2; ++i) {
    for (int fd; (fd = accept(listeners[i], NULL, NULL)) >= 0; ++counts[i]) close(fd);
    close(listeners[i]);
  }
  printf("both have clients: %d, all: %d\n", counts[0] > 0 && counts[1] > 0, counts[0] + counts[1]);
  for (int i = 0; i < 64; ++i) close(clients[i]);
}

static void udp_lite(void) {
  const int a = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  const int b = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), udp = socket(AF_INET, SOCK_DGRAM, 0);
  SAY(bind_to(a, "127.0.0.1", 0));
  SAY(bind_to(udp, "127.0.0.1", port_of(a)));  // another protocol
  SAY(option(a, SOL_SOCKET, SO_PROTOCOL));
  SAY(send_to(b, "lite", 0, "127.0.0.1", port_of(a)));
  char bytes[8];
  SAY(recv(a, bytes, sizeof bytes, 0));
  SAY(recv(udp, bytes, sizeof bytes, MSG_DONTWAIT));
  SAY(set(udp, IPPROTO_UDPLITE, 10, 20));
  set(b, IPPROTO_UDPLITE, 10, 20);  // which emulators refuse
  SAY(send_to(b, "covered", 0, "127.0.0.1", port_of(a)));
  SAY(recv(a, bytes, sizeof bytes, 0));
  close(a);
  close(b);
  close(udp);
}

static int shared;
static void* send_later(void* text) {
  usleep(30000);
  const ssize_t sent = send(shared, text, strlen(text), 0);
  return sent > 0 ? text : NULL;
}
static int listening_port;
static void* connect_later(void* nothing) {
  usleep(30000);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  connect_to(fd, "127.0.0.1", listening_port);
  close(fd);
  return nothing;
}
static void* close_later(void* nothing) {
  usleep(30000);
  close(shared);
  return nothing;
}
static void* drain_later(void* nothing) {
  static char many[1 << 16];
  usleep(30000);
  while (recv(shared, many, sizeof many, 0) > 0) continue;
  return nothing;
}

static void waits(void) {
  pthread_t thread;
  char bytes[16];
  struct connection made = connect_pair("127.0.0.1");
  shared = made.client;
  pthread_create(&thread, NULL, send_later, "first");
  SAY(recv(made.server, bytes, sizeof bytes, 0));
  pthread_join(thread, NULL);
  pthread_create(&thread, NULL, send_later, "second");
  SAY(read(made.server, bytes, sizeof bytes));
  pthread_join(thread, NULL);
  pthread_create(&thread, NULL, send_later, "third");
  struct pollfd one = {.fd = made.server, .events = POLLIN};
  SAY(poll(&one, 1, 5000));
  SAY(recv(made.server, bytes, sizeof bytes, 0));
  pthread_join(thread, NULL);
  SAY(send(made.client, "abc", 3, 0));
  pthread_create(&thread, NULL, send_later, "def");
  SAY(recv(made.server, bytes, 6, MSG_WAITALL));
  pthread_join(thread, NULL);
  listening_port = port_of(made.listener);
  pthread_create(&thread, NULL, connect_later, NULL);
  const int accepted = accept(made.listener, NULL, NULL);
  SAY(accepted >= 0);
  pthread_join(thread, NULL);
  SAY(recv(accepted, bytes, 1, 0));
  close(accepted);
  // More bytes than all buffers hold
  shared = made.server;
  static char many[20 << 20];
  pthread_create(&thread, NULL, drain_later, NULL);
  SAY(write(made.client, many, sizeof many));
  SAY(send(made.client, many, sizeof many, 0));
  shutdown(made.client, SHUT_WR);
  pthread_join(thread, NULL);
  close_all(&made);
  made = connect_pair("::1");
  shared = made.client;
  pthread_create(&thread, NULL, close_later, NULL);
  SAY(recv(made.server, bytes, 1, 0));
  pthread_join(thread, NULL);
  close(made.server);
  close(made.listener);
  const int a = socket(AF_INET, SOCK_DGRAM, 0);
  shared = socket(AF_INET, SOCK_DGRAM, 0);
  bind_to(a, "127.0.0.1", 0);
  connect_to(shared, "127.0.0.1", port_of(a));
  pthread_create(&thread, NULL, send_later, "datagram");
  SAY(recv(a, bytes, sizeof bytes, 0));
  pthread_join(thread, NULL);
  close(a);
  close(shared);
}

int main(void) {
  kinds();
  names();
  connections("127.0.0.1");
  connections("::1");
  wrong_connections();
  both_versions();
  nonblocking();
  resets();
  datagrams("127.0.0.1");
  datagrams("::1");
  options();
  control_messages();
  devices();
  netlink();
  udp_lite();
  shared_ports();
  waits();
  return 0;
}
