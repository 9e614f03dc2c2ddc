// inotify: which events calls on files and directories cause, and in which order.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "common.h"

static int notices;
static char folder[] = "/tmp/noticesXXXXXX";

static void print_mask(uint32_t mask) {
  static const struct {
    uint32_t bit;
    const char* name;
  } names[] = {{IN_ACCESS, "ACCESS"},
               {IN_MODIFY, "MODIFY"},
               {IN_ATTRIB, "ATTRIB"},
               {IN_CLOSE_WRITE, "CLOSE_WRITE"},
               {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
               {IN_OPEN, "OPEN"},
               {IN_MOVED_FROM, "MOVED_FROM"},
               {IN_MOVED_TO, "MOVED_TO"},
               {IN_CREATE, "CREATE"},
               {IN_DELETE, "DELETE"},
               {IN_DELETE_SELF, "DELETE_SELF"},
               {IN_MOVE_SELF, "MOVE_SELF"},
               {IN_UNMOUNT, "UNMOUNT"},
               {IN_Q_OVERFLOW, "Q_OVERFLOW"},
               {IN_IGNORED, "IGNORED"},
               {IN_ISDIR, "ISDIR"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (mask & names[i].bit) printf(" %s", names[i].name);
}

// Prints the events that are there. Cookies are numbered in the order in which they appear.
static void take(const char* what) {
  static uint32_t cookies[8];
  static int cookie_count;
  char bytes[4096] __attribute__((aligned(8)));
  printf("%s:", what);
  for (;;) {
    const ssize_t got = read(notices, bytes, sizeof bytes);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) printf(" %s", got == 0 ? "end" : strerrorname_np(errno));
      break;
    }
    for (char* at = bytes; at < bytes + got;) {
      const struct inotify_event* event = (const struct inotify_event*)at;
      printf(" [%d", event->wd);
      print_mask(event->mask);
      if (event->cookie != 0) {
        int i = 0;
        while (i < cookie_count && cookies[i] != event->cookie) ++i;
        if (i == cookie_count && i < 8) cookies[cookie_count++] = event->cookie;
        printf(" cookie %d", i);
      }
      if (event->len != 0) printf(" %s/%u", event->name, event->len);
      printf("]");
      at += sizeof *event + event->len;
    }
  }
  printf("\n");
  fflush(stdout);
}
static int watch(const char* path, uint32_t mask) {
  return inotify_add_watch(notices, path, mask);
}
static void make(const char* name) {
  close(open(name, O_CREAT | O_WRONLY, 0600));
}

static void refusals(void) {
  void* volatile nowhere = (void*)8;
  SAY(inotify_init1(1));
  SAY(inotify_add_watch(-1, "/", IN_OPEN));
  SAY(inotify_add_watch(0, "/", IN_OPEN));
  SAY(inotify_add_watch(notices, "/", 0));
  SAY(inotify_add_watch(notices, "/nowhere", IN_OPEN));
  SAY(inotify_add_watch(notices, "", IN_OPEN));
  SAY(inotify_add_watch(notices, nowhere, IN_OPEN));
  SAY(inotify_add_watch(notices, "/", IN_MASK_ADD | IN_MASK_CREATE | IN_OPEN));
  SAY(inotify_rm_watch(notices, 1));
  SAY(inotify_rm_watch(notices, -1));
  SAY(inotify_rm_watch(0, 1));
  SAY(inotify_rm_watch(-1, 1));
  char bytes[64];
  SAY(read(notices, bytes, sizeof bytes));
  SAY(read(notices, bytes, 0));
  SAY(write(notices, bytes, 1));
  SAY(lseek(notices, 0, SEEK_SET));
  SAY(fcntl(notices, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
  char link[32], name[64] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", notices);
  SAY(readlink(link, name, sizeof name - 1));
  printf("%s\n", name);
}

static void in_a_directory(void) {
  SAY(watch(".", IN_ALL_EVENTS));
  make("a");
  take("create");
  int fd = open("a", O_RDWR);
  take("open");
  char bytes[8] = "text";
  if (write(fd, bytes, 4) != 4) perror("write");
  if (write(fd, bytes, 4) != 4) perror("write");
  take("two writes");
  SAY(pread(fd, bytes, 4, 0));
  SAY(read(fd, bytes, 4));
  take("reads");
  SAY(ftruncate(fd, 2));
  take("ftruncate");
  close(fd);
  take("close");
  SAY(truncate("a", 1));
  take("truncate");
  SAY(chmod("a", 0644));
  take("chmod");
  SAY(chown("a", 0, 0));
  take("chown");
  SAY(utimensat(AT_FDCWD, "a", NULL, 0));
  take("utimensat");
  close(open("a", O_WRONLY | O_TRUNC));
  take("open with O_TRUNC");
  close(open("a", O_PATH));
  take("open with O_PATH");
  SAY(link("a", "b"));
  take("link");
  SAY(rename("b", "c"));
  take("rename");
  SAY(symlink("a", "d"));
  take("symlink");
  SAY(mkfifo("e", 0600));
  take("mkfifo");
  SAY(mkdir("f", 0700));
  take("mkdir");
  close(open("f", O_RDONLY | O_DIRECTORY));
  take("open of a directory");
  SAY(rename("c", "f/c"));
  take("rename into a directory");
  SAY(rename("f/c", "c"));
  take("rename out of it");
  SAY(rename("c", "a"));
  take("rename of one of two names of a file to the other");
  make("g");
  take("create");
  SAY(rename("g", "d"));
  take("rename over another file");
  SAY(unlink("d"));
  take("unlink");
  SAY(unlink("e"));
  SAY(rmdir("f"));
  take("rmdir");
  SAY(unlink("c"));
  SAY(unlink("a"));
  take("unlink");
  SAY(inotify_rm_watch(notices, 1));
  take("no watch any more");
  make("a");
  take("nothing");
}

static void of_a_file(void) {
  SAY(watch("a", IN_ALL_EVENTS));
  int fd = open("a", O_WRONLY);
  SAY(link("a", "b"));
  SAY(unlink("a"));
  take("another name");
  SAY(rename("b", "c"));
  take("moved");
  SAY(unlink("c"));
  take("unlink while it is open");
  if (write(fd, "x", 1) != 1) perror("write");
  close(fd);
  take("the end");
  make("a");
  make("b");
  SAY(watch("a", IN_ALL_EVENTS));
  SAY(rename("b", "a"));
  take("replaced");
  SAY(watch("a", IN_OPEN | IN_ONESHOT));
  make("a");
  make("a");
  take("once");
  SAY(mkdir("f", 0700));
  SAY(watch("f", IN_ALL_EVENTS));
  SAY(rmdir("f"));
  take("a directory");
}

static void masks(void) {
  make("a");
  SAY(watch("a", IN_OPEN | IN_ONLYDIR));
  const int first = watch("a", IN_OPEN);
  make("a");
  take("only open");
  SAY(watch("a", IN_CLOSE_WRITE | IN_MASK_CREATE));
  SAY(watch("a", IN_CLOSE_WRITE) == first);
  make("a");
  take("only close");
  SAY(watch("a", IN_OPEN | IN_MASK_ADD) == first);
  make("a");
  take("both");
  SAY(symlink("a", "s"));
  const int of_link = watch("s", IN_ALL_EVENTS | IN_DONT_FOLLOW);
  SAY(of_link != first);
  SAY(unlink("s"));
  take("a link");
  SAY(watch(".", IN_CREATE | IN_ONLYDIR) != first);
  make("n");
  SAY(inotify_rm_watch(notices, first));
  take("a name");
}

static void sizes(void) {
  const int all = watch(".", IN_CREATE);
  SAY(all > 0);
  char name[256];
  static const int lengths[] = {1, 15, 16, 17, 31, 32, 255};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
    memset(name, 'a' + (int)i, lengths[i]);
    name[lengths[i]] = 0;
    make(name);
  }
  int ready = 0;
  SAY(ioctl(notices, FIONREAD, &ready));
  SAY(ready);
  char bytes[600];
  SAY(read(notices, bytes, 16));
  SAY(read(notices, bytes, 31));
  SAY(read(notices, bytes, 32));
  SAY(read(notices, bytes, 100));
  SAY(read(notices, bytes, 150));
  SAY(read(notices, bytes, sizeof bytes));
  SAY(read(notices, bytes, sizeof bytes));
  SAY(inotify_rm_watch(notices, all));
  take("the rest");
}

// A read that fails has taken the event.
static void lost(void) {
  void* volatile nowhere = (void*)8;
  const int all = watch(".", IN_CREATE);
  make("zz");
  SAY(read(notices, nowhere, 100));
  SAY(inotify_rm_watch(notices, all));
  take("the rest");
}

static void overflow(void) {
  make("a");
  const int first = watch("a", IN_OPEN | IN_CLOSE_WRITE);
  for (int i = 0; i < 10000; ++i) close(open("a", O_WRONLY));
  long events = 0, others = 0;
  char bytes[4096];
  for (ssize_t got; (got = read(notices, bytes, sizeof bytes)) > 0;)
    for (char* at = bytes; at < bytes + got;) {
      const struct inotify_event* event = (const struct inotify_event*)at;
      if (event->mask & (IN_OPEN | IN_CLOSE_WRITE)) {
        ++events;
      } else {
        ++others;
        printf(" [%d", event->wd);
        print_mask(event->mask);
        printf("]");
      }
      at += sizeof *event + event->len;
    }
  printf(" %ld events, %ld others\n", events, others);
  SAY(inotify_rm_watch(notices, first));
  take("removed");
}

static void* make_later(void* unused) {
  (void)unused;
  usleep(20000);
  make("later");
  return NULL;
}
static void waits(void) {
  SAY(watch(".", IN_CREATE) > 0);
  pthread_t thread;
  struct pollfd one = {.fd = notices, .events = POLLIN | POLLOUT};
  SAY(poll(&one, 1, 0));
  pthread_create(&thread, NULL, make_later, NULL);
  SAY(poll(&one, 1, -1));
  printf("%x\n", one.revents);
  pthread_join(thread, NULL);
  take("after the poll");
  unlink("later");
  const int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN | EPOLLET};
  SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, notices, &event));
  pthread_create(&thread, NULL, make_later, NULL);
  SAY(epoll_wait(epoll, &event, 1, -1));
  SAY(epoll_wait(epoll, &event, 1, 0));
  pthread_join(thread, NULL);
  make("other");
  SAY(epoll_wait(epoll, &event, 1, 0));
  take("after the wait");
  unlink("later");
  fcntl(notices, F_SETFL, 0);
  pthread_create(&thread, NULL, make_later, NULL);
  char bytes[64];
  SAY(read(notices, bytes, sizeof bytes));
  pthread_join(thread, NULL);
}

int main(int argc, char** argv) {
  notices = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
  if (argc > 1 && strcmp(argv[1], "ends") == 0) {
    make("a");
    of_a_file();
    lost();
    return 0;
  }
  refusals();
  in_a_directory();
  masks();
  sizes();
  overflow();
  waits();
  close(notices);
  return 0;
}
