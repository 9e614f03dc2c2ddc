// Requests, options and events of ptrace(2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

enum class PtraceRequest : std::int64_t {
  traceme = 0,
  peektext = 1,
  peekdata = 2,
  poketext = 4,
  pokedata = 5,
  cont = 7,
  kill = 8,
  attach = 16,
  detach = 17,
  syscall = 24,
  setoptions = 0x4200,
  geteventmsg = 0x4201,
  getsiginfo = 0x4202,
  setsiginfo = 0x4203,
  getregset = 0x4204,
  setregset = 0x4205,
  seize = 0x4206,
  interrupt = 0x4207,
  listen = 0x4208,
  getsigmask = 0x420a,
  setsigmask = 0x420b,
  get_syscall_info = 0x420e,
};

// PTRACE_O_*; an option whose number is that of an event (below) is the bit of
// this number.
inline constexpr unsigned ptrace_o_tracesysgood = 1;
inline constexpr unsigned ptrace_o_exitkill = 1u << 20;

// PTRACE_EVENT_*.
enum class PtraceEvent : std::uint8_t {
  none = 0,
  fork = 1,
  vfork = 2,
  clone = 3,
  exec = 4,
  vfork_done = 5,
  exit = 6,
  seccomp = 7,
  stop = 128,  // has no option
};
constexpr unsigned option_of(PtraceEvent event) {
  return 1u << static_cast<unsigned>(event);
}
inline constexpr unsigned ptrace_options = 0xff | ptrace_o_exitkill;

inline constexpr int cld_trapped = 4;  // SIGCHLD: si_code of a traced thread that stops

// Register sets: NT_PRSTATUS, NT_PRFPREG.
inline constexpr int general_registers = 1;
inline constexpr int floating_registers = 2;

// PTRACE_GET_SYSCALL_INFO.
struct PtraceSyscallInfo {
  std::uint8_t operation;  // 0: none, 1: entry, 2: exit
  std::uint8_t padding[3];
  std::uint32_t architecture;  // AUDIT_ARCH_*
  std::uint64_t program_counter;
  std::uint64_t stack_pointer;
  union {
    struct {
      std::uint64_t number;
      std::uint64_t arguments[6];
    } entry;
    struct {
      std::int64_t result;
      std::uint8_t is_error;
    } exit;
  };
};
static_assert(sizeof(PtraceSyscallInfo) == 80 && offsetof(PtraceSyscallInfo, entry) == 24);

}  // namespace abi
