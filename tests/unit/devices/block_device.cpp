// The disk's driver against disks that are slow, broken, or lie.
#include "devices/block_device.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <list>

#include "fake_disk.h"

using async::Task;
using kernel::BlockDevice;
using kernel::BlockRequest;
using kernel::Errno;
using kernel::Result;
using test::DiskModel;
using test::DiskWorld;

namespace {

constexpr std::size_t sector = 512;
using Sector = std::array<std::byte, sector>;

Task<Result<>> transfer(BlockDevice& device, BlockRequest::Kind kind, std::uint64_t number,
                        Sector& bytes) {
  BlockRequest request;
  request.begin(kind, number);
  request.add(hal::virt_to_phys(bytes.data()), bytes.size());
  co_return co_await device.run(request);
}

Task<Result<>> read(BlockDevice& device, std::uint64_t number, Sector& bytes) {
  return transfer(device, BlockRequest::Kind::read, number, bytes);
}

/// Reads that go on at the same time.
struct Reader {
  Reader(BlockDevice& device, std::uint64_t number)
      : job{async::spawn(read(device, number, bytes), {.name = "reader"})} {}

  Sector bytes{};
  async::JoinHandle<Result<>> job;
};

void number_sectors(DiskModel& model) {
  for (std::size_t i = 0; i < model.bytes.size(); ++i) {
    model.bytes[i] = static_cast<std::byte>(i / sector + i % 7);
  }
}

bool holds_sector(const Sector& bytes, const DiskModel& model, std::uint64_t number) {
  return std::equal(bytes.begin(), bytes.end(), model.bytes.begin() + number * sector);
}

}  // namespace

TEST_CASE("what is written to the disk is read from it") {
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

TEST_CASE("as many requests as the queue holds are in flight at once, and end in any order") {
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

TEST_CASE("who finds the queue full gets in as soon as there is room, in order") {
  DiskModel model;
  model.queue_limit = 8;
  const bool indirect = GENERATE(false, true);
  if (!indirect) model.features &= ~kernel::virtio::feature::indirect_descriptors;
  number_sectors(model);
  DiskWorld disk{model};
  const std::size_t room = indirect ? 8 : 8 / 3;
  std::list<Reader> readers;
  for (int i = 0; i < 20; ++i) readers.emplace_back(*disk.device, i);
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

TEST_CASE("the disk is told of requests that get in late") {
  DiskModel model;
  model.queue_limit = 8;
  DiskWorld disk{model};
  std::list<Reader> readers;
  for (int i = 0; i < 9; ++i) readers.emplace_back(*disk.device, i);
  disk.world.run();
  const unsigned before = disk.disk->notifications;
  disk.disk->answer(0);
  disk.world.run();
  CHECK(disk.disk->notifications == before + 1);
  disk.disk->answer_all(disk.world);
  for (Reader& reader : readers) CHECK(std::move(reader.job).get());
}

TEST_CASE("a request that the disk fails ends with an error, and others are none the worse") {
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

TEST_CASE("a disk that calls half a sector success is not believed") {
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

TEST_CASE("a disk that talks nonsense is reset, what it had ends with EIO, and it works again") {
  DiskModel model;
  model.queue_limit = 8;
  number_sectors(model);
  DiskWorld disk{model};
  std::list<Reader> readers;
  for (int i = 0; i < 10; ++i) readers.emplace_back(*disk.device, i);
  disk.world.run();
  REQUIRE(disk.disk->held().size() == 8);
  disk.disk->answer(0);  // lets the ninth in
  disk.world.run();

  SECTION("an id that is nobody's") {
    disk.disk->side().use(1000, 1);
  }
  SECTION("an index that jumps") {
    disk.disk->side().set_used_index(40);
  }
  SECTION("too many bytes") {
    disk.disk->side().use(disk.disk->held()[0].head, 4096);
  }
  SECTION("it says itself that it needs it") {
    disk.disk->ask_for_reset();
  }

  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  // The one for which there had been no room is in the new queue, and the only one.
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

TEST_CASE("a disk that is dead after a reset ends everything with EIO") {
  DiskModel model;
  model.queue_limit = 8;
  DiskWorld disk{model};
  std::list<Reader> readers;
  for (int i = 0; i < 9; ++i) readers.emplace_back(*disk.device, i);
  disk.world.run();

  SECTION("it does not agree on features any more") {
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

TEST_CASE("memory is the disk's until it says that it has let go") {
  DiskModel model;
  DiskWorld disk{model};
  Reader reader{*disk.device, 0};
  disk.world.run();
  disk.disk->comes_back = false;
  disk.disk->side().use(1000, 1);
  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  CHECK_FALSE(reader.job.done());
  Sector bytes;  // others are not kept waiting
  CHECK(disk.finish(read(*disk.device, 1, bytes)).error() == Errno::eio);

  disk.disk->comes_back = true;
  disk.disk->interrupt(kernel::virtio::cause::used_buffer);
  disk.world.run();
  REQUIRE(reader.job.done());
  CHECK(std::move(reader.job).get().error() == Errno::eio);
  CHECK(disk.finish(read(*disk.device, 1, bytes)));
}

TEST_CASE("a cancelled job's request goes on to its end, and so does the job's wait") {
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

TEST_CASE(
    "useless interrupts are counted, and a storm of them leaves the line silent for longer "
    "and longer") {
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

  SECTION("what is done during a pause is noticed at its end") {
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
  SECTION("one of use ends it") {
    Sector bytes;
    CHECK(disk.finish(read(*disk.device, 0, bytes)));
    const unsigned before = disk.disk->completed_interrupts;
    disk.disk->interrupt(0);
    disk.world.run();
    CHECK(disk.disk->completed_interrupts == before + 1);
  }
}

TEST_CASE("the driver takes only features that it knows, and uses a disk of before 1.0") {
  DiskModel model;
  model.features = ~std::uint64_t{0};
  SECTION("of before 1.0") {
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

TEST_CASE("a disk that cannot be used is none") {
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
  SECTION("features that cannot be agreed on") {
    model.accepts_features = false;
  }
  SECTION("neither of 1.0 nor of before") {
    model.features = 0;
  }
  DiskWorld disk{model};
  CHECK(disk.device == nullptr);
}

// (It does not go on using memory of requests that it has called done: against that no kernel can
// do anything.)
TEST_CASE("whatever a disk does to its queue, every request ends once and the kernel goes on") {
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
          case 1: {  // an index ahead of all that it has
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
  disk.disk->ask_for_reset();  // the last lie may not have been noticed yet
  disk.world.advance(20ms);
  Sector bytes;
  CHECK(disk.finish(read(*disk.device, 5, bytes)));
  CHECK(holds_sector(bytes, model, 5));
}
