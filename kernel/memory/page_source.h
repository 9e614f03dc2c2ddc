// Where pages come from that are not in memory: a disk. Whoever touches such a page for the first
// time waits for it.
#pragma once

#include <hal/memory_map.h>
#include <kernel/result.h>

#include <cstddef>

#include "memory/memory_object.h"

namespace async {
template <class T>
class Task;
}

namespace kernel::memory {

/// Nothing in memory/ waits, so what it awaits is only named here (async/task.h).
class PageSource : public MemoryObject {
 public:
  /// How many there are, the last one perhaps in part. It may change.
  virtual std::size_t count() const = 0;
  /// Fills the frame at `frame`, which is the caller's until then, with page `index`, and with
  /// zeros behind its end. EIO; ENOMEM.
  virtual async::Task<Result<>> read(std::size_t index, hal::PhysAddr frame) = 0;
};

}  // namespace kernel::memory
