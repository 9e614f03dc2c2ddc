// poll on pipes: ready or not, timeouts, hang-ups, bad descriptors, a writer in another thread.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void print_poll(const char* what, struct pollfd* fds, int count, int timeout) {
  const int ready = poll(fds, count, timeout);
  printf("%s: %d ready:", what, ready);
  for (int i = 0; i < count; ++i) {
    const short seen = fds[i].revents;
    printf(" [%s%s%s%s%s]", seen & POLLIN ? "in " : "", seen & POLLOUT ? "out " : "",
           seen & POLLHUP ? "hup " : "", seen & POLLERR ? "err " : "",
           seen & POLLNVAL ? "nval " : "");
  }
  printf("\n");
}

static void* write_later(void* fd) {
  usleep(30000);
  return write(*(int*)fd, "late", 4) == 4 ? fd : NULL;
}

// ppoll with a mask that unblocks a signal during the wait.
static void poll_with_mask(void) {
  const pid_t child = fork();
  if (child == 0) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    const struct timespec timeout = {.tv_sec = 10};
    kill(getpid(), SIGTERM);
    ppoll(NULL, 0, &timeout, &none);
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("an unblocked signal ends the thread: %d\n", status);
  int ends[2];
  if (pipe(ends) != 0) perror("pipe");
  pthread_t writer;
  pthread_create(&writer, NULL, write_later, &ends[1]);
  struct pollfd late = {.fd = ends[0], .events = POLLIN};
  sigset_t own;
  sigprocmask(SIG_BLOCK, NULL, &own);
  printf("a file that is ready later: %d\n", ppoll(&late, 1, NULL, &own));
  pthread_join(writer, NULL);
  close(ends[0]);
  close(ends[1]);
  const struct timespec now = {0};
  sigset_t none;
  sigemptyset(&none);
  printf("a set of another size: %ld", syscall(SYS_ppoll, NULL, 0, &now, &none, 7));
  printf(" %s\n", strerrorname_np(errno));
  printf("a set that is nowhere: %ld", syscall(SYS_ppoll, NULL, 0, &now, (void*)8, 8));
  printf(" %s\n", strerrorname_np(errno));
}

int main(void) {
  int a[2], b[2];
  if (pipe(a) || pipe(b)) return 1;
  struct pollfd fds[] = {{a[0], POLLIN, 0}, {b[0], POLLIN, 0}, {b[1], POLLOUT, 0}};
  print_poll("empty pipes", fds, 3, 0);

  const long before = milliseconds();
  print_poll("timeout", fds, 2, 25);
  printf("it waited: %s\n", milliseconds() - before >= 25 ? "yes" : "no");

  if (write(a[1], "x", 1) != 1) return 1;
  print_poll("one has data", fds, 2, 1000);
  char buffer[16];
  printf("read %zd\n", read(a[0], buffer, sizeof buffer));

  pthread_t thread;
  pthread_create(&thread, NULL, write_later, &b[1]);
  print_poll("data from a thread", fds, 2, -1);
  pthread_join(thread, NULL);
  printf("read %zd\n", read(b[0], buffer, sizeof buffer));

  close(a[1]);
  print_poll("the writer is gone", fds, 1, -1);
  printf("read %zd\n", read(a[0], buffer, sizeof buffer));

  struct pollfd others[] = {{99, POLLIN, 0}, {-1, POLLIN, 0}};
  print_poll("no such file, and none", others, 2, 0);

  fcntl(b[0], F_SETFL, O_NONBLOCK);
  errno = 0;
  const ssize_t size = read(b[0], buffer, 1);
  printf("a pipe that does not block: %zd, %s\n", size, errno == EAGAIN ? "again" : "?");

  fcntl(b[1], F_SETFL, O_NONBLOCK);
  static char block[4096];
  long total = 0;
  for (ssize_t count; (count = write(b[1], block, sizeof block)) > 0;) total += count;
  struct pollfd full = {b[1], POLLOUT, 0};
  print_poll("a full pipe", &full, 1, 0);
  printf("it holds something: %s\n", total >= 4096 ? "yes" : "no");
  close(b[0]);
  signal(SIGPIPE, SIG_IGN);
  print_poll("a pipe without reader", &full, 1, 0);
  poll_with_mask();
  return 0;
}
