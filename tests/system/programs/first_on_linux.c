// The first program of a Linux guest: mounts what programs expect, starts the loopback device, and
// runs the command of each line of the file /commands: a label, the program and its arguments, with
// the byte 0x1f between them. It marks the start and the end of each command's output. If there is
// a file /input/LABEL, this is the command's standard input. At the end it switches the machine
// off.
//
// If there is a file /modules, it first loads the kernel modules whose paths are the lines of that
// file. The root folder of the commands is then the one that the file server `root` shares.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { most_arguments = 16 };

static const char* path = "/bin";
static const char* home = "/";

static void load_modules(FILE* list) {
  char line[256];
  while (fgets(line, sizeof line, list) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    const int file = open(line, O_RDONLY | O_CLOEXEC);
    if (file < 0 || (syscall(SYS_finit_module, file, "", 0) != 0 && errno != EEXIST))
      printf("cannot load %s: %s\n", line, strerror(errno));
    close(file);
  }
}

static void enter_shared_root(void) {
  mkdir("/share", 0755);
  if (mount("root", "/share", "9p", 0, "trans=virtio,version=9p2000.L,msize=131072") != 0)
    printf("cannot mount the shared folder: %s\n", strerror(errno));
  mount("proc", "/share/proc", "proc", 0, NULL);
  mount("dev", "/share/dev", "devtmpfs", 0, NULL);
  mkdir("/share/dev/pts", 0755);
  mount("devpts", "/share/dev/pts", "devpts", 0, "ptmxmode=0666");
  mount("tmpfs", "/share/tmp", "tmpfs", 0, NULL);
  if (chroot("/share") != 0 || chdir("/") != 0)
    printf("cannot enter the shared folder: %s\n", strerror(errno));
  path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  home = "/root";
}

static void start_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (ioctl(any, SIOCSIFFLAGS, &request) != 0)
    printf("cannot start the loopback device: %s\n", strerror(errno));
  close(any);
}

static int run(const char* label, char* line) {
  char* arguments[most_arguments + 1] = {};
  for (int count = 0; line != NULL && count < most_arguments;)
    arguments[count++] = strsep(&line, "\x1f");
  const pid_t child = fork();
  if (child == 0) {
    setenv("PATH", path, 1);
    setenv("HOME", home, 1);
    setenv("TERM", "linux", 1);
    char input[256];
    snprintf(input, sizeof input, "/input/%s", label);
    int from = open(input, O_RDONLY | O_CLOEXEC);
    if (from < 0) from = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(from, 0);
    execv(arguments[0], arguments);
    printf("cannot execute %s: %s\n", arguments[0], strerror(errno));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The console then shows the bytes of the programs.
static void make_output_raw(void) {
  struct termios settings;
  tcgetattr(1, &settings);
  settings.c_oflag &= ~(tcflag_t)OPOST;
  tcsetattr(1, TCSANOW, &settings);
}

int main(void) {
  mkdir("/proc", 0755);
  mkdir("/dev", 0755);
  mkdir("/tmp", 01777);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mkdir("/dev/pts", 0755);
  mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666");
  make_output_raw();
  start_loopback();
  FILE* const commands = fopen("/commands", "re");
  FILE* const modules = fopen("/modules", "re");
  if (modules != NULL) {
    load_modules(modules);
    enter_shared_root();
  }
  char* line = NULL;
  size_t size = 0;
  while (commands != NULL && getline(&line, &size, commands) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char* const text = line;
    char* const label = strsep(&line, "\x1f");
    printf("== %s begins\n", label);
    fflush(stdout);
    const int status = run(label, line);
    printf("== %s ends: %d\n", label, status);
    fflush(stdout);
    free(text);
    line = NULL;
    size = 0;
  }
  sync();
  reboot(RB_POWER_OFF);
  return 1;
}
