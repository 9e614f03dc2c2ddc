// Runs the parts that the arguments name. The status is 0 if all their answers are those of this
// system.
//
// As the first process of Linux it runs every part, each in a child, prints their statuses, and
// powers the machine off. `/tmp` is a tmpfs then, as on Cotrap.
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "answers.h"

namespace {

struct Part {
  const char* name;
  void (*run)();
};
constexpr Part parts[] = {
    {"descriptors", descriptors},
    {"fifos", fifos},
    {"futexes", futexes},
    {"identities", identities},
    {"locks", file_locks},
    {"mappings", mappings},
    {"memory", memory},
    {"names", names},
    {"paths", paths},
    {"polls", polls},
    {"processes", processes},
    {"scheduling", scheduling},
    {"signals", signals},
    {"space", space},
    {"status", status_of_files},
    {"times", times},
    {"transfers", transfers},
};

int cases = 0;
int wrong = 0;

bool on_cotrap() {
  utsname name;
  uname(&name);
  return strcmp(name.sysname, "Cotrap") == 0;
}

// The name of an error, or a number as text.
const char* text_of(long answer) {
  static char texts[2][32];
  static int last = 0;
  const char* name = answer < 0 && answer > -4096 ? strerrorname_np((int)-answer) : nullptr;
  if (name != nullptr) return name;
  last = 1 - last;
  snprintf(texts[last], sizeof texts[last], "%ld", answer);
  return texts[last];
}

int run(const Part& part) {
  cases = wrong = 0;
  part.run();
  printf("%s: %d of %d cases\n", part.name, cases - wrong, cases);
  fflush(stdout);
  return wrong == 0 ? 0 : 1;
}

void run_all_and_power_off() {
  mkdir("/tmp", 01777);
  mkdir("/proc", 0555);
  mount("none", "/tmp", "tmpfs", 0, nullptr);
  mount("none", "/proc", "proc", 0, nullptr);
  mount("none", "/dev", "devtmpfs", 0, nullptr);
  for (const Part& part : parts) {
    const pid_t child = fork();
    if (child == 0) _exit(run(part));
    int status = 0;
    waitpid(child, &status, 0);
    printf("== %s ends: %d\n", part.name,
           WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    fflush(stdout);
  }
  sync();
  reboot(RB_POWER_OFF);
}

}  // namespace

void compare(const char* file, int line, const char* text, long of_linux, long of_cotrap,
             long got) {
  static const bool here = on_cotrap();
  const long wanted = here ? of_cotrap : of_linux;
  ++cases;
  if (got == wanted) return;
  ++wrong;
  const char* const name = strrchr(file, '/') != nullptr ? strrchr(file, '/') + 1 : file;
  printf("%s:%d: %s: %s instead of %s\n", name, line, text, text_of(got), text_of(wanted));
}

char* new_page(int rights, int flags) {
  char* const page = (char*)mmap(nullptr, page_size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (page == MAP_FAILED) _exit(2);
  page[0] = 0;
  mprotect(page, page_size, rights);
  return page;
}

int new_file(const char* path, const char* text) {
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) _exit(2);
  lseek(fd, 0, SEEK_SET);
  return fd;
}

PipeEnds new_pipe() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK) != 0) _exit(2);
  return {ends[0], ends[1]};
}

void pause_shortly() {
  const timespec time = {0, 40'000'000};
  nanosleep(&time, nullptr);
}

void signal_shortly() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  if (fork() != 0) return;
  pause_shortly();
  kill(getppid(), SIGUSR1);
  _exit(0);
}

int main(int count, char** arguments) {
  if (getpid() == 1 && !on_cotrap()) run_all_and_power_off();
  int failed = 0;
  for (int i = 1; i < count; ++i) {
    for (const Part& part : parts)
      if (strcmp(part.name, arguments[i]) == 0) failed |= run(part);
  }
  return failed;
}
