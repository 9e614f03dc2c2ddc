// TCP with closed windows: both sides send and do not read, and a side takes the byte of a window
// probe while its window stays closed.
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef struct {
  int one, other;
} Pair;

static Pair connect_pair(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  Pair pair = {socket(AF_INET, SOCK_STREAM, 0), -1};
  if (bind(listener, (struct sockaddr*)&address, length) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, (struct sockaddr*)&address, &length) != 0 ||
      connect(pair.one, (struct sockaddr*)&address, length) != 0)
    perror("connecting");
  pair.other = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  fcntl(pair.one, F_SETFL, O_NONBLOCK);
  close(listener);
  return pair;
}

static char block[4096];
// Writes until the connection takes no more.
static long fill(int socket) {
  long sum = 0;
  for (long count; (count = write(socket, block, sizeof block)) > 0;) sum += count;
  return sum;
}
static long fill_for(int socket, int ms) {
  long sum = fill(socket);
  for (int i = 0; i < ms / 100; ++i) {
    poll(NULL, 0, 100);
    sum += fill(socket);
  }
  return sum;
}
// Reads `wanted` bytes, while the other side still sends.
static long drain(int socket, long wanted) {
  long sum = 0;
  while (sum < wanted) {
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    if (poll(&ready, 1, 20000) <= 0) break;
    const long count = read(socket, block, sizeof block);
    if (count <= 0) break;
    sum += count;
  }
  return sum;
}

static void both_closed(void) {
  const Pair pair = connect_pair();
  long there = fill(pair.one);
  long back = fill(pair.other);
  there += fill_for(pair.one, 2500);  // windows are probed meanwhile
  back += fill(pair.other);
  printf("both are full: %d %d\n", there > 65536, back > 65536);
  printf("all came: %d", drain(pair.other, there) == there);
  printf(" %d\n", drain(pair.one, back) == back);
  close(pair.one);
  close(pair.other);
}

static void probed(int first) {
  const Pair pair = connect_pair();
  long sent = 0;
  for (int i = 0; i < first; ++i) sent += write(pair.one, block, sizeof block);
  poll(NULL, 0, 300);
  sent += write(pair.one, "x", 1);
  long received = drain(pair.other, 100);
  poll(NULL, 0, 3500);
  received += drain(pair.other, sent - received);
  printf("a probed window, %d blocks: %d\n", first, received == sent);
  close(pair.one);
  close(pair.other);
}

int main(void) {
  both_closed();
  probed(64);
  return 0;
}
