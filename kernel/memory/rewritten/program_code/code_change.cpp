#include "program_code/code_change.h"

namespace kernel::memory {

using hal::PageEntry;
using hal::PageTable;

std::optional<CodeArea> CodeChange::area_at(VirtAddr va) const {
  const Area* const area = space_.areas_.find(va);
  if (area == nullptr || !allows(area->access, Access::execute)) return std::nullopt;
  const bool may_change = !area->backing.is_shared() && !area->backing.is_read_only &&
                          allows(area->access, Access::read) &&
                          !allows(area->access, Access::write);
  return CodeArea{.start = area->start,
                  .end = area->end,
                  .first = area->start + area->code.first_offset(),
                  .state = area->code.state(),
                  .generation = space_.code_generation_.number(),
                  .may_change = may_change};
}

void CodeChange::hide(VirtAddr start, VirtAddr end) {
  space_.table_.for_each(
      start, end, [](VirtAddr, PageEntry& entry) { hal::set(entry, entry.with(Access::none)); });
  space_.flush(start, end);
}

void CodeChange::show(VirtAddr start, VirtAddr end) {
  const Access rights = space_.areas_.find(start)->rights_in_table();
  space_.table_.for_each(start, end,
                         [&](VirtAddr, PageEntry& entry) { hal::set(entry, entry.with(rights)); });
  space_.code_written_ = true;
}

Result<> CodeChange::replace(VirtAddr page, Frame contents) {
  PageEntry* const slot = space_.table_.ensure(page);
  if (slot == nullptr) return fail(Errno::enomem);
  const PageEntry old = *slot;
  const PageEntry entry = PageEntry::page(contents.release(), Access::none);
  if (old.empty()) {
    PageTable::fill(slot, entry);
    ++space_.resident_;
    return {};
  }
  hal::set(*slot, entry);
  space_.give_up(old);
  return {};
}

void CodeChange::set(VirtAddr start, VirtAddr end, CodeState state) {
  if (start == end) return;
  space_.recent_ = nullptr;
  Area* area = space_.areas_.find(start);
  if (area->start < start) area = &space_.areas_.split(*area, start);
  if (area->end > end) space_.areas_.split(*area, end);
  area->code.set_state(state);
  show(start, end);
}

}  // namespace kernel::memory
