#include "memory/shared_pages.h"

#include "memory/frames.h"

namespace kernel::memory {

SharedPages::~SharedPages() {
  for (const auto& chunk : chunks_) {
    if (!chunk) continue;
    for (const hal::PhysAddr frame : *chunk) {
      if (frame != 0) frames.drop(frame);
    }
  }
}

hal::PhysAddr SharedPages::frame(std::size_t index) {
  auto& chunk = chunks_[index / chunk_pages];
  if (!chunk) {
    if (!admit(sizeof(Chunk))) return 0;
    chunk = std::make_unique<Chunk>();
  }
  hal::PhysAddr& frame = (*chunk)[index % chunk_pages];
  if (frame == 0) frame = frames.allocate_zeroed(Use::user);
  return frame;
}

}  // namespace kernel::memory
