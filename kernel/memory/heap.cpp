#include "memory/heap.h"

#include <async/leaf_lock.h>
#include <hal/hart.h>

#include <array>
#include <bit>
#include <cstdint>

#include "memory/frames.h"
#include "platform/poison.h"

namespace kernel::memory::heap {
namespace {

using hal::page_size;

constexpr std::array<std::uint16_t, 18> sizes = {16,  32,  48,  64,  80,  96,  112,  128,  160,
                                                 192, 256, 320, 384, 512, 672, 1024, 1360, 2048};
constexpr std::uint16_t none = 0xffff;
constexpr std::size_t link_bytes = 8;  // size of the link in a free object

// Maps a size in units of 16 bytes, rounded up, to the index of its class.
constexpr auto class_of_units = [] {
  std::array<std::uint8_t, largest_small / 16 + 1> table{};
  std::uint8_t index = 0;
  for (std::size_t units = 0; units < table.size(); ++units) {
    if (units * 16 > sizes[index]) ++index;
    table[units] = index;
  }
  return table;
}();

struct SizeClass {
  std::uint32_t with_room = 0;  // first slab with free objects, by page number; 0: none
  std::uint32_t empty = 0;  // the one empty slab that is kept, which is also in the list; 0: none
  std::size_t objects = 0;  // allocated
};

constinit std::array<SizeClass, sizes.size()> classes;
constinit std::size_t large_bytes = 0;  // allocated in blocks of pages

FrameInfo& info_of(std::uint32_t slab) {
  return frames.info(PhysAddr{slab} << hal::page_shift);
}

std::uint16_t& next_free(std::byte* page, std::uint16_t object) {
  return *reinterpret_cast<std::uint16_t*>(page + object);
}

void link(SizeClass& of, std::uint32_t slab) {
  info_of(slab).slab = {.next = of.with_room, .previous = 0};
  if (of.with_room != 0) info_of(of.with_room).slab.previous = slab;
  of.with_room = slab;
}

void unlink(SizeClass& of, std::uint32_t slab) {
  const auto [next, previous] = info_of(slab).slab;
  (previous != 0 ? info_of(previous).slab.next : of.with_room) = next;
  if (next != 0) info_of(next).slab.previous = previous;
}

std::uint32_t make_slab(std::size_t index) {
  const PhysAddr frame = frames.allocate(Use::kernel);
  if (frame == 0) out_of_memory();
  std::byte* const page = hal::phys_to_virt(frame);
  const std::size_t size = sizes[index];
  std::size_t object = 0;
  for (; object + 2 * size <= page_size; object += size) {
    next_free(page, static_cast<std::uint16_t>(object)) = static_cast<std::uint16_t>(object + size);
  }
  next_free(page, static_cast<std::uint16_t>(object)) = none;

  FrameInfo& info = frames.info(frame);
  info.objects.first_free = 0;
  info.objects.used = 0;
  info.size_class = static_cast<std::uint8_t>(index);
  const auto slab = static_cast<std::uint32_t>(frame >> hal::page_shift);
  link(classes[index], slab);
  return slab;
}

void free_slab(SizeClass& of, std::uint32_t slab) {
  unlink(of, slab);
  unpoison(hal::phys_to_virt(PhysAddr{slab} << hal::page_shift), page_size);
  info_of(slab).references = 1;
  frames.drop(PhysAddr{slab} << hal::page_shift);
}

unsigned order_of(std::size_t bytes) {
  return static_cast<unsigned>(std::bit_width((bytes - 1) >> hal::page_shift));
}

[[gnu::noinline]] void* allocate_large(std::size_t bytes) {
  const unsigned order = order_of(bytes);
  const PhysAddr block = frames.allocate_block(order);
  if (block == 0) out_of_memory();
  frames.info(block).size_class = FrameInfo::not_a_slab;
  large_bytes += page_size << order;
  return hal::phys_to_virt(block);
}

[[gnu::noinline]] void release_large(void* object) {
  const PhysAddr block = hal::virt_to_phys(object);
  const unsigned order = frames.info(block).order;
  large_bytes -= page_size << order;
  frames.free_block(block, order);
}

[[gnu::noinline]] void* took_last(void* object, SizeClass& of, std::uint32_t slab) {
  unlink(of, slab);
  return object;
}

// Takes the first free object of a slab that has one. If no other is left, a tail call takes the
// slab out of the list. So the common case needs no stack frame.
inline void* take_object(SizeClass& of, std::uint32_t slab) {
  FrameInfo& info = info_of(slab);
  auto* const page = hal::phys_to_virt(PhysAddr{slab} << hal::page_shift);
  const std::uint16_t object = info.objects.first_free;
  const std::uint16_t next = next_free(page, object);
  unpoison(page + object, sizes[info.size_class]);
  info.objects.first_free = next;
  ++info.objects.used;
  ++of.objects;
  if (slab == of.empty) of.empty = 0;
  if (next == none) [[unlikely]]
    return took_last(page + object, of, slab);
  return page + object;
}

[[gnu::noinline]] void* take_from_new_slab(std::size_t index) {
  return take_object(classes[index], make_slab(index));
}

// Called after a release. Adds a slab that was full to the list, and keeps or frees an empty slab.
[[gnu::noinline]] void has_room_again(void* object, bool was_full) {
  const FrameInfo& info = frames.info(object);
  SizeClass& of = classes[info.size_class];
  const auto slab = static_cast<std::uint32_t>(hal::virt_to_phys(object) >> hal::page_shift);
  if (was_full) link(of, slab);
  if (info.objects.used != 0) return;
  if (of.empty != 0) {
    free_slab(of, slab);
  } else {
    of.empty = slab;
  }
}

}  // namespace

void* allocate(std::size_t bytes) {
  if (bytes > largest_small) [[unlikely]]
    return allocate_large(bytes);
  const std::size_t index = class_of_units[(bytes + 15) / 16];
  SizeClass& of = classes[index];
  if (of.with_room == 0) [[unlikely]]
    return take_from_new_slab(index);
  return take_object(of, of.with_room);
}

void release(void* object) {
  if (object == nullptr) return;
  FrameInfo& info = frames.info(object);
  if (info.size_class == FrameInfo::not_a_slab) [[unlikely]]
    return release_large(object);

  const auto offset = static_cast<std::uint16_t>(hal::virt_to_phys(object) % page_size);
  const std::uint16_t next = std::exchange(info.objects.first_free, offset);
  next_free(static_cast<std::byte*>(object) - offset, offset) = next;
  poison(static_cast<std::byte*>(object) + link_bytes, sizes[info.size_class] - link_bytes);
  --classes[info.size_class].objects;
  --info.objects.used;
  if (next == none || info.objects.used == 0) [[unlikely]]
    has_room_again(object, next == none);
}

std::size_t bytes_in_use() {
  std::size_t bytes = large_bytes;
  for (std::size_t index = 0; index < sizes.size(); ++index) {
    bytes += classes[index].objects * sizes[index];
  }
  return bytes;
}

// ── Callers that share the strand ────────────────────────────────────────────────────────────────

namespace {

// Free objects of one size that only one hart uses while it shares the strand. One cache line.
struct alignas(64) FreeObjects {
  std::array<void*, 7> objects;
  std::size_t count = 0;
};
constexpr std::size_t cached_sizes = 14;  // up to 512 bytes
constinit std::array<std::array<FreeObjects, cached_sizes>, hal::max_harts> caches{};

FreeObjects* cache_of(std::size_t index) {
  return index < cached_sizes ? &caches[hal::hart_index()][index] : nullptr;
}

}  // namespace

void* allocate_sharing(std::size_t bytes) {
  const std::size_t index =
      bytes <= largest_small ? class_of_units[(bytes + 15) / 16] : sizes.size();
  if (FreeObjects* const cache = cache_of(index); cache != nullptr && cache->count != 0) {
    void* const object = cache->objects[--cache->count];
    unpoison(object, sizes[index]);
    return object;
  }
  const async::LeafLock::Guard lock{allocators_lock};
  return allocate(bytes);
}

void release_sharing(void* object) {
  if (object == nullptr) return;
  const std::size_t index = frames.info(object).size_class;
  if (FreeObjects* const cache = cache_of(index);
      cache != nullptr && cache->count != cache->objects.size()) {
    poison(static_cast<std::byte*>(object) + link_bytes, sizes[index] - link_bytes);
    cache->objects[cache->count++] = object;
    return;
  }
  const async::LeafLock::Guard lock{allocators_lock};
  release(object);
}

void trim() {
  for (auto& of_hart : caches) {
    for (FreeObjects& cache : of_hart) {
      while (cache.count != 0) release(cache.objects[--cache.count]);
    }
  }
  for (SizeClass& of : classes) {
    if (of.empty != 0) free_slab(of, std::exchange(of.empty, 0));
  }
}

}  // namespace kernel::memory::heap
