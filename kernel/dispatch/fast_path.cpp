#include "dispatch/dispatch.h"

#include <trap/fast_path.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <tuple>
#include <utility>

#include "dispatch/all_calls.h"
#include "dispatch/counted_calls.h"
#include "dispatch/private_calls.h"
#include "process/life.h"
#include "process/thread.h"
#include "sched/running.h"
#include "trace/points.h"

namespace kernel {
namespace {

using trap::CallForm;
using trap::FastPathAnswer;
using trap::FastPathCall;
using trap::Trap;
using trap::UserContext;

using Entry = trap::SyscallEntry<Thread>;

template <bool smp_active>
[[gnu::always_inline]] inline FastPathAnswer return_to_user(trap::Register result) {
  if constexpr (smp_active) async::Strand::leave();
  return {.result = result};
}

FastPathAnswer leave_to_coroutine(Thread& self, trap::Register result) {
  self.context().set_syscall_result(result);
  return {.result = result, .instead = trap::cause_of(Trap::call_answered)};
}

/// Returns to user mode after the call if `may_return_to_user` allows it, otherwise to the thread's
/// coroutine. Called if the executor has events, the thread has pending flags, or jobs are ready.
template <bool smp_active, bool (*may_return_to_user)(Thread&)>
[[gnu::noinline]] FastPathAnswer return_to_user_if(trap::Register result) {
  Thread& self = running_thread();
  if (!may_return_to_user(self)) return leave_to_coroutine(self, result);
  return return_to_user<smp_active>(result);
}

/// After a call that was answered outside the strand and may have made a job ready: whether `self`
/// returns to user mode without a decision that needs the strand.
[[gnu::always_inline]] inline bool may_return_outside(Thread& self) {
  async::Executor& executor = async::current_executor();
  if (!executor.has_ready_above(self.preempt_threshold() + 1)) [[likely]]
    return !executor.must_offer();
  if (self.shared_priority() != 0 || executor.has_ready_above(async::current_job().priority))
    return false;
  const async::Strand::Sharing sharing;  // another hart may set the thread's schedule
  arm_timeslice(self);
  return !executor.must_offer();
}

/// One fast path. `answer` may end or replace the caller's program, so the current thread is read
/// again after it. A call of the form no_strand never blocks, and runs outside the strand unless it
/// is traced.
template <Entry::Handler answer, CallForm form, bool smp_active, bool traced,
          Entry::Handler outside = nullptr>
FastPathAnswer call(UserContext& context) {
  if constexpr (outside != nullptr) {
    Thread& self = running_thread();
    const trap::Register result = outside(self, context);
    if (result != trap::would_block) [[likely]] {
      ++self.syscalls;
      if (form != CallForm::any || may_return_outside(self)) return {.result = result};
      async::Strand::Sharing{}.keep();
      return leave_to_coroutine(self, result);
    }
    if (async::Strand::is_shared() || async::Strand::is_held()) {
      ++self.syscalls;
      return {.result = result, .instead = trap::cause_of(Trap::would_block)};
    }
  }
  constexpr bool in_strand = smp_active && (traced || form != CallForm::no_strand);
  if constexpr (traced) {
    async::Strand::enter();  // a traced machine may have one hart
  } else if constexpr (in_strand) {
    async::Strand::enter_smp();
  }
  Thread& self = running_thread();
  ++self.syscalls;
  const trap::Register result = answer(self, context);
  if constexpr (form != CallForm::no_strand) {
    if (result == trap::would_block) [[unlikely]]
      return {.result = result, .instead = trap::cause_of(Trap::would_block)};
  }
  if constexpr (traced) trace::note_result(result);
  if constexpr (form == CallForm::any) {
    const Thread& caller = running_thread();
    const async::Executor& executor = async::current_executor();
    if (executor.has_events() || caller.has_pending_flags()) [[unlikely]]
      return return_to_user_if<smp_active, may_return_to_user>(result);
    if (executor.has_ready_above(caller.preempt_threshold() + 1)) [[unlikely]]
      return return_to_user_if<smp_active, may_return_among_others>(result);
  }
  return return_to_user<in_strand>(result);
}

enum class World : std::uint8_t { alone, smp_active, traced };

template <std::size_t place>
constexpr bool is_private = place >= trap::fast_path_calls;
template <std::size_t place>
constexpr Entry entry_at =
    is_private<place> ? private_calls[place - trap::fast_path_calls] : syscall_table[place];
template <std::size_t place>
constexpr bool has_fast_path = entry_at<place>.form != CallForm::no_fast_path;

template <World world, std::size_t place>
consteval FastPathCall call_of() {
  constexpr Entry entry = entry_at<place>;
  if (!has_fast_path<place>) return trap::no_fast_path;
  if (world == World::traced) {
    return call<trace::answer_recorded, entry.form, true, true>;
  }
  if (world == World::smp_active) {
    constexpr auto outside = is_private<place> ? nullptr : syscall_table.outside(place);
    return call<entry.answer, entry.form, true, false, outside>;
  }
  return call<entry.answer, entry.form, false, false>;
}

using FastPathTable = std::array<FastPathCall, trap::fast_path_entries>;

template <World world>
constexpr FastPathTable calls = []<std::size_t... place>(std::index_sequence<place...>) {
  return FastPathTable{call_of<world, place>()...};
}(std::make_index_sequence<std::tuple_size_v<FastPathTable>>());

constinit const FastPathTable* uncounted_table = nullptr;  // start_fast_path() sets it

/// The fast path of every call while calls are counted.
FastPathAnswer count_call(UserContext& context) {
  const std::uint64_t number = context.syscall_number();
  const bool is_private = number >= abi::first_private_call;
  const std::size_t place =
      is_private ? trap::fast_path_calls + number - abi::first_private_call : number;
  const CountedCall call = begin_counted(running_thread(), number);
  const FastPathAnswer answer = (*uncounted_table)[place](context);
  end_counted(running_thread(), call, answer.instead == trap::cause_of(Trap::would_block));
  return answer;
}

}  // namespace

void use_fast_paths(FastPaths paths) {
  static constexpr FastPathTable counted_table =
      []<std::size_t... place>(std::index_sequence<place...>) {
        return FastPathTable{(has_fast_path<place> ? count_call : trap::no_fast_path)...};
      }(std::make_index_sequence<std::tuple_size_v<FastPathTable>>());
  const FastPathTable& table = paths == FastPaths::counted ? counted_table : *uncounted_table;
  for (std::size_t place = 0; place < table.size(); ++place) {
    const FastPathCall call = paths == FastPaths::none ? trap::no_fast_path : table[place];
    cotrap_fast_path_table[place].store(call, std::memory_order_relaxed);
  }
}

void start_fast_path(bool smp_active) {
  if (trace::is_on()) {
    uncounted_table = &calls<World::traced>;
  } else {
    uncounted_table = smp_active ? &calls<World::smp_active> : &calls<World::alone>;
  }
  use_fast_paths(FastPaths::usual);
}

}  // namespace kernel

alignas(64) constinit std::array<std::atomic<trap::FastPathCall>,
                                 trap::fast_path_entries> cotrap_fast_path_table{};
