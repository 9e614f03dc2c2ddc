// Sending signals, their actions, masks and stacks.
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answers.h"

namespace {

constexpr int missing_id = 5000000;

// The kernel's structure, not the C library's.
struct Action {
  unsigned long handler, flags, mask, more;
};

void sending() {
  const int self = getpid();
  CASE(0, kill, self, 0);
  CASE(-EINVAL, kill, self, 65);
  CASE(-EINVAL, kill, self, -1);
  CASE(-ESRCH, kill, missing_id, 0);
  CASE(-ESRCH, kill, missing_id, 9);
  CASE(-ESRCH, kill, missing_id, 65);
  CASE(-ESRCH, kill, -missing_id, 0);
  CASE(-ESRCH, kill, INT_MIN, 0);
  CASE(-ESRCH, kill, INT_MIN, 65);
  CASE(-EINVAL, kill, -1, 65);
  CASE(-EINVAL, kill, 0, 65);
  CASE(0, tkill, self, 0);
  CASE(-EINVAL, tkill, 0, 0);
  CASE(-EINVAL, tkill, -1, 0);
  CASE(-EINVAL, tkill, self, 65);
  CASE(-ESRCH, tkill, missing_id, 0);
  CASE(-ESRCH, tkill, missing_id, 65);
  CASE(0, tgkill, self, self, 0);
  CASE(-EINVAL, tgkill, 0, self, 0);
  CASE(-EINVAL, tgkill, self, 0, 0);
  CASE(-EINVAL, tgkill, -1, self, 0);
  CASE(-EINVAL, tgkill, self, self, 65);
  CASE(-EINVAL, tgkill, self, self, -1);
  CASE(-ESRCH, tgkill, missing_id, self, 0);
  CASE(-ESRCH, tgkill, self, missing_id, 0);
  CASE(-ESRCH, tgkill, missing_id, self, 65);
}

void actions() {
  Action action{};
  Action ignored{(unsigned long)SIG_IGN, 0, 0, 0};
  Action old;
  CASE(0, rt_sigaction, SIGUSR1, 0, &old, 8);
  CASE(0, rt_sigaction, SIGUSR1, 0, 0, 8);
  CASE(0, rt_sigaction, SIGUSR1, &ignored, &old, 8);
  CASE(0, rt_sigaction, SIGUSR1, &action, 0, 8);
  CASE(-EINVAL, rt_sigaction, 0, 0, &old, 8);
  CASE(-EINVAL, rt_sigaction, 65, 0, &old, 8);
  CASE(-EINVAL, rt_sigaction, -1, 0, 0, 8);
  CASE(-EINVAL, rt_sigaction, SIGUSR1, 0, &old, 4);
  CASE(-EINVAL, rt_sigaction, SIGUSR1, nowhere, 0, 16);
  CASE(-EFAULT, rt_sigaction, SIGUSR1, nowhere, 0, 8);
  CASE(-EFAULT, rt_sigaction, SIGUSR1, 0, nowhere, 8);
  CASE(-EFAULT, rt_sigaction, 65, nowhere, 0, 8);
  CASE(-EINVAL, rt_sigaction, 65, 0, nowhere, 8);
  CASE(-EINVAL, rt_sigaction, SIGKILL, &action, 0, 8);
  CASE(-EINVAL, rt_sigaction, SIGSTOP, &ignored, nowhere, 8);
  CASE(0, rt_sigaction, SIGKILL, 0, &old, 8);
  CASE(-EFAULT, rt_sigaction, SIGUSR1, &ignored, nowhere, 8);
  CASE(0, rt_sigaction, SIGUSR1, 0, &old, 8);
  VALUE((long)SIG_IGN, old.handler);
  CASE(0, rt_sigaction, SIGUSR1, &action, 0, 8);
}

// A child has the actions of its parent, which does not see what the child sets.
void inherited_actions() {
  Action action{};
  Action ignored{(unsigned long)SIG_IGN, 0, 0, 0};
  Action old;
  CASE(0, rt_sigaction, SIGUSR2, &ignored, 0, 8);
  const pid_t child = fork();
  if (child == 0) {
    Action other{(unsigned long)SIG_IGN, 0, 1, 0};
    syscall(SYS_rt_sigaction, SIGUSR2, &other, &old, 8);
    syscall(SYS_rt_sigaction, SIGUSR1, &ignored, 0, 8);
    _exit(old.handler == (unsigned long)SIG_IGN ? 7 : 8);
  }
  int status = 0;
  waitpid(child, &status, 0);
  VALUE(7, WEXITSTATUS(status));
  CASE(0, rt_sigaction, SIGUSR2, &action, &old, 8);
  VALUE((long)SIG_IGN, old.handler);
  VALUE(0, old.mask);
  CASE(0, rt_sigaction, SIGUSR1, 0, &old, 8);
  VALUE((long)SIG_DFL, old.handler);
}

// The actions of SIGUSR1 in the child of status_after(), SIG_DFL or SIG_IGN.
struct Handlers {
  unsigned long when_sent, while_pending, when_unblocked;
};

/// The status of a child that blocks SIGUSR1, sends it to itself by `send` (kill or tkill), and
/// unblocks it.
int status_after(long send, const Handlers& handlers) {
  const pid_t child = fork();
  if (child == 0) {
    const auto set_handler = [](unsigned long handler) {
      const Action action{handler, 0, 0, 0};
      syscall(SYS_rt_sigaction, SIGUSR1, &action, 0, 8);
    };
    const unsigned long set = 1ul << (SIGUSR1 - 1);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
    set_handler(handlers.when_sent);
    syscall(send, getpid(), SIGUSR1);
    set_handler(handlers.while_pending);
    set_handler(handlers.when_unblocked);
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

void pending() {
  const auto standard = (unsigned long)SIG_DFL;
  const auto ignored = (unsigned long)SIG_IGN;
  for (const long send : {SYS_kill, SYS_tkill}) {
    VALUE(SIGUSR1, status_after(send, {standard, standard, standard}));
    // A pending signal is discarded when it becomes ignored.
    VALUE(0, status_after(send, {standard, ignored, standard}));
    VALUE(0, status_after(send, {standard, standard, ignored}));
    // A blocked signal stays pending, even if it is ignored when it is sent.
    VALUE(SIGUSR1, status_after(send, {ignored, standard, standard}));
    VALUE(0, status_after(send, {ignored, ignored, standard}));
  }
}

void masks() {
  unsigned long set = 1ul << (SIGUSR1 - 1) | 1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1);
  unsigned long old = 7;
  CASE(0, rt_sigprocmask, SIG_SETMASK, &set, 0, 8);
  CASE(0, rt_sigprocmask, SIG_BLOCK, 0, &old, 8);
  VALUE(1l << (SIGUSR1 - 1), old);
  CASE(0, rt_sigprocmask, 99, 0, &old, 8);
  CASE(-EINVAL, rt_sigprocmask, 99, &set, &old, 8);
  CASE(-EINVAL, rt_sigprocmask, -1, &set, 0, 8);
  CASE(-EFAULT, rt_sigprocmask, 99, nowhere, 0, 8);
  CASE(-EINVAL, rt_sigprocmask, 99, nowhere, 0, 4);
  CASE(-EINVAL, rt_sigprocmask, SIG_BLOCK, &set, &old, 0);
  CASE(-EFAULT, rt_sigprocmask, SIG_BLOCK, 0, nowhere, 8);
  CASE(-EFAULT, rt_sigprocmask, SIG_SETMASK, nowhere, nowhere, 8);
  set = 0;
  CASE(0, rt_sigprocmask, SIG_SETMASK, &set, &old, 8);
  VALUE(1l << (SIGUSR1 - 1), old);
  set = 1ul << (SIGUSR2 - 1);
  CASE(-EFAULT, rt_sigprocmask, SIG_SETMASK, &set, nowhere, 8);
  set = 0;
  CASE(0, rt_sigprocmask, SIG_SETMASK, &set, &old, 8);
  VALUE(1l << (SIGUSR2 - 1), old);
}

// Children of a process that does not wait for them (SA_NOCLDWAIT).
void unawaited_children() {
  constexpr unsigned long nocldwait = 2;
  const Action leaves{(unsigned long)SIG_DFL, nocldwait, 0, 0};
  Action old{};
  CASE(0, rt_sigaction, SIGCHLD, &leaves, 0, 8);
  CASE(0, rt_sigaction, SIGCHLD, 0, &old, 8);
  VALUE((long)nocldwait, old.flags);
  const pid_t child = fork();
  if (child == 0) {
    pause_shortly();
    _exit(7);
  }
  CASE(-ECHILD, wait4, child, 0, 0, 0);
  CASE(-ESRCH, kill, child, 0);
  if (fork() == 0) _exit(0);
  pause_shortly();
  CASE(-ECHILD, wait4, -1, 0, 0, 0);
  const Action standard{(unsigned long)SIG_DFL, 0, 0, 0};
  CASE(0, rt_sigaction, SIGCHLD, &standard, 0, 8);
  if (fork() == 0) _exit(0);
  VALUE(true, make(SYS_wait4, -1, 0, 0, 0) > 0);
}

char stack[3][8192];
stack_t in_handler, on_return;

// A stack that disarms itself while a handler runs (SS_AUTODISARM).
void disarmed_stack() {
  constexpr int autodisarm = (int)(1u << 31);
  stack_t wanted = {stack[0], autodisarm, sizeof stack[0]};
  CASE(0, sigaltstack, &wanted, 0);
  stack_t shown = {};
  CASE(0, sigaltstack, 0, &shown);
  VALUE(true, shown.ss_flags == autodisarm && shown.ss_sp == stack[0]);
  wanted.ss_flags = autodisarm | 4;
  CASE(-EINVAL, sigaltstack, &wanted, 0);
  wanted.ss_flags = autodisarm | SS_ONSTACK;
  CASE(0, sigaltstack, &wanted, 0);
  wanted.ss_flags = autodisarm;
  CASE(0, sigaltstack, &wanted, 0);
  struct sigaction action = {};
  action.sa_flags = SA_ONSTACK;
  action.sa_handler = [](int) {
    sigaltstack(nullptr, &in_handler);
    // The handler may set another stack, even where it runs.
    stack_t other = {stack[1], 0, sizeof stack[1]};
    if (sigaltstack(&other, nullptr) != 0) _exit(9);
  };
  sigaction(SIGUSR1, &action, nullptr);
  raise(SIGUSR1);
  sigaltstack(nullptr, &on_return);
  VALUE(SS_DISABLE, in_handler.ss_flags);
  VALUE(0, (long)in_handler.ss_size);
  VALUE(true, on_return.ss_flags == autodisarm && on_return.ss_sp == stack[0]);
  action.sa_handler = SIG_DFL;
  sigaction(SIGUSR1, &action, nullptr);
  wanted.ss_flags = SS_DISABLE;
  CASE(0, sigaltstack, &wanted, 0);
}

}  // namespace

void signals() {
  sending();
  actions();
  inherited_actions();
  pending();
  masks();
  unawaited_children();
  disarmed_stack();
}
