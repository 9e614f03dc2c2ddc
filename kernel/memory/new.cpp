// operator new and delete, which use the kernel heap. Host tests do not link this file.
#include <async/strand.h>

#include <new>

#include "memory/heap.h"

namespace heap = kernel::memory::heap;
using async::Strand;

namespace {

// The heap aligns a block to its size if that size is a power of two. So this rounds the size of an
// over-aligned object up to a power of two that is at least its alignment.
std::size_t padded(std::size_t bytes, std::align_val_t alignment) {
  std::size_t size = static_cast<std::size_t>(alignment);
  while (size < bytes) size *= 2;
  return size;
}

// The strand owns the heap. A caller that neither is in the strand nor shares it enters it.

[[gnu::cold]] void* allocate_smp(std::size_t bytes) {
  if (Strand::is_held() || Strand::is_shared()) [[likely]]
    return heap::allocate_smp(bytes);
  const Strand::Guard strand;
  return heap::allocate_smp(bytes);
}
[[gnu::cold]] void release_smp(void* object) {
  if (Strand::is_held() || Strand::is_shared()) [[likely]]
    return heap::release_smp(object);
  const Strand::Guard strand;
  heap::release_smp(object);
}

void* allocate(std::size_t bytes) {
  const async::platform::InterruptGuard masked;
  if (Strand::smp_active()) [[unlikely]]
    return allocate_smp(bytes);
  return heap::allocate(bytes);
}
void release(void* object) {
  const async::platform::InterruptGuard masked;
  if (Strand::smp_active()) [[unlikely]]
    return release_smp(object);
  heap::release(object);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(padded(bytes, alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate(padded(bytes, alignment));
}

void operator delete(void* object) noexcept {
  release(object);
}
void operator delete[](void* object) noexcept {
  release(object);
}
void operator delete(void* object, std::size_t) noexcept {
  release(object);
}
void operator delete[](void* object, std::size_t) noexcept {
  release(object);
}
void operator delete(void* object, std::align_val_t) noexcept {
  release(object);
}
void operator delete[](void* object, std::align_val_t) noexcept {
  release(object);
}
void operator delete(void* object, std::size_t, std::align_val_t) noexcept {
  release(object);
}
void operator delete[](void* object, std::size_t, std::align_val_t) noexcept {
  release(object);
}
