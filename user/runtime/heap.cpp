// malloc and operator new: size classes with free lists, cut from mappings that are never unmapped.
// Each larger block has a mapping of its own. Any thread may call; one lock protects the heap.
//
// A header of 16 bytes in front of every block says how to free it.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "user/calls.h"
#include "user/sync.h"

namespace user {
namespace {

struct alignas(16) Header {
  std::size_t capacity;        // usable bytes after the header
  std::uint32_t size_class;    // or `own_mapping`
  std::uint32_t distance = 0;  // over-aligned blocks: bytes from the first header to this one
};
static_assert(sizeof(Header) == 16);

constexpr std::uint32_t own_mapping = ~0u;
constexpr std::size_t smallest = 32;  // header included
constexpr std::size_t largest_class = 64 * 1024;
constexpr std::size_t chunk_bytes = 256 * 1024;  // demand-zero: unused pages take no memory

// Two classes per power of two: 32, 48, 64, 96, 128, 192, …
constexpr std::uint32_t class_of(std::size_t total) {
  const auto size = std::max(total, smallest);
  const auto power = static_cast<std::uint32_t>(std::bit_width(size - 1) - 1);  // 2^power < size
  const auto half = std::size_t{3} << (power - 1);
  return (power - 4) * 2 + (size > half ? 2 : 1) - 1;
}
constexpr std::size_t class_bytes(std::uint32_t index) {
  return index % 2 == 0 ? std::size_t{24} << (index / 2) : std::size_t{32} << (index / 2);
}
static_assert(class_bytes(class_of(33)) == 48 && class_bytes(class_of(48)) == 48);
static_assert(class_bytes(class_of(49)) == 64 && class_bytes(class_of(64)) == 64);
static_assert(class_bytes(class_of(largest_class)) == largest_class);

struct FreeBlock {
  Header header;
  FreeBlock* next;
};

class Heap {
 public:
  void* allocate(std::size_t bytes) {
    if (bytes > PTRDIFF_MAX / 2) return nullptr;
    const auto total = bytes + sizeof(Header);
    return total > largest_class ? map_block(total) : take(class_of(total));
  }

  void release(void* block) {
    if (block == nullptr) return;
    auto* header = static_cast<Header*>(block) - 1;
    header = reinterpret_cast<Header*>(reinterpret_cast<std::byte*>(header) - header->distance);
    if (header->size_class == own_mapping) {
      static_cast<void>(unmap_memory(header, header->capacity + sizeof(Header)));
      return;
    }
    const Lock lock{mutex_};
    auto* freed = reinterpret_cast<FreeBlock*>(header);
    freed->next = std::exchange(free_[header->size_class], freed);
  }

 private:
  void* map_block(std::size_t total) {
    const auto bytes = (total + page_size - 1) / page_size * page_size;
    const auto memory = map_memory(bytes, abi::prot_read | abi::prot_write);
    if (!memory) return nullptr;
    return new (*memory) Header{bytes - sizeof(Header), own_mapping} + 1;
  }

  void* take(std::uint32_t index) {
    const Lock lock{mutex_};
    if (auto* block = free_[index]) {
      free_[index] = block->next;
      return &block->header + 1;
    }
    const auto bytes = (class_bytes(index) + 15) / 16 * 16;
    if (bytes > chunk_left_) {
      const auto memory = map_memory(chunk_bytes, abi::prot_read | abi::prot_write);
      if (!memory) return nullptr;
      chunk_ = *memory;  // the rest of the old chunk stays unused
      chunk_left_ = chunk_bytes;
    }
    auto* header = new (chunk_) Header{bytes - sizeof(Header), index};
    chunk_ += bytes;
    chunk_left_ -= bytes;
    return header + 1;
  }

  Mutex mutex_;
  std::array<FreeBlock*, class_of(largest_class) + 1> free_{};
  std::byte* chunk_ = nullptr;
  std::size_t chunk_left_ = 0;
};

constinit Heap heap;

std::size_t capacity_of(void* block) {
  return (static_cast<Header*>(block) - 1)->capacity;
}

void* allocate_aligned(std::size_t alignment, std::size_t bytes) {
  if (alignment <= 16) return heap.allocate(bytes);
  auto* start = static_cast<std::byte*>(heap.allocate(bytes + alignment));
  if (start == nullptr) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const auto distance = (address + alignment - 1) / alignment * alignment - address;
  auto* block = start + distance;
  if (distance != 0) {
    new (block - sizeof(Header)) Header{.capacity = capacity_of(start) - distance,
                                        .size_class = 0,
                                        .distance = static_cast<std::uint32_t>(distance)};
  }
  return block;
}

void* or_exit(void* block) {
  if (block != nullptr) return block;
  static_cast<void>(write(standard_error, "out of memory\n"));
  exit(1);
}

}  // namespace
}  // namespace user

extern "C" {

void* malloc(std::size_t bytes) {
  return user::heap.allocate(bytes);
}

void free(void* block) {
  user::heap.release(block);
}

void* calloc(std::size_t count, std::size_t bytes) {
  std::size_t total;
  if (__builtin_mul_overflow(count, bytes, &total)) return nullptr;
  void* block = user::heap.allocate(total);
  return block == nullptr ? nullptr : std::memset(block, 0, total);
}

void* realloc(void* block, std::size_t bytes) {
  if (block == nullptr) return malloc(bytes);
  const auto capacity = user::capacity_of(block);
  if (bytes <= capacity) return block;
  void* larger = user::heap.allocate(bytes);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, capacity);
  user::heap.release(block);
  return larger;
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return user::allocate_aligned(alignment, bytes);
}
}

void* operator new(std::size_t bytes) {
  return user::or_exit(malloc(bytes));
}
void* operator new[](std::size_t bytes) {
  return user::or_exit(malloc(bytes));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return malloc(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return malloc(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return user::or_exit(aligned_alloc(static_cast<std::size_t>(alignment), bytes));
}
void operator delete(void* block) noexcept {
  free(block);
}
void operator delete[](void* block) noexcept {
  free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  free(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
  free(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  free(block);
}
