// operator new and delete: the kernel heap. (Host tests link the heap without this file.)
#include <new>

#include "memory/heap.h"

namespace heap = kernel::memory::heap;

namespace {

// The heap aligns a power of two to itself, so an over-aligned object only has to be that large.
std::size_t padded(std::size_t bytes, std::align_val_t alignment) {
  std::size_t size = static_cast<std::size_t>(alignment);
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

void* operator new(std::size_t bytes) {
  return heap::allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return heap::allocate(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return heap::allocate(padded(bytes, alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return heap::allocate(padded(bytes, alignment));
}

void operator delete(void* object) noexcept {
  heap::release(object);
}
void operator delete[](void* object) noexcept {
  heap::release(object);
}
void operator delete(void* object, std::size_t) noexcept {
  heap::release(object);
}
void operator delete[](void* object, std::size_t) noexcept {
  heap::release(object);
}
void operator delete(void* object, std::align_val_t) noexcept {
  heap::release(object);
}
void operator delete[](void* object, std::align_val_t) noexcept {
  heap::release(object);
}
void operator delete(void* object, std::size_t, std::align_val_t) noexcept {
  heap::release(object);
}
void operator delete[](void* object, std::size_t, std::align_val_t) noexcept {
  heap::release(object);
}
