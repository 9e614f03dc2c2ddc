// Objects whose pages areas of several programs map: shared pages (shared_pages.h), or a source of
// private copies (page_source.h).
#pragma once

#include <kernel/ref.h>

#include <cstdint>

namespace kernel::memory {

class MemoryObject : public RefCounted<MemoryObject> {
 public:
  virtual ~MemoryObject() = default;

  /// A unique name. No later object gets the same name, and no AddressSpace has it as its address.
  /// A futex waiter that outlives the object can therefore keep the name.
  const void* lasting_name() const { return reinterpret_cast<const void*>(number_ << 4); }

 private:
  static inline constinit std::uintptr_t last_number_ = 0;
  const std::uintptr_t number_ = ++last_number_;
};

}  // namespace kernel::memory
