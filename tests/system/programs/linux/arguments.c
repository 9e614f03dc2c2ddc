// Prints arguments, environment and auxiliary vector; returns an exit status.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char** environ;

static void say_at_exit(void) {
  printf("printed at exit\n");
}

int main(int argc, char** argv) {
  atexit(say_at_exit);
  printf("%d arguments after the name\n", argc - 1);
  for (int i = 1; i < argc; ++i) printf("  %d: \"%s\" (%zu bytes)\n", i, argv[i], strlen(argv[i]));
  printf("the list ends: %s\n", argv[argc] == NULL ? "yes" : "no");

  setenv("COTRAP_TEST", "a value", 1);
  printf("COTRAP_TEST=%s\n", getenv("COTRAP_TEST"));
  unsetenv("COTRAP_TEST");
  printf("COTRAP_TEST is %s\n", getenv("COTRAP_TEST") ? "still there" : "gone");

  printf("page size %lu and %ld\n", getauxval(AT_PAGESZ), sysconf(_SC_PAGESIZE));
  printf("random bytes %s\n", getauxval(AT_RANDOM) != 0 ? "given" : "missing");
  printf("entry %s\n", getauxval(AT_ENTRY) != 0 ? "given" : "missing");
  printf("headers %s\n", getauxval(AT_PHDR) != 0 && getauxval(AT_PHNUM) > 0 ? "given" : "missing");

  errno = 0;
  printf("close(-1): %d, %s\n", close(-1), strerror(errno));
  char directory[256];
  printf("there is a working directory: %s\n", getcwd(directory, sizeof directory) ? "yes" : "no");
  printf("uid %s euid, gid %s egid\n", getuid() == geteuid() ? "is" : "is not",
         getgid() == getegid() ? "is" : "is not");
  return 40 + argc;
}
