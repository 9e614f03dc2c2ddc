// Measures run_user() with programs that trap at once: nanoseconds per round trip,
// the median of interleaved rounds. For comparison it measures a system call of this host.
#include <fmt/format.h>
#include <sys/syscall.h>
#include <trap/run_user.h>
#include <trap/segments.h>
#include <trap/signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

// The programs. Each traps in an endless loop.
extern "C" void bench_caller();
extern "C" void bench_jumper();
extern "C" void bench_syscaller();
asm(R"(
  .text
bench_caller:
  callq *bench_gate(%rip)
  jmp   bench_caller
bench_jumper:
  leaq  bench_jumper(%rip), %rcx
  jmpq  *bench_jump_gate(%rip)
bench_syscaller:
  movl  $39, %eax
  syscall
  jmp   bench_syscaller
)");
extern "C" {
std::uintptr_t bench_gate = 0;
std::uintptr_t bench_jump_gate = 0;
}

namespace {

using trap::Segments;
using trap::UserContext;

constexpr int rounds = 31;
constexpr int trips = 20'000;

struct Measurement {
  std::string name;
  Segments mode = Segments::none;
  bool own_fs = false;
  std::uint32_t kept = UserContext::none;
  void (*program)() = bench_jumper;
  double limit = 0;  // ns; 0: none
  std::vector<double> ns = {};

  double median() {
    std::ranges::nth_element(ns, ns.begin() + rounds / 2);
    return ns[rounds / 2];
  }
};

double time_of(auto&& many) {
  const auto start = std::chrono::steady_clock::now();
  many();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / trips;
}

double getppid_ns() {
  return time_of([] {
    for (int i = 0; i < trips; ++i) syscall(SYS_getppid);
  });
}

double trip_ns(const Measurement& what) {
  static std::array<std::byte, std::size_t{64} << 10> signal_stack;
  alignas(16) static std::array<std::byte, 4096> stack;
  alignas(16) static std::array<std::byte, 64> thread_local_storage;
  trap::choose_segments(what.mode);
  trap::attach_hart(signal_stack);
  bench_gate = trap::entry_address();
  bench_jump_gate = trap::jump_entry_address();
  UserContext context;
  context.kept = what.kept;
  context.set_program_counter(reinterpret_cast<std::uint64_t>(what.program));
  context.set_stack(reinterpret_cast<std::uint64_t>(stack.data() + stack.size()));
  if (what.own_fs) {
    context.set_thread_pointer(reinterpret_cast<std::uint64_t>(thread_local_storage.data()));
  }
  trap::handle_signal(SIGSYS, [](trap::Signal& signal) { take(signal); });
  const bool catches = what.program == bench_syscaller;
  if (catches && !trap::catch_syscall_instructions(true)) return 0;
  run_user(context);
  const double ns = time_of([&context] {
    for (int i = 0; i < trips; ++i) run_user(context);
  });
  if (catches) trap::catch_syscall_instructions(false);
  trap::detach_hart();
  return ns;
}

}  // namespace

int main() {
  std::vector<Measurement> all{
      {.name = "no fs switch", .limit = 20},
      {.name = "no fs switch, xmm kept", .kept = UserContext::sse, .limit = 20},
      {.name = "no fs switch, all vectors kept", .kept = UserContext::all},
      {.name = "no fs switch, gate called", .program = bench_caller},
      {.name = "fs rewritten to gs", .mode = Segments::rewrite, .own_fs = true},
      {.name = "arch_prctl", .mode = Segments::arch_prctl, .own_fs = true},
  };
  if (trap::bases_are_writable()) {
    all.push_back({.name = "wrfsbase", .mode = Segments::wrfsbase, .own_fs = true, .limit = 40});
    all.push_back({.name = "wrfsbase, xmm kept",
                   .mode = Segments::wrfsbase,
                   .own_fs = true,
                   .kept = UserContext::sse,
                   .limit = 40});
    all.push_back({.name = "wrfsbase, program without TLS", .mode = Segments::wrfsbase});
    all.push_back({.name = "fs faults, rewritten to gs", .mode = Segments::fault, .own_fs = true});
  }
  all.push_back({.name = "`syscall` caught by the host", .program = bench_syscaller});
  Measurement host{.name = "this host's getppid"};
  for (int round = 0; round < rounds; ++round) {
    for (Measurement& one : all) one.ns.push_back(trip_ns(one));
    host.ns.push_back(getppid_ns());
  }

  const double getppid = host.median();
  fmt::print("{:34} {:>8} {:>6}\n", "run_user, round trip", "ns", "limit");
  for (Measurement& one : all) {
    const double ns = one.median();
    fmt::print("{:34} {:8.1f} {:>6}{}\n", one.name, ns,
               one.limit == 0 ? "" : fmt::format("{:.0f}", one.limit),
               one.limit != 0 && ns > one.limit ? "  over" : "");
  }
  fmt::print("{:34} {:8.1f}\n\n", host.name, getppid);
  const double plain = all[0].median();
  const auto arch_prctl = std::ranges::find(all, "arch_prctl", &Measurement::name)->median();
  fmt::print(
      "no fs switch is 1/{:.1f} of getppid (limit 1/4), 1/{:.1f} of arch_prctl (limit 1/10)\n",
      getppid / plain, arch_prctl / plain);
}
