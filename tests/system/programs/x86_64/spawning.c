// Starts programs in the two ways that copy no memory: posix_spawn, and vfork with execve.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static void await(const char* how, pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) perror("waitpid");
  if (WIFEXITED(status)) printf("%s: exit %d\n", how, WEXITSTATUS(status));
  if (WIFSIGNALED(status)) printf("%s: signal %d\n", how, WTERMSIG(status));
  fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc > 1) {
    printf("%s, child of %s\n", argv[1], getppid() == atoi(argv[2]) ? "its parent" : "another process");
    fflush(stdout);
    if (strcmp(argv[1], "aborts") == 0) abort();
    return argc + 4;
  }
  printf("parent\n");
  fflush(stdout);
  char parent[16];
  snprintf(parent, sizeof parent, "%d", (int)getpid());
  char* const name[] = {"spawned", "aborts", "executed"};
  for (int i = 0; i < 3; ++i) {
    char* const arguments[] = {"spawning", name[i], parent, NULL};
    pid_t child = -1;
    if (i < 2) {
      if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) != 0) return 1;
    } else {
      child = vfork();
      if (child == 0) {
        execve("/proc/self/exe", arguments, environ);
        _exit(1);
      }
    }
    await(name[i], child);
  }
  return 0;
}
