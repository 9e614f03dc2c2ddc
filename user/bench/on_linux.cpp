// bench as process 1 of a Linux machine: set-up before the benchmarks, power-off after.
#include <user/calls.h>
#include <user/print.h>

#include <array>
#include <cstring>

#include "benchmark.h"

namespace bench {
namespace {

using user::syscall;

// Calls that Cotrap does not have (asm-generic/unistd.h).
constexpr user::Call mount{40}, reboot{142}, perf_event_open{241}, finit_module{273};
constexpr int here = -100;  // AT_FDCWD

bool is_linux() {
  std::array<char, 6 * 65> name{};  // struct utsname: the system's own name is first
  return syscall(user::Call::uname, name.data()) == 0 && std::strcmp(name.data(), "Linux") == 0;
}

// Lets programs read `instret`. The riscv PMU driver allows it if kernel.perf_user_access is 2, and
// the counter runs while a perf event for the whole hart is open.
void let_programs_count() {
  syscall(mount, "none", "/proc", "proc", 0, nullptr);
  const long setting = syscall(user::Call::openat, 0, "/proc/sys/kernel/perf_user_access", 1, 0);
  if (setting >= 0) {
    syscall(user::Call::write, setting, "2", 1);
    syscall(user::Call::close, setting);
  }
  struct Attributes {        // struct perf_event_attr, version 0
    std::uint32_t type = 0;  // PERF_TYPE_HARDWARE
    std::uint32_t size = 64;
    std::uint64_t config = 1;  // PERF_COUNT_HW_INSTRUCTIONS
    std::uint64_t rest[6]{};
  } const attributes;
  constexpr int every_process = -1, hart = 0, no_group = -1;
  syscall(perf_event_open, &attributes, every_process, hart, no_group, 0);  // never closed
}

// Loads the kernel modules /modules/0, /modules/1 …, if there are any, and mounts the folder of the
// host.
void mount_share() {
  bool has_modules = false;
  for (char path[] = "/modules/0"; path[sizeof path - 2] <= '9'; ++path[sizeof path - 2]) {
    const long file = syscall(user::Call::openat, here, path, 0, 0);
    if (file < 0) break;
    has_modules = true;
    syscall(finit_module, file, "", 0);
    syscall(user::Call::close, file);
  }
  if (has_modules)
    syscall(mount, "share", "/mnt/share", "9p", 0, "trans=virtio,version=9p2000.L,msize=131072");
}

}  // namespace

bool is_first_on_linux() {
  return user::process_id() == 1 && is_linux();
}

void begin_on_linux() {
  for (const char* folder : {"/proc", "/tmp", "/mnt", "/mnt/share"})
    syscall(user::Call::mkdirat, here, folder, 0755);
  let_programs_count();
  mount_share();
}

void end_on_linux() {
  constexpr unsigned magic = 0xfee1dead, second_magic = 672274793, power_off = 0x4321fedc;
  syscall(reboot, magic, second_magic, power_off, nullptr);
}

}  // namespace bench
