// Pipes and descriptors: prints the result of each call on a line.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static char bytes[100000];

static void capacity(void) {
  int end[2];
  SAY(pipe2(end, O_NONBLOCK | O_CLOEXEC));
  SAY(read(end[0], bytes, 10));
  SAY(write(end[0], bytes, 1));
  SAY(read(end[1], bytes, 1));
  SAY(write(end[1], bytes, 0));
  SAY(write(end[1], bytes, sizeof bytes));
  SAY(write(end[1], bytes, 1));
  SAY(fcntl(end[1], F_GETPIPE_SZ));
  int waiting = 0;
  SAY(ioctl(end[0], FIONREAD, &waiting));
  printf("waiting %d\n", waiting);
  SAY(read(end[0], bytes, 4096));
  SAY(write(end[1], bytes, 4096));
  SAY(write(end[1], bytes, 1));
  SAY(lseek(end[0], 0, SEEK_CUR));
  SAY(pread(end[0], bytes, 1, 0));
  close(end[1]);
  long total = 0, count;
  while ((count = read(end[0], bytes, sizeof bytes)) > 0) total += count;
  printf("%ld bytes and the end\n", total);
  close(end[0]);
  SAY(pipe2(end, 0x123456));
}

static void readiness(void) {
  int end[2];
  SAY(pipe(end));
  struct pollfd fds[] = {{end[0], POLLIN, 0}, {end[1], POLLOUT, 0}, {99, POLLIN, 0}, {-1, 0, 0}};
  SAY(poll(fds, 4, 0));
  printf("%x %x %x\n", fds[0].revents, fds[1].revents, fds[2].revents);
  SAY(read(end[0], bytes, 0));  // does not wait
  SAY(write(end[1], "x", 1));
  SAY(poll(fds, 2, 0));
  printf("%x %x\n", fds[0].revents, fds[1].revents);
  SAY(read(end[0], bytes, 9));
  SAY(poll(fds, 1, 20));
  if (fork() == 0) {
    usleep(20000);
    _exit(write(end[1], "wake", 4) != 4);
  }
  SAY(poll(fds, 1, -1));
  SAY(read(end[0], bytes, 9));
  wait(NULL);
  if (fork() == 0) {
    usleep(20000);
    _exit(0);
  }
  close(end[1]);
  SAY(poll(fds, 1, -1));
  printf("%x\n", fds[0].revents);
  wait(NULL);
  close(end[0]);
}

static void without_reader(void) {
  int end[2];
  SAY(pipe(end));
  close(end[0]);
  struct pollfd writer = {end[1], POLLOUT, 0};
  SAY(poll(&writer, 1, 0));
  printf("%x\n", writer.revents & POLLERR);
  if (fork() == 0) {
    (void)!write(end[1], "x", 1);
    _exit(0);
  }
  int status;
  wait(&status);
  printf("killed by %d\n", WTERMSIG(status));
  signal(SIGPIPE, SIG_IGN);
  SAY(write(end[1], "x", 1));
  close(end[1]);
}

// Sends two megabytes through a pipe, in pieces whose sizes match neither pages nor each other.
static void much(void) {
  int end[2];
  SAY(pipe(end));
  if (fork() == 0) {
    close(end[0]);
    unsigned state = 1;
    for (int block = 0; block < 300; ++block) {
      for (int i = 0; i < 7000; ++i) bytes[i] = state = state * 1103515245 + 12345;
      if (write(end[1], bytes, 7000) != 7000) _exit(1);
    }
    _exit(5);
  }
  close(end[1]);
  unsigned hash = 0;
  long total = 0, count;
  while ((count = read(end[0], bytes, 3333)) > 0) {
    for (long i = 0; i < count; ++i) hash = hash * 31 + (unsigned char)bytes[i];
    total += count;
  }
  int status;
  wait(&status);
  printf("%ld bytes, hash %u, status %d\n", total, hash, WEXITSTATUS(status));
  close(end[0]);
}

static void descriptors(void) {
  int zero = open("/dev/zero", O_RDWR);
  SAY(dup2(zero, 100));
  SAY(fcntl(zero, F_DUPFD, 100));
  SAY(fcntl(zero, F_DUPFD_CLOEXEC, 100));
  SAY(fcntl(102, F_GETFD));
  SAY(fcntl(101, F_GETFD));
  SAY(fcntl(101, F_SETFD, FD_CLOEXEC));
  SAY(fcntl(101, F_GETFD));
  SAY(dup3(zero, 103, O_CLOEXEC));
  SAY(fcntl(103, F_GETFD));
  SAY(dup3(zero, 104, 1));
  SAY(dup3(88, 104, 0));
  SAY(dup2(101, 101));
  SAY(fcntl(zero, F_DUPFD, -1));
  SAY(fcntl(77, F_GETFD));
  SAY(close(100));
  SAY(close(100));
  SAY(close(-1));
  SAY(read(100, bytes, 1));
}

/// A write of up to a page is atomic: with a bad address in it the call returns EFAULT. A longer
/// write transfers the pages before the bad address. Emulators check all addresses first.
static void bad_addresses(void) {
  enum { page = 4096 };
  int end[2];
  SAY(pipe2(end, O_NONBLOCK));
  char* memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char* bad = memory + 3 * page;
  SAY(mprotect(bad, page, PROT_NONE));
  struct iovec few[] = {{bytes, 2}, {bad, 2}}, many[] = {{memory, 5000}, {bad, 3000}};

  SAY(writev(end[1], few, 2));
  SAY(read(end[0], bytes, sizeof bytes));
  SAY(write(end[1], bad - 2, 4));
  SAY(read(end[0], bytes, sizeof bytes));
  SAY(write(end[1], bytes, page - 1));
  SAY(write(end[1], bad - 2, 4));
  SAY(read(end[0], bytes, sizeof bytes));
  SAY(write(end[1], memory, 4 * page));
  SAY(read(end[0], bytes, sizeof bytes));
  SAY(writev(end[1], many, 2));
  SAY(read(end[0], bytes, sizeof bytes));
}

int main(int argc, char** argv) {
  (void)argv;
  if (argc > 1) {
    bad_addresses();
    return 0;
  }
  void (*parts[])(void) = {capacity, readiness, without_reader, much, descriptors};
  for (unsigned i = 0; i < sizeof parts / sizeof *parts; ++i) {
    parts[i]();
    fflush(stdout);
  }
  return 0;
}
