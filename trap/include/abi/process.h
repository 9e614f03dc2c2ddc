// Structures and constants of calls about processes and threads, with the layout of Linux riscv64.
// Sources: linux/{sched,prctl,membarrier,rseq}.h, asm/hwprobe.h, asm-generic/siginfo.h.
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
inline constexpr int pr_set_name = 15;
inline constexpr int pr_get_name = 16;
inline constexpr int pr_set_timerslack = 29;
inline constexpr int pr_get_timerslack = 30;
inline constexpr int pr_set_child_subreaper = 36;
inline constexpr int pr_get_child_subreaper = 37;
inline constexpr int pr_set_no_new_privs = 38;
inline constexpr int pr_get_no_new_privs = 39;
inline constexpr int pr_get_tid_address = 40;
inline constexpr std::size_t thread_name_bytes = 16;  // with the zero

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

// rseq
struct RestartableSequence {
  std::uint32_t cpu_id_start;
  std::uint32_t cpu_id;
  std::uint64_t section;  // address of a CriticalSection; 0: the thread is in none
  std::uint32_t flags;
  std::uint32_t node_id;
  std::uint32_t memory_map_cpu_id;
  std::uint32_t padding;
};
static_assert(sizeof(RestartableSequence) == 32);
inline constexpr std::size_t rseq_align = 32;
inline constexpr std::size_t rseq_feature_size = 28;  // the bytes that the kernel writes
inline constexpr int rseq_flag_unregister = 1;
inline constexpr std::uint32_t rseq_cpu_id_uninitialized = ~std::uint32_t{0};

struct CriticalSection {
  std::uint32_t version;  // 0
  std::uint32_t flags;
  std::uint64_t start;
  std::uint64_t bytes;  // to the instruction behind the one that commits
  std::uint64_t abort;  // behind the signature of rseq()
};
static_assert(sizeof(CriticalSection) == 32);

}  // namespace abi
