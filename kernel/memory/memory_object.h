// Objects whose pages areas of several programs map: shared pages (shared_pages.h), or a source of
// private copies.
#pragma once

#include <async/strand.h>
#include <hal/memory_map.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstddef>
#include <cstdint>

namespace async {
template <class T>
class Task;
}

namespace kernel::memory {

class Frame;

class MemoryObject : public RefCounted<MemoryObject> {
 public:
  virtual ~MemoryObject() = default;

  /// A unique name. No later object gets the same name, and no AddressSpace has it as its address.
  /// A futex waiter that outlives the object can therefore keep the name.
  const void* lasting_name() const { return reinterpret_cast<const void*>(number_ << 4); }

 private:
  static std::uintptr_t next_number() {
    async::Strand::check_access();
    static constinit std::uintptr_t last = 0;
    return ++last;
  }
  const std::uintptr_t number_ = next_number();
};

/// Pages that are not in memory, such as those of a disk. The first access to such a page waits for
/// a page-in. async::Task (async/task.h) is only declared above, because no code of this folder
/// awaits a task.
class PageSource : public MemoryObject {
 public:
  /// The number of pages, a partial last one included. It may change.
  virtual std::size_t count() const = 0;
  /// A reference on a frame with page `index`, which has zeros behind the contents. If the frame
  /// has other owners, its bytes never change. EIO; ENOMEM.
  virtual async::Task<Result<Frame>> read(std::size_t index) = 0;
  /// The same if that needs no wait; else empty. In the strand.
  virtual Frame find(std::size_t index) = 0;
};

}  // namespace kernel::memory
