// wait4 and waitid: wait until a child ends, stops or continues, or a traced thread stops.
#include <abi/flags.h>
#include <abi/signal.h>
#include <async/async.h>
#include <async/wait_loop.h>

#include <coroutine>
#include <cstring>
#include <limits>
#include <optional>

#include "process/page_in.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/outside.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

using Answer = Result<int>;
using async::Strand;

struct Search {
  bool any = false;           ///< there is a matching child
  Process* zombie = nullptr;  ///< a matching child that has ended
};

/// For -1, which means all children, or for the number of a child.
Search search(Process& parent, int id) {
  if (id == -1) return {.any = parent.has_children(), .zombie = parent.first_zombie()};
  Process* const child = parent.child(id);
  const bool has_ended = child != nullptr && child->is_zombie();
  return {.any = child != nullptr, .zombie = has_ended ? child : nullptr};
}

/// The kernel knows only this part of the resource usage, and nothing of a traced thread.
async::Duration user_time(Process& child) {
  return child.cpu_time();
}
async::Duration user_time(Tracee&) {
  return {};
}

/// Writes the usage of `changed`, a child or a thread that the caller traces.
template <class Changed>
Result<> write_usage(Thread& self, UserPtr<abi::ResourceUsage> to, Changed& changed) {
  if (!to) return {};
  return to.write(self.space(), {.user_time = to_timeval(user_time(changed))});
}

template <class Changed>
[[gnu::always_inline]] inline Result<> write_report(Thread& self, UserPtr<int> to,
                                                    abi::WaitStatus status,
                                                    UserPtr<abi::ResourceUsage> usage,
                                                    Changed& changed) {
  if (to) {
    if (auto done = to.write(self.space(), status.word()); !done) return done;
  }
  return write_usage(self, usage, changed);
}

/// Reports a zombie and reaps it. If the report cannot be written, it remains a zombie.
Answer collect(Thread& self, Process& zombie, UserPtr<int> status,
               UserPtr<abi::ResourceUsage> usage) {
  if (auto done = write_report(self, status, zombie.status(), usage, zombie); !done)
    return fail(done.error());
  const int id = zombie.id();
  self.process().reap(zombie);
  return id;
}

/// Tells of a child that has stopped or continued, or of a thread that the caller traces. If the
/// report cannot be written, it remains.
template <class Changed>
Answer tell(Thread& self, Changed& changed, abi::WaitStatus report, UserPtr<int> status,
            UserPtr<abi::ResourceUsage> usage) {
  if (auto done = write_report(self, status, report, usage, changed); !done)
    return fail(done.error());
  const int id = changed.id();
  changed.drop_report();
  return id;
}

/// collect() for a caller that shares the strand. would_block: none of the matching children has
/// ended, or the call must be made in the strand.
Answer collect_sharing(Thread& self, int id, UserPtr<int> status) {
  std::byte* there = nullptr;
  if (status) {
    there = outside::find_bytes(self, status.address(), sizeof(int), hal::Access::write);
    if (there == nullptr) return fail(Errno::would_block);
  }
  const Ref<Process> zombie = self.process().reap_sharing(id);
  if (!zombie) return fail(Errno::would_block);
  const int ended = zombie->status().word();
  if (there != nullptr) std::memcpy(there, &ended, sizeof ended);
  return zombie->id();
}

/// Reports and reaps a matching child that has ended. Empty: none of those that match has ended.
/// `id`: as in search().
std::optional<Answer> try_to_reap(Thread& self, int id, UserPtr<int> status,
                                  UserPtr<abi::ResourceUsage> usage) {
  const Search found = search(self.process(), id);
  if (!found.any) return fail(Errno::echild);
  if (found.zombie == nullptr) return {};
  return collect(self, *found.zombie, status, usage);
}

/// Whether a call with `options` reports that the child has stopped or continued.
bool has_report(const Process& child, int options) {
  if (!child.has_report()) return false;
  return (options & (child.report().has_stopped() ? abi::wuntraced : abi::wcontinued)) != 0;
}

bool selects(int id, const Process& parent, const Process& child) {
  if (id > 0) return child.id() == id;
  return id == -1 || child.group() == (id == 0 ? parent.group() : -id);
}

/// A child of `parent` that has ended, if `options` have WEXITED, or else one that has stopped or
/// continued, if they have WUNTRACED or WCONTINUED. Null: none has changed. `id` selects the
/// children: -1: all; above 0: the one with this number; 0: those of the caller's group; below -1:
/// those of group -id. ECHILD: `id` selects no child. Looks at all children. In the strand.
Result<Process*> find_changed_child(Process& parent, int id, int options) {
  bool any = false;
  Process *zombie = nullptr, *other = nullptr;
  parent.for_each_zombie([&](Process& child) {
    if (!selects(id, parent, child)) return;
    any = true;
    if (zombie == nullptr) zombie = &child;
  });
  parent.for_each_child([&](Process& child) {
    if (!selects(id, parent, child)) return;
    any = true;
    if (other == nullptr && has_report(child, options)) other = &child;
  });
  if (!any) return fail(Errno::echild);
  return zombie != nullptr && (options & abi::wexited) != 0 ? zombie : other;
}

/// A thread that `tracer` traces and that has stopped or ended. Null: there is none. `id` as above.
/// ECHILD: `id` selects no thread that `tracer` traces.
Result<Tracee*> find_changed_tracee(Process& tracer, int id) {
  List<Tracee>* const tracees = tracer.tracees();
  if (tracees == nullptr) return fail(Errno::echild);
  bool any = false;
  for (Tracee& tracee : *tracees) {
    Thread* const thread = tracee.thread();
    const bool is_in_group = thread != nullptr && selects(id, tracer, thread->process());
    const bool is_selected = id > 0 || id == -1 ? id == -1 || tracee.id() == id : is_in_group;
    if (!is_selected) continue;
    if (tracee.has_report()) return &tracee;
    any = true;
  }
  return any ? Result<Tracee*>{nullptr} : fail(Errno::echild);
}

/// try_to_reap() for groups, and for children that have stopped or continued.
[[gnu::cold, gnu::noinline]] std::optional<Answer> try_all(Thread& self, int id,
                                                           UserPtr<int> status, int options,
                                                           UserPtr<abi::ResourceUsage> usage) {
  const auto traced = find_changed_tracee(self.process(), id);
  if (traced && *traced != nullptr) return tell(self, **traced, (*traced)->status(), status, usage);
  const auto found = find_changed_child(self.process(), id, options | abi::wexited);
  if (!found && traced) return {};
  if (!found) return fail(found.error());
  if (*found == nullptr) return {};
  if ((*found)->is_zombie()) return try_to_reap(self, (*found)->id(), status, usage);
  return tell(self, **found, (*found)->report(), status, usage);
}

/// Reports a matching child that has ended, stopped or continued. Empty: there is none.
[[gnu::always_inline]] inline std::optional<Answer> try_to_report(
    Thread& self, int id, UserPtr<int> status, int options, UserPtr<abi::ResourceUsage> usage) {
  if ((id <= 0 && id != -1) || (options & (abi::wuntraced | abi::wcontinued)) != 0 ||
      self.process().has_tracees()) [[unlikely]]
    return try_all(self, id, status, options, usage);
  return try_to_reap(self, id, status, usage);
}

/// Waits until there is a matching child to report, and reaps it if it has ended.
class ChildWait : public async::SharingWaitLoop<ChildWait> {
 public:
  ChildWait(Thread& self, int id, UserPtr<int> status, int options,
            UserPtr<abi::ResourceUsage> usage)
      : self_{self}, id_{id}, options_{options}, status_{status}, usage_{usage} {}

  using WaitLoop::again;

 private:
  friend WaitLoop;
  friend SharingWaitLoop;

  async::WaitOp wait() { return self_.process().child_ended().wait("child"); }
  bool wait_sharing(std::coroutine_handle<> loop) {
    return self_.process().wait_sharing(id_, loop);
  }
  bool attempt() {
    const auto answer = try_to_report(self_, id_, status_, options_, usage_);
    if (answer) answer_ = *answer;
    return answer.has_value();
  }
  bool attempt_sharing() {
    answer_ = collect_sharing(self_, id_, status_);
    return answer_.has_value();
  }
  void cut_short() { answer_ = fail(Errno::eintr); }
  Answer result() const { return answer_; }

  Thread& self_;
  int id_;
  int options_;
  UserPtr<int> status_;
  UserPtr<abi::ResourceUsage> usage_;
  Answer answer_ = 0;
};

}  // namespace

trap::Answer<Answer> wait4(Thread& self, int id, UserPtr<int> status, int options,
                           UserPtr<abi::ResourceUsage> usage) {
  // __WALL, __WCLONE and __WNOTHREAD have no effect: there is one kind of children.
  constexpr int thread_options = 0xe000'0000;
  if ((options & ~(abi::wnohang | abi::wuntraced | abi::wcontinued | thread_options)) != 0) {
    return fail(Errno::einval);
  }
  if (id == std::numeric_limits<int>::min()) return fail(Errno::esrch);
  if (Strand::is_shared()) {
    if (id < -1 || id == 0 || usage || (options & ~abi::wnohang) != 0)
      return fail(Errno::would_block);
    const Answer answer = collect_sharing(self, id, status);
    if (answer || options != 0 || !outside::may_wait_sharing(self)) return answer;
  } else if (const auto answer = try_to_report(self, id, status, options, usage)) {
    return *answer;
  }
  if ((options & abi::wnohang) != 0) return 0;
  return self.wait([&] { return ChildWait{self, id, status, options, usage}; });
}

// ── waitid ───────────────────────────────────────────────────────────────────────────────────────

namespace {

struct WantedChild {
  int id = 0;  ///< as in find_changed_child()
  int options = 0;
  bool never_waits = false;  ///< EAGAIN instead (PIDFD_NONBLOCK)
};

/// The child for which a file stands. EBADF: it stands for no process. ECHILD: that was reaped.
Result<WantedChild> wanted_by_file(Thread& self, int fd, int options) {
  if (fd < 0) return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  const EndWatch* const watch = file != nullptr ? file->end_watch() : nullptr;
  if (watch == nullptr) return fail(Errno::ebadf);
  const Process* const process = watch->process();
  if (process == nullptr) return fail(Errno::echild);
  return WantedChild{process->id(), options, file->is_nonblocking()};
}

Result<WantedChild> wanted_from(Thread& self, int which, int id, int options) {
  constexpr int kinds = abi::wexited | abi::wuntraced | abi::wcontinued;
  constexpr int thread_options = static_cast<int>(0xe000'0000);  // __WALL, __WCLONE, __WNOTHREAD
  if ((options & ~(kinds | abi::wnohang | abi::wnowait | thread_options)) != 0 ||
      (options & kinds) == 0) {
    return fail(Errno::einval);
  }
  switch (which) {
    case abi::p_all: return WantedChild{.id = -1, .options = options};
    case abi::p_pid:
      if (id <= 0) return fail(Errno::einval);
      return WantedChild{.id = id, .options = options};
    case abi::p_pgid:
      if (id < 0) return fail(Errno::einval);
      if (id == 1) return fail(Errno::echild);  // -1 would mean all children
      return WantedChild{.id = -id, .options = options};
    case abi::p_pidfd: return wanted_by_file(self, id, options);
    default: return fail(Errno::einval);
  }
}

/// Linux writes only these members, so the rest of the program's structure stays as it is.
Result<> write_info(memory::AddressSpace& space, std::uintptr_t to, const abi::SignalInfo& info) {
  if (to == 0) return {};
  constexpr std::size_t written = offsetof(abi::SignalInfo, sender) + 3 * sizeof(int);
  return memory::copy_to_user(space, to, &info, written);
}

/// Writes what the call tells of `changed`, a child or a thread that the caller traces. `forget`
/// ends the report, unless WNOWAIT keeps it.
template <class Changed, class Forget>
Answer report(Thread& self, Changed& changed, const WantedChild& wanted, std::uintptr_t info,
              UserPtr<abi::ResourceUsage> usage, Forget forget) {
  if (auto done = write_usage(self, usage, changed); !done) return fail(done.error());
  if (auto done = write_info(self.space(), info, changed.change()); !done)
    return fail(done.error());
  if ((wanted.options & abi::wnowait) == 0) forget();
  return 0;
}
Answer report(Thread& self, Process& child, const WantedChild& wanted, std::uintptr_t info,
              UserPtr<abi::ResourceUsage> usage) {
  return report(self, child, wanted, info, usage, [&] {
    if (child.is_zombie()) return self.process().reap(child);
    child.drop_report();
  });
}
Answer report(Thread& self, Tracee& tracee, const WantedChild& wanted, std::uintptr_t info,
              UserPtr<abi::ResourceUsage> usage) {
  return report(self, tracee, wanted, info, usage, [&] { tracee.drop_report(); });
}

/// Reports a matching child or traced thread to `info` and `usage`, and reaps it if `wanted` says
/// so. With WNOHANG, reports also that none has changed. Returns false if the call must wait.
/// ECHILD; EFAULT; would_block: a page-in.
Result<bool> try_waitid(Thread& self, const WantedChild& wanted, std::uintptr_t info,
                        UserPtr<abi::ResourceUsage> usage) {
  const auto done = [](auto written) { return written.transform([](auto...) { return true; }); };
  const auto traced = find_changed_tracee(self.process(), wanted.id);
  if (traced && *traced != nullptr) return done(report(self, **traced, wanted, info, usage));
  auto found = find_changed_child(self.process(), wanted.id, wanted.options);
  if (!found && traced) found = nullptr;
  if (!found) return fail(found.error());
  if (*found != nullptr) return done(report(self, **found, wanted, info, usage));
  return (wanted.options & abi::wnohang) != 0 ? done(write_info(self.space(), info, {})) : false;
}

}  // namespace

/// flags: P_ALL, P_PID, P_PGID, P_PIDFD; WEXITED, WSTOPPED, WCONTINUED, WNOHANG, WNOWAIT, __WALL,
///   __WCLONE, __WNOTHREAD; EINVAL for others
/// linux: __WALL, __WCLONE and __WNOTHREAD have no effect. No child is in group 1. Of the resource
///   usage only the user time is not 0. If the kernel cannot write the result, the child remains a
///   zombie; Linux drops it.
async::Task<Result<int>> waitid(Thread& self, int which, int id, std::uintptr_t info, int options,
                                UserPtr<abi::ResourceUsage> usage) {
  const auto wanted = wanted_from(self, which, id, options);
  if (!wanted) co_return fail(wanted.error());
  const auto attempt = [&] { return try_waitid(self, *wanted, info, usage); };
  for (;;) {
    const auto answer = co_await with_page_ins(self, attempt);
    if (!answer) co_return fail(answer.error());
    if (*answer) co_return 0;
    if (wanted->never_waits) co_return fail(Errno::eagain);
    const auto woken = co_await self.process().child_ended().wait("child");
    if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
}

}  // namespace sys

KERNEL_CALL(waitid, sys::waitid);

}  // namespace kernel
