#include "memory/shared_pages.h"

#include "memory/frames.h"

namespace kernel::memory {
namespace {

// The node that `place` points to, created with zeros if missing. Null: there is no memory.
template <class Level>
Level* ensure(std::unique_ptr<Level>& place) {
  if (!place && can_allocate(sizeof(Level))) place = std::make_unique<Level>();
  return place.get();
}

}  // namespace

SharedPages::~SharedPages() {
  if (!top_) return;
  for (const auto& middle : *top_) {
    if (!middle) continue;
    for (const auto& leaf : *middle) {
      if (!leaf) continue;
      for (const hal::PhysAddr frame : *leaf) {
        if (frame != 0) frames.drop(frame);
      }
    }
  }
}

Result<hal::PhysAddr> SharedPages::frame(std::size_t index) {
  async::Strand::check_access();
  if (index >= count_) return fail(Errno::enxio);
  Top* const top = ensure(top_);
  if (top == nullptr) return fail(Errno::enomem);
  Middle* const middle = ensure((*top)[index / (fanout * fanout)]);
  if (middle == nullptr) return fail(Errno::enomem);
  Leaf* const leaf = ensure((*middle)[index / fanout % fanout]);
  if (leaf == nullptr) return fail(Errno::enomem);
  hal::PhysAddr& frame = (*leaf)[index % fanout];
  if (frame == 0) frame = frames.allocate_zeroed(Use::user);
  if (frame == 0) return fail(Errno::enomem);
  return frame;
}

bool SharedPages::has_frame(std::size_t index) const {
  if (index >= count_ || !top_) return false;
  const auto& middle = (*top_)[index / (fanout * fanout)];
  if (!middle) return false;
  const auto& leaf = (*middle)[index / fanout % fanout];
  return leaf && (*leaf)[index % fanout] != 0;
}

}  // namespace kernel::memory
