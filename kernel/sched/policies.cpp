#include "sched/policies.h"

#include <async/async.h>
#include <async/policy/kinds.h>
#include <hal/hart.h>

#include <array>

#include "sched/running.h"

namespace kernel {
namespace {

constinit const async::policy::Kind* in_use = nullptr;  // null: the executor's fixed priorities

/// By hart: memory for the policy in use, and for the next one.
std::array<std::array<async::policy::Memory, 2>, hal::max_harts> memory;

/// Creates the policy in use for `hart`, whose executor still has `before`.
async::Policy* make_policy(unsigned hart, const async::Policy* before) {
  auto& [first, second] = memory[hart];
  void* const free = before == static_cast<void*>(first.bytes) ? second.bytes : first.bytes;
  async::Policy* const made =
      in_use == nullptr ? nullptr : in_use->make(free, {.hart = hart, .seed = hart + 1});
  note_policy(made != nullptr);
  return made;
}

}  // namespace

Result<> use_policy(std::string_view name) {
  const auto* const found = async::policy::find(name);
  if (found == nullptr) return fail(Errno::einval);
  async::Strand::check_access();
  in_use = found;
  for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
    if (auto* const executor = async::Executor::of(hart))
      executor->change_policy(make_policy(hart, executor->policy()));
  }
  return {};
}

void start_policy() {
  async::current_executor().set_policy(make_policy(hal::hart_index(), nullptr));
}

void list_policies(PagedText& out) {
  const auto* const listed = in_use == nullptr ? async::policy::find("priority") : in_use;
  for (const char* before = ""; const auto& kind : async::policy::kinds()) {
    const bool is_in_use = &kind == listed;
    out += before;
    out += is_in_use ? "[" : "";
    out += kind.name;
    out += is_in_use ? "]" : "";
    before = " ";
  }
  out += '\n';
}

}  // namespace kernel
