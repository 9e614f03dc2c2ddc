// Signals: numbers, default actions, sets, what a handler learns, and the status word of wait4.
// Sources: asm-generic/signal.h, asm-generic/siginfo.h, signal(7), sigaction(2), sigaltstack(2),
// wait(2).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace abi {

enum class Signal : int {
  sighup = 1,
  sigint = 2,
  sigquit = 3,
  sigill = 4,
  sigtrap = 5,
  sigabrt = 6,
  sigbus = 7,
  sigfpe = 8,
  sigkill = 9,
  sigusr1 = 10,
  sigsegv = 11,
  sigusr2 = 12,
  sigpipe = 13,
  sigalrm = 14,
  sigterm = 15,
  sigstkflt = 16,
  sigchld = 17,
  sigcont = 18,
  sigstop = 19,
  sigtstp = 20,
  sigttin = 21,
  sigttou = 22,
  sigurg = 23,
  sigxcpu = 24,
  sigxfsz = 25,
  sigvtalrm = 26,
  sigprof = 27,
  sigwinch = 28,
  sigio = 29,
  sigpwr = 30,
  sigsys = 31,
};

inline constexpr int signal_limit = 64;  // numbers are 1..64

// A set has bit (number - 1) for each member; the kernel's set is 8 bytes (`sigsetsize`).
using SignalSet = std::uint64_t;
constexpr SignalSet set_of(Signal signal) {
  return SignalSet{1} << (static_cast<int>(signal) - 1);
}

enum class DefaultAction { terminate, ignore, stop, resume };

constexpr DefaultAction default_action(Signal signal) {
  switch (signal) {
    case Signal::sigchld:
    case Signal::sigurg:
    case Signal::sigwinch: return DefaultAction::ignore;
    case Signal::sigstop:
    case Signal::sigtstp:
    case Signal::sigttin:
    case Signal::sigttou: return DefaultAction::stop;
    case Signal::sigcont: return DefaultAction::resume;
    default: return DefaultAction::terminate;
  }
}

// Values of rt_sigaction's `handler` that are no addresses, and rt_sigprocmask's `how`.
inline constexpr std::uintptr_t sig_dfl = 0;
inline constexpr std::uintptr_t sig_ign = 1;
inline constexpr int sig_block = 0;
inline constexpr int sig_unblock = 1;
inline constexpr int sig_setmask = 2;

struct SignalAction {
  std::uintptr_t handler;
  std::uint64_t flags;
  SignalSet mask;

  bool operator==(const SignalAction&) const = default;
};
static_assert(sizeof(SignalAction) == 24);

// Bits of SignalAction::flags.
inline constexpr std::uint64_t sa_nocldstop = 1;
inline constexpr std::uint64_t sa_nocldwait = 2;
inline constexpr std::uint64_t sa_siginfo = 4;
inline constexpr std::uint64_t sa_onstack = 0x0800'0000;
inline constexpr std::uint64_t sa_restart = 0x1000'0000;
inline constexpr std::uint64_t sa_nodefer = 0x4000'0000;
inline constexpr std::uint64_t sa_resethand = 0x8000'0000;

// The members of siginfo_t that the kernel sets for a handler. The members after `code` depend on
// the code.
struct SignalInfo {
  int signal;
  int error;
  int code;  // si_…
  int padding;
  union {
    std::uint64_t address;  // of a fault
    struct {
      int process;
      std::uint32_t user;
      union {
        std::uint64_t value;  // si_queue
        int status;           // of a child: exit code or signal
      };
    } sender;
    struct {
      int id;
      int overrun;
      std::uint64_t value;
    } timer;  // si_timer
    struct {
      std::int64_t band;  // abi::poll…
      int fd;
    } ready;  // poll_in, poll_out, poll_hup
    std::uint64_t words[4];
  };
};
static_assert(sizeof(SignalInfo) == 48);

// siginfo_t as the kernel writes it.
struct PaddedSignalInfo {
  SignalInfo info;
  std::array<std::uint64_t, 10> zeros;
};
static_assert(sizeof(PaddedSignalInfo) == 128);
inline constexpr int si_user = 0;  // kill
inline constexpr int si_kernel = 0x80;
inline constexpr int si_queue = -1;  // rt_sigqueueinfo
inline constexpr int si_timer = -2;  // timer_create
inline constexpr int si_mesgq = -3;  // mq_notify
inline constexpr int si_tkill = -6;  // tkill, tgkill
inline constexpr int poll_in = 1;    // SIGIO
inline constexpr int poll_out = 2;
inline constexpr int poll_msg = 3;
inline constexpr int poll_hup = 6;
inline constexpr int cld_exited = 1;  // SIGCHLD
inline constexpr int cld_killed = 2;
inline constexpr int cld_stopped = 5;
inline constexpr int cld_continued = 6;
inline constexpr int segv_maperr = 1;  // SIGSEGV: nothing is mapped at the address
inline constexpr int segv_accerr = 2;  // SIGSEGV: the mapping forbids the access
inline constexpr int bus_adraln = 1;
inline constexpr int bus_adrerr = 2;
inline constexpr int ill_illopc = 1;
inline constexpr int ill_illopn = 2;
inline constexpr int fpe_intdiv = 1;
inline constexpr int fpe_fltdiv = 3;
inline constexpr int fpe_fltovf = 4;
inline constexpr int fpe_fltund = 5;
inline constexpr int fpe_fltres = 6;
inline constexpr int fpe_fltinv = 7;
inline constexpr int trap_brkpt = 1;
inline constexpr int trap_trace = 2;

// The sixth argument of pselect6 points to this.
struct SignalSetArgument {
  std::uintptr_t address;  // of a SignalSet; 0: there is none
  std::size_t bytes;
};
static_assert(sizeof(SignalSetArgument) == 16);

// timer_create: how the program learns that the timer has expired (struct sigevent).
struct SignalEvent {
  std::uint64_t value;
  int signal;
  int notify;
  int thread;  // sigev_thread_id
  int padding[11];
};
static_assert(sizeof(SignalEvent) == 64);
inline constexpr int sigev_signal = 0;
inline constexpr int sigev_none = 1;
inline constexpr int sigev_thread = 2;
inline constexpr int sigev_thread_id = 4;

// sigaltstack, and a handler's context.
struct SignalStack {
  std::uintptr_t base;
  int flags;
  int padding;
  std::size_t bytes;
};
static_assert(sizeof(SignalStack) == 24);
inline constexpr int ss_onstack = 1;
inline constexpr int ss_disable = 2;
inline constexpr unsigned ss_autodisarm = 1U << 31;
inline constexpr std::size_t least_signal_stack = 2048;  // MINSIGSTKSZ

struct SignalText {
  Signal number;
  std::string_view name;
  std::string_view description;
};

inline constexpr auto signal_texts = std::to_array<SignalText>({
    {Signal::sighup, "HUP", "hung up"},
    {Signal::sigint, "INT", "interrupted"},
    {Signal::sigquit, "QUIT", "quit"},
    {Signal::sigill, "ILL", "illegal instruction"},
    {Signal::sigtrap, "TRAP", "breakpoint"},
    {Signal::sigabrt, "ABRT", "aborted"},
    {Signal::sigbus, "BUS", "bus error"},
    {Signal::sigfpe, "FPE", "arithmetic error"},
    {Signal::sigkill, "KILL", "killed"},
    {Signal::sigusr1, "USR1", "user signal 1"},
    {Signal::sigsegv, "SEGV", "segmentation fault"},
    {Signal::sigusr2, "USR2", "user signal 2"},
    {Signal::sigpipe, "PIPE", "broken pipe"},
    {Signal::sigalrm, "ALRM", "alarm"},
    {Signal::sigterm, "TERM", "terminated"},
    {Signal::sigchld, "CHLD", "child ended"},
    {Signal::sigcont, "CONT", "continued"},
    {Signal::sigstop, "STOP", "stopped"},
    {Signal::sigtstp, "TSTP", "stopped from the terminal"},
    {Signal::sigttin, "TTIN", "stopped: it read the terminal"},
    {Signal::sigttou, "TTOU", "stopped: it wrote to the terminal"},
    {Signal::sigwinch, "WINCH", "window size changed"},
    {Signal::sigsys, "SYS", "bad system call"},
});

constexpr std::string_view name(Signal signal) {
  const auto* text = std::ranges::find(signal_texts, signal, &SignalText::number);
  return text == signal_texts.end() ? "?" : text->name;
}

constexpr std::string_view description(Signal signal) {
  const auto* text = std::ranges::find(signal_texts, signal, &SignalText::number);
  return text == signal_texts.end() ? "unknown signal" : text->description;
}

// The status word of wait4. A process that has ended has its exit code in bits 8..15, or the signal
// that killed it in bits 0..6. A stopped process has 0x7f in bits 0..7, and the signal in bits
// 8..15. A process that has continued has 0xffff.
class WaitStatus {
 public:
  constexpr explicit WaitStatus(int word = 0) : word_{word} {}
  static constexpr WaitStatus exited(int code) { return WaitStatus{(code & 0xff) << 8}; }
  static constexpr WaitStatus killed(Signal signal) {
    return WaitStatus{static_cast<int>(signal) & 0x7f};
  }
  static constexpr WaitStatus stopped(Signal signal) {
    return WaitStatus{static_cast<int>(signal) << 8 | stopped_byte};
  }
  static constexpr WaitStatus continued() { return WaitStatus{continued_word}; }

  constexpr int word() const { return word_; }
  constexpr bool has_exited() const { return (word_ & 0x7f) == 0; }
  constexpr bool has_stopped() const { return (word_ & 0xff) == stopped_byte; }
  constexpr bool has_continued() const { return word_ == continued_word; }
  constexpr bool was_killed() const { return !has_exited() && !has_stopped() && !has_continued(); }
  constexpr int exit_code() const { return (word_ >> 8) & 0xff; }
  constexpr Signal signal() const { return static_cast<Signal>(word_ & 0x7f); }

  // The signal that stopped the process.
  constexpr Signal stop_signal() const { return static_cast<Signal>(exit_code()); }
  // The status in a shell's `$?`: the exit code, or 128 + signal.
  constexpr int shell_code() const {
    if (has_stopped()) return 128 + static_cast<int>(stop_signal());
    return has_exited() ? exit_code() : 128 + static_cast<int>(signal());
  }

 private:
  static constexpr int stopped_byte = 0x7f;
  static constexpr int continued_word = 0xffff;

  int word_;
};

}  // namespace abi
