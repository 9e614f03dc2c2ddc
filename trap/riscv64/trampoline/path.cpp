#include <hal/kernel_map.h>
#include <hal/page_table.h>
#include <hal/trampoline.h>
#include <trap/path.h>

#include <cstdlib>
#include <memory>

namespace trap {
namespace {

union Slot {
  Slot* next_free;
  UserContext context;

  Slot() : next_free{nullptr} {}
  ~Slot() {}
};

constinit Slot* free_slots = nullptr;
constinit hal::VirtAddr next_page = hal::trampoline_data;

/// Adds a page of slots. Allocation cannot fail: the kernel reserved the memory when it admitted
/// the thread.
void add_page() {
  const hal::PhysAddr page = hal::table_frames::allocate();
  if (page == 0 || next_page == hal::trampoline_end || !hal::map_kernel_page(next_page, page))
    abort();
  auto* slots = reinterpret_cast<Slot*>(next_page);
  next_page += hal::page_size;
  for (std::size_t i = 0; i < hal::page_size / sizeof(Slot); ++i) {
    slots[i].next_free = free_slots;
    free_slots = &slots[i];
  }
}

}  // namespace

ContextHolder::ContextHolder(const UserContext& start) {
  if (free_slots == nullptr) add_page();
  Slot* slot = free_slots;
  free_slots = slot->next_free;
  context_ = std::construct_at(&slot->context, start);
}

ContextHolder::~ContextHolder() {
  std::destroy_at(context_);
  auto* slot = reinterpret_cast<Slot*>(context_);
  slot->next_free = free_slots;
  free_slots = slot;
}

}  // namespace trap
