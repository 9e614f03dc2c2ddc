// Making, executing and awaiting processes.
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "answers.h"

namespace {

constexpr int missing_id = 5000000;

void waits() {
  int status;
  CASE(-ECHILD, wait4, -1, &status, 0, 0);
  CASE(-ECHILD, wait4, -1, nowhere, WNOHANG, 0);
  CASE(-ECHILD, wait4, 0, &status, WNOHANG, 0);
  CASE(-ECHILD, wait4, missing_id, &status, 0, 0);
  CASE(-ECHILD, wait4, -missing_id, &status, 0, 0);
  CASE(-ECHILD, wait4, getpid(), &status, 0, 0);
  CASE(-EINVAL, wait4, -1, &status, 0x1000, 0);
  CASE(-EINVAL, wait4, -1, &status, WEXITED, 0);
  CASE(-EINVAL, wait4, INT_MIN, &status, 0x1000, 0);
  CASE(-ESRCH, wait4, INT_MIN, &status, 0, 0);
  CASE(-ECHILD, wait4, -1, &status, WUNTRACED | WCONTINUED | WNOHANG, 0);
}

void clones() {
  CASE(-EINVAL, clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0);
  CASE(-EINVAL, clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0);
  CASE(-EINVAL, clone, CLONE_SIGHAND, 0, 0, 0, 0);
  CASE(-EINVAL, clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0);
  CASE(-EINVAL, clone, CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0);
  CASE(-EINVAL, set_robust_list, 0, 0);
  CASE(-EINVAL, set_robust_list, nowhere, 23);
  CASE(0, set_robust_list, nowhere, 24);
  CASE(0, set_robust_list, 0, 24);
  CASE(syscall(SYS_gettid), set_tid_address, 0);
}

void executions() {
  const char* const arguments[] = {"x", nullptr};
  const char* const bad[] = {nowhere, nullptr};
  char* const folder = (char*)"/tmp/folder";
  mkdirat(AT_FDCWD, folder, 0755);
  const int file = new_file("/tmp/file", "text");
  CASE(-EFAULT, execve, nowhere, arguments, 0);
  CASE(-EFAULT, execve, 0, arguments, 0);
  CASE(-ENOENT, execve, "", arguments, 0);
  CASE(-ENOENT, execve, "/tmp/none", arguments, 0);
  CASE(-ENOENT, execve, "/tmp/none", nowhere, 0);
  CASE(-ENOENT, execve, "/tmp/none", bad, 0);
  CASE(-EACCES, execve, folder, arguments, 0);
  CASE(-EACCES, execve, folder, nowhere, 0);
  CASE(-EACCES, execve, "/tmp/file", arguments, 0);
  CASE(-EACCES, execve, "/tmp/file", bad, 0);
  CASE(-ENOTDIR, execve, "/tmp/file/x", arguments, 0);
  CASE(-EACCES, execve, "/dev/null", arguments, 0);
  CASE(-EFAULT, execve, "/proc/self/exe", nowhere, 0);
  CASE(-EFAULT, execve, "/proc/self/exe", bad, 0);
  CASE(-EFAULT, execve, "/proc/self/exe", arguments, nowhere);
  CASE(-EFAULT, execve, "/proc/self/exe", arguments, bad);
  close(file);
  unlink("/tmp/file");
  unlinkat(AT_FDCWD, folder, AT_REMOVEDIR);
}

// The status of this program, started from a file in /tmp that has `bytes` of it.
long run_copy(long bytes, int keeps_open) {
  const int from = open("/proc/self/exe", O_RDONLY);
  const int to = open("/tmp/program", O_RDWR | O_CREAT | O_TRUNC, 0755);
  for (long left = bytes; left > 0;) {
    const ssize_t moved = sendfile(to, from, nullptr, left);
    if (moved <= 0) break;
    left -= moved;
  }
  if (!keeps_open) close(to);
  const long status = in_child([] {
    char name[] = "program", part[] = "none";
    char* const arguments[] = {name, part, nullptr};
    return make(SYS_execve, "/tmp/program", arguments, nullptr);
  });
  close(to);
  close(from);
  unlink("/tmp/program");
  return status;
}

void written_programs() {
  VALUE(0, run_copy(1L << 30, false));
  VALUE(-ETXTBSY, run_copy(1L << 30, true));
  VALUE(-ENOEXEC, run_copy(4, false));
  VALUE(-ENOEXEC, run_copy(0, false));
}

// clone() with a file that stands for the child (CLONE_PIDFD).
void pidfds() {
  constexpr unsigned long pidfd = 0x1000;
  int fd = -1;
  const long child = make(SYS_clone, pidfd | SIGCHLD, 0, &fd, 0, 0);
  if (child == 0) _exit(fcntl(fd, F_GETFD) == -1 ? 3 : 4);
  VALUE(FD_CLOEXEC, fcntl(fd, F_GETFD));
  struct pollfd end = {fd, POLLIN, 0};
  VALUE(1, poll(&end, 1, -1));
  siginfo_t info = {};
  VALUE(0, make(SYS_waitid, P_PIDFD, fd, &info, WEXITED, 0));
  VALUE(3, info.si_status);
  VALUE(true, info.si_pid == child);
  CASE(-ESRCH, pidfd_send_signal, fd, 0, 0, 0);
  close(fd);
  CASE(-EINVAL, clone, pidfd | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0);
  CASE(-EINVAL, clone, pidfd | CLONE_DETACHED | SIGCHLD, 0, &fd, 0, 0);
  CASE(-EFAULT, clone, pidfd | SIGCHLD, 0, nowhere, 0, 0);
  CASE(-ECHILD, wait4, -1, 0, 0, 0);
}

void barriers() {
  enum {
    query,
    global,
    global_expedited,
    register_global = 4,
    expedited = 8,
    register_expedited = 16,
    sync_core = 32,
    register_sync_core = 64,
    registrations = 512
  };
  VALUE(0x27f, make(SYS_membarrier, query, 0, 0) & 0x27f);
  CASE(0, membarrier, registrations, 0, 0);
  CASE(0, membarrier, global, 0, 0);
  CASE(0, membarrier, global_expedited, 0, 0);
  CASE(-EPERM, membarrier, expedited, 0, 0);
  CASE(-EPERM, membarrier, sync_core, 0, 0);
  CASE(0, membarrier, register_expedited, 0, 0);
  CASE(0, membarrier, expedited, 0, 0);
  CASE(-EPERM, membarrier, sync_core, 0, 0);
  CASE(0, membarrier, register_sync_core, 0, 0);
  CASE(0, membarrier, sync_core, 0, 0);
  CASE(0, membarrier, register_global, 0, 0);
  VALUE(register_expedited | register_sync_core | register_global,
        make(SYS_membarrier, registrations, 0, 0));
  VALUE(0, in_child([] { return make(SYS_membarrier, expedited, 0, 0); }));
  CASE(-EINVAL, membarrier, query, 1, 0);
  CASE(-EINVAL, membarrier, expedited, 1, 0);
  CASE(-EINVAL, membarrier, 3, 0, 0);
  CASE(-EINVAL, membarrier, 1024, 0, 0);
  CASE(-EINVAL, membarrier, -1, 0, 0);
}

// No call here ends the machine: 0x89abcdef and 0 turn Ctrl-Alt-Del on and off.
void reboots() {
  constexpr unsigned magic = 0xfee1dead, second = 672274793;
  CASE(-EINVAL, reboot, 0, second, 0, 0);
  CASE(-EINVAL, reboot, magic, 0, 0, 0);
  CASE(-EINVAL, reboot, magic, second, 77, 0);
  CASE(-EINVAL, reboot, magic, second, 0x45584543, 0);  // kexec
  CASE(-EFAULT, reboot, magic, second, 0xa1b2c3d4, 8);
  for (const unsigned other : {second, 85072278U, 369367448U, 537993216U}) {
    CASE(0, reboot, magic, other, 0x89abcdef, 0);
    CASE(0, reboot, magic, other, 0, 0);
  }
}

}  // namespace

void processes() {
  waits();
  clones();
  executions();
  written_programs();
  pidfds();
  barriers();
  reboots();
}
