#include "async/retired.h"

#include "async/executor.h"

namespace async {

void Retired::add(void* object, Destroy destroy, bool at_once) noexcept {
  Local& local = platform::local();
  if (platform::checked && Strand::is_held())
    platform::fail("a hart that does not share the strand retires an object");
  List& list = lists_[platform::hart()];
  if (list.count == list.entries.size()) platform::fail("a hart retires too many objects at once");
  list.entries[list.count++] = {object, destroy};
  local.has_retired = true;
  local.must_enter |= at_once || list.count >= limit;
}

void Retired::destroy_soon() noexcept {
  platform::local().must_enter = true;
}

void Retired::destroy_all() noexcept {
  Local& local = platform::local();
  local.has_retired = local.must_enter = false;
  List& list = lists_[platform::hart()];
  for (; list.count != 0; --list.count) {
    const Entry& last = list.entries[list.count - 1];
    last.destroy(last.object);
  }
}

void Strand::destroy_retired() noexcept {
  Retired::destroy_all();
}

void Strand::pass_through() noexcept {
  enter_smp();
  leave_smp();
}

void Strand::pass_through_after_step() noexcept {
  platform::local().job = nullptr;  // another hart may run it already
  pass_through();
}

}  // namespace async
