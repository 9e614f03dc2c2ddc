// sethostname, setdomainname and reboot: what changes the machine as a whole.
#include <array>

#include "base/system_name.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

/// EPERM, EINVAL, EFAULT.
Result<> set_system_name(Thread& self, system_name::Name& name, UserSpan<const char> given) {
  if (!self.process().has(Capability::sys_admin)) return fail(Errno::eperm);
  if (given.size() > system_name::Name::longest) return fail(Errno::einval);
  std::array<char, system_name::Name::longest> text;
  const std::span part{text.data(), given.size()};
  if (auto read = given.read(self.space(), part); !read) return read;
  const std::string_view all{part.data(), part.size()};
  name.set(all.substr(0, all.find('\0')));
  return {};
}

constexpr std::uint32_t reboot_magic = 0xfee1'dead;
constexpr bool is_second_magic(std::uint32_t number) {
  return number == 672'274'793 || number == 85'072'278 || number == 369'367'448 ||
         number == 537'993'216;
}
enum RebootCommand : std::uint32_t {
  restart = 0x0123'4567,
  halt = 0xcdef'0123,
  keys_on = 0x89ab'cdef,
  keys_off = 0,
  power_off = 0x4321'fedc,
  restart_with_text = 0xa1b2'c3d4,
};

/// Ends the first process, and with it the machine. The caller runs no more.
async::Task<Result<int>> end_machine() {
  if (!first_process().is_ending()) first_process().terminate(abi::WaitStatus::exited(0));
  while (!async::is_cancelled()) (void)co_await async::park("reboot");
  co_return 0;
}

}  // namespace

/// linux: none known
Result<> sethostname(Thread& self, UserSpan<const char> name) {
  return set_system_name(self, system_name::node, name);
}

/// linux: none known
Result<> setdomainname(Thread& self, UserSpan<const char> name) {
  return set_system_name(self, system_name::domain, name);
}

/// flags: LINUX_REBOOT_CMD_RESTART, _RESTART2, _HALT, _POWER_OFF, _CAD_ON, _CAD_OFF; EINVAL for
///   others
/// linux: The machine ends in each case, with the exit status 0, as when its first process exits.
///   No key restarts it, so the commands about keys have no effect.
trap::Answer<Result<int>> reboot(Thread& self, std::uint32_t magic, std::uint32_t magic2,
                                 std::uint32_t command, UserPtr<const char> text) {
  if (!self.process().has(Capability::sys_boot)) return fail(Errno::eperm);
  if (magic != reboot_magic || !is_second_magic(magic2)) return fail(Errno::einval);
  switch (command) {
    case keys_on:
    case keys_off: return 0;
    case restart_with_text:
      if (auto read = text.read(self.space()); !read) return fail(read.error());
      [[fallthrough]];
    case restart:
    case halt:
    case power_off: return self.wait([] { return end_machine(); });
    default: return fail(Errno::einval);
  }
}

}  // namespace sys

KERNEL_CALL(sethostname, sys::sethostname);
KERNEL_CALL(setdomainname, sys::setdomainname);
KERNEL_CALL(reboot, sys::reboot);

}  // namespace kernel
