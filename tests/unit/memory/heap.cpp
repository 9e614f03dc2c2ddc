// The kernel heap: objects do not overlap and are aligned; free memory returns to the frame
// allocator.
#include "memory/heap.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "machine.h"
#include "memory/frames.h"

namespace heap = kernel::memory::heap;
using hal::page_size;
using kernel::memory::frames;

TEST_CASE("objects are aligned to 16 bytes, or to their size if it is a power of two") {
  test::Machine machine;
  for (std::size_t bytes = 1; bytes <= 10'000; bytes += bytes < 300 ? 1 : 97) {
    void* object = heap::allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(object) % 16 == 0);
    std::memset(object, 0xee, bytes);
    heap::release(object);
  }
  for (std::size_t bytes = 16; bytes <= 4096; bytes *= 2) {
    void* first = heap::allocate(bytes);
    void* second = heap::allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(first) % bytes == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(second) % bytes == 0);
    heap::release(first);
    heap::release(second);
  }
}

TEST_CASE("release of null does nothing") {
  heap::release(nullptr);
}

TEST_CASE("a page holds as many objects of one size as fit") {
  test::Machine machine;
  const std::size_t before = frames.free_count();
  std::vector<void*> objects;
  for (int i = 0; i < 256; ++i) objects.push_back(heap::allocate(16));
  CHECK(frames.free_count() == before - 1);
  CHECK(heap::bytes_in_use() == 4096);
  for (void* object : objects) heap::release(object);
}

TEST_CASE("a full page has room again after one of its objects was released") {
  test::Machine machine;
  void* first = heap::allocate(2048);
  void* second = heap::allocate(2048);
  const std::size_t before = frames.free_count();
  heap::release(first);
  CHECK(heap::allocate(2048) == first);
  CHECK(frames.free_count() == before);
  heap::release(first);
  heap::release(second);
}

TEST_CASE("the heap keeps one empty page per size and returns the others") {
  test::Machine machine;
  const std::size_t before = frames.free_count();
  std::vector<void*> objects;
  for (int i = 0; i < 10; ++i) objects.push_back(heap::allocate(2048));
  CHECK(frames.free_count() == before - 5);
  for (void* object : objects) heap::release(object);
  CHECK(frames.free_count() == before - 1);
  heap::trim();
  CHECK(frames.free_count() == before);
}

TEST_CASE("a hart gets back the objects that it has released, if several harts run") {
  test::Machine machine;
  std::vector<void*> objects;
  for (int i = 0; i < 8; ++i) objects.push_back(heap::allocate_smp(96));
  std::set<void*> different{objects.begin(), objects.end()};
  CHECK(different.size() == objects.size());
  for (void* object : objects) heap::release_smp(object);
  for (void*& object : objects) {
    object = heap::allocate_smp(96);
    CHECK(different.erase(object) == 1);
  }
  for (void* object : objects) heap::release_smp(object);
  CHECK(heap::bytes_in_use() != 0);  // the hart's cache
  heap::trim();
  CHECK(heap::bytes_in_use() == 0);
}

TEST_CASE("the cache of a hart holds at most 15 objects of a size, and at most a page") {
  test::Machine machine;
  for (const std::size_t bytes : {16, 128, 1024, 2048}) {
    std::vector<void*> objects;
    for (int i = 0; i < 100; ++i) objects.push_back(heap::allocate_smp(bytes));
    for (void* object : objects) heap::release_smp(object);
    const std::size_t cached = heap::bytes_in_use();
    CHECK(cached <= 15 * bytes);
    CHECK(cached <= page_size);
    heap::trim();
  }
}

TEST_CASE("objects of different harts lie in different pages and cache lines") {
  test::Machine machine;
  const auto page_of = [](void* object) {
    return reinterpret_cast<std::uintptr_t>(object) / page_size;
  };
  std::vector<void*> objects;
  std::set<std::uintptr_t> pages[2];
  for (int i = 0; i < 100; ++i) {
    hal::fake::here = i % 2;
    objects.push_back(heap::allocate_smp(40 + i));
    CHECK(reinterpret_cast<std::uintptr_t>(objects.back()) % 64 == 0);
    pages[i % 2].insert(page_of(objects.back()));
  }
  hal::fake::here = 0;
  for (const std::uintptr_t page : pages[0]) CHECK_FALSE(pages[1].contains(page));
  for (void* object : objects) heap::release_smp(object);
}

TEST_CASE("the cache of a hart holds no objects that are larger than half a page") {
  test::Machine machine;
  heap::release_smp(heap::allocate_smp(2049));
  CHECK(heap::bytes_in_use() == 0);
  heap::release_smp(nullptr);
}

TEST_CASE("random objects keep their contents while others come and go") {
  test::Machine machine;
  test::Random random(3);
  struct Object {
    std::uint8_t* bytes;
    std::size_t size;
    std::uint8_t pattern;
  };
  std::vector<Object> held;
  const auto release = [](const Object& object) {
    for (std::size_t i = 0; i < object.size; ++i) REQUIRE(object.bytes[i] == object.pattern);
    heap::release(object.bytes);
  };
  for (int step = 0; step < 30'000; ++step) {
    if (held.size() < 2 || random.below(100) < 51) {
      const std::size_t size = 1 + random.below(random.below(20) == 0 ? 9'000 : 600);
      const auto pattern = static_cast<std::uint8_t>(step);
      auto* bytes = static_cast<std::uint8_t*>(heap::allocate(size));
      std::memset(bytes, pattern, size);
      held.push_back({bytes, size, pattern});
    } else {
      std::swap(held[random.below(held.size())], held.back());
      release(held.back());
      held.pop_back();
    }
  }
  for (const Object& object : held) release(object);
}
