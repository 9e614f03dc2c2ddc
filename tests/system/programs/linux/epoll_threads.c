// Several threads wait by one epoll file for bytes of several sockets. They get each byte once, and
// no thread sleeps while a byte is left: level-triggered, by edges, and with EPOLLONESHOT.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { sockets = 5, readers = 3, writers = 2, bytes = 1500 };

static int epoll, pairs[sockets][2], end;
static uint32_t mode;
static _Atomic long received, sum;

static void* read_bytes(void* unused) {
  (void)unused;
  for (;;) {
    struct epoll_event events[2];
    const int count = epoll_wait(epoll, events, 2, -1);
    for (int i = 0; i < count; ++i) {
      const int file = events[i].data.fd;
      if (file == end) return NULL;
      unsigned char byte;
      while (recv(file, &byte, 1, MSG_DONTWAIT) == 1) {
        sum += byte;
        if (++received == writers * bytes) {
          const uint64_t one = 1;
          (void)!write(end, &one, sizeof one);
        }
        if (mode == 0) break;  // the rest is reported again
      }
      if (mode == EPOLLONESHOT) {
        struct epoll_event again = {.events = EPOLLIN | mode, .data.fd = file};
        epoll_ctl(epoll, EPOLL_CTL_MOD, file, &again);
      }
    }
  }
}

static void* write_bytes(void* first) {
  for (int i = 0; i < bytes; ++i) {
    const unsigned char byte = (unsigned char)i;
    (void)!write(pairs[((intptr_t)first + i) % sockets][0], &byte, 1);
  }
  return NULL;
}

static void run(const char* name, uint32_t with) {
  mode = with;
  received = sum = 0;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  end = eventfd(0, EFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = end};
  epoll_ctl(epoll, EPOLL_CTL_ADD, end, &event);
  for (int i = 0; i < sockets; ++i) {
    socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]);
    event = (struct epoll_event){.events = EPOLLIN | mode, .data.fd = pairs[i][1]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, pairs[i][1], &event);
  }
  pthread_t threads[readers + writers];
  for (int i = 0; i < readers; ++i) pthread_create(&threads[i], NULL, read_bytes, NULL);
  for (int i = 0; i < writers; ++i)
    pthread_create(&threads[readers + i], NULL, write_bytes, (void*)(intptr_t)i);
  for (int i = 0; i < readers + writers; ++i) pthread_join(threads[i], NULL);
  printf("%s: %ld bytes, their sum is %ld\n", name, received, sum);
  for (int i = 0; i < sockets; ++i) {
    close(pairs[i][0]);
    close(pairs[i][1]);
  }
  close(end);
  close(epoll);
}

int main(void) {
  run("level", 0);
  run("edge", EPOLLET);
  run("one shot", EPOLLONESHOT);
  return 0;
}
