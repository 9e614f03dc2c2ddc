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

/// PR_CAPBSET_DROP.
Result<int> drop_bounding(Process& process, std::uintptr_t capability) {
  if (!process.has(Capability::setpcap)) return fail(Errno::eperm);
  if (capability > last_capability) return fail(Errno::einval);
  const auto sets = process.change_capabilities();
  if (!sets) return fail(sets.error());
  (*sets)->bounding &= ~(CapabilitySet{1} << capability);
  return 0;
}

Result<int> set_secure_bits(Process& process, std::uintptr_t wanted) {
  constexpr unsigned locks = abi::secbits << 1;
  const unsigned bits = process.capabilities().secure_bits;
  const bool changes_locked = ((bits & locks) >> 1 & (bits ^ wanted)) != 0;
  const bool unlocks = (bits & locks & ~wanted) != 0;
  if (changes_locked || unlocks || (wanted & ~std::uintptr_t{locks | abi::secbits}) != 0 ||
      !process.has(Capability::setpcap)) {
    return fail(Errno::eperm);
  }
  const auto sets = process.change_capabilities();
  if (!sets) return fail(sets.error());
  (*sets)->secure_bits = static_cast<unsigned>(wanted);
  return 0;
}

Result<int> set_keep_capabilities(Process& process, std::uintptr_t keeps) {
  const unsigned bits = process.capabilities().secure_bits;
  if (keeps > 1) return fail(Errno::einval);
  if ((bits & abi::secbit_keep_caps << 1) != 0) return fail(Errno::eperm);
  const auto sets = process.change_capabilities();
  if (!sets) return fail(sets.error());
  (*sets)->secure_bits = keeps != 0 ? bits | abi::secbit_keep_caps : bits & ~abi::secbit_keep_caps;
  return 0;
}

/// PR_CAP_AMBIENT.
Result<int> change_ambient(Process& process, std::uintptr_t operation, std::uintptr_t number,
                           std::uintptr_t rest) {
  const auto changed = process.change_capabilities();
  if (!changed) return fail(changed.error());
  Capabilities& sets = **changed;
  if (operation == abi::pr_cap_ambient_clear_all) {
    if ((number | rest) != 0) return fail(Errno::einval);
    sets.ambient = 0;
    return 0;
  }
  if (number > last_capability || rest != 0) return fail(Errno::einval);
  const CapabilitySet bit = CapabilitySet{1} << number;
  switch (operation) {
    case abi::pr_cap_ambient_is_set: return (sets.ambient & bit) != 0;
    case abi::pr_cap_ambient_raise:
      if ((sets.permitted & sets.inheritable & bit) == 0 ||
          (sets.secure_bits & abi::secbit_no_cap_ambient_raise) != 0) {
        return fail(Errno::eperm);
      }
      sets.ambient |= bit;
      return 0;
    case abi::pr_cap_ambient_lower: sets.ambient &= ~bit; return 0;
    default: return fail(Errno::einval);
  }
}

}  // namespace

/// flags: PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_DUMPABLE,
///   PR_GET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER,
///   PR_GET_CHILD_SUBREAPER, PR_GET_TID_ADDRESS, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT,
///   PR_GET_SECUREBITS, PR_SET_SECUREBITS, PR_GET_KEEPCAPS, PR_SET_KEEPCAPS; EINVAL for others
/// linux: PR_SET_PDEATHSIG and PR_SET_NO_NEW_PRIVS are settings of the process, and the signal is
///   sent when the parent process ends; Linux keeps them and the capabilities for each thread.
///   PR_SET_DUMPABLE and PR_SET_NO_NEW_PRIVS have no effect on other calls: there are no core
///   files, and set-user-ID bits have no effect.
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
    case abi::pr_capbset_read:
      if (a > last_capability) return fail(Errno::einval);
      return (self.process().capabilities().bounding >> a & 1) != 0;
    case abi::pr_capbset_drop: return drop_bounding(self.process(), a);
    case abi::pr_get_securebits: return static_cast<int>(self.process().capabilities().secure_bits);
    case abi::pr_set_securebits: return set_secure_bits(self.process(), a);
    case abi::pr_get_keepcaps:
      return (self.process().capabilities().secure_bits & abi::secbit_keep_caps) != 0;
    case abi::pr_set_keepcaps: return set_keep_capabilities(self.process(), a);
    case abi::pr_cap_ambient: return change_ambient(self.process(), a, b, c | d);
    default: return fail(Errno::einval);
  }
}

}  // namespace sys

KERNEL_CALL(prctl, sys::prctl);

}  // namespace kernel
