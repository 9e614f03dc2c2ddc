#include "syscalls/stage_one.h"

#include <trap/stage_one.h>

#include <tuple>
#include <utility>

#include "process/life.h"
#include "process/running.h"
#include "process/thread.h"
#include "syscalls/all_calls.h"
#include "syscalls/own_calls.h"
#include "trace/points.h"

namespace kernel {
namespace {

using trap::CallForm;
using trap::StageOneAnswer;
using trap::StageOneCall;
using trap::StageOneTable;
using trap::UserContext;

using Entry = trap::SyscallEntry<Thread>;

template <bool in_company>
StageOneAnswer go_back(trap::Register result) {
  if constexpr (in_company) async::Strand::leave();
  return {.result = result};
}

StageOneAnswer leave_to_coroutine(Thread& self, trap::Register result) {
  self.context().set_syscall_result(result);
  return {.result = result, .instead = UserContext::call_answered};
}

/// The rarer ways back, where something has come, or where others are ready.
template <bool in_company, bool (*may_go_on)(Thread&)>
[[gnu::noinline]] StageOneAnswer go_back_if_it_may(trap::Register result) {
  Thread& self = running_thread();
  if (!may_go_on(self)) return leave_to_coroutine(self, result);
  return go_back<in_company>(result);
}

/// The point of no return is `answer`, which has done nothing if it has to wait. Nothing is kept
/// over it: who called is asked for anew.
template <Entry::Now answer, CallForm form, bool in_company>
StageOneAnswer call(UserContext& context) {
  constexpr bool gives_way = form == CallForm::gives_way;
  if constexpr (in_company) async::Strand::enter();
  Thread& self = running_thread();
  ++self.syscalls;
  const trap::Register result = answer(self, context);
  if (result == trap::must_wait) {
    return {.result = result,
            .instead = gives_way ? UserContext::call_gives_way : UserContext::call_waits};
  }
  if constexpr (form != CallForm::question && !gives_way) {
    const Thread& caller = running_thread();
    const async::Executor& executor = async::current_executor();
    if (executor.has_news() || caller.needs_attention()) [[unlikely]]
      return go_back_if_it_may<in_company, may_go_on>(result);
    if (executor.has_ready_above(caller.turn_level() + 1)) [[unlikely]]
      return go_back_if_it_may<in_company, may_go_on_among_others>(result);
  }
  return go_back<in_company>(result);
}

template <Entry::Now answer>
trap::Register traced(Thread& self, const UserContext& context) {
  trace::note_call(context);
  const trap::Register result = answer(self, context);
  if (result != trap::must_wait) trace::note_result(result);
  return result;
}

enum class World : std::uint8_t { alone, in_company, traced };

template <World world, std::size_t place>
consteval StageOneCall call_of() {
  constexpr bool is_own = place >= trap::stage_one_calls;
  constexpr Entry entry = is_own ? own_calls[place - trap::stage_one_calls] : syscall_table[place];
  if (entry.form == CallForm::registers || entry.now == Entry::always_wait) return nullptr;
  if (world == World::traced) {
    // What gives way has its answer noted by the table's own form.
    constexpr CallForm form = entry.form == CallForm::gives_way ? CallForm::question : entry.form;
    return call<traced<entry.now>, form, true>;
  }
  return call<entry.now, entry.form, world == World::in_company>;
}

template <World world>
constexpr StageOneTable calls = []<std::size_t... place>(std::index_sequence<place...>) {
  return StageOneTable{call_of<world, place>()...};
}(std::make_index_sequence<std::tuple_size_v<StageOneTable>>());

}  // namespace

void start_stage_one(bool in_company) {
  if (trace::is_on()) {
    cotrap_stage_one_table = &calls<World::traced>;
  } else {
    cotrap_stage_one_table = in_company ? &calls<World::in_company> : &calls<World::alone>;
  }
}

}  // namespace kernel

constinit const trap::StageOneTable* cotrap_stage_one_table = nullptr;
