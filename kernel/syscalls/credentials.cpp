// The IDs of users and groups. There is one user, the superuser with ID 0. So the calls answer as
// on Linux in a user namespace to which only the ID 0 is mapped: no other ID exists.
#include <cstdint>

#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;
using Id = std::uint32_t;

constexpr Id unchanged = ~Id{0};

constexpr bool exists(Id id) {
  return id == 0;
}
constexpr bool exists_or_unchanged(Id id) {
  return id == 0 || id == unchanged;
}

}  // namespace

/// Also setgid.
/// linux: There is one user, the superuser: every other ID fails with EINVAL.
Result<> setuid(Thread&, std::uint32_t id) {
  if (!exists(id)) return fail(Errno::einval);
  return {};
}

/// Also setregid.
/// linux: As `setuid`.
Result<> setreuid(Thread&, std::uint32_t real, std::uint32_t effective) {
  if (!exists_or_unchanged(real) || !exists_or_unchanged(effective)) return fail(Errno::einval);
  return {};
}

/// Also setresgid.
/// linux: As `setuid`.
Result<> setresuid(Thread&, std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
  for (const Id id : {real, effective, saved})
    if (!exists_or_unchanged(id)) return fail(Errno::einval);
  return {};
}

/// Also getresgid.
/// linux: There is one user, the superuser: the IDs are 0.
Result<> getresuid(Thread& self, UserPtr<std::uint32_t> real, UserPtr<std::uint32_t> effective,
                   UserPtr<std::uint32_t> saved) {
  for (const auto& to : {real, effective, saved})
    if (auto written = to.write(self.space(), 0); !written) return written;
  return {};
}

/// linux: There are no supplementary groups: the answer is 0.
Result<int> getgroups(Thread&, int size, UserPtr<std::uint32_t>) {
  if (size < 0) return fail(Errno::einval);
  return 0;
}

/// linux: There are no supplementary groups but the superuser's own: a list with another one fails
///   with EINVAL, and no list changes anything.
Result<> setgroups(Thread& self, std::size_t count, UserPtr<const std::uint32_t> groups) {
  constexpr std::size_t most = 65'536;
  if (!self.process().has(Capability::setgid)) return fail(Errno::eperm);
  if (count > most) return fail(Errno::einval);
  for (std::size_t i = 0; i < count; ++i) {
    const UserSpan<const std::uint32_t> all{groups.address(), count};
    const auto group = all[i].read(self.space());
    if (!group) return fail(group.error());
    if (!exists(*group)) return fail(Errno::einval);
  }
  return {};
}

/// Also setfsgid.
/// linux: As `setuid`; the answer is 0, the ID before.
Result<int> setfsuid(Thread&, std::uint32_t) {
  return 0;
}

}  // namespace sys

KERNEL_CALL(setgroups, sys::setgroups);
KERNEL_CALL(setfsuid, sys::setfsuid);
KERNEL_CALL(setfsgid, sys::setfsuid);
KERNEL_CALL(setuid, sys::setuid);
KERNEL_CALL(setgid, sys::setuid);
KERNEL_CALL(setreuid, sys::setreuid);
KERNEL_CALL(setregid, sys::setreuid);
KERNEL_CALL(setresuid, sys::setresuid);
KERNEL_CALL(setresgid, sys::setresuid);
KERNEL_CALL(getresuid, sys::getresuid);
KERNEL_CALL(getresgid, sys::getresuid);
KERNEL_CALL(getgroups, sys::getgroups);

}  // namespace kernel
