// Signals of files that become ready: O_ASYNC, FIOASYNC, and the owners of files.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>

#include "common.h"

enum { chosen = 40 };  // a real-time signal

static sigset_t awaited;

// Prints the signals that arrive, until none has arrived for 50 ms.
static void signals(const char* what) {
  const struct timespec limit = {.tv_nsec = 50 * 1000 * 1000};
  siginfo_t info;
  printf("%s:", what);
  for (int signal; (signal = sigtimedwait(&awaited, &info, &limit)) > 0;) {
    printf(" %s", signal == SIGIO ? "SIGIO" : "chosen");
    if (info.si_code == SI_KERNEL)
      printf(" of the kernel");
    else
      printf(" code %d band %#lx", info.si_code, info.si_band);
  }
  printf("\n");
  fflush(stdout);
}

static void print_owner(int fd) {
  struct f_owner_ex owner = {-1, -1};
  say("F_GETOWN_EX", fcntl(fd, F_GETOWN_EX, &owner));
  printf("type %d, %s\n", owner.type,
         owner.pid == 0          ? "nobody"
         : owner.pid == getpid() ? "this"
                                 : "another");
}

static void owners(void) {
  int end[2];
  pipe2(end, O_NONBLOCK);
  const int fd = end[0];
  SAY(fcntl(fd, F_GETOWN));
  print_owner(fd);
  SAY(fcntl(fd, F_SETOWN, getpid()));
  say("F_GETOWN is this process", fcntl(fd, F_GETOWN) == getpid());
  print_owner(fd);
  SAY(fcntl(fd, F_SETOWN, -getpgrp()));
  say("F_GETOWN is the group", fcntl(fd, F_GETOWN) == -getpgrp());
  SAY(fcntl(fd, F_SETOWN, unknown_id));
  SAY(fcntl(fd, F_SETOWN, -unknown_id));
  SAY(fcntl(fd, F_SETOWN, INT32_MIN));
  SAY(fcntl(fd, F_SETOWN, 0));
  SAY(fcntl(fd, F_GETOWN));
  for (int type = -1; type <= 3; ++type) {
    printf("type %d\n", type);
    struct f_owner_ex owner = {type, type == F_OWNER_PGRP ? getpgrp() : getpid()};
    say("F_SETOWN_EX", fcntl(fd, F_SETOWN_EX, &owner));
    if (type != F_OWNER_PGRP) print_owner(fd);
    owner.pid = unknown_id;
    say("F_SETOWN_EX, unknown", fcntl(fd, F_SETOWN_EX, &owner));
  }
  SAY(fcntl(fd, F_GETSIG));
  SAY(fcntl(fd, F_SETSIG, 65));
  SAY(fcntl(fd, F_SETSIG, -1));
  SAY(fcntl(fd, F_SETSIG, chosen));
  SAY(fcntl(fd, F_GETSIG));
  SAY(fcntl(fd, F_SETSIG, 0));
  SAY(fcntl(fd, F_GETSIG));
  const int path = open("/tmp", O_PATH);
  SAY(fcntl(path, F_GETOWN));
  SAY(fcntl(path, F_SETOWN, getpid()));
  close(path);
  // The owner has ended.
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  SAY(fcntl(fd, F_SETOWN, child));
  waitpid(child, NULL, 0);
  SAY(fcntl(fd, F_GETOWN));
  close(end[0]), close(end[1]);
}

static void which_files(void) {
  int pair[2], end[2], on = 1;
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  pipe(end);
  char name[] = "/tmp/ownersXXXXXX";
  const struct {
    const char* name;
    int fd;
  } files[] = {{"a socket", pair[0]},
               {"a pipe, to read", end[0]},
               {"a pipe, to write", end[1]},
               {"TCP", socket(AF_INET, SOCK_STREAM, 0)},
               {"UDP", socket(AF_INET, SOCK_DGRAM, 0)},
               {"inotify", inotify_init()},
               {"a terminal", posix_openpt(O_RDWR | O_NOCTTY)},
               {"eventfd", eventfd(0, 0)},
               {"a file", mkstemp(name)},
               {"a folder", open("/tmp", O_RDONLY | O_DIRECTORY)},
               {"null", open("/dev/null", O_RDWR)}};
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
    const int fd = files[i].fd;
    printf("%s\n", files[i].name);
    say("  FIOASYNC", ioctl(fd, FIOASYNC, &on));
    say("  F_GETFL", (fcntl(fd, F_GETFL) & O_ASYNC) != 0);
    say("  F_SETFL, off", fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_ASYNC));
    say("  F_GETFL", (fcntl(fd, F_GETFL) & O_ASYNC) != 0);
    say("  F_SETFL, on", fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
    say("  F_GETFL", (fcntl(fd, F_GETFL) & O_ASYNC) != 0);
    int none = 0, owner = getpid(), got = -1;
    say("  FIOASYNC, off", ioctl(fd, FIOASYNC, &none));
    if (i == 6) continue;  // the emulator knows the next requests for sockets only
    say("  SIOCSPGRP", ioctl(fd, SIOCSPGRP, &owner));
    say("  SIOCGPGRP", ioctl(fd, SIOCGPGRP, &got));
    say("  the owner is this process", got == getpid());
  }
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) close(files[i].fd);
  close(pair[1]);
  unlink(name);
}

static void of_pair(int type, int signal) {
  int pair[2], on = 1, off = 0;
  char byte = 0;
  socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair);
  fcntl(pair[0], F_SETSIG, signal);
  SAY(ioctl(pair[0], FIOASYNC, &on));
  write(pair[1], "a", 1);
  signals("without an owner");
  read(pair[0], &byte, 1);
  SAY(fcntl(pair[0], F_SETOWN, getpid()));
  signals("nothing has happened");
  write(pair[1], "a", 1);
  signals("a message");
  write(pair[1], "a", 1);
  signals("another one");
  read(pair[0], &byte, 1), read(pair[0], &byte, 1);
  signals("two reads");
  write(pair[1], "a", 1);
  signals("a message to an empty socket");
  SAY(ioctl(pair[0], FIOASYNC, &off));
  write(pair[1], "a", 1);
  signals("after FIOASYNC");
  SAY(fcntl(pair[0], F_SETFL, O_NONBLOCK | O_ASYNC));
  write(pair[1], "a", 1);
  signals("after F_SETFL");
  const int copy = dup(pair[0]);
  close(pair[0]);
  write(pair[1], "a", 1);
  signals("a copy is open");
  while (read(copy, &byte, 1) > 0) {
  }
  close(pair[1]);
  signals("the peer has closed");
  close(copy);
}

static void of_pipe(void) {
  int end[2];
  char bytes[4096] = "";
  pipe2(end, O_NONBLOCK);
  for (int i = 0; i < 2; ++i) {
    fcntl(end[i], F_SETSIG, chosen);
    fcntl(end[i], F_SETOWN, getpid());
  }
  SAY(fcntl(end[0], F_SETFL, O_NONBLOCK | O_ASYNC));
  write(end[1], bytes, 10);
  signals("bytes to read");
  SAY(fcntl(end[0], F_SETFL, O_NONBLOCK));
  while (write(end[1], bytes, sizeof bytes) > 0) {
  }
  SAY(fcntl(end[1], F_SETFL, O_NONBLOCK | O_ASYNC));
  signals("a full pipe");
  read(end[0], bytes, sizeof bytes);
  signals("room to write");
  close(end[0]);
  signals("no reader");
  close(end[1]);
  pipe2(end, O_NONBLOCK);
  fcntl(end[0], F_SETSIG, chosen);
  fcntl(end[0], F_SETOWN, getpid());
  SAY(fcntl(end[0], F_SETFL, O_NONBLOCK | O_ASYNC));
  close(end[1]);
  signals("no writer");
  close(end[0]);
}

static void of_group(void) {
  int pair[2];
  char byte;
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    write(pair[1], "r", 1);
    const struct timespec limit = {.tv_sec = 10};
    siginfo_t info;
    printf("in the child: %s\n", sigtimedwait(&awaited, &info, &limit) == SIGIO ? "SIGIO" : "none");
    fflush(stdout);
    _exit(0);
  }
  read(pair[0], &byte, 1);
  SAY(fcntl(pair[0], F_SETOWN, -child));
  SAY(fcntl(pair[0], F_SETFL, O_ASYNC));
  write(pair[1], "a", 1);
  waitpid(child, NULL, 0);
  signals("in the parent");
  say("F_GETOWN", fcntl(pair[0], F_GETOWN));
  close(pair[0]), close(pair[1]);
}

// The handler interrupts the program; it reads until nothing is left.
static volatile sig_atomic_t caught;
static int handled_fd;
static void handle(int signal) {
  (void)signal;
  char bytes[16];
  while (read(handled_fd, bytes, sizeof bytes) > 0) ++caught;
}

static void of_handler(void) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
  handled_fd = pair[0];
  sigprocmask(SIG_UNBLOCK, &awaited, NULL);
  signal(SIGIO, handle);
  fcntl(pair[0], F_SETOWN, getpid());
  fcntl(pair[0], F_SETFL, O_NONBLOCK | O_ASYNC);
  for (int i = 0; i < 100; ++i) write(pair[1], "a", 1);
  printf("a handler has read %d of 100 messages\n", (int)caught);
  signal(SIGIO, SIG_DFL);
  sigprocmask(SIG_BLOCK, &awaited, NULL);
  close(pair[0]), close(pair[1]);
}

// Changes in a folder (F_NOTIFY).
static void of_folder(void) {
  char folder[] = "/tmp/ownersXXXXXX", name[64], other[64];
  mkdtemp(folder);
  snprintf(name, sizeof name, "%s/file", folder);
  snprintf(other, sizeof other, "%s/other", folder);
  const int fd = open(folder, O_RDONLY | O_DIRECTORY);
  SAY(fcntl(0, F_NOTIFY, DN_CREATE));
  SAY(fcntl(fd, F_NOTIFY, DN_MULTISHOT));
  SAY(fcntl(fd, F_NOTIFY, 0));
  SAY(fcntl(fd, F_SETSIG, chosen));
  SAY(fcntl(fd, F_NOTIFY, DN_CREATE));
  print_owner(fd);
  close(open(name, O_CREAT | O_RDWR, 0600));
  signals("a new file");
  unlink(name);
  close(open(name, O_CREAT | O_RDWR, 0600));
  signals("another one");
  SAY(fcntl(fd, F_NOTIFY, DN_MODIFY | DN_DELETE | DN_MULTISHOT));
  const int file = open(name, O_RDWR);
  signals("open");
  write(file, "a", 1);
  signals("a write");
  write(file, "a", 1);
  signals("another write");
  rename(name, other);
  signals("a new name");
  SAY(fcntl(fd, F_NOTIFY, 0));
  unlink(other);
  signals("after F_NOTIFY");
  SAY(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
  close(file), close(fd);
  close(open(other, O_CREAT | O_RDWR, 0600));
  unlink(other);
  signals("after the descriptor was closed");
  rmdir(folder);
}

// Another process changes the folder while this one calls F_NOTIFY again and again.
static void of_busy_folder(void) {
  char folder[] = "/tmp/ownersXXXXXX", name[64];
  mkdtemp(folder);
  snprintf(name, sizeof name, "%s/file", folder);
  const int fd = open(folder, O_RDONLY | O_DIRECTORY);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 1000; ++i) {
      close(open(name, O_CREAT | O_RDWR, 0600));
      unlink(name);
    }
    _exit(0);
  }
  while (waitpid(child, NULL, WNOHANG) == 0) fcntl(fd, F_NOTIFY, DN_CREATE);
  SAY(fcntl(fd, F_NOTIFY, 0));
  const struct timespec now = {0, 0};
  while (sigtimedwait(&awaited, NULL, &now) > 0) continue;
  close(fd);
  rmdir(folder);
}

int main(void) {
  setpgid(0, 0);  // the emulator's group is that of the test
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGIO);
  sigaddset(&awaited, chosen);
  sigprocmask(SIG_BLOCK, &awaited, NULL);
  owners();
  which_files();
  of_pair(SOCK_STREAM, 0);
  of_pair(SOCK_DGRAM, chosen);
  of_pipe();
  of_group();
  of_handler();
  of_folder();
  of_busy_folder();
}
