#include "syscalls/own_calls.h"

#include <abi/shared_priority.h>
#include <trap/handler.h>
#include <trap/run_user.h>

#include <algorithm>
#include <span>

#include "exercises/exercises.h"
#include "process/running.h"
#include "process/shared_priority.h"
#include "process/thread.h"

namespace kernel {

namespace {

constexpr trap::Register constant = 0;  // the answer to a bare trip

/// What else came of a call has come by way of the strand.
[[gnu::noinline, gnu::cold]] void end_trips(trap::UserContext& context, trap::Trap::Kind kind) {
  const bool waits = kind == trap::Trap::call_waits || kind == trap::Trap::call_gives_way;
  if (waits) context.go_back_to_syscall_instruction();
  if (waits || kind == trap::Trap::call_answered) async::Strand::leave();
}

/// The program until its next system call, which is answered. False: it was something else, which
/// is over, or comes again: an instruction faults again, an interrupt is still pending, and a call
/// whose first stage has to wait is made again. Outside the strand, before and after.
[[gnu::always_inline]] inline bool make_trip(trap::UserContext& context) {
  const trap::Trap::Kind kind = trap::run_user(context).kind;
  if (kind != trap::Trap::syscall) [[unlikely]] {
    end_trips(context, kind);
    return false;
  }
  context.skip_syscall_instruction();
  context.set_syscall_result(constant);
  return true;
}

}  // namespace

trap::Attempt<trap::Register> sys::try_bare_trips(Thread& self, unsigned trips, abi::Trips form) {
  constexpr unsigned most = 10'000;  // a few microseconds each: others have to wait
  if (trap::traps_call_handler) {    // which would answer first
    return trap::ToRegister<Result<>>::encode(fail(Errno::enosys));
  }
  if (form == abi::Trips::awaited) return trap::Attempt<trap::Register>::wait();
  trap::UserContext& context = self.context();
  context.set_syscall_result(constant);
  async::Strand::leave();
  struct Back {
    ~Back() { async::Strand::enter(); }
  } back;
  for (unsigned left = std::min(trips, most); left > 0 && make_trip(context); --left) {
  }
  return context.syscall_result();
}

async::Task<trap::Register> sys::bare_trips(Thread& self, unsigned trips, abi::Trips) {
  trap::UserContext& context = self.context();
  context.set_syscall_result(constant);
  for (bool well = true; well && trips > 0 && !self.is_ending(); --trips) {
    if (async::current_executor().preempts(self.level())) [[unlikely]] {
      let_go(self);
      co_await async::yield_if_preempted();
    }
    prepare_to_run(self);
    async::Strand::leave();
    well = make_trip(context);
    async::Strand::enter();
  }
  co_return context.syscall_result();
}

Result<> sys::share_priority(Thread& self, std::uintptr_t address) {
  if (address % alignof(abi::SharedPriority) != 0) return fail(Errno::einval);
  if (address != 0) {
    const auto there = self.space().resolve(address, hal::Access::write);
    if (!there) return fail(there.error());
  }
  if (address != self.shared_priority()) self.share_priority(address);
  if (address != 0) exchange_priority(self);
  return {};
}

Result<> sys::set_thread_pointer(Thread& self, std::uintptr_t address) {
  self.context().set_thread_pointer(address);
  return {};
}

namespace {

async::Task<Result<exercises::Words>> start(abi::Exercise which, std::uint64_t argument) {
  using abi::Exercise;
  const exercises::Counter counter{(argument & abi::by_the_clock) != 0};
  const std::uint64_t times = argument & ~abi::by_the_clock;
  switch (which) {
    case Exercise::spin: return exercises::spin(argument);
    case Exercise::spin_two: return exercises::spin_two(argument);
    case Exercise::bell_preempts: return exercises::bell_in_step(argument, true);
    case Exercise::bell_wakes: return exercises::bell_in_step(argument, false);
    case Exercise::bell_at_yield_point: return exercises::bell_at_yield_point(argument);
    case Exercise::set_bell: return exercises::set_bell(argument != 0);
    case Exercise::inject: return exercises::inject(argument);
    case Exercise::yield: return exercises::yield(times, counter);
    case Exercise::nest: return exercises::nest(argument);
    case Exercise::stall: return exercises::stall(argument);
    case Exercise::storm: return exercises::storm(argument);
    case Exercise::roam: return exercises::roam(argument);
    case Exercise::channel: return exercises::channel(times, counter);
    case Exercise::spawn: return exercises::spawn(times, counter);
    case Exercise::wait: return exercises::wait(argument);
    case Exercise::switch_stack: return exercises::switch_stack(times, counter);
    case Exercise::deadlock: return exercises::deadlock();
    case Exercise::deadlock_by_join: return exercises::deadlock_by_join();
    case Exercise::double_enqueue: return exercises::double_enqueue();
    case Exercise::lost_wake: return exercises::lost_wake(argument);
    case Exercise::starvation: return exercises::starvation(argument);
    case Exercise::wake_remote: return exercises::wake_remote();
    case Exercise::wake_preempted: return exercises::wake_preempted(argument);
    default:
      return []() -> async::Task<Result<exercises::Words>> { co_return fail(Errno::einval); }();
  }
}

}  // namespace

trap::Attempt<Result<>> sys::try_exercise(Thread&, abi::Exercise which, std::uint64_t,
                                          UserSpan<std::uint64_t>) {
  // Not by way of a coroutine: the program is to be gone back to at once.
  if (which == abi::Exercise::ring_bell) return exercises::ring_bell();
  return trap::Attempt<Result<>>::wait();
}

async::Task<Result<>> sys::exercise(Thread& self, abi::Exercise which, std::uint64_t argument,
                                    UserSpan<std::uint64_t> words) {
  static constinit bool one_runs = false;
  if (one_runs) co_return fail(Errno::ebusy);
  one_runs = true;
  const auto result = co_await start(which, argument);
  one_runs = false;
  if (!result) co_return fail(result.error());
  const std::size_t count = std::min(words.size(), result->size());
  co_return words.write(self.space(), std::span(*result).first(count));
}

}  // namespace kernel
