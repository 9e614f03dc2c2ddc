// Fills all registers with patterns. Checks that the registers keep the patterns across system
// calls, preemption, and switches to threads and processes with other patterns.
//
//   registers            the test
//   registers NUMBER     one of its processes
//   registers calls      a process that makes every system call
#include <abi/flags.h>
#include <abi/ring.h>
#include <abi/self_test.h>
#include <abi/shared_priority.h>
#include <abi/upcall.h>
#include <user/calls.h>
#include <user/clock.h>
#include <user/print.h>
#include <user/process.h>
#include <user/thread.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "patterns.h"

using namespace user;

namespace {

constexpr int processes = 3;
constexpr int threads = 3;  // of each process
constexpr int calls = 400;  // of each kind, by each thread; each sched_yield is a switch
constexpr int spins = 6;
constexpr long spin_length = 4'000'000;  // several time slices

void check_call(const Variant& variant, Random& random, Call call, long result,
                std::string_view name, std::uint64_t argument = 0) {
  for (const std::uint64_t number : processor::numbers_of(call)) {
    Registers registers;
    fill(registers, random);
    registers.integer_in[processor::call_number] = number;
    if (argument != 0) registers.integer_in[processor::arguments[0]] = argument;
    variant.call(&registers);
    const auto answer = static_cast<long>(compare_after_call(registers, variant, name));
    check(answer == result, "{} returned {}, not {}", name, answer, result);
  }
}

void check_all(std::uint64_t seed) {
  Random random{seed};
  for (int i = 0; i < calls; ++i) {
    const auto& variant = variants[i % 2];
    check_call(variant, random, Call::getppid, parent_id(), "getppid");
    check_call(variant, random, static_cast<Call>(1'000'000), -38, "a call that does not exist");
    check_call(variant, random, Call::sched_yield, 0, "sched_yield");
    if (i % 64 == 0) check_call(variant, random, Call::close, -9, "close", ~0ul);
  }
  for (int i = 0; i < spins; ++i) check_spin(variants[i % 2], random, spin_length);
}

// Makes a call with these arguments and with patterns in all other registers; ignores its result.
void check_any_call(Random& random, std::uint64_t number,
                    std::initializer_list<std::uint64_t> given) {
  for (const auto& variant : variants) {
    Registers registers;
    fill(registers, random);
    registers.integer_in[processor::call_number] = number;
    for (const std::uint64_t& argument : given)
      registers.integer_in[processor::arguments[&argument - given.begin()]] = argument;
    variant.call(&registers);
    compare_after_call(registers, variant, format("call {:#x}", number));
  }
}
void check_any_call(Random& random, Call call, std::initializer_list<std::uint64_t> given) {
  for (const std::uint64_t number : processor::numbers_of(call))
    check_any_call(random, number, given);
}

// A private call has seven arguments, whether it has a fast path or not.
void check_seven_arguments() {
  Random random{0x9e37'79b9'7f4a'7c15};
  for (const auto call : {abi::pick_argument, abi::pick_argument_later}) {
    for (const auto& variant : variants) {
      for (std::uint64_t which = 0; which < processor::arguments.size(); ++which) {
        Registers registers;
        fill(registers, random);
        registers.integer_in[processor::call_number] = processor::numbers_of(call)[0];
        registers.integer_in[processor::arguments[0]] = which;
        const auto expected = registers.integer_in[processor::arguments[which]];
        variant.call(&registers);
        const auto picked = compare_after_call(registers, variant, "seven arguments");
        check(picked == expected, "argument {} was {:#x}, not {:#x}", which, picked, expected);
      }
    }
  }
}

// Some calls complete on the fast path and some do not. In neither case may a register hold a value
// of the kernel afterwards.
int make_every_call() {
  Random random{0x2545'f491'4f6c'dd1d};
  constexpr unsigned numbers = 520;  // more than Linux uses
  const auto has_no_result = [](Call call) {
    return call == Call::exit || call == Call::exit_group || call == Call::clone ||
           call == Call::rt_sigreturn;
  };
  for (unsigned number = 0; number < numbers; ++number) {
    if (!has_no_result(Call{number})) check_any_call(random, Call{number}, {});
  }
  for (const std::uint64_t number : processor::other_numbers()) check_any_call(random, number, {});
  const auto call = [&](Call number, std::initializer_list<std::uint64_t> given) {
    check_any_call(random, number, given);
  };
  const auto at = [](auto& object) { return reinterpret_cast<std::uint64_t>(&object); };
  std::uint64_t words[16]{}, short_time[]{0, 1'000};
  const auto pipe = must(make_pipe(), "a pipe");
  const auto from = static_cast<std::uint64_t>(pipe.read_end),
             to = static_cast<std::uint64_t>(pipe.write_end);
  call(Call::clock_gettime, {1, at(words)});
  call(Call::nanosleep, {at(short_time), 0});
  words[0] = 0;  // with 1, the wait below would never end
  call(Call::futex, {at(words), abi::futex_wake | abi::futex_private_flag, 1});
  call(Call::futex, {at(words), abi::futex_wait | abi::futex_private_flag, 1, 0});
  call(Call::write, {to, at(words), 8});
  call(Call::read, {from, at(words), 8});
  call(Call::fstat, {from, at(words)});
  call(Call::close, {from});
  call(Call::getrandom, {at(words), sizeof words, 0});
  call(Call::uname, {0});
  call(Call::brk, {0});
  call(Call::sched_getaffinity, {0, sizeof words, at(words)});

  // A ring with a nop, which completes at once, and a timeout, which waits.
  alignas(64) static std::byte ring[abi::ring_bytes(2, 2)];
  call(abi::ring_set_up, {at(ring), 2, 2, 0});
  auto& header = *reinterpret_cast<abi::RingHeader*>(ring);
  auto* const submissions =
      reinterpret_cast<abi::RingSubmission*>(ring + abi::ring_submissions_at(2));
  submissions[1] = {.operation = abi::RingOperation::timeout, .offset = 1'000'000};
  header.sq_tail = 1;
  call(abi::ring_enter, {1, 1, 0});
  check(header.cq_tail == 1, "a nop completes");
  header.sq_tail = 2;
  call(abi::ring_enter, {1, 2, 0});
  check(header.cq_tail == 2, "a timeout completes");
  call(abi::share_priority, {0});
  call(abi::hint_work, {1, 0, 1});
  alignas(64) static abi::UpcallHeader upcalls;
  call(abi::upcall_set_up, {at(upcalls), reinterpret_cast<std::uint64_t>(&make_every_call), 1, 0});
  call(abi::upcall_resume, {0, 0});
  call(abi::upcall_resume_of, {static_cast<std::uint64_t>(thread_id()), 0, 0});
  call(abi::upcall_exception, {0, at(words)});
  call(abi::upcall_drop, {0});
  call(abi::upcall_die, {0});
  call(abi::notify_when, {from, 1});
  call(abi::notify, {static_cast<std::uint64_t>(thread_id()), 1});
  check(upcalls.pending == 1, "a notification is pending");
  call(abi::ring_close, {});
  return 0;
}

// After bare_trips() (abi/numbers.h) the kernel answers the next calls with 0. A call with a fast
// path ends that, and has its normal result.
void end_bare_trips() {
  constexpr unsigned trips = 5;
  constexpr unsigned wrong_flags = 0x2000;
  const abi::Timespec shortest{.seconds = 0, .nanoseconds = 1};
  for (int i = 0; i < 300; ++i) {
    const auto form = i / 4 % 2 == 0 ? abi::Trips::handled : abi::Trips::awaited;
    syscall(abi::bare_trips, trips, form);
    const long answer = i % 4 == 0   ? syscall(Call::getppid)
                        : i % 4 == 1 ? syscall(Call::nanosleep, &shortest, nullptr)
                        : i % 4 == 2 ? syscall(Call::sched_yield)
                                     : syscall(Call::getrandom, nullptr, 0, wrong_flags);
    syscall(Call::chdir, "/");  // the hart enters the strand, so it may not share it any more
    // On machines without fast paths the call counts as a trip, so its result is 0.
    const bool right = answer == 0 || (i % 4 == 0 && answer == parent_id()) ||
                       (i % 4 == 3 && answer == -static_cast<long>(Errno::einval));
    check(right, "during bare trips the call returned {}", answer);
  }
  constexpr Call unknown{1'000'000};
  while (syscall(unknown) == 0) continue;  // trips that are left
}

int run_process(std::uint64_t number) {
  std::vector<Thread> others;
  for (std::uint64_t i = 1; i <= threads; ++i) {
    others.emplace_back([=] { check_all(0x9e37'79b9'7f4a'7c15 * (number * threads + i)); });
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && argv[1] == std::string_view{"calls"}) {
    end_bare_trips();
    check_seven_arguments();
    return make_every_call();
  }
  if (argc == 2) return run_process(static_cast<std::uint64_t>(argv[1][0]));

  std::vector<Pid> children;
  for (int i = 0; i < processes; ++i) {
    const char number[] = {static_cast<char>('1' + i), '\0'};
    const char* const arguments[] = {"registers", number, nullptr};
    children.push_back(must(spawn(program_path(), arguments), "a process"));
  }
  const char* const arguments[] = {"registers", "calls", nullptr};
  children.push_back(must(spawn(program_path(), arguments), "a process"));
  for (const Pid child : children) {
    const auto ended = must(wait(child), "waiting");
    check(ended.status.word() == 0, "process {} keeps its registers (status {})", child,
          ended.status.word());
  }
  println("{}: unchanged, by any call", processor::registers);
  println("{} processes of {} threads, each with {} calls, {} of them switches, and {} long loops",
          processes, threads, 3 * calls, calls, spins);
  return 0;
}
