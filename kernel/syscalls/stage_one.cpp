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

/// The point of no return is `answer`, which has done nothing if it has to wait.
template <Entry::Now answer, CallForm form, bool in_company>
StageOneAnswer call(UserContext& context) {
  Thread& self = *turn.thread;
  if constexpr (in_company) async::Strand::enter();
  ++self.syscalls;
  const trap::Register result = answer(self, context);
  if (result == trap::must_wait) return {.result = result, .instead = UserContext::call_waits};
  if constexpr (form != CallForm::question) {
    if (!may_go_on(self)) [[unlikely]] {
      context.set_syscall_result(result);
      return {.result = result, .instead = UserContext::call_answered};
    }
  }
  if constexpr (in_company) async::Strand::leave();
  return {.result = result};
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
  if (world == World::traced) return call<traced<entry.now>, entry.form, true>;
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
