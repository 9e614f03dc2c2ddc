// A source of pages that are not in memory, such as a disk. The first access to such a page waits
// for a page-in.
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

/// The pages of a disk or of another device. async::Task (async/task.h) is only declared above,
/// because no code of this folder awaits a task.
class PageSource : public MemoryObject {
 public:
  /// The number of pages, a partial last one included. It may change.
  virtual std::size_t count() const = 0;
  /// Reads page `index` into `frame` and fills the rest of the frame with zeros. The caller keeps
  /// the frame until the task ends. EIO; ENOMEM.
  virtual async::Task<Result<>> read(std::size_t index, hal::PhysAddr frame) = 0;
};

}  // namespace kernel::memory
