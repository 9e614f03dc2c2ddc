#include "process/job_control.h"

#include "process/thread.h"
#include "sched/running.h"

namespace kernel::job_control {
namespace {

void post_to_group(int group, abi::Signal signal) {
  for_each_member(group, [signal](Process& process) {
    process.post_signal({.signal = static_cast<int>(signal), .code = abi::si_kernel});
  });
}

void hang_up(int group) {
  post_to_group(group, abi::Signal::sighup);
  post_to_group(group, abi::Signal::sigcont);
}

/// Whether the process has a parent in another group of its session, which may continue the group.
/// The first process continues only its own children, not those that it has inherited.
bool is_link(const Process& process) {
  const Process* const parent = process.parent();
  return parent != nullptr && !process.is_orphan() && parent->session() == process.session() &&
         parent->group() != process.group();
}

/// If the end of `ended` has orphaned the group, and one of its members is stopped: hang_up().
void hang_up_if_orphaned(int session, int group, const Process& ended) {
  bool has_stopped = false;
  for_each_member(group, [&](Process& process) {
    has_stopped |= process.session() == session && process.is_stopped() && !process.is_ending();
  });
  if (has_stopped && is_orphaned(session, group, &ended)) hang_up(group);
}

class Users final : public TerminalUsers {
 public:
  std::optional<Caller> caller() override {
    Thread* const thread = calling_thread();
    if (thread == nullptr) return {};
    const Process& process = thread->process();
    return Caller{
        .session = process.session(),
        .group = process.group(),
        .leads_session = process.leads_session(),
    };
  }

  void signal_group(int group, abi::Signal signal) override { post_to_group(group, signal); }

  void signal_leader(int session, abi::Signal signal) override {
    Process* const leader = processes().find(session);
    if (leader != nullptr && leader->leads_session() && !leader->is_zombie())
      leader->post_signal({.signal = static_cast<int>(signal), .code = abi::si_kernel});
  }

  std::optional<int> session_of_group(int group) override {
    return job_control::session_of_group(group);
  }

  Result<> stop_caller(abi::Signal signal) override {
    Thread& self = *calling_thread();
    const abi::SignalSet bit = abi::set_of(signal);
    const Process& process = self.process();
    const bool is_ignored = self.process().signal_actions()[signal].handler == abi::sig_ign;
    if (is_ignored || (self.signal_mask() & bit) != 0) {
      return signal == abi::Signal::sigttin ? fail(Errno::eio) : Result<>{};
    }
    if (is_orphaned(process.session(), process.group())) return fail(Errno::eio);
    post_to_group(process.group(), signal);
    self.interrupt_call();
    return fail(Errno::eintr);
  }
};

}  // namespace

Thread* calling_thread() {
  Runnable* const current_one = current.thread;
  if (current_one == nullptr || current_one->job() != &async::current_job()) return nullptr;
  return static_cast<Thread*>(current_one);
}

std::optional<int> session_of_group(int group) {
  for (const Process& process : processes()) {  // a group exists while a zombie is a member
    if (process.group() == group) return process.session();
  }
  return {};
}

bool is_orphaned(int session, int group, const Process* without) {
  for (Process& process : processes()) {
    if (process.group() != group || process.session() != session) continue;
    if (process.is_zombie() || &process == without || process.parent() == without) continue;
    if (is_link(process)) return false;
  }
  return true;
}

void wake_orphans_of(Process& process) {
  if (Process::stopped_count() == 0) return;
  if (is_link(process)) hang_up_if_orphaned(process.session(), process.group(), process);
  process.for_each_child([&process](Process& child) {
    const bool is_other = child.group() != process.group() && child.session() == process.session();
    if (is_other) hang_up_if_orphaned(child.session(), child.group(), process);
  });
}

void end_session(Process& leader) {
  Terminal* const terminal = Terminal::of_session(leader.session());
  if (terminal == nullptr) return;
  const int foreground = terminal->foreground_group();
  terminal->leave_session();
  terminal->hang_up_files();
  hang_up(foreground);
}

TerminalUsers& terminal_users() {
  static constinit Users users;
  return users;
}

}  // namespace kernel::job_control
