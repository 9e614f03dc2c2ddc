// When wait() has returned a child, the kernel has closed all descriptors of that child: a pipe
// whose last writer was the child is at its end, and the abstract name of its socket is free.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { rounds = 200 };

static const struct sockaddr_un name = {AF_UNIX, "\0closed-by-end"};
static const socklen_t length = offsetof(struct sockaddr_un, sun_path) + 14;

// Whether the pipe is at its end after its last writer has ended.
static int pipe_ends(void) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  close(ends[1]);
  waitpid(child, NULL, 0);
  char byte;
  const int is_over = read(ends[0], &byte, 1) == 0;
  close(ends[0]);
  return is_over;
}

// Whether a name is free after the last owner of its socket has ended.
static int name_ends(void) {
  const int bound = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(bound, (const struct sockaddr*)&name, length) != 0) {
    close(bound);
    return 0;
  }
  const pid_t child = fork();
  if (child == 0) _exit(0);
  close(bound);
  waitpid(child, NULL, 0);
  const int other = socket(AF_UNIX, SOCK_STREAM, 0);
  const int is_free = bind(other, (const struct sockaddr*)&name, length) == 0;
  close(other);
  return is_free;
}

int main(void) {
  int pipes = 0, names = 0;
  for (int i = 0; i < rounds; ++i) {
    pipes += pipe_ends();
    names += name_ends();
  }
  printf("of %d rounds: %d pipes at their end, %d free names\n", rounds, pipes, names);
  return 0;
}
