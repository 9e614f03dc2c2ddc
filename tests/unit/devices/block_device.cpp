// Requests to a disk: in flight, their order, and their completion.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <list>

#include "block_requests.h"
#include "disk_world.h"

using namespace test;

TEST_CASE("a read returns what a write stored on the disk") {
  DiskModel model;
  DiskWorld disk{model};
  Sector out, in;
  for (std::size_t i = 0; i < sector; ++i) out[i] = static_cast<std::byte>(i * 3);
  CHECK(disk.finish(transfer(*disk.device, BlockRequest::Kind::write, 7, out)));
  CHECK(holds_sector(out, model, 7));
  CHECK(disk.finish(read(*disk.device, 7, in)));
  CHECK(in == out);
  CHECK(disk.finish(disk.device->flush()));
  const auto counters = disk.device->counters();
  CHECK(counters.reads == 1);
  CHECK(counters.writes == 1);
  CHECK(counters.flushes == 1);
  CHECK(counters.most_in_flight == 1);
  CHECK(counters.errors == 0);
}

TEST_CASE("as many requests as the queue holds are in flight at once and end in any order") {
  DiskModel model;
  number_sectors(model);
  DiskWorld disk{model};
  std::list<Reader> readers;
  for (int i = 0; i < 256; ++i) readers.emplace_back(*disk.device, i % 64);
  disk.world.run();
  CHECK(disk.disk->held().size() == 256);
  CHECK(disk.device->counters().in_flight == 256);
  test::Random random{1};
  while (!disk.disk->held().empty()) {
    disk.disk->answer(random.below(disk.disk->held().size()));
    disk.world.run();
  }
  int number = 0;
  for (Reader& reader : readers) {
    REQUIRE(reader.job.done());
    CHECK(std::move(reader.job).get());
    CHECK(holds_sector(reader.bytes, model, number++ % 64));
  }
  CHECK(disk.device->counters().most_in_flight == 256);
}

TEST_CASE("requests that find the queue full enter it in order as room appears") {
  DiskModel model;
  model.queue_limit = 8;
  const bool indirect = GENERATE(false, true);
  if (!indirect) model.features &= ~kernel::virtio::feature::indirect_descriptors;
  number_sectors(model);
  DiskWorld disk{model};
  const std::size_t room = indirect ? 8 : 8 / 3;
  auto readers = start_readers(*disk.device, 20);
  disk.world.run();
  std::vector<std::uint64_t> order;
  while (!disk.disk->held().empty()) {
    REQUIRE(disk.disk->held().size() == std::min(room, 20 - order.size()));
    order.push_back(disk.disk->sector_of(disk.disk->held()[0]));
    disk.disk->answer(0);
    disk.world.run();
  }
  for (int i = 0; i < 20; ++i) CHECK(order.at(i) == static_cast<std::uint64_t>(i));
  int number = 0;
  for (Reader& reader : readers) {
    CHECK(std::move(reader.job).get());
    CHECK(holds_sector(reader.bytes, model, number++));
  }
}

TEST_CASE("the driver notifies the disk of a request that had to wait for room") {
  DiskModel model;
  model.queue_limit = 8;
  DiskWorld disk{model};
  auto readers = start_readers(*disk.device, 9);
  disk.world.run();
  const unsigned before = disk.disk->notifications;
  disk.disk->answer(0);
  disk.world.run();
  CHECK(disk.disk->notifications == before + 1);
  disk.disk->answer_all(disk.world);
  for (Reader& reader : readers) CHECK(std::move(reader.job).get());
}

TEST_CASE("a request that the disk fails ends with an error and does not affect others") {
  DiskModel model;
  DiskWorld disk{model};
  Reader bad{*disk.device, 1}, unsupported{*disk.device, 2}, odd{*disk.device, 3},
      good{*disk.device, 4};
  disk.world.run();
  disk.disk->answer(0, 1);
  disk.disk->answer(0, 2);
  disk.disk->answer(0, 77);
  disk.disk->answer(0);
  disk.world.run();
  CHECK(std::move(bad.job).get().error() == Errno::eio);
  CHECK(std::move(unsupported.job).get().error() == Errno::enotsup);
  CHECK(std::move(odd.job).get().error() == Errno::eio);
  CHECK(std::move(good.job).get());
  CHECK(disk.device->counters().errors == 3);
  CHECK(disk.device->counters().resets == 0);
}

TEST_CASE("a cancelled job waits until its request has ended") {
  DiskModel model;
  number_sectors(model);
  DiskWorld disk{model};
  Reader reader{*disk.device, 3};
  disk.world.run();
  reader.job.cancel();
  disk.world.run();
  CHECK_FALSE(reader.job.done());
  disk.disk->answer(0);
  disk.world.run();
  REQUIRE(reader.job.done());
  CHECK(std::move(reader.job).get());
  CHECK(holds_sector(reader.bytes, model, 3));
}

TEST_CASE("useless interrupts are counted, and a storm masks the line for increasing times") {
  using kernel::InterruptBackoff;
  DiskModel model;
  DiskWorld disk{model};
  disk.world.run();
  for (unsigned i = 1; i <= InterruptBackoff::tolerated; ++i) {
    disk.disk->interrupt(0);
    disk.world.run();
    CHECK(disk.disk->completed_interrupts == i);
  }
  auto pause = InterruptBackoff::shortest;
  for (unsigned i = 0; i < 10; ++i) {
    const unsigned before = disk.disk->completed_interrupts;
    disk.disk->interrupt(0);
    disk.world.advance(pause - 1ns);
    CHECK(disk.disk->completed_interrupts == before);
    disk.world.advance(1ns);
    CHECK(disk.disk->completed_interrupts == before + 1);
    pause = std::min(2 * pause, InterruptBackoff::longest);
  }
  CHECK(pause == InterruptBackoff::longest);
  CHECK(disk.device->counters().useless_interrupts == InterruptBackoff::tolerated + 10);
  CHECK(disk.device->counters().pauses == 10);

  SECTION("a request that completes during a pause ends after the pause") {
    Reader reader{*disk.device, 3};
    disk.disk->interrupt(0);
    disk.world.run();
    disk.disk->answer(0);
    disk.world.run();
    CHECK_FALSE(reader.job.done());
    disk.world.advance(InterruptBackoff::longest);
    REQUIRE(reader.job.done());
    CHECK(std::move(reader.job).get());
  }
  SECTION("a useful interrupt ends the pauses") {
    Sector bytes;
    CHECK(disk.finish(read(*disk.device, 0, bytes)));
    const unsigned before = disk.disk->completed_interrupts;
    disk.disk->interrupt(0);
    disk.world.run();
    CHECK(disk.disk->completed_interrupts == before + 1);
  }
}

TEST_CASE("the driver accepts only features that it knows, and legacy disks") {
  DiskModel model;
  model.features = ~std::uint64_t{0};
  SECTION("a legacy disk") {
    model.legacy = true;
    model.features = 0x7fff'ffff;
  }
  DiskWorld disk{model};
  CHECK(disk.device->is_read_only());
  const std::uint64_t known = 1 << 2 | 1 << 5 | 1 << 9 |
                              kernel::virtio::feature::indirect_descriptors |
                              kernel::virtio::feature::version_1;
  CHECK((disk.disk->accepted & ~known) == 0);
  Sector bytes;
  CHECK(disk.finish(read(*disk.device, 0, bytes)));
}

TEST_CASE("an unusable disk is not registered") {
  DiskModel model;
  SECTION("no queue") {
    model.queue_limit = 0;
  }
  SECTION("a queue that is too small") {
    model.queue_limit = 2;
  }
  SECTION("too few pieces a request") {
    model.segment_limit = 2;
  }
  SECTION("features that the disk does not accept") {
    model.accepts_features = false;
  }
  SECTION("neither version 1.0 nor legacy") {
    model.features = 0;
  }
  SECTION("a queue for which the disk cannot interrupt") {
    model.can_interrupt = false;
  }
  DiskWorld disk{model};
  CHECK(disk.device == nullptr);
}

// (The fake disk never uses memory of completed requests: the kernel could not prevent that.)
