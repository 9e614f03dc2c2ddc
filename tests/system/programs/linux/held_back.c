// A process forks again and again, and its memory is large, so the kernel copies it in steps. A thread
// of it waits in a call. When the result comes, a fork holds back the page that the call writes. Another
// process sends what the calls wait for. No result is lost.
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { page = 4096, rounds = 60 };

/// What the calls write, in a page that each fork copies early.
static struct {
  struct sockaddr_un address;
  socklen_t length;
  char bytes[64];
} results __attribute__((aligned(page)));

static int listener, datagrams, stream[2], replies[2];
static atomic_int is_over;

static void wait_a_moment(void) {
  nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
}

static void fill(struct sockaddr_un* address, socklen_t* length, const char* name) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path + 1, name, strlen(name));  // an abstract name
  *length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
}

/// The other process. After each message it waits for a reply.
static _Noreturn void send_all(void) {
  struct sockaddr_un to;
  socklen_t length;
  char reply;
  fill(&to, &length, "held-back-stream");
  for (int i = 0; i < rounds; ++i) {
    const int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    wait_a_moment();
    if (connect(connection, (struct sockaddr*)&to, length) != 0) perror("connect");
    if (read(connection, &reply, 1) != 1) printf("connection %d is lost\n", i);
    close(connection);
  }
  fill(&to, &length, "held-back-datagrams");
  const int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
  for (int i = 0; i < rounds; ++i) {
    wait_a_moment();
    if (sendto(sender, "datagram", 8, 0, (struct sockaddr*)&to, length) != 8) perror("sendto");
    read(replies[0], &reply, 1);
  }
  for (int i = 0; i < rounds; ++i) {
    wait_a_moment();
    if (write(stream[1], "bytes", 5) != 5) perror("write");
    read(replies[0], &reply, 1);
  }
  fflush(stdout);
  _exit(0);
}

static void clear_results(void) {
  memset(&results, 0, sizeof results);
  results.length = sizeof results.address;
}

/// The thread that waits. Each round it writes to the page before the call.
static void* receive_all(void* unused) {
  int accepted = 0, received = 0, read_whole = 0;
  for (int i = 0; i < rounds; ++i) {
    clear_results();
    const int connection =
        accept(listener, (struct sockaddr*)&results.address, &results.length);
    accepted += connection >= 0 && results.address.sun_family == AF_UNIX;
    if (connection < 0) perror("accept");
    if (write(connection, "r", 1) != 1) perror("reply");
    close(connection);
  }
  for (int i = 0; i < rounds; ++i) {
    clear_results();
    const ssize_t got = recvfrom(datagrams, results.bytes, sizeof results.bytes, 0,
                                 (struct sockaddr*)&results.address, &results.length);
    received += got == 8 && memcmp(results.bytes, "datagram", 8) == 0;
    write(replies[1], "r", 1);
  }
  for (int i = 0; i < rounds; ++i) {
    clear_results();
    const ssize_t got = read(stream[0], results.bytes, sizeof results.bytes);
    read_whole += got == 5 && memcmp(results.bytes, "bytes", 5) == 0;
    write(replies[1], "r", 1);
  }
  atomic_store(&is_over, 1);
  printf("accepted: %d\nreceived: %d\nread: %d\n", accepted, received, read_whole);
  return unused;
}

static int bound(int type, const char* name) {
  struct sockaddr_un address;
  socklen_t length;
  fill(&address, &length, name);
  const int socket_fd = socket(AF_UNIX, type, 0);
  if (bind(socket_fd, (struct sockaddr*)&address, length) != 0) perror("bind");
  return socket_fd;
}

int main(void) {
  alarm(120);  // a lost result would hang
  listener = bound(SOCK_STREAM, "held-back-stream");
  listen(listener, 4);
  datagrams = bound(SOCK_DGRAM, "held-back-datagrams");
  if (pipe(stream) != 0 || pipe(replies) != 0) perror("pipe");
  const pid_t sender = fork();
  if (sender == 0) send_all();

  const size_t large = 24 << 20;
  char* const memory =
      mmap(NULL, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(memory, 1, large);
  pthread_t receiver;
  pthread_create(&receiver, NULL, receive_all, NULL);
  while (!atomic_load(&is_over)) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
  }
  pthread_join(receiver, NULL);
  int status = 0;
  waitpid(sender, &status, 0);
  printf("the sender: %d\n", status);
  return 0;
}
