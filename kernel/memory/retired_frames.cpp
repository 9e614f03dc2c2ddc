#include "memory/retired_frames.h"

#include <async/retired.h>
#include <hal/hart.h>

#include <array>

#include "memory/frames.h"

namespace kernel::memory {

namespace {

/// With this many retired references, a hart enters the strand as soon as it ends the sharing.
constexpr std::size_t limit = 64;

}  // namespace

/// What one hart has retired. Only this hart adds to it.
struct alignas(64) RetiredFrames::List {
  std::size_t count = 0;
  bool is_registered = false;  // async::Retired has an entry that will empty this list
  std::array<hal::PhysAddr, limit - 1 + most_at_once> frames{};  // bit 0: a page table
};

constinit RetiredFrames::List RetiredFrames::lists[hal::max_harts];

void RetiredFrames::add(hal::PhysAddr frame, bool is_table) {
  List& list = lists[hal::hart_index()];
  if (list.count == list.frames.size())
    async::platform::fail("a hart retires too many frames at once");
  list.frames[list.count++] = frame | hal::PhysAddr{is_table};
  if (list.count >= limit) async::Retired::destroy_soon();
  if (list.is_registered) return;
  list.is_registered = true;
  async::Retired::add(
      &list,
      [](void* retired) noexcept {
        drop(*static_cast<List*>(retired));
        static_cast<List*>(retired)->is_registered = false;
      },
      false);
}

void RetiredFrames::drop(List& list) {
  for (; list.count != 0; --list.count) {
    const hal::PhysAddr frame = list.frames[list.count - 1];
    if ((frame & 1) != 0) {
      frames.drop_zeroed(frame & ~hal::PhysAddr{1});
    } else {
      frames.drop(frame);
    }
  }
}

void RetiredFrames::drop_all() {
  for (List& list : lists) drop(list);
}

}  // namespace kernel::memory
