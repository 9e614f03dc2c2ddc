// Capabilities (capabilities(7)): the rights of a process. Every program is the superuser's, so it
// begins with all of them, and only loses those that it gives up itself.
//
// A process has one set of each kind for all of its threads.
#pragma once

#include <abi/process.h>

#include <cstdint>

namespace kernel {

/// Those that calls check. The numbers are Linux's.
enum class Capability : unsigned {
  dac_read_search = 2,
  setgid = 6,
  setuid = 7,
  setpcap = 8,
  ipc_lock = 14,
  ipc_owner = 15,
  sys_chroot = 18,
  sys_ptrace = 19,
  sys_admin = 21,
  sys_boot = 22,
  sys_nice = 23,
  sys_resource = 24,
  sys_time = 25,
  mknod = 27,
  setfcap = 31,
};

/// The highest number of Linux 6.12, CAP_CHECKPOINT_RESTORE.
inline constexpr unsigned last_capability = 40;

using CapabilitySet = std::uint64_t;
inline constexpr CapabilitySet all_capabilities = (CapabilitySet{2} << last_capability) - 1;

struct Capabilities {
  CapabilitySet effective = all_capabilities, permitted = all_capabilities;
  CapabilitySet inheritable = 0, bounding = all_capabilities, ambient = 0;
  unsigned secure_bits = 0;

  bool has(Capability capability) const {
    return (effective >> static_cast<unsigned>(capability) & 1) != 0;
  }
  /// No capability is ambient that is not permitted and inheritable, too.
  void limit_ambient() { ambient &= permitted & inheritable; }
  /// The sets after execve of a file of the superuser, which the superuser executes.
  void execute(bool has_no_new_privileges) {
    const bool is_root = (secure_bits & abi::secbit_noroot) == 0;
    const CapabilitySet before = permitted;
    permitted = (is_root ? bounding | inheritable : 0) | ambient;
    if (has_no_new_privileges) permitted &= before;
    effective = permitted;
    limit_ambient();
    secure_bits &= ~abi::secbit_keep_caps;
  }
};

}  // namespace kernel
