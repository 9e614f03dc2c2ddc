// Path lookups of openat2(2), programs that execveat(2) finds, and files without a name
// (O_TMPFILE). An argument chooses one: `openat2`, `execveat` or `unnamed`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static const char* program;

// ── openat2 ──

enum {
  xdev = RESOLVE_NO_XDEV,
  magic = RESOLVE_NO_MAGICLINKS,
  links = RESOLVE_NO_SYMLINKS,
  beneath = RESOLVE_BENEATH,
  root = RESOLVE_IN_ROOT,
  cached = RESOLVE_CACHED,
};

static long open_with(int directory, const char* path, uint64_t flags, uint64_t mode,
                      uint64_t resolve) {
  const struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  const long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
  if (fd < 0) return fd;
  close((int)fd);
  return 0;
}

static const struct {
  const char* path;
  uint64_t flags, resolve;
} lookups[] = {
    {"f", O_RDONLY, 0},
    {"none", O_RDONLY, 0},
    {"f", O_RDONLY, beneath},
    {"d/f", O_RDONLY, beneath},
    {"d/../f", O_RDONLY, beneath},
    {"d/../../in/f", O_RDONLY, beneath},
    {"..", O_RDONLY, beneath},
    {".", O_RDONLY, beneath},
    {"../out", O_RDONLY, beneath},
    {"/f", O_RDONLY, beneath},
    {"to-f", O_RDONLY, beneath},
    {"to-out", O_RDONLY, beneath},
    {"to-root-f", O_RDONLY, beneath},
    {"d/up", O_RDONLY, beneath},
    {"none", O_RDONLY, beneath},
    {"/f", O_RDONLY, root},
    {"/", O_RDONLY, root},
    {"../f", O_RDONLY, root},
    {"/../../f", O_RDONLY, root},
    {"../out", O_RDONLY, root},
    {"to-out", O_RDONLY, root},
    {"to-root-f", O_RDONLY, root},
    {"d/up", O_RDONLY, root},
    {"", O_RDONLY, root},
    {"f", O_RDONLY, links},
    {"to-f", O_RDONLY, links},
    {"to-f", O_RDONLY | O_NOFOLLOW, links},
    {"to-f", O_PATH | O_NOFOLLOW, links},
    {"to-d/f", O_RDONLY, links},
    {"to-d/f", O_RDONLY, magic},
    {"/proc/self/fd/0", O_RDONLY, 0},
    {"/proc/self/fd/0", O_RDONLY, magic},
    {"/proc/self/fd/0", O_RDONLY, links},
    {"/proc/self/cwd/f", O_RDONLY, magic},
    {"to-cwd/f", O_RDONLY, beneath},
    {"to-cwd/f", O_RDONLY, root},
    {"f", O_RDONLY, xdev},
    {"d/../../in/f", O_RDONLY, xdev},
    {"/proc/version", O_RDONLY, xdev},
    {"/dev/null", O_RDONLY, xdev},
    {"to-proc", O_RDONLY, xdev},
    {"f", O_RDONLY, cached},
    {"f", O_RDWR | O_TRUNC, cached},
    {"f", O_RDONLY, beneath | root},
    {"f", O_RDONLY, 0x40},
    {"f", O_RDONLY, 1ull << 40},
    {"f", O_PATH, 0},
    {"f", O_PATH | O_RDWR, 0},
    {"f", O_PATH | O_CREAT, 0},
    {"d", O_RDONLY | O_DIRECTORY | O_CREAT, 0},
    {"f", 1ull << 34, 0},
    {"f", 0x40000000, 0},
};

static void open_files(void) {
  mkdir("/tmp/lookups", 0755);
  mkdir("/tmp/lookups/in", 0755);
  mkdir("/tmp/lookups/in/d", 0755);
  close(open("/tmp/lookups/out", O_CREAT | O_WRONLY, 0644));
  close(open("/tmp/lookups/in/f", O_CREAT | O_WRONLY, 0644));
  close(open("/tmp/lookups/in/d/f", O_CREAT | O_WRONLY, 0644));
  symlink("f", "/tmp/lookups/in/to-f");
  symlink("d", "/tmp/lookups/in/to-d");
  symlink("../out", "/tmp/lookups/in/to-out");
  symlink("/f", "/tmp/lookups/in/to-root-f");
  symlink("../../in", "/tmp/lookups/in/d/up");
  symlink("/proc/self/cwd", "/tmp/lookups/in/to-cwd");
  symlink("/proc/version", "/tmp/lookups/in/to-proc");
  SAY(chdir("/tmp/lookups/in"));
  const int in = open("/tmp/lookups/in", O_RDONLY | O_DIRECTORY);
  for (unsigned i = 0; i < sizeof lookups / sizeof *lookups; ++i) {
    printf("'%s', %llx, %llx: ", lookups[i].path, (unsigned long long)lookups[i].flags,
           (unsigned long long)lookups[i].resolve);
    say("", open_with(in, lookups[i].path, lookups[i].flags, 0, lookups[i].resolve));
  }
  printf("modes and sizes\n");
  SAY(open_with(in, "new", O_CREAT | O_WRONLY, 0600, beneath));
  SAY(open_with(in, "../new", O_CREAT | O_WRONLY, 0600, beneath));
  SAY(open_with(in, "/newer", O_CREAT | O_WRONLY, 0600, root));
  SAY(access("newer", F_OK));
  SAY(open_with(in, "f", O_RDONLY, 0600, 0));
  SAY(open_with(in, "f", O_CREAT | O_RDONLY, 010000, 0));
  SAY(open_with(99, "f", O_RDONLY, 0, 0));
  SAY(open_with(0, "f", O_RDONLY, 0, beneath));
  SAY(open_with(AT_FDCWD, "f", O_RDONLY, 0, beneath));
  struct {
    struct open_how how;
    uint64_t more[600];
  } large;
  memset(&large, 0, sizeof large);
  SAY(syscall(SYS_openat2, in, "f", &large, sizeof large.how - 1));
  SAY(syscall(SYS_openat2, in, "f", &large, 4097));
  SAY(syscall(SYS_openat2, in, "f", &large, 4096) > 0);
  large.more[100] = 1;
  SAY(syscall(SYS_openat2, in, "f", &large, 4096));
  SAY(syscall(SYS_openat2, in, "f", (void*)16, sizeof large.how));
  SAY(syscall(SYS_openat2, in, (void*)16, &large, sizeof large.how));
}

// ── execveat ──

static void tell(int argc, char** argv) {
  char name[32] = "", path[PATH_MAX] = "";
  const int fd = open("/proc/self/comm", O_RDONLY);
  name[read(fd, name, sizeof name - 1) - 1] = '\0';
  const long size = readlink("/proc/self/exe", path, sizeof path - 1);
  printf("%d arguments, comm %s, exe %s\n", argc, name, size > 0 ? path : "?");
  for (int i = 0; i < argc; ++i) printf("  %s\n", argv[i]);
  fflush(stdout);
}

static void execute(const char* what, int directory, const char* path, int flags) {
  printf("%s: ", what);
  fflush(stdout);
  if (fork() == 0) {
    char* const arguments[] = {"zero", "tell", NULL};
    char* const none[] = {NULL};
    syscall(SYS_execveat, directory, path, arguments, none, flags);
    printf("%s\n", strerrorname_np(errno));
    fflush(stdout);
    _exit(1);
  }
  wait(NULL);
}

static void copy(const char* from, int to) {
  static char bytes[65536];
  const int fd = open(from, O_RDONLY);
  for (long count; (count = read(fd, bytes, sizeof bytes)) > 0;) write(to, bytes, (size_t)count);
  close(fd);
}

static void executed(void) {
  mkdir("/tmp/execveat", 0755);
  int file = open("/tmp/execveat/program", O_CREAT | O_WRONLY, 0755);
  copy(program, file);
  close(file);
  symlink("program", "/tmp/execveat/link");
  FILE* const script = fopen("/tmp/execveat/script", "w");
  fprintf(script, "#!%s tell\n", program);
  fclose(script);
  chmod("/tmp/execveat/script", 0755);
  close(open("/tmp/execveat/plain", O_CREAT | O_WRONLY, 0644));
  const int directory = dup2(open("/tmp/execveat", O_RDONLY | O_DIRECTORY), 50);
  const int opened = dup2(open("/tmp/execveat/program", O_RDONLY), 51);
  const int only_path = dup2(open("/tmp/execveat/program", O_PATH), 52);
  const int read_script = dup2(open("/tmp/execveat/script", O_RDONLY), 53);
  const int closing = fcntl(read_script, F_DUPFD_CLOEXEC, 54);
  const int link = dup2(open("/tmp/execveat/link", O_PATH | O_NOFOLLOW), 55);
  int ends[2];
  pipe(ends);
  const int in_pipe = dup2(ends[0], 56);
  execute("a path in a directory", directory, "program", 0);
  execute("a path from the root", directory, "/tmp/execveat/program", 0);
  execute("a link", directory, "link", 0);
  execute("a link, not followed", directory, "link", AT_SYMLINK_NOFOLLOW);
  execute("no link, not followed", directory, "program", AT_SYMLINK_NOFOLLOW);
  execute("a descriptor", opened, "", AT_EMPTY_PATH);
  execute("a descriptor without the flag", opened, "", 0);
  execute("a descriptor and a path", opened, "program", AT_EMPTY_PATH);
  execute("a descriptor of a path", only_path, "", AT_EMPTY_PATH);
  execute("a script in a directory", directory, "script", 0);
  execute("a script's descriptor", read_script, "", AT_EMPTY_PATH);
  execute("a script's descriptor that closes", closing, "", AT_EMPTY_PATH);
  execute("a link's descriptor", link, "", AT_EMPTY_PATH);
  execute("a directory", directory, "", AT_EMPTY_PATH);
  execute("a pipe", in_pipe, "", AT_EMPTY_PATH);
  execute("no execute bit", directory, "plain", 0);
  execute("nothing", directory, "none", 0);
  execute("no descriptor", 99, "program", 0);
  execute("no descriptor, from the root", 99, "/tmp/execveat/program", 0);
  execute("no descriptor, empty", 99, "", AT_EMPTY_PATH);
  execute("an unknown flag", directory, "program", 0x4000);
  execute("the working directory", AT_FDCWD, "", AT_EMPTY_PATH);
}

// ── O_TMPFILE ──

static void unnamed_files(void) {
  enum { temporary = O_TMPFILE | O_RDWR };
  struct stat status;
  char bytes[8] = "", path[32];
  mkdir("/tmp/unnamed", 0755);
  SAY(chdir("/tmp/unnamed"));
  symlink(".", "link");
  close(open("file", O_CREAT | O_WRONLY, 0644));
  umask(027);
  const int fd = dup2(open(".", temporary, 0666), 50);
  SAY(fcntl(fd, F_GETFL) & (O_TMPFILE | O_ACCMODE));
  SAY(fstat(fd, &status));
  printf("mode %o, %u links, %d bytes\n", status.st_mode, (unsigned)status.st_nlink,
         (int)status.st_size);
  SAY(write(fd, "a text", 6));
  SAY(pread(fd, bytes, sizeof bytes, 2));
  printf("%s\n", bytes);
  SAY(rmdir("."));
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  SAY(linkat(AT_FDCWD, path, AT_FDCWD, "file", AT_SYMLINK_FOLLOW));
  SAY(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  SAY(fstat(fd, &status));
  SAY(status.st_nlink);
  const int again = dup2(open("named", O_RDONLY), 51);
  memset(bytes, 0, sizeof bytes);
  SAY(read(again, bytes, sizeof bytes));
  printf("%s\n", bytes);
  SAY(linkat(fd, "", AT_FDCWD, "second", AT_EMPTY_PATH));
  SAY(unlink("named"));
  SAY(unlink("second"));
  SAY(linkat(fd, "", AT_FDCWD, "third", AT_EMPTY_PATH));
  SAY(close(fd));
  SAY(pread(again, bytes, sizeof bytes, 0));
  SAY(close(again));
  const int kept = dup2(open("link", temporary | O_EXCL, 0600), 50);
  SAY(linkat(kept, "", AT_FDCWD, "third", AT_EMPTY_PATH));
  SAY(ftruncate(kept, 1 << 20));
  SAY(close(kept));
  const int written = dup2(open("/tmp/unnamed", O_TMPFILE | O_WRONLY | O_TRUNC, 0600), 50);
  SAY(write(written, "x", 1));
  SAY(read(written, bytes, 1));
  SAY(linkat(written, "", AT_FDCWD, "third", AT_EMPTY_PATH));
  SAY(unlink("third"));
  SAY(close(written));
  SAY(open("link", temporary | O_NOFOLLOW, 0600));
  SAY(open("file", temporary, 0600));
  SAY(open("none", temporary, 0600));
  SAY(open("none/", temporary, 0600));
  SAY(open("none/none", temporary, 0600));
  SAY(open(".", O_TMPFILE | O_RDONLY, 0600));
  SAY(open(".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600));
  SAY(open(".", temporary | O_CREAT, 0600));
  SAY(open_with(AT_FDCWD, ".", temporary, 0600, 0));
  SAY(open_with(AT_FDCWD, ".", temporary, 0600, beneath));
  SAY(open_with(AT_FDCWD, ".", temporary, 010000, 0));
  SAY(open_with(AT_FDCWD, ".", temporary, 0600, cached));
  SAY(open_with(AT_FDCWD, "..", temporary, 0600, beneath));
  SAY(unlink("file"));
  SAY(unlink("link"));
  SAY(rmdir("/tmp/unnamed"));
  SAY(open(".", temporary, 0600) >= 0);
}

int main(int argc, char** argv) {
  const char* const part = argc > 1 ? argv[1] : "";
  program = argv[0];
  if (strcmp(part, "openat2") == 0) open_files();
  if (strcmp(part, "unnamed") == 0) unnamed_files();
  if (strcmp(part, "execveat") == 0) executed();
  if (strcmp(part, "tell") == 0) tell(argc, argv);
  fflush(stdout);
  return 0;
}
