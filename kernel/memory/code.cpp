// Changing a program's instructions before they run. A page has no rights while it changes, so no
// hart executes a half-changed page.
#include "memory/address_space.h"

namespace kernel::memory {

using hal::PageEntry;
using hal::PageTable;

std::optional<CodeArea> AddressSpace::code_at(VirtAddr va) const {
  const Area* const area = areas_.find(va);
  if (area == nullptr || !allows(area->access, Access::execute)) return std::nullopt;
  const bool may_change = !area->backing.is_shared() && !area->backing.is_read_only &&
                          allows(area->access, Access::read) &&
                          !allows(area->access, Access::write);
  return CodeArea{.start = area->start,
                  .end = area->end,
                  .first = area->start + area->first_instruction_offset,
                  .code = area->code,
                  .generation = code_generation_,
                  .may_change = may_change};
}

void AddressSpace::hide_code(const CodeArea& area) {
  table_.for_each(area.start, area.end,
                  [](VirtAddr, PageEntry& entry) { hal::set(entry, entry.with(Access::none)); });
  flush();
}

Result<> AddressSpace::replace_code(VirtAddr page, Frame contents) {
  PageEntry* const slot = table_.ensure(page);
  if (slot == nullptr) return fail(Errno::enomem);
  const PageEntry old = *slot;
  const PageEntry entry = PageEntry::page(contents.release(), Access::none);
  if (old.empty()) {
    PageTable::fill(slot, entry);
    ++resident_;
    return {};
  }
  hal::set(*slot, entry);
  give_up(old);
  return {};
}

void AddressSpace::set_code(VirtAddr start, VirtAddr end, Code code) {
  if (start == end) return;
  recent_ = nullptr;
  Area* area = areas_.find(start);
  if (area->start < start) area = &areas_.split(*area, start);
  if (area->end > end) areas_.split(*area, end);
  area->code = code;
  const Access rights = rights_in_table(*area);
  table_.for_each(start, end,
                  [&](VirtAddr, PageEntry& entry) { hal::set(entry, entry.with(rights)); });
  code_written_ = true;
}

void AddressSpace::begin_code_anew(VirtAddr start, VirtAddr end) {
  if (!hal::changes_code) return;
  for (Area* area = areas_.first_after(start); area != nullptr && area->start < end;
       area = area->next) {
    note_code_change(area->access);
    if (area->code == Code::ready) area->code = Code::stale;
  }
}

}  // namespace kernel::memory
