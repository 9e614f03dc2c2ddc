#include "process/id_table.h"

#include <async/retired.h>

#include <utility>

namespace kernel {

IdSlots::Slot& IdSlots::use(int id) {
  const auto at = static_cast<unsigned>(id);
  Group& group = groups_[at / group_size];
  if (++group.used == 1) [[unlikely]]
    allocate(group);
  Slots& slots = *group.slots;
  return slots[at % group_size];
}

void IdSlots::leave(int id) {
  Group& group = groups_[static_cast<unsigned>(id) / group_size];
  if (--group.used == 0) [[unlikely]]
    free(group);
}

[[gnu::cold]] void IdSlots::allocate(Group& group) {
  group.slots = spare_ != nullptr ? std::exchange(spare_, nullptr) : new Slots{};
}

[[gnu::cold]] void IdSlots::free(Group& group) {
  Slots* const unused = group.slots;
  group.slots = nullptr;
  if (async::Strand::is_held()) {
    delete std::exchange(spare_, unused);
  } else {  // look-ups of other harts may use them
    async::Retired::add(unused, false);
  }
}

}  // namespace kernel
