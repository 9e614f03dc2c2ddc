// The table of compat calls for x86_64: the generic call, or an adapter.
#include "dispatch/dispatch.h"

#include <abi/x86_64.h>

#include "dispatch/all_calls.h"
#include "dispatch/x86_64/adapters.h"
#include "process/code_rewriting.h"
#include "process/page_in.h"
#include "process/syscall_table.h"
#include "process/thread.h"

namespace kernel {
namespace {

using namespace abi::x86_64;
using Table = trap::SyscallTable<Thread, call_limit>;

constexpr Table adapters = Table{unknown_call}
                               .with<sys::x86_64::open>(call_open)
                               .with<sys::x86_64::creat>(call_creat)
                               .with<sys::x86_64::stat>(call_stat)
                               .with<sys::x86_64::fstat>(call_fstat)
                               .with<sys::x86_64::lstat>(call_lstat)
                               .with<sys::x86_64::newfstatat>(call_newfstatat)
                               .with<sys::x86_64::access>(call_access)
                               .with<sys::x86_64::readlink>(call_readlink)
                               .with<sys::x86_64::mkdir>(call_mkdir)
                               .with<sys::x86_64::rmdir>(call_rmdir)
                               .with<sys::x86_64::unlink>(call_unlink)
                               .with<sys::x86_64::rename>(call_rename)
                               .with<sys::x86_64::renameat>(call_renameat)
                               .with<sys::x86_64::symlink>(call_symlink)
                               .with<sys::x86_64::link>(call_link)
                               .with<sys::x86_64::mknod>(call_mknod)
                               .with<sys::x86_64::chmod>(call_chmod)
                               .with<sys::x86_64::chown>(call_chown)
                               .with<sys::x86_64::lchown>(call_lchown)
                               .with<sys::x86_64::utime>(call_utime)
                               .with<sys::x86_64::utimes>(call_utimes)
                               .with<sys::x86_64::futimesat>(call_futimesat)
                               .with<sys::x86_64::pipe>(call_pipe)
                               .with<sys::x86_64::dup2>(call_dup2)
                               .with<sys::x86_64::poll>(call_poll)
                               .with<sys::x86_64::select>(call_select)
                               .with<sys::x86_64::eventfd>(call_eventfd)
                               .with<sys::x86_64::signalfd>(call_signalfd)
                               .with<sys::x86_64::inotify_init>(call_inotify_init)
                               .with<sys::x86_64::epoll_create>(call_epoll_create)
                               .with<sys::x86_64::epoll_wait>(call_epoll_wait)
                               .with<sys::x86_64::epoll_ctl>(call_epoll_ctl)
                               .with<sys::x86_64::epoll_pwait>(call_epoll_pwait)
                               .with<sys::x86_64::epoll_pwait2>(call_epoll_pwait2)
                               .with<sys::x86_64::rt_sigaction>(call_rt_sigaction)
                               .with<sys::x86_64::semctl>(call_semctl)
                               .with<sys::x86_64::pause>(call_pause)
                               .with<sys::x86_64::alarm>(call_alarm)
                               .with<sys::x86_64::clone>(call_clone)
                               .with<sys::x86_64::fork>(call_fork)
                               .with<sys::x86_64::vfork>(call_vfork)
                               .with<sys::x86_64::getpgrp>(call_getpgrp)
                               .with<sys::x86_64::time>(call_time)
                               .with<sys::x86_64::arch_prctl>(call_arch_prctl);

constexpr std::uint64_t first = abi::first_compat_call;

/// Calls the handler of the generic call, or the adapter. Not an entry of the table in use: entries
/// that record or count have already seen this call, and would call this function again.
trap::Register answer(Thread& self, const trap::UserContext& context) {
  const std::uint64_t number = context.syscall_number() - first;
  const auto same = generic(number);
  const auto& entry = same ? syscall_table[static_cast<unsigned>(*same)] : adapters[number];
  if (same && entry.answer == unknown_call) {
    if (const auto handler = registered_handler(static_cast<std::uint64_t>(*same)))
      return handler(self, context);
  }
  return entry.answer(self, context);
}

async::Task<trap::Register> see_and_call(Thread& self, const trap::UserContext& context) {
  // Errors do not matter: the call is made in any case.
  if (is_call_to_rewrite(self)) (void)co_await see_code(self, context.program_counter() - 1);
  if (async::is_cancelled()) co_return 0;
  co_return co_await make_call(self, [&] { return answer(self, context); });
}

}  // namespace

bool is_compat_call(std::uint64_t number) {
  return number >= first && number - first < first;
}

trap::Register compat_call(Thread& self, const trap::UserContext& context) {
  if (!is_call_to_rewrite(self)) return answer(self, context);
  static_cast<void>(self.wait([&] { return see_and_call(self, context); }));
  return trap::would_block;
}

std::uint64_t counted_number_of_compat_call(std::uint64_t number) {
  const auto same = generic(number - first);
  return same ? static_cast<std::uint64_t>(*same) : number;
}

std::string_view name_of_compat_call(std::uint64_t number) {
  const auto same = generic(number - first);
  return same ? abi::name(*same) : "";
}

}  // namespace kernel
