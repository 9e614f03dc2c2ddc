// Making, executing and awaiting processes.
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
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

}  // namespace

void processes() {
  waits();
  clones();
  executions();
}
