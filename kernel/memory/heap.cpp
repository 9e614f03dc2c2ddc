#include "memory/heap.h"

#include <async/leaf_lock.h>
#include <async/strand.h>
#include <hal/hart.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "memory/frames.h"
#include "platform/poison.h"

namespace kernel::memory::heap {
namespace {

using hal::page_size;

constexpr std::array<std::uint16_t, 18> sizes = {16,  32,  48,  64,  80,  96,  112,  128,  160,
                                                 192, 256, 320, 384, 512, 672, 1024, 1360, 2048};
constexpr std::uint16_t none = 0xffff;
constexpr std::size_t link_bytes = 8;  // size of the link in a free object

// Maps a size in units of 16 bytes, rounded up, to the index of its class: the smallest class with
// room for it that is_wanted().
constexpr auto classes_of_units(auto is_wanted) {
  std::array<std::uint8_t, largest_small / 16 + 1> table{};
  std::uint8_t index = 0;
  for (std::size_t units = 0; units < table.size(); ++units) {
    while (units * 16 > sizes[index] || !is_wanted(sizes[index])) ++index;
    table[units] = index;
  }
  return table;
}
constexpr auto class_of_units = classes_of_units([](std::size_t) { return true; });

struct alignas(512) SizeClass {
  // Protects the class and its slabs if several harts run. Its holder may acquire the lock of the
  // frame allocator.
  async::LeafLock lock{2};
  std::uint32_t empty = 0;  // the one empty slab that is kept, which is also in a list; 0: none
  std::size_t objects = 0;  // allocated
  // For each hart, the first of its slabs with free objects, by page number; 0: none. While one
  // hart runs alone, it has all slabs.
  std::array<std::uint32_t, hal::max_harts> with_room{};
};

constinit std::array<SizeClass, sizes.size()> classes;
// Allocated in blocks of pages.
alignas(64) constinit async::platform::Atomic<std::size_t> large_bytes = 0;

FrameInfo& info_of(std::uint32_t slab) {
  return frames.info(PhysAddr{slab} << hal::page_shift);
}

std::uint16_t& next_free(std::byte* page, std::uint16_t object) {
  return *reinterpret_cast<std::uint16_t*>(page + object);
}

void link(SizeClass& of, std::uint32_t slab) {
  FrameInfo& info = info_of(slab);
  std::uint32_t& first = of.with_room[info.hart];
  info.slab = {.next = first, .previous = 0};
  if (first != 0) info_of(first).slab.previous = slab;
  first = slab;
}

void unlink(SizeClass& of, std::uint32_t slab) {
  const FrameInfo& info = info_of(slab);
  const auto [next, previous] = info.slab;
  (previous != 0 ? info_of(previous).slab.next : of.with_room[info.hart]) = next;
  if (next != 0) info_of(next).slab.previous = previous;
}

// Makes a slab in `frame`, which belongs to `hart`.
std::uint32_t make_slab(std::size_t index, PhysAddr frame, unsigned hart) {
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
  info.hart = static_cast<std::uint8_t>(hart);
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
  large_bytes.fetch_add(page_size << order, std::memory_order_relaxed);
  return hal::phys_to_virt(block);
}

[[gnu::noinline]] void release_large(void* object) {
  const PhysAddr block = hal::virt_to_phys(object);
  const unsigned order = frames.info(block).order;
  large_bytes.fetch_sub(page_size << order, std::memory_order_relaxed);
  frames.free_block(block, order);
}

[[gnu::noinline]] void* took_last(std::byte* page, std::uint16_t object, SizeClass& of,
                                  std::uint32_t slab) {
  unlink(of, slab);
  return page + object;
}

// Takes the first free object of a slab that has one. If no other is left, a tail call takes the
// slab out of the list. So the common case needs no stack frame.
inline void* take_object(SizeClass& of, std::uint32_t slab) {
  of.lock.check_access();
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
    return took_last(page, object, of, slab);
  return page + object;
}

[[gnu::noinline]] void* take_from_new_slab(std::size_t index) {
  const PhysAddr frame = frames.allocate(Use::kernel);
  if (frame == 0) out_of_memory();
  return take_object(classes[index], make_slab(index, frame, 0));
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
  if (of.with_room[0] == 0) [[unlikely]]
    return take_from_new_slab(index);
  return take_object(of, of.with_room[0]);
}

void release(void* object) {
  if (object == nullptr) return;
  FrameInfo& info = frames.info(object);
  if (info.size_class == FrameInfo::not_a_slab) [[unlikely]]
    return release_large(object);
  classes[info.size_class].lock.check_access();

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
  std::size_t bytes = large_bytes.load(std::memory_order_relaxed);
  for (std::size_t index = 0; index < sizes.size(); ++index) {
    bytes += classes[index].objects * sizes[index];
  }
  return bytes;
}

// ── Several harts ────────────────────────────────────────────────────────────────────────────────
//
// Only the hart itself uses its caches, in the strand or while it shares the strand. A hart in the
// strand may empty the caches of all harts, because no other hart shares the strand then.

namespace {

// If several harts run, an object of more than 32 bytes has cache lines of its own.
constexpr auto class_on_lines =
    classes_of_units([](std::size_t size) { return size <= 32 || size % 64 == 0; });

// Free objects of one size. Two cache lines.
struct alignas(128) Cache {
  std::array<void*, 15> objects;
  std::size_t count = 0;
};
constinit std::array<std::array<Cache, sizes.size()>, hal::max_harts> caches{};

Cache& cache_of_hart(std::size_t index) {
  async::Strand::check_access_to_own();
  return caches[hal::hart_index()][index];
}

// How many objects a cache may hold: at most a page.
constexpr auto limits = [] {
  std::array<std::uint8_t, sizes.size()> most{};
  for (std::size_t index = 0; index < sizes.size(); ++index) {
    most[index] = static_cast<std::uint8_t>(std::min<std::size_t>(page_size / sizes[index], 15));
  }
  return most;
}();
// How many objects a hart takes or releases at once.
std::size_t batch_of(std::size_t index) {
  return (limits[index] + 1U) / 2;
}

void empty_cache(Cache& cache, std::size_t kept) {
  while (cache.count > kept) release(cache.objects[--cache.count]);
}

// A slab for `hart` when it has none with room: a new one, or one of another hart if frames are
// scarce. Under the lock of the class.
std::uint32_t slab_for(unsigned hart, std::size_t index) {
  SizeClass& of = classes[index];
  const auto slab_of_another = [&] {
    const auto found = std::ranges::find_if(of.with_room, [](auto slab) { return slab != 0; });
    return found != of.with_room.end() ? *found : 0;
  };
  if (frames.is_scarce()) {
    if (const std::uint32_t slab = slab_of_another(); slab != 0) return slab;
  }
  if (const PhysAddr frame = frames.allocate(Use::kernel); frame != 0) {
    return make_slab(index, frame, hart);
  }
  if (async::Strand::is_held()) {
    for (auto& of_hart : caches) empty_cache(of_hart[index], 0);
  }
  if (const std::uint32_t slab = slab_of_another(); slab != 0) return slab;
  out_of_memory();
}

// Takes an object for the caller, and a batch for the cache.
[[gnu::noinline]] void* refill(Cache& cache, std::size_t index) {
  const unsigned hart = hal::hart_index();
  SizeClass& of = classes[index];
  const async::LeafLock::Guard lock{of.lock};
  std::uint32_t slab = of.with_room[hart];
  if (slab == 0) slab = slab_for(hart, index);
  void* const object = take_object(of, slab);
  for (std::size_t wanted = batch_of(index) - 1; wanted != 0 && of.with_room[hart] != 0; --wanted) {
    void* const next = take_object(of, of.with_room[hart]);
    poison(static_cast<std::byte*>(next) + link_bytes, sizes[index] - link_bytes);
    cache.objects[cache.count++] = next;
  }
  return object;
}

[[gnu::noinline]] void spill(Cache& cache, std::size_t index) {
  const async::LeafLock::Guard lock{classes[index].lock};
  empty_cache(cache, cache.count - batch_of(index));
}

}  // namespace

void* allocate_smp(std::size_t bytes) {
  if (bytes > largest_small) [[unlikely]]
    return allocate_large(bytes);
  const std::size_t index = class_on_lines[(bytes + 15) / 16];
  Cache& cache = cache_of_hart(index);
  if (cache.count == 0) [[unlikely]]
    return refill(cache, index);
  void* const object = cache.objects[--cache.count];
  unpoison(object, sizes[index]);
  return object;
}

void release_smp(void* object) {
  if (object == nullptr) return;
  const std::size_t index = frames.info(object).size_class;
  if (index == FrameInfo::not_a_slab) [[unlikely]]
    return release_large(object);
  Cache& cache = cache_of_hart(index);
  if (cache.count == limits[index]) [[unlikely]]
    spill(cache, index);
  poison(static_cast<std::byte*>(object) + link_bytes, sizes[index] - link_bytes);
  cache.objects[cache.count++] = object;
}

void trim() {
  for (auto& of_hart : caches) {
    for (Cache& cache : of_hart) empty_cache(cache, 0);
  }
  for (SizeClass& of : classes) {
    if (of.empty != 0) free_slab(of, std::exchange(of.empty, 0));
  }
}

}  // namespace kernel::memory::heap
