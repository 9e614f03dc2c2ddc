// Disks that fail, violate the protocol, or stop: every request completes, and the kernel keeps
// working.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <list>

#include "block_requests.h"
#include "disk_world.h"

using namespace test;

TEST_CASE("half a sector with a success status is an error") {
  DiskModel model;
  DiskWorld disk{model};
  Reader reader{*disk.device, 1};
  disk.world.run();
  const auto chain = disk.disk->held()[0];
  *hal::phys_to_virt(chain.parts.back().address) = std::byte{0};
  disk.disk->side().use(chain.head, 256);
  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  CHECK(std::move(reader.job).get().error() == Errno::eio);
}

TEST_CASE("a disk with invalid answers is reset, its requests end with EIO, and it works again") {
  DiskModel model;
  model.queue_limit = 8;
  number_sectors(model);
  DiskWorld disk{model};
  auto readers = start_readers(*disk.device, 10);
  disk.world.run();
  REQUIRE(disk.disk->held().size() == 8);
  disk.disk->answer(0);  // makes room for the ninth request
  disk.world.run();

  SECTION("an id without a request") {
    disk.disk->side().use(1000, 1);
  }
  SECTION("an index that jumps") {
    disk.disk->side().set_used_index(40);
  }
  SECTION("more bytes than the buffer holds") {
    disk.disk->side().use(disk.disk->held()[0].head, 4096);
  }
  SECTION("the disk asks for a reset") {
    disk.disk->ask_for_reset();
  }

  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  // The request for which there was no room is the only one in the new queue.
  REQUIRE(disk.disk->held().size() == 1);
  CHECK(disk.disk->sector_of(disk.disk->held()[0]) == 9);
  disk.disk->answer(0);
  disk.world.run();
  int number = 0;
  for (Reader& reader : readers) {
    REQUIRE(reader.job.done());
    const auto ended = std::move(reader.job).get();
    if (number == 0 || number == 9) {
      CHECK(ended);
      CHECK(holds_sector(reader.bytes, model, number));
    } else {
      CHECK(ended.error() == Errno::eio);
    }
    ++number;
  }
  CHECK(disk.device->counters().resets == 1);
  Sector bytes;
  CHECK(disk.finish(read(*disk.device, 5, bytes)));
  CHECK(holds_sector(bytes, model, 5));
}

TEST_CASE("a disk that does not come back after a reset ends all requests with EIO") {
  DiskModel model;
  model.queue_limit = 8;
  DiskWorld disk{model};
  auto readers = start_readers(*disk.device, 9);
  disk.world.run();

  SECTION("it does not accept the features any more") {
    disk.disk->accepts = false;
  }
  SECTION("its queue has become too small") {
    disk.disk->limit = 4;
  }
  disk.disk->side().use(1000, 1);
  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  for (Reader& reader : readers) CHECK(std::move(reader.job).get().error() == Errno::eio);
  Sector bytes;
  CHECK(disk.finish(read(*disk.device, 0, bytes)).error() == Errno::eio);
}

TEST_CASE("a request ends only when the disk has stopped using its memory") {
  DiskModel model;
  DiskWorld disk{model};
  Reader reader{*disk.device, 0};
  disk.world.run();
  disk.disk->comes_back = false;
  disk.disk->side().use(1000, 1);
  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  CHECK_FALSE(reader.job.done());
  // A new request does not wait for the disk: it fails at once.
  Sector bytes;
  CHECK(disk.finish(read(*disk.device, 1, bytes)).error() == Errno::eio);

  disk.disk->comes_back = true;
  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  REQUIRE(reader.job.done());
  CHECK(std::move(reader.job).get().error() == Errno::eio);
  CHECK(disk.finish(read(*disk.device, 1, bytes)));
}

TEST_CASE("with random disk errors every request ends once and the kernel keeps running") {
  const auto seed = GENERATE(range(1, 17));
  test::Random random{static_cast<std::uint64_t>(seed)};
  DiskModel model;
  model.queue_limit = 16;
  if (seed % 2 == 0) model.features &= ~kernel::virtio::feature::indirect_descriptors;
  number_sectors(model);
  DiskWorld disk{model};
  std::list<Reader> readers;
  unsigned ended = 0, failed = 0;
  for (int step = 0; step < 3'000; ++step) {
    switch (random.below(6)) {
      case 0:
      case 1:
        if (readers.size() < 40) readers.emplace_back(*disk.device, random.below(64));
        break;
      case 2:
      case 3:
        if (!disk.disk->held().empty()) {
          disk.disk->answer(random.below(disk.disk->held().size()), random.below(8) == 0 ? 1 : 0);
        }
        break;
      case 4:
        switch (random.below(8)) {
          case 0: disk.disk->side().use(16 + static_cast<std::uint32_t>(random.below(9)), 1); break;
          case 1: {  // an index beyond all offered chains
            const std::uint64_t jump = 20 + random.below(60'000);
            disk.disk->side().set_used_index(
                static_cast<std::uint16_t>(disk.disk->side().used_index() + jump));
            break;
          }
          case 2: disk.disk->ask_for_reset(); break;
          default: disk.disk->interrupt(static_cast<std::uint32_t>(random.below(2))); break;
        }
        break;
      case 5: disk.world.advance(1ms); break;
    }
    disk.world.run();
    std::erase_if(readers, [&](Reader& reader) {
      if (!reader.job.done()) return false;
      ++ended;
      if (!std::move(reader.job).get()) ++failed;
      return true;
    });
  }
  for (int i = 0; i < 100 && !readers.empty(); ++i) {
    disk.disk->answer_all(disk.world);
    disk.world.advance(20ms);
    std::erase_if(readers, [](Reader& reader) {
      return reader.job.done() && (std::move(reader.job).get(), true);
    });
  }
  CHECK(readers.empty());
  CHECK(ended > 100);
  CHECK(failed > 10);
  CHECK(disk.device->counters().resets > 5);
  disk.disk->ask_for_reset();  // the driver may not have detected the last violation yet
  disk.world.advance(20ms);
  Sector bytes;
  CHECK(disk.finish(read(*disk.device, 5, bytes)));
  CHECK(holds_sector(bytes, model, 5));
}
