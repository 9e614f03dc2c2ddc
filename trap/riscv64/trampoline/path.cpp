#include <async/spin_lock.h>
#include <hal/kernel_map.h>
#include <hal/page_table.h>
#include <hal/trampoline.h>
#include <trap/path.h>

#include <cstdlib>
#include <memory>
#include <utility>

namespace trap {
namespace {

union Slot {
  Slot* next_free;
  UserContext context;

  Slot() : next_free{nullptr} {}
  ~Slot() {}
};

constinit async::SpinLock lock;  // protects the two variables below
constinit Slot* free_slots = nullptr;
constinit hal::VirtAddr next_page = hal::trampoline_data;

/// Adds a page of slots. The caller holds the lock. Allocation cannot fail: the kernel reserved the
/// memory when it admitted the thread.
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

Slot* take() {
  const async::SpinLock::Guard guard{lock};
  if (free_slots == nullptr) add_page();
  return std::exchange(free_slots, free_slots->next_free);
}

void put_back(Slot* slot) {
  const async::SpinLock::Guard guard{lock};
  slot->next_free = std::exchange(free_slots, slot);
}

}  // namespace

ContextHolder::ContextHolder(const UserContext& start)
    : context_{std::construct_at(&take()->context, start)} {}

ContextHolder::~ContextHolder() {
  std::destroy_at(context_);
  put_back(reinterpret_cast<Slot*>(context_));
}

}  // namespace trap
