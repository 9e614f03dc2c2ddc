// prctl: settings of a thread or a process that few programs use.
#include <abi/process.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;

Result<int> set_name(Thread& self, std::uintptr_t from) {
  std::array<char, Thread::name_bytes> name{};
  const auto text = memory::string_from_user(self.space(), from, name);
  if (!text && text.error() != Errno::enametoolong) return fail(text.error());
  name.back() = '\0';  // a longer name is cut off
  if (auto set = self.set_name(name.data()); !set) return fail(set.error());
  return 0;
}

Result<int> write_name(Thread& self, std::uintptr_t to) {
  std::array<char, Thread::name_bytes> name{};
  std::ranges::copy(self.name(), name.begin());
  if (auto written = UserPtr<decltype(name)>{to}.write(self.space(), name); !written)
    return fail(written.error());
  return 0;
}

Result<int> write_number(Thread& self, std::uintptr_t to, int number) {
  if (auto written = UserPtr<int>{to}.write(self.space(), number); !written)
    return fail(written.error());
  return 0;
}

}  // namespace

/// flags: PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_DUMPABLE,
///   PR_GET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER,
///   PR_GET_CHILD_SUBREAPER, PR_GET_TID_ADDRESS; EINVAL for others
/// linux: PR_SET_PDEATHSIG and PR_SET_NO_NEW_PRIVS are settings of the process, and the signal is
///   sent when the parent process ends; Linux keeps them for each thread. PR_SET_DUMPABLE and
///   PR_SET_NO_NEW_PRIVS have no effect on other calls: there are no core files, and set-user-ID
///   bits have no effect.
Result<int> prctl(Thread& self, int operation, std::uintptr_t a, std::uintptr_t b, std::uintptr_t c,
                  std::uintptr_t d) {
  Process::Settings& settings = self.process().settings();
  switch (operation) {
    case abi::pr_set_name: return set_name(self, a);
    case abi::pr_get_name: return write_name(self, a);
    case abi::pr_set_pdeathsig:
      if (a > static_cast<unsigned>(abi::signal_limit)) return fail(Errno::einval);
      settings.death_signal = static_cast<std::uint8_t>(a);
      return 0;
    case abi::pr_get_pdeathsig: return write_number(self, a, settings.death_signal);
    case abi::pr_set_dumpable:
      if (a > 1) return fail(Errno::einval);
      settings.is_dumpable = a == 1;
      return 0;
    case abi::pr_get_dumpable: return settings.is_dumpable;
    case abi::pr_set_no_new_privs:
      if (a != 1 || b != 0 || c != 0 || d != 0) return fail(Errno::einval);
      settings.has_no_new_privileges = true;
      return 0;
    case abi::pr_get_no_new_privs:
      if (a != 0 || b != 0 || c != 0 || d != 0) return fail(Errno::einval);
      return settings.has_no_new_privileges;
    case abi::pr_set_child_subreaper: settings.is_subreaper = a != 0; return 0;
    case abi::pr_get_child_subreaper: return write_number(self, a, settings.is_subreaper);
    case abi::pr_get_tid_address: {
      const auto written = UserPtr<std::uintptr_t>{a}.write(self.space(), self.clear_child_tid);
      if (!written) return fail(written.error());
      return 0;
    }
    default: return fail(Errno::einval);
  }
}

}  // namespace sys

KERNEL_CALL(prctl, sys::prctl);

}  // namespace kernel
