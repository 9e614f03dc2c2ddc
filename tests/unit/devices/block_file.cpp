// /dev/vda: transfers to and from a program's pages, at any offset, by several jobs.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <list>

#include "disk_file_world.h"

using namespace test;

TEST_CASE("reads and writes at any offset and of any length act like memory") {
  const auto seed = GENERATE(range(1, 9));
  test::Random random{static_cast<std::uint64_t>(seed)};
  DiskModel disk;
  disk.bytes.resize(400 * 512);
  if (seed % 3 == 0) disk.segment_limit = 3;  // many small requests
  if (seed % 2 == 0) disk.features &= ~kernel::virtio::feature::indirect_descriptors;
  DiskFileWorld world{disk};
  std::string model = world.on_disk(0, disk.bytes.size());
  for (int i = 0; i < 400; ++i) {
    const std::size_t offset = random.below(model.size());
    const std::size_t most = random.below(3) == 0 ? 150'000 : 1'500;
    const std::size_t size = 1 + random.below(most);
    const std::size_t expected = std::min(size, model.size() - offset);
    const hal::VirtAddr where = here + random.below(pages * page_size - size);
    if (random.below(2) == 0) {
      const std::string text = pattern(size, random.below(251));
      world.put_text(where, text);
      REQUIRE(world.write(offset, where, size) == expected);
      model.replace(offset, expected, text, 0, expected);
    } else {
      const std::string before = world.text_at(where, size);
      REQUIRE(world.read(offset, where, size) == expected);
      REQUIRE(world.text_at(where, size) ==
              model.substr(offset, expected) + before.substr(expected));
    }
  }
  CHECK(world.on_disk(0, model.size()) == model);
}

TEST_CASE("concurrent transfers keep their bytes apart even if they share sectors") {
  const auto seed = GENERATE(range(1, 17));
  test::Random random{static_cast<std::uint64_t>(seed)};
  DiskModel disk;
  disk.bytes.resize(16 * 512);
  DiskFileWorld world{disk};
  std::string model = world.on_disk(0, disk.bytes.size());
  for (int round = 0; round < 20; ++round) {
    // Writes the disk in pieces of any length, each by another job.
    std::list<async::JoinHandle<Result<std::size_t>>> writers;
    for (std::size_t at = 0; at < model.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random.below(1'200), model.size() - at);
      if (random.below(4) != 0) {
        const std::string text = pattern(size, random.below(251));
        world.put_text(here + at, text);
        writers.push_back(async::spawn(world.start(Direction::write, at, here + at, size)));
        model.replace(at, size, text);
      }
      at += size;
    }
    for (world.world.run(); !world.disk->held().empty(); world.world.run()) {
      world.disk->answer(random.below(world.disk->held().size()));
    }
    for (auto& writer : writers) REQUIRE(std::move(writer).get());
    REQUIRE(world.on_disk(0, model.size()) == model);
  }
}

TEST_CASE("writes of whole sectors run concurrently, writes of partial sectors one by one") {
  DiskModel disk;
  DiskFileWorld world{disk};
  auto first = async::spawn(world.start(Direction::write, 0, here, 1024));
  auto second = async::spawn(world.start(Direction::write, 512, here + page_size, 1024));
  world.world.run();
  CHECK(world.disk->held().size() == 2);
  auto part = async::spawn(world.start(Direction::write, 1100, here, 10));
  auto elsewhere = async::spawn(world.start(Direction::write, 10'000, here, 10));
  auto after = async::spawn(world.start(Direction::write, 1024, here, 512));
  auto reader = async::spawn(world.start(Direction::read, 1024, here + 3 * page_size, 512));
  world.world.run();
  // `part` waits for `second`, which writes the same sector, and `after` waits for `part`.
  CHECK(world.disk->held().size() == 4);
  world.disk->answer_all(world.world);
  for (auto* job : {&first, &second, &part, &elsewhere, &after, &reader}) {
    CHECK(std::move(*job).get());
  }
}

TEST_CASE("reads and writes at the file's position follow each other") {
  DiskModel disk;
  DiskFileWorld world{disk};
  CHECK(world.read({}, here, 100) == 100);
  CHECK(world.read({}, here + 100, 1'000) == 1'000);
  CHECK(world.text_at(here, 1'100) == world.on_disk(0, 1'100));
  CHECK(world.file->seek(0, abi::seek_cur) == 1'100);
  CHECK(world.file->seek(-24, abi::seek_end) == 64 * 512 - 24);
  CHECK(world.read({}, here, 1'000) == 24);
  CHECK(world.read({}, here, 1'000) == 0);
  CHECK(world.file->seek(64 * 512 + 1, abi::seek_set).error() == Errno::einval);
  CHECK(world.file->seek(-1, abi::seek_set).error() == Errno::einval);

  SECTION("two concurrent reads return different bytes") {
    CHECK(world.file->seek(0, abi::seek_set) == 0);
    auto first = async::spawn(world.start(Direction::read, {}, here, 512));
    auto second = async::spawn(world.start(Direction::read, {}, here + 512, 512));
    world.disk->answer_all(world.world);
    CHECK(std::move(first).get() == 512);
    CHECK(std::move(second).get() == 512);
    CHECK(world.text_at(here, 1'024) == world.on_disk(0, 1'024));
  }
}

TEST_CASE("a disk's file reports its type, its device number and its size") {
  DiskModel disk;
  DiskFileWorld world{disk};
  const abi::Stat status = world.file->status();
  CHECK((status.mode & abi::s_ifmt) == abi::s_ifblk);
  CHECK(status.size == 0);
  CHECK(status.special_device == (254 << 8));
  const auto ask = [&](unsigned long request) {
    return world.file->control(*world.space, request, here);
  };
  CHECK(ask(abi::blk_get_size_64) == 0);
  CHECK(kernel::UserPtr<std::uint64_t>{here}.read(*world.space) == 64 * 512);
  CHECK(ask(abi::blk_get_size) == 0);
  CHECK(kernel::UserPtr<std::uint64_t>{here}.read(*world.space) == 64);
  CHECK(ask(abi::blk_sector_size) == 0);
  CHECK(kernel::UserPtr<int>{here}.read(*world.space) == 512);
  CHECK(ask(abi::tcgets).error() == Errno::enotty);
}

TEST_CASE("lists of parts of any length are gathered and scattered") {
  const auto seed = GENERATE(range(1, 5));
  test::Random random{static_cast<std::uint64_t>(seed)};
  DiskModel disk;
  DiskFileWorld world{disk};
  for (int i = 0; i < 30; ++i) {
    std::vector<abi::IoVector> parts;
    std::string text;
    hal::VirtAddr at = here;
    for (std::uint64_t left = 1 + random.below(60); left > 0; --left) {
      const std::size_t size = random.below(3) == 0 ? 0 : random.below(300);
      parts.push_back({at, size});
      const std::string piece = pattern(size, random.below(251));
      world.put_text(at, piece);
      text += piece;
      at += size + random.below(5'000);
    }
    const std::size_t offset = random.below(10'000);
    const auto move = [&](Direction direction) {
      return world.finish(world.file->transfer(direction, offset, IoBuffer{*world.space, parts}));
    };
    REQUIRE(move(Direction::write) == text.size());
    REQUIRE(world.on_disk(offset, text.size()) == text);
    for (const auto& part : parts) world.put_text(part.base, std::string(part.length, 'x'));
    REQUIRE(move(Direction::read) == text.size());
    std::string back;
    for (const auto& part : parts) back += world.text_at(part.base, part.length);
    REQUIRE(back == text);
  }
}
