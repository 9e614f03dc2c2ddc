// /dev/vda: bytes in and out of a program's pages, at any offset, whatever happens meanwhile.
#include "files/block_file.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <list>

#include "fake_disk.h"
#include "memory/user_memory.h"

using async::Task;
using hal::page_size;
using kernel::AddressSpace;
using kernel::Direction;
using kernel::File;
using kernel::memory::MapRequest;
using test::DiskModel;
using test::DiskWorld;
using test::Errno;
using test::IoBuffer;
using test::pattern;
using test::Ref;
using test::Result;

namespace {

constexpr hal::VirtAddr here = 0x10'0000;
constexpr std::size_t pages = 64;

/// A disk, a program with 256 KiB of memory at `here`, and the disk open in it.
struct World : DiskWorld {
  explicit World(DiskModel& model) : DiskWorld{model}, model{model} {
    std::size_t at = 0;
    for (std::byte& byte : model.bytes) byte = static_cast<std::byte>(at++ % 253);
    REQUIRE(space->map({.address = here,
                        .bytes = pages * page_size,
                        .access = hal::Access::read | hal::Access::write,
                        .place = MapRequest::Place::exactly}));
  }

  Task<Result<std::size_t>> start(Direction direction, std::optional<std::uint64_t> offset,
                                  hal::VirtAddr where, std::size_t size) {
    return file->transfer(direction, offset, IoBuffer{*space, where, size});
  }
  Result<std::size_t> read(std::optional<std::uint64_t> offset, hal::VirtAddr where,
                           std::size_t size) {
    return finish(start(Direction::read, offset, where, size));
  }
  Result<std::size_t> write(std::optional<std::uint64_t> offset, hal::VirtAddr where,
                            std::size_t size) {
    return finish(start(Direction::write, offset, where, size));
  }

  std::string text_at(hal::VirtAddr address, std::size_t size) {
    return text_in(*space, address, size);
  }
  static std::string text_in(AddressSpace& space, hal::VirtAddr address, std::size_t size) {
    std::string text(size, '?');
    REQUIRE(kernel::memory::copy_from_user(space, text.data(), address, size));
    return text;
  }
  void put_text(hal::VirtAddr address, const std::string& text) {
    REQUIRE(kernel::memory::copy_to_user(*space, address, text.data(), text.size()));
  }
  std::string on_disk(std::size_t offset, std::size_t size) {
    return {reinterpret_cast<const char*>(&model.bytes[offset]), size};
  }

  DiskModel& model;
  Ref<AddressSpace> space = *AddressSpace::create();
  Ref<kernel::BlockNode> node =
      kernel::make_ref<kernel::BlockNode>(*device, kernel::DeviceNumber{254, 0});
  Ref<File> file = *node->open(abi::o_rdwr);
};

}  // namespace

TEST_CASE("bytes at any offset and of any length are read and written as from memory") {
  const auto seed = GENERATE(range(1, 9));
  test::Random random{static_cast<std::uint64_t>(seed)};
  DiskModel disk;
  disk.bytes.resize(400 * 512);
  if (seed % 3 == 0) disk.segment_limit = 3;  // many small requests
  if (seed % 2 == 0) disk.features &= ~kernel::virtio::feature::indirect_descriptors;
  World world{disk};
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

TEST_CASE(
    "many transfers at once do not get into each other's bytes, whatever sectors they share") {
  const auto seed = GENERATE(range(1, 17));
  test::Random random{static_cast<std::uint64_t>(seed)};
  DiskModel disk;
  disk.bytes.resize(16 * 512);
  World world{disk};
  std::string model = world.on_disk(0, disk.bytes.size());
  for (int round = 0; round < 20; ++round) {
    // The disk in pieces of any length, each written by somebody else.
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

TEST_CASE("writes of whole sectors go on side by side, those of parts of a sector one by one") {
  DiskModel disk;
  World world{disk};
  auto first = async::spawn(world.start(Direction::write, 0, here, 1024));
  auto second = async::spawn(world.start(Direction::write, 512, here + page_size, 1024));
  world.world.run();
  CHECK(world.disk->held().size() == 2);
  auto part = async::spawn(world.start(Direction::write, 1100, here, 10));
  auto elsewhere = async::spawn(world.start(Direction::write, 10'000, here, 10));
  auto after = async::spawn(world.start(Direction::write, 1024, here, 512));
  auto reader = async::spawn(world.start(Direction::read, 1024, here + 3 * page_size, 512));
  world.world.run();
  CHECK(world.disk->held().size() == 4);  // and nothing for the sector that two want
  world.disk->answer_all(world.world);
  for (auto* job : {&first, &second, &part, &elsewhere, &after, &reader}) {
    CHECK(std::move(*job).get());
  }
}

TEST_CASE("reads and writes at the file's place follow each other") {
  DiskModel disk;
  World world{disk};
  CHECK(world.read({}, here, 100) == 100);
  CHECK(world.read({}, here + 100, 1'000) == 1'000);
  CHECK(world.text_at(here, 1'100) == world.on_disk(0, 1'100));
  CHECK(world.file->seek(0, abi::seek_cur) == 1'100);
  CHECK(world.file->seek(-24, abi::seek_end) == 64 * 512 - 24);
  CHECK(world.read({}, here, 1'000) == 24);
  CHECK(world.read({}, here, 1'000) == 0);
  CHECK(world.file->seek(64 * 512 + 1, abi::seek_set).error() == Errno::einval);
  CHECK(world.file->seek(-1, abi::seek_set).error() == Errno::einval);

  SECTION("two at once do not read the same bytes") {
    CHECK(world.file->seek(0, abi::seek_set) == 0);
    auto first = async::spawn(world.start(Direction::read, {}, here, 512));
    auto second = async::spawn(world.start(Direction::read, {}, here + 512, 512));
    world.disk->answer_all(world.world);
    CHECK(std::move(first).get() == 512);
    CHECK(std::move(second).get() == 512);
    CHECK(world.text_at(here, 1'024) == world.on_disk(0, 1'024));
  }
}

TEST_CASE("the end of the disk is the end of the file for reads, and no space for writes") {
  DiskModel disk;
  World world{disk};
  const std::uint64_t end = 64 * 512;
  CHECK(world.read(end, here, 10) == 0);
  CHECK(world.read(end + 5, here, 10) == 0);
  CHECK(world.read(~std::uint64_t{0} >> 1, here, 10) == 0);
  CHECK(world.write(end, here, 10).error() == Errno::enospc);
  CHECK(world.write(~std::uint64_t{0} >> 1, here, 10).error() == Errno::enospc);
  CHECK(world.write(end - 3, here, 10) == 3);
  CHECK(world.read(end - 3, here, 10) == 3);
  CHECK(world.read(0, here, 0) == 0);
}

TEST_CASE("a read-only disk opens for writing, as elsewhere, and refuses the writes") {
  DiskModel disk;
  disk.features |= 1 << 5;
  World world{disk};
  CHECK(world.write(0, here, 10).error() == Errno::eperm);
  CHECK(world.read(0, here, 10) == 10);
}

TEST_CASE("a bad address is EFAULT, or ends the transfer where it begins") {
  DiskModel disk;
  disk.bytes.resize(1024 * 512);
  World world{disk};
  const hal::VirtAddr end = here + pages * page_size;
  CHECK(world.read(0, end, 10).error() == Errno::efault);
  CHECK(world.write(0, end, 10).error() == Errno::efault);
  CHECK(world.read(0, 0, 10).error() == Errno::efault);
  CHECK(world.read(7, end - 100, 1'000) == 100);
  CHECK(world.text_at(end - 100, 100) == world.on_disk(7, 100));
  CHECK(world.write(2'007, end - 100, 1'000) == 100);
  CHECK(world.on_disk(2'007, 100) == world.on_disk(7, 100));
  CHECK(world.read(0, end - 100'000, 200'000) == 100'000);
  // Pages that may only be read take nothing in, and give.
  REQUIRE(world.space->protect(here, page_size, hal::Access::read));
  CHECK(world.read(0, here, 10).error() == Errno::efault);
  CHECK(world.write(0, here, 10) == 10);
}

TEST_CASE("an error of the disk is EIO, and what was moved before counts") {
  DiskModel disk;
  disk.bytes.resize(1024 * 512);
  World world{disk};
  auto reader = async::spawn(world.start(Direction::read, 0, here, 200'000));
  world.world.run();
  world.disk->answer(0);
  world.world.run();
  world.disk->answer(0, 1);
  world.world.run();
  CHECK(std::move(reader).get() == 65'536);
  auto writer = async::spawn(world.start(Direction::write, 5, here, 10));
  world.world.run();
  world.disk->answer(0, 1);  // of the read before it
  world.world.run();
  CHECK(std::move(writer).get().error() == Errno::eio);
  CHECK(world.write(5, here, 10) == 10);  // nobody has the sector any more
}

TEST_CASE("pages stay where they are until the disk is done, whatever becomes of them") {
  DiskModel disk;
  World world{disk};
  world.put_text(here, pattern(2 * page_size));
  auto reader = async::spawn(world.start(Direction::read, 0, here + 100, page_size));
  world.world.run();
  SECTION("unmapped: the bytes are lost, the frames are not") {
    REQUIRE(world.space->unmap(here, pages * page_size));
    const std::size_t free = kernel::memory::frames.free_count();
    world.disk->answer_all(world.world);
    CHECK(std::move(reader).get() == page_size);
    CHECK(kernel::memory::frames.free_count() == free + 2);
  }
  SECTION("forgotten: what comes is in new pages") {
    REQUIRE(world.space->discard(here, 2 * page_size));
    world.disk->answer_all(world.world);
    CHECK(std::move(reader).get() == page_size);
    CHECK(world.text_at(here + 100, page_size) == world.on_disk(0, page_size));
    CHECK(world.text_at(here, 100) == std::string(100, '\0'));
  }
  SECTION("forked, and written to by the parent: nothing is lost") {
    auto child = *world.space->fork();
    world.put_text(here + 20, "parent");
    REQUIRE(test::store(*child, here + 30, 'c'));
    world.disk->answer_all(world.world);
    CHECK(std::move(reader).get() == page_size);
    CHECK(world.text_at(here + 100, page_size) == world.on_disk(0, page_size));
    CHECK(world.text_at(here + 20, 6) == "parent");
    CHECK(world.text_at(here + 30, 1) == pattern(1, 30));
    CHECK(world.text_in(*child, here + 20, 6) == pattern(6, 20));
  }
  SECTION("the program is gone") {
    world.space->retain();  // the thread's, which waits
    auto* const space = world.space.get();
    world.space = *AddressSpace::create();
    world.disk->answer_all(world.world);
    CHECK(std::move(reader).get() == page_size);
    space->release();
  }
}

TEST_CASE("a cancelled transfer ends when its request has, and moves no more") {
  DiskModel disk;
  disk.bytes.resize(1024 * 512);
  World world{disk};
  auto reader = async::spawn(world.start(Direction::read, 0, here, 200'000));
  auto waiting = async::spawn(world.start(Direction::read, {}, here, 512));
  auto behind = async::spawn(world.start(Direction::read, {}, here, 512));
  world.world.run();
  reader.cancel();
  behind.cancel();
  world.world.run();
  CHECK_FALSE(reader.done());
  REQUIRE(behind.done());
  CHECK(std::move(behind).get().error() == Errno::eintr);
  world.disk->answer_all(world.world);
  CHECK(std::move(reader).get() == 65'536);
  CHECK(std::move(waiting).get() == 512);
}

TEST_CASE("a file that is closed while it is read from stays until the read has ended") {
  DiskModel disk;
  World world{disk};
  auto reader = async::spawn(world.start(Direction::read, {}, here, 512));
  world.world.run();
  world.file = nullptr;
  world.disk->answer_all(world.world);
  CHECK(std::move(reader).get() == 512);
}

TEST_CASE("a disk's file says what it is") {
  DiskModel disk;
  World world{disk};
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
  World world{disk};
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
