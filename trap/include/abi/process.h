// Structures and constants of calls about processes and threads, with the layout of Linux riscv64.
// Sources: linux/{sched,prctl,membarrier,capability,securebits,ioprio,kcmp,rseq}.h, asm/hwprobe.h,
// asm-generic/siginfo.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

// clone3. Later versions of the structure have more members at the end.
struct CloneArguments {
  std::uint64_t flags;
  std::uintptr_t pidfd;  // CLONE_PIDFD: address of an int
  std::uintptr_t child_tid;
  std::uintptr_t parent_tid;
  std::uint64_t exit_signal;
  std::uintptr_t stack;  // the lowest byte
  std::uint64_t stack_bytes;
  std::uintptr_t thread_pointer;
  std::uintptr_t set_tid;  // address of ints
  std::uint64_t set_tid_count;
  std::uint64_t cgroup;
};
static_assert(sizeof(CloneArguments) == 88);
inline constexpr std::size_t first_clone_arguments_size = 64;  // up to `thread_pointer`

// prctl
inline constexpr int pr_set_pdeathsig = 1;
inline constexpr int pr_get_pdeathsig = 2;
inline constexpr int pr_get_dumpable = 3;
inline constexpr int pr_set_dumpable = 4;
inline constexpr int pr_get_keepcaps = 7;
inline constexpr int pr_set_keepcaps = 8;
inline constexpr int pr_set_name = 15;
inline constexpr int pr_get_name = 16;
inline constexpr int pr_capbset_read = 23;
inline constexpr int pr_capbset_drop = 24;
inline constexpr int pr_get_securebits = 27;
inline constexpr int pr_set_securebits = 28;
inline constexpr int pr_set_child_subreaper = 36;
inline constexpr int pr_get_child_subreaper = 37;
inline constexpr int pr_set_no_new_privs = 38;
inline constexpr int pr_get_no_new_privs = 39;
inline constexpr int pr_get_tid_address = 40;
inline constexpr int pr_cap_ambient = 47;
inline constexpr std::uintptr_t pr_cap_ambient_is_set = 1;
inline constexpr std::uintptr_t pr_cap_ambient_raise = 2;
inline constexpr std::uintptr_t pr_cap_ambient_lower = 3;
inline constexpr std::uintptr_t pr_cap_ambient_clear_all = 4;

// capget, capset
struct CapabilityHeader {
  std::uint32_t version;
  std::int32_t process;
};
struct CapabilityData {  // one for each 32 capabilities
  std::uint32_t effective;
  std::uint32_t permitted;
  std::uint32_t inheritable;
};
inline constexpr std::uint32_t capability_version_1 = 0x19980330;  // 32 capabilities
inline constexpr std::uint32_t capability_version_2 = 0x20071026;
inline constexpr std::uint32_t capability_version_3 = 0x20080522;

// PR_SET_SECUREBITS: each bit has a lock, the next higher bit.
inline constexpr unsigned secbit_noroot = 1;
inline constexpr unsigned secbit_keep_caps = 1 << 4;
inline constexpr unsigned secbit_no_cap_ambient_raise = 1 << 6;
inline constexpr unsigned secbits = 0x55;

// ioprio_set, ioprio_get: the class is in the bits from 13 on.
inline constexpr unsigned ioprio_class_shift = 13;
inline constexpr int ioprio_class_none = 0;
inline constexpr int ioprio_class_rt = 1;
inline constexpr int ioprio_class_be = 2;
inline constexpr int ioprio_class_idle = 3;
inline constexpr int ioprio_who_process = 1;
inline constexpr int ioprio_who_pgrp = 2;
inline constexpr int ioprio_who_user = 3;

// clone, beside the flags in flags.h
inline constexpr unsigned long clone_pidfd = 0x1000;

// membarrier
inline constexpr int membarrier_query = 0;
inline constexpr int membarrier_global = 1 << 0;
inline constexpr int membarrier_global_expedited = 1 << 1;
inline constexpr int membarrier_register_global_expedited = 1 << 2;
inline constexpr int membarrier_private_expedited = 1 << 3;
inline constexpr int membarrier_register_private_expedited = 1 << 4;
inline constexpr int membarrier_private_expedited_sync_core = 1 << 5;
inline constexpr int membarrier_register_private_expedited_sync_core = 1 << 6;
inline constexpr int membarrier_private_expedited_rseq = 1 << 7;
inline constexpr int membarrier_register_private_expedited_rseq = 1 << 8;
inline constexpr int membarrier_get_registrations = 1 << 9;
inline constexpr int membarrier_known = 0x3ff;      // the result of membarrier_query
inline constexpr unsigned membarrier_flag_cpu = 1;  // of membarrier_private_expedited_rseq

// riscv_hwprobe
struct HardwareProbe {
  std::int64_t key;  // the kernel sets -1 for a key that it does not know
  std::uint64_t value;
};
static_assert(sizeof(HardwareProbe) == 16);

// times: in ticks, of which a second has AT_CLKTCK
struct ProcessTimes {
  std::int64_t user;
  std::int64_t system;
  std::int64_t children_user;
  std::int64_t children_system;
};
static_assert(sizeof(ProcessTimes) == 32);
inline constexpr std::int64_t ticks_per_second = 100;

}  // namespace abi
