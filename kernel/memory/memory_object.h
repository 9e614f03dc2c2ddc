// What areas of several programs show pages of: pages that they share (shared_pages.h), or a source
// that each has copies of (page_source.h).
#pragma once

#include <kernel/ref.h>

#include <cstdint>

namespace kernel::memory {

class MemoryObject : public RefCounted<MemoryObject> {
 public:
  virtual ~MemoryObject() = default;

  /// No other one ever has the same, nor is there an address space there: whoever waits for a word
  /// of it may outlive it.
  const void* lasting_name() const { return reinterpret_cast<const void*>(number_ << 4); }

 private:
  static inline constinit std::uintptr_t last_number_ = 0;
  const std::uintptr_t number_ = ++last_number_;
};

}  // namespace kernel::memory
