#include <abi/flags.h>

#include <limits>

#include "process/thread.h"
#include "syscalls/calls.h"

namespace kernel::sys {
namespace {

using Answer = Result<int>;

struct Search {
  bool any = false;           ///< there is a matching child
  Process* zombie = nullptr;  ///< a matching child that has ended
};

/// There is one process group, so `id` 0 means all children, like -1. Other groups have no members.
Search search(Process& parent, int id) {
  if (id == -1 || id == 0) return {.any = parent.has_children(), .zombie = parent.first_zombie()};
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
    const auto time = zombie.cpu_time().count();
    const abi::ResourceUsage answer{.user_time = {.seconds = time / 1'000'000'000,
                                                  .microseconds = time % 1'000'000'000 / 1000}};
    if (auto done = usage.write(self.space(), answer); !done) return fail(done.error());
  }
  const int id = zombie.id();
  self.process().reap(zombie);
  return id;
}

}  // namespace

async::Task<Answer> wait4(Thread& self, int id, UserPtr<int> status, int options,
                          UserPtr<abi::ResourceUsage> usage) {
  // __WALL, __WCLONE and __WNOTHREAD have no effect: there is one kind of children.
  constexpr int thread_options = 0xe000'0000;
  if ((options & ~(abi::wnohang | abi::wuntraced | abi::wcontinued | thread_options)) != 0) {
    co_return fail(Errno::einval);
  }
  if (id == std::numeric_limits<int>::min()) co_return fail(Errno::esrch);
  for (;;) {
    const Search found = search(self.process(), id);
    if (!found.any) co_return fail(Errno::echild);
    if (found.zombie != nullptr) co_return collect(self, *found.zombie, status, usage);
    if ((options & abi::wnohang) != 0) co_return 0;
    if (co_await self.process().child_ended().wait("child") != async::WaitResult::woken) {
      co_return fail(Errno::eintr);
    }
  }
}

}  // namespace kernel::sys
