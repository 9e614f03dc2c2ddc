#include <abi/flags.h>
#include <async/wait_loop.h>

#include <coroutine>
#include <cstring>
#include <limits>
#include <optional>

#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/outside.h"
#include "syscalls/timespec.h"
#include "syscalls/wait.h"

namespace kernel::sys {
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

/// Reports a zombie and reaps it. If the report cannot be written, it remains a zombie.
Answer collect(Thread& self, Process& zombie, UserPtr<int> status,
               UserPtr<abi::ResourceUsage> usage) {
  if (status) {
    if (auto done = status.write(self.space(), zombie.status().word()); !done) {
      return fail(done.error());
    }
  }
  if (usage) {
    const abi::ResourceUsage answer{.user_time = to_timeval(zombie.cpu_time())};
    if (auto done = usage.write(self.space(), answer); !done) return fail(done.error());
  }
  const int id = zombie.id();
  self.process().reap(zombie);
  return id;
}

/// Tells of a child that has stopped or continued. If the report cannot be written, it remains.
Answer tell(Thread& self, Process& child, UserPtr<int> status, UserPtr<abi::ResourceUsage> usage) {
  if (status) {
    if (auto done = status.write(self.space(), child.report().word()); !done) {
      return fail(done.error());
    }
  }
  if (usage) {
    const abi::ResourceUsage answer{.user_time = to_timeval(child.cpu_time())};
    if (auto done = usage.write(self.space(), answer); !done) return fail(done.error());
  }
  child.drop_report();
  return child.id();
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

/// Tells of a thread that the caller traces.
Answer tell(Thread& self, Tracee& tracee, UserPtr<int> status, UserPtr<abi::ResourceUsage> usage) {
  if (status) {
    if (auto done = status.write(self.space(), tracee.status().word()); !done)
      return fail(done.error());
  }
  if (usage) {
    if (auto done = usage.write(self.space(), {}); !done) return fail(done.error());
  }
  const int id = tracee.id();
  tracee.drop_report();
  return id;
}

/// try_to_reap() for groups, and for children that have stopped or continued.
[[gnu::cold, gnu::noinline]] std::optional<Answer> try_all(Thread& self, int id,
                                                           UserPtr<int> status, int options,
                                                           UserPtr<abi::ResourceUsage> usage) {
  const auto traced = find_changed_tracee(self.process(), id);
  if (traced && *traced != nullptr) return tell(self, **traced, status, usage);
  const auto found = find_changed_child(self.process(), id, options | abi::wexited);
  if (!found && traced) return {};
  if (!found) return fail(found.error());
  if (*found == nullptr) return {};
  if ((*found)->is_zombie()) return try_to_reap(self, (*found)->id(), status, usage);
  return tell(self, **found, status, usage);
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

trap::Answer<Answer> wait4(Thread& self, int id, UserPtr<int> status, int options,
                           UserPtr<abi::ResourceUsage> usage) {
  // __WALL, __WCLONE and __WNOTHREAD have no effect: there is one kind of children.
  constexpr int thread_options = 0xe000'0000;
  if ((options & ~(abi::wnohang | abi::wuntraced | abi::wcontinued | thread_options)) != 0) {
    return fail(Errno::einval);
  }
  if (id == std::numeric_limits<int>::min()) return fail(Errno::esrch);
  if (Strand::is_shared()) {
    if (id < -1 || id == 0 || usage || (options & ~abi::wnohang) != 0) return trap::would_block;
    const Answer answer = collect_sharing(self, id, status);
    if (answer || options != 0 || !outside::may_wait_sharing(self)) return answer;
  } else if (const auto answer = try_to_report(self, id, status, options, usage)) {
    return *answer;
  }
  if ((options & abi::wnohang) != 0) return 0;
  return self.wait([&] { return ChildWait{self, id, status, options, usage}; });
}

}  // namespace kernel::sys
