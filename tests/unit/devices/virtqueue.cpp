// The driver's side of a virtqueue, with a correct device and with one that violates the protocol.
#include "devices/virtqueue.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <memory>
#include <set>

#include "../memory/machine.h"
#include "device_side.h"

using kernel::virtio::Descriptor;
using kernel::virtio::Virtqueue;
using test::DeviceSide;

namespace {

/// A queue and its device.
struct Pair {
  explicit Pair(unsigned size)
      : memory{static_cast<std::byte*>(
                   std::aligned_alloc(Virtqueue::alignment, Virtqueue::Layout{size}.bytes)),
               std::free},
        queue{{memory.get(), Virtqueue::Layout{size}.bytes}, size},
        device{memory.get(), size} {}

  std::unique_ptr<std::byte, void (*)(void*)> memory;
  Virtqueue queue;
  DeviceSide device;
};

/// A chain of `reads` pieces of 10 bytes that the device reads and `writes` of 100 bytes that it
/// writes.
std::vector<Descriptor> chain(int reads, int writes) {
  std::vector<Descriptor> made;
  for (int i = 0; i < reads; ++i) made.push_back(Descriptor::for_reading(0x1000 * i, 10));
  for (int i = 0; i < writes; ++i) made.push_back(Descriptor::for_writing(0x1000 * i, 100));
  return made;
}

int owners[Virtqueue::largest + 1];

}  // namespace

TEST_CASE("a chain reaches the device unchanged and returns to its owner") {
  Pair pair{8};
  pair.queue.add(chain(2, 1), &owners[0]);
  const auto seen = pair.device.next();
  REQUIRE(seen);
  REQUIRE(seen->parts.size() == 3);
  CHECK(seen->parts[1].address == 0x1000);
  CHECK(seen->parts[1].bytes == 10);
  CHECK(seen->writable() == 100);
  CHECK_FALSE(pair.device.next());
  CHECK_FALSE(pair.queue.take());
  CHECK(pair.queue.in_flight() == 1);

  pair.device.use(seen->head, 60);
  const auto done = pair.queue.take();
  REQUIRE(done);
  CHECK(done->owner == &owners[0]);
  CHECK(done->written == 60);
  CHECK_FALSE(pair.queue.take());
  CHECK(pair.queue.in_flight() == 0);
  CHECK_FALSE(pair.queue.is_broken());
}

TEST_CASE("a queue has room for all its descriptors, and again when chains return") {
  Pair pair{8};
  CHECK(pair.queue.has_room_for(8));
  CHECK_FALSE(pair.queue.has_room_for(9));
  pair.queue.add(chain(1, 2), &owners[0]);
  pair.queue.add(chain(4, 0), &owners[1]);
  CHECK(pair.queue.has_room_for(1));
  CHECK_FALSE(pair.queue.has_room_for(2));
  const auto first = pair.device.next();
  const auto second = pair.device.next();
  pair.device.use(second->head, 0);
  CHECK(pair.queue.take()->owner == &owners[1]);
  CHECK(pair.queue.has_room_for(5));
  CHECK_FALSE(pair.queue.has_room_for(6));
  pair.device.use(first->head, 0);
  CHECK(pair.queue.take()->owner == &owners[0]);
  CHECK(pair.queue.has_room_for(8));
}

TEST_CASE("a chain in a table of its own takes one descriptor") {
  Pair pair{4};
  std::vector<std::vector<Descriptor>> tables(4, chain(3, 4));
  for (int i = 0; i < 4; ++i) pair.queue.add_indirect(tables[i], &owners[i]);
  CHECK_FALSE(pair.queue.has_room_for(1));
  for (int i = 0; i < 4; ++i) {
    const auto seen = pair.device.next();
    REQUIRE(seen);
    CHECK(seen->parts.size() == 7);
    CHECK(seen->writable() == 400);
    pair.device.use(seen->head, 400);
    CHECK(pair.queue.take()->owner == &owners[i]);
  }
}

TEST_CASE("a device that suppresses notifications gets none") {
  Pair pair{4};
  pair.queue.add(chain(1, 0), &owners[0]);
  CHECK(pair.queue.wants_notification());
  pair.device.ask_for_no_notification(true);
  CHECK_FALSE(pair.queue.wants_notification());
}

TEST_CASE("chains that return in any order reach each owner once") {
  const auto seed = GENERATE(range(1, 9));
  const unsigned size = 1U << seed;
  Pair pair{size};
  test::Random random{static_cast<std::uint64_t>(seed)};
  struct Held {
    std::uint16_t head;
    std::uint32_t writable;
    void* owner;
  };
  std::vector<Held> held;
  std::vector<int> names(80'000);  // more than 2^16, so the indices wrap
  for (std::size_t next = 0; next < names.size();) {
    if (random.below(2) == 0) {
      const auto made = chain(1 + static_cast<int>(random.below(3)), random.below(2) == 0 ? 0 : 1);
      if (!pair.queue.has_room_for(made.size())) continue;
      void* const owner = &names[next++];
      pair.queue.add(made, owner);
      const auto seen = pair.device.next();
      REQUIRE(seen);
      REQUIRE(seen->parts.size() == made.size());
      held.push_back({seen->head, seen->writable(), owner});
    } else if (!held.empty()) {
      std::swap(held[random.below(held.size())], held.back());
      pair.device.use(held.back().head, held.back().writable);
      const auto done = pair.queue.take();
      REQUIRE(done);
      REQUIRE(done->owner == held.back().owner);
      REQUIRE(done->written == held.back().writable);
      held.pop_back();
    }
    REQUIRE(pair.queue.in_flight() == held.size());
  }
}

TEST_CASE("an invalid answer breaks the queue, which works again after a reset") {
  Pair pair{8};
  pair.queue.add(chain(1, 1), &owners[0]);
  pair.queue.add(chain(1, 1), &owners[1]);
  const auto first = pair.device.next();
  const auto second = pair.device.next();

  SECTION("an id that no descriptor has") {
    pair.device.use(8, 0);
  }
  SECTION("an id far beyond the queue") {
    pair.device.use(0xffff'ffff, 0);
  }
  SECTION("a descriptor that was not offered") {
    pair.device.use(7, 0);
  }
  SECTION("the middle of a chain") {
    pair.device.use(first->parts[0].next, 0);
  }
  SECTION("more bytes than the chain holds") {
    pair.device.use(first->head, 101);
  }
  SECTION("nearly 4 GiB") {
    pair.device.use(first->head, 0xffff'ffff);
  }
  SECTION("more chains than the queue has") {
    pair.device.set_used_index(3);
  }
  SECTION("an index that decreases") {
    pair.device.set_used_index(0xffff);
  }
  SECTION("the same chain twice") {
    pair.device.use(first->head, 100);
    CHECK(pair.queue.take()->owner == &owners[0]);
    pair.device.use(first->head, 100);
  }

  CHECK_FALSE(pair.queue.take());
  CHECK(pair.queue.is_broken());
  pair.device.use(second->head, 0);
  CHECK_FALSE(pair.queue.take());

  std::set<void*> dropped;
  pair.queue.reset([&](void* owner) { CHECK(dropped.insert(owner).second); });
  CHECK(dropped.contains(&owners[1]));
  CHECK(pair.queue.in_flight() == 0);
  CHECK_FALSE(pair.queue.is_broken());
  CHECK(pair.queue.has_room_for(8));

  pair.device = DeviceSide{pair.memory.get(), 8};
  pair.queue.add(chain(4, 4), &owners[2]);
  pair.device.use(pair.device.next()->head, 400);
  CHECK(pair.queue.take()->owner == &owners[2]);
}

TEST_CASE("a device that writes random bytes to its memory gets no other memory") {
  const auto seed = GENERATE(range(1, 33));
  test::Random random{static_cast<std::uint64_t>(seed)};
  constexpr unsigned size = 16;
  Pair pair{size};
  const auto layout = pair.queue.layout();
  std::set<void*> in_flight;
  int next_owner = 0;
  int resets = 0;
  for (int step = 0; step < 20'000; ++step) {
    switch (random.below(4)) {
      case 0: {
        const auto made = chain(1 + static_cast<int>(random.below(3)), 1);
        void* const owner = &owners[next_owner];
        if (!pair.queue.has_room_for(made.size()) || in_flight.contains(owner)) break;
        next_owner = (next_owner + 1) % Virtqueue::largest;
        pair.queue.add(made, owner);
        in_flight.insert(owner);
        break;
      }
      case 1: pair.memory.get()[random.below(layout.bytes)] = std::byte(random.next()); break;
      case 2: {
        // Corrupts the used ring and its index, often with plausible values.
        const std::size_t entry = layout.used + 4 + 8 * random.below(size);
        const std::uint32_t id = static_cast<std::uint32_t>(random.below(2 * size));
        const std::uint32_t written = static_cast<std::uint32_t>(random.below(120));
        std::memcpy(pair.memory.get() + entry, &id, sizeof id);
        std::memcpy(pair.memory.get() + entry + 4, &written, sizeof written);
        const auto index = static_cast<std::uint16_t>(pair.device.used_index() + random.below(3));
        pair.device.set_used_index(index);
        break;
      }
      case 3:
        while (const auto done = pair.queue.take()) {
          REQUIRE(in_flight.erase(done->owner) == 1);
          REQUIRE(done->written <= 100);
        }
    }
    REQUIRE(pair.queue.in_flight() == in_flight.size());
    if (!pair.queue.is_broken()) continue;
    pair.queue.reset([&](void* owner) { REQUIRE(in_flight.erase(owner) == 1); });
    REQUIRE(in_flight.empty());
    pair.device = DeviceSide{pair.memory.get(), size};
    ++resets;
  }
  CHECK(resets > 10);
}

TEST_CASE("the parts of a queue lie where every version of the specification has them") {
  // VIRTIO 1.2, 2.7, gives the sizes. The legacy layout (2.7.2) aligns the used ring to a page.
  constexpr Virtqueue::Layout small{1}, large{256};
  CHECK(small.available == 16);
  CHECK(small.used == 4096);
  CHECK(small.bytes == 8192);
  CHECK(large.available == 4096);
  CHECK(large.used == 8192);
  CHECK(large.bytes == 12288);
}
