#include "memory/retired_frames.h"

#include <async/retired.h>
#include <hal/hart.h>

#include <array>

#include "memory/frames.h"

namespace kernel::memory {

namespace {

/// With this many retired references, a hart enters the strand as soon as it ends the sharing.
constexpr std::size_t limit = 64;

/// The bit of the numbers of page tables.
constexpr FrameAllocator::Number a_table = 1U << 31;

}  // namespace

/// What one hart has retired. Only this hart adds to it.
struct alignas(64) RetiredFrames::List {
  std::uint32_t count = 0;
  bool is_registered = false;  // async::Retired has an entry that will empty this list
  std::array<FrameAllocator::Number, limit - 1 + most_at_once> frames{};  // may be a_table
};

constinit RetiredFrames::List RetiredFrames::lists[hal::max_harts];

void RetiredFrames::add(hal::PhysAddr frame, bool is_table) {
  List& list = lists[hal::hart_index()];
  if (list.count == list.frames.size())
    async::platform::fail("a hart retires too many frames at once");
  const auto number = static_cast<FrameAllocator::Number>(frame >> hal::page_shift);
  list.frames[list.count++] = is_table ? number | a_table : number;
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
    const FrameAllocator::Number number = list.frames[list.count - 1];
    const auto frame = hal::PhysAddr{number & ~a_table} << hal::page_shift;
    (number & a_table) != 0 ? frames.drop_zeroed(frame) : frames.drop(frame);
  }
}

void RetiredFrames::drop_all() {
  for (List& list : lists) drop(list);
}

}  // namespace kernel::memory
