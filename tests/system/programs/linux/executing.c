// execve of scripts. With the argument `scripts` it makes scripts in /tmp, whose interpreter is
// this program, and executes each of them. `show` prints the arguments that an interpreter gets.
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>

static int show(int count, char** arguments) {
  for (int i = 0; i < count; ++i) {
    const size_t length = strlen(arguments[i]);
    if (length < 60) {
      printf(" [%s]", arguments[i]);
    } else {
      printf(" [%.20s… %zu bytes]", arguments[i], length);
    }
  }
  printf(" %s\n", (const char*)getauxval(AT_EXECFN));
  return 0;
}

static const char* self;
enum { most_bytes = 1024 };

static void write_script(const char* path, const char* text, size_t bytes, mode_t mode) {
  unlink(path);
  umask(0);
  const int fd = open(path, O_CREAT | O_WRONLY, mode);
  if (fd < 0 || write(fd, text, bytes) != (ssize_t)bytes) say("write", -1);
  close(fd);
}

static void execute(const char* path) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    char* const arguments[] = {"name", "1", "2", NULL};
    char* const environment[] = {"A=B", NULL};
    execve(path, arguments, environment);
    printf(" %s\n", strerrorname_np(errno));
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  if (status != 0) printf(" status %d\n", status);
}

// `%` in the text stands for the path of this program, `0` for a zero.
static void try_script(const char* text) {
  char script[most_bytes];
  size_t bytes = 0;
  for (const char* c = text; *c != '\0'; ++c) {
    if (*c == '%') {
      bytes += (size_t)sprintf(script + bytes, "%s", self);
    } else {
      script[bytes++] = *c == '0' ? '\0' : *c;
    }
  }
  write_script("/tmp/script", script, bytes, 0755);
  for (const char* c = text; *c != '\0' && c < text + 40; ++c) {
    if (*c == '\n') {
      printf("\\n");
    } else if (*c == '\t') {
      printf("\\t");
    } else if (*c == '\r') {
      printf("\\r");
    } else {
      putchar(*c);
    }
  }
  printf(":");
  execute("/tmp/script");
}

// A script whose first line has a name or an argument of that many bytes.
static void try_long(const char* what, const char* before, size_t bytes, const char* after) {
  char text[most_bytes];
  char* end = text + sprintf(text, "#!%s", before);
  memset(end, 'x', bytes);
  strcpy(end + bytes, after);
  printf("%s of %zu bytes, ", what, bytes);
  write_script("/tmp/script", text, strlen(text), 0755);
  printf("%s:", *after == '\0' ? "without an end" : "with an end");
  execute("/tmp/script");
}

static void try_chain(int scripts) {
  char path[64], text[200];
  for (int i = 0; i < scripts; ++i) {
    sprintf(path, "/tmp/chain-%d", i);
    if (i == 0) {
      sprintf(text, "#!%s show\n", self);
    } else {
      sprintf(text, "#!/tmp/chain-%d\n", i - 1);
    }
    write_script(path, text, strlen(text), 0755);
  }
  printf("%d scripts in a row:", scripts);
  execute(path);
  for (int i = 0; i < scripts; ++i) {
    sprintf(path, "/tmp/chain-%d", i);
    unlink(path);
  }
}

static void scripts(void) {
  static const char* const texts[] = {
      "#!% show\n",
      "#!% show",
      "#! \t %  \t show a  b\t \n",
      "#!%\t-show\n",
      "#!%\r\n",
      "#!%\n",
      "#!\n",
      "#!  \t\n",
      "#!",
      "#!  ",
      "#! % ",
      "text\n",
      "",
      "#",
      "#\n!%\n",
      " #!%\n",
      "#!/tmp/none\n",
      "#!/tmp\n",
      "#!/dev/null\n",
      "#!%0 show\n",
      "#!% sh0ow\n",
      "#!% 0 show\n",
      "#!0% show\n",
      "#!%/ show\n",
      "#!/tmp/script\n",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) try_script(texts[i]);
  char before[200];
  sprintf(before, "%s show ", self);
  try_long("an argument", before, 100, "\n");
  try_long("an argument", before, 400, "\n");
  try_long("an argument", before, 400, "");
  try_long("a name", "/", 200, "\n");
  try_long("a name", "/", 251, "");
  try_long("a name", "/", 252, "");
  try_long("a name", "/", 252, " ");
  try_long("a name", "/", 253, " ");
  try_long("a name", "/", 252, "\n");
  try_long("a name", "/", 253, "\n");
  for (int scripts = 1; scripts <= 7; ++scripts) try_chain(scripts);
  write_script("/tmp/script", "#!/bin/sh\n", 10, 0644);
  printf("a script without an execute bit:");
  execute("/tmp/script");
  write_script("/tmp/script", "text", 4, 0755);
  printf("a file that is no program:");
  execute("/tmp/script");
  unlink("/tmp/script");
  printf("a relative script:");
  write_script("/tmp/script", "#!proc/self/exe show\n", 21, 0755);
  execute("tmp/script");
  unlink("/tmp/script");
}

// A program that is executed by a link to itself can still be found by /proc.
static void links(char* self_path) {
  char target[40], found[200];
  snprintf(target, sizeof target, "/proc/%d/exe", getpid());
  unlink("/tmp/link");
  SAY(symlink(target, "/tmp/link"));
  char* const arguments[] = {"/tmp/link", "found", self_path, NULL};
  fflush(stdout);
  execv("/tmp/link", arguments);
  say("execv", readlink("/proc/self/exe", found, sizeof found));
}
static void found(const char* self_path) {
  char path[200], exe[40];
  printf("/proc/self/exe: %d\n", readlink("/proc/self/exe", path, sizeof path) > 0);
  snprintf(exe, sizeof exe, "/proc/%d/exe", getpid());
  printf("/proc/PID/exe: %d\n", readlink(exe, path, sizeof path) > 0);
  const int fd = open(self_path, O_RDONLY | O_CLOEXEC);
  char name[40];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  char* const arguments[] = {"name", "three", NULL};
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execv(name, arguments);
    _exit(errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("by a descriptor: %d\n", WEXITSTATUS(status));
}

int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "links") == 0) return links(arguments[0]), 0;
  if (count > 1 && strcmp(arguments[1], "found") == 0) return found(arguments[2]), 0;
  if (count > 1 && strcmp(arguments[1], "three") == 0) return 3;
  if (count > 1 && strcmp(arguments[1], "scripts") == 0) {
    self = arguments[0];
    scripts();
    return 0;
  }
  if (count > 1) return show(count, arguments);
  SAY(execve("/tmp/none", arguments, NULL));
  SAY(execve("/", arguments, NULL));
  SAY(execve("/dev/null", arguments, NULL));
  return 0;
}
