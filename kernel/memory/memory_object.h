// What areas of several programs show pages of: pages that they share (shared_pages.h), or a source
// that each has copies of (page_source.h).
#pragma once

#include <kernel/ref.h>

namespace kernel::memory {

class MemoryObject : public RefCounted<MemoryObject> {
 public:
  virtual ~MemoryObject() = default;
};

}  // namespace kernel::memory
