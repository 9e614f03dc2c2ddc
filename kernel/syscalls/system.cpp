#include <abi/flags.h>
#include <trap/program_machine.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/random.h"
#include "base/system_name.h"
#include "files/io_buffer.h"
#include "memory/frames.h"
#include "memory/heap.h"
#include "process/limit_effects.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/outside.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

template <std::size_t N>
void set(char (&field)[N], std::string_view text) {
  text.copy(field, N - 1);
}

/// Up to 256 bytes. would_block: they do not lie in one page that needs no fault, or only the
/// strand has more random bytes. The caller shares the strand.
Result<std::size_t> put_random_sharing(Thread& self, UserSpan<std::byte> to) {
  constexpr std::size_t longest = 256;
  if (to.empty() || to.size() > longest) return fail(Errno::would_block);
  std::byte* const there = outside::find_bytes(self, to.address(), to.size(), hal::Access::write);
  if (there == nullptr || !fill_random_sharing({there, to.size()})) return fail(Errno::would_block);
  return to.size();
}

Result<std::size_t> put_random(Thread& self, UserSpan<std::byte> to) {
  return memory::each_piece(self.space(), to.address(), to.size(), hal::Access::write,
                            [](std::span<std::byte> piece) -> Result<std::size_t> {
                              fill_random(piece);
                              return piece.size();
                            });
}

async::Task<Result<std::size_t>> put_random_in_steps(Thread& self, UserSpan<std::byte> to) {
  const std::size_t wanted = std::min(to.size(), IoBuffer::longest);
  std::size_t done = 0;
  for (;;) {
    const std::size_t step = std::min(wanted - done, step_bytes);
    const auto moved = put_random(self, to.subspan(done).first(step));
    if (!moved) co_return done > 0 ? Result<std::size_t>{done} : moved;
    done += *moved;
    if (*moved < step || done == wanted || async::is_cancelled()) co_return done;
    co_await cond_resched(self);
  }
}

}  // namespace

Result<> uname(Thread& self, UserPtr<abi::Utsname> name) {
  abi::Utsname answer{};
  set(answer.system, system_name::system);
  set(answer.node, system_name::node.text());
  set(answer.release, system_name::release);
  set(answer.version, system_name::version);
  set(answer.machine, trap::program_machine::name);
  set(answer.domain, system_name::domain.text());
  return name.write(self.space(), answer);
}

Result<> sysinfo(Thread& self, UserPtr<abi::Sysinfo> info) {
  memory::heap::trim();  // cached pages of the heap count as free
  return info.write(
      self.space(),
      {.uptime = async::now().time_since_epoch().count() / ns_per_second,
       .total_ram = memory::frames.total_count() * hal::page_size,
       .free_ram = memory::frames.free_count() * hal::page_size,
       .processes = static_cast<std::uint16_t>(std::min<std::size_t>(threads().size(), 0xffff)),
       .unit = 1});
}

Result<> prlimit64(Thread& self, int id, int resource, UserPtr<const abi::ResourceLimit> limit,
                   UserPtr<abi::ResourceLimit> old) {
  if (limit && async::Strand::is_shared()) return fail(Errno::would_block);
  Result<abi::ResourceLimit> wanted{};
  if (limit) wanted = limit.read(self.space());
  if (!wanted) return fail(wanted.error());
  Process* const process = id == 0 ? &self.process() : process_of(id);
  if (process == nullptr) return fail(Errno::esrch);
  if (!ResourceLimits::is_resource(resource)) return fail(Errno::einval);
  if (limit) {
    const bool may_raise = self.process().has(Capability::sys_resource);
    const ResourceLimits& limits = process->limits();
    if (auto allowed = limits.check(resource, *wanted, may_raise); !allowed) return allowed;
  }
  // First, before anything changes: after a page-in the call is restarted. After another error the
  // limit changes all the same, as on Linux.
  Result<> written{};
  if (old) written = old.write(self.space(), process->limits()[resource]);
  if (blocks(written)) return written;
  if (limit) {
    if (auto done = process->limits().set(resource, *wanted); !done) return done;
    if (!process->is_zombie() && !apply_limit(*process, resource)) return fail(Errno::enomem);
    if (resource == abi::rlimit_nofile && !process->is_zombie()) {
      process->files().set_limit(static_cast<int>(wanted->soft));
    }
  }
  return written;
}

Result<> getrusage(Thread& self, int who, UserPtr<abi::ResourceUsage> usage) {
  // RUSAGE_THREAD, RUSAGE_SELF, RUSAGE_CHILDREN
  constexpr int of_thread = 1, of_self = 0, of_children = -1;
  abi::ResourceUsage answer{};
  switch (who) {
    case of_self: answer.user_time = to_timeval(self.process().cpu_time()); break;
    case of_thread: answer.user_time = to_timeval(self.cpu_time()); break;
    case of_children: answer.user_time = to_timeval(self.process().children_cpu_time()); break;
    default: return fail(Errno::einval);
  }
  return usage.write(self.space(), answer);
}

trap::Answer<Result<std::size_t>> getrandom(Thread& self, UserSpan<std::byte> to, unsigned flags) {
  constexpr unsigned insecure = 4;  // GRND_INSECURE
  constexpr unsigned at_odds = abi::grnd_random | insecure;
  if ((flags & ~(abi::grnd_nonblock | at_odds)) != 0 || (flags & at_odds) == at_odds) {
    return fail(Errno::einval);
  }
  if (!to.first(0).in_range()) return fail(Errno::efault);
  if (async::Strand::is_shared()) return put_random_sharing(self, to);
  if (to.size() <= step_bytes) return put_random(self, to);
  return self.wait([&] { return put_random_in_steps(self, to); });
}

}  // namespace kernel::sys
