#include "user/process.h"

#include <array>

#include "clone.h"
#include "user/clock.h"

namespace user {
namespace {

struct Start {
  const char* path;
  const char* const* arguments;
  const SpawnOptions& options;
  abi::SignalSet mask = 0;  // of the program
  volatile long error = 0;  // written by the child, which shares the memory
};

void keep_running(int) {}

constexpr std::array stop_signals{abi::Signal::sigtstp, abi::Signal::sigttin, abi::Signal::sigttou};
constexpr abi::SignalSet stop_set = abi::set_of(abi::Signal::sigtstp) |
                                    abi::set_of(abi::Signal::sigttin) |
                                    abi::set_of(abi::Signal::sigttou);

// Part of become(). The terminal may stop the child's group at any time. If that stopped the child
// before execve, the parent could not go on, because it waits for the execve. So the signals that
// stop have a handler until then; execve sets the default action. A signal that the parent ignores
// stays ignored, unless the child gets a group of its own. spawn() has blocked the signals.
void run_until_execve(const SpawnOptions& options, abi::SignalSet mask) {
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(keep_running),
                                 .flags = abi::sa_restart};
  for (const auto signal : stop_signals) {
    abi::SignalAction before{};
    syscall(Call::rt_sigaction, signal, &action, &before, sizeof action.mask);
    if (!options.group && before.handler == abi::sig_ign)
      syscall(Call::rt_sigaction, signal, &before, nullptr, sizeof before.mask);
  }
  static_cast<void>(change_blocked_signals(abi::sig_setmask, mask));
}

// Runs in the child, on the parent's memory, while the parent is suspended (CLONE_VFORK). It may
// not allocate or lock.
int become(void* argument) {
  auto& start = *static_cast<Start*>(argument);
  for (const auto& [from, to] : start.options.fds) {
    if (from < 0) {
      syscall(Call::close, to);
    } else if (from != to) {
      syscall(Call::dup3, from, to, 0);
    } else {
      syscall(Call::fcntl, to, abi::f_setfd, 0);  // clears close-on-exec
    }
  }
  for (const Fd fd : start.options.close) syscall(Call::close, fd);
  static_cast<void>(ignore_signal(abi::Signal::sigint, start.options.ignore_keys));
  static_cast<void>(ignore_signal(abi::Signal::sigquit, start.options.ignore_keys));
  static_cast<void>(ignore_signal(abi::Signal::sigterm, false));
  if (start.options.group) syscall(Call::setpgid, 0, *start.options.group);
  if (start.options.drops_stops) run_until_execve(start.options, start.mask);
  if (start.options.unblock != 0) {
    static_cast<void>(change_blocked_signals(abi::sig_unblock, start.options.unblock));
  }
  auto* const* variables =
      start.options.environment != nullptr ? start.options.environment : environment();
  start.error = syscall(Call::execve, start.path, start.arguments, variables);
  return 127;
}

}  // namespace

Result<Pid> spawn(const char* path, const char* const* arguments, SpawnOptions options) {
  alignas(16) std::byte stack[8 << 10];  // with room for a signal's frame
  Start start{path, arguments, options};
  if (options.drops_stops)
    syscall(Call::rt_sigprocmask, abi::sig_block, &stop_set, &start.mask, sizeof stop_set);
  const auto flags =
      abi::clone_vm | abi::clone_vfork | static_cast<unsigned long>(abi::Signal::sigchld);
  const auto child = to_result<Pid>(
      cotrap_user_clone(flags, stack + sizeof stack, nullptr, nullptr, nullptr, become, &start));
  if (options.drops_stops) static_cast<void>(change_blocked_signals(abi::sig_setmask, start.mask));
  if (child && start.error != 0) {
    static_cast<void>(wait(*child));
    return to_result<Pid>(start.error);
  }
  return child;
}

Result<Ended> wait(Pid pid, int options) {
  int status = 0;
  return call<Pid>(Call::wait4, pid, &status, options, nullptr).transform([&](Pid who) {
    return Ended{who, abi::WaitStatus{status}};
  });
}

Result<abi::Signal> take_signal(abi::SignalSet signals,
                                std::optional<std::chrono::nanoseconds> timeout) {
  const auto limit = to_timespec(timeout.value_or(std::chrono::nanoseconds{0}));
  return call<int>(Call::rt_sigtimedwait, &signals, nullptr, timeout ? &limit : nullptr,
                   sizeof signals)
      .transform([](int number) { return static_cast<abi::Signal>(number); });
}

Result<void> ignore_signal(abi::Signal signal, bool ignore) {
  const abi::SignalAction action{.handler = ignore ? abi::sig_ign : abi::sig_dfl};
  return call(Call::rt_sigaction, signal, &action, nullptr, sizeof(abi::SignalSet));
}

}  // namespace user
