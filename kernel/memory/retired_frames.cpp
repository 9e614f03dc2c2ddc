#include "memory/retired_frames.h"

#include <async/retired.h>

#include "memory/frames.h"

namespace kernel::memory {
namespace {

/// The bit of the addresses of page tables.
constexpr hal::PhysAddr a_table = 1;

void drop(void* retired) noexcept {
  const auto address = reinterpret_cast<hal::PhysAddr>(retired);
  const hal::PhysAddr frame = address & ~a_table;
  (address & a_table) != 0 ? frames.drop_zeroed(frame) : frames.drop(frame);
}

}  // namespace

void RetiredFrames::add(hal::PhysAddr frame) {
  async::Retired::add(reinterpret_cast<void*>(frame), drop);
}

void RetiredFrames::add_table(hal::PhysAddr table) {
  async::Retired::add(reinterpret_cast<void*>(table | a_table), drop);
}

void RetiredFrames::drop_all() {
  async::Retired::destroy_all_by(drop);
}

}  // namespace kernel::memory
