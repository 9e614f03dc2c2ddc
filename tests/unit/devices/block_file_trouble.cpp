// /dev/vda with obstacles: the end of the disk, bad addresses, errors, and changes of the program
// and its pages meanwhile.
#include "disk_file_world.h"

using namespace test;

TEST_CASE("a read at the end of the disk returns 0, and a write returns ENOSPC") {
  DiskModel disk;
  DiskFileWorld world{disk};
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

TEST_CASE("a read-only disk opens for writing, as on Linux, and rejects the writes") {
  DiskModel disk;
  disk.features |= 1 << 5;
  DiskFileWorld world{disk};
  CHECK(world.write(0, here, 10).error() == Errno::eperm);
  CHECK(world.read(0, here, 10) == 10);
}

TEST_CASE("a bad address is EFAULT, or ends a transfer that has moved bytes") {
  DiskModel disk;
  disk.bytes.resize(1024 * 512);
  DiskFileWorld world{disk};
  const hal::VirtAddr end = here + pages * page_size;
  CHECK(world.read(0, end, 10).error() == Errno::efault);
  CHECK(world.write(0, end, 10).error() == Errno::efault);
  CHECK(world.read(0, 0, 10).error() == Errno::efault);
  CHECK(world.read(7, end - 100, 1'000) == 100);
  CHECK(world.text_at(end - 100, 100) == world.on_disk(7, 100));
  CHECK(world.write(2'007, end - 100, 1'000) == 100);
  CHECK(world.on_disk(2'007, 100) == world.on_disk(7, 100));
  CHECK(world.read(0, end - 100'000, 200'000) == 100'000);
  // Reads from the disk cannot fill read-only pages; writes to the disk can come from them.
  REQUIRE(world.space->protect(here, page_size, hal::Access::read));
  CHECK(world.read(0, here, 10).error() == Errno::efault);
  CHECK(world.write(0, here, 10) == 10);
}

TEST_CASE("a disk error is EIO, and bytes moved before it count") {
  DiskModel disk;
  disk.bytes.resize(1024 * 512);
  DiskFileWorld world{disk};
  auto reader = async::spawn(world.start(Direction::read, 0, here, 200'000));
  world.world.run();
  world.disk->answer(0);
  world.world.run();
  world.disk->answer(0, 1);
  world.world.run();
  CHECK(std::move(reader).get() == 65'536);
  auto writer = async::spawn(world.start(Direction::write, 5, here, 10));
  world.world.run();
  world.disk->answer(0, 1);  // fails the read that precedes the write
  world.world.run();
  CHECK(std::move(writer).get().error() == Errno::eio);
  CHECK(world.write(5, here, 10) == 10);  // the sector's lock is free
}

TEST_CASE("a transfer keeps its frames whatever happens to the program's pages") {
  DiskModel disk;
  DiskFileWorld world{disk};
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
  SECTION("discarded: the bytes arrive in new pages") {
    REQUIRE(world.space->discard(here, 2 * page_size));
    world.disk->answer_all(world.world);
    CHECK(std::move(reader).get() == page_size);
    CHECK(world.text_at(here + 100, page_size) == world.on_disk(0, page_size));
    CHECK(world.text_at(here, 100) == std::string(100, '\0'));
  }
  SECTION("forked and written by the parent: nothing is lost") {
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
  SECTION("the program has ended") {
    world.space->retain();  // the reference of the waiting thread
    auto* const space = world.space.get();
    world.space = *AddressSpace::create();
    world.disk->answer_all(world.world);
    CHECK(std::move(reader).get() == page_size);
    space->release();
  }
}

TEST_CASE("a cancelled transfer ends with its current request and starts no other") {
  DiskModel disk;
  disk.bytes.resize(1024 * 512);
  DiskFileWorld world{disk};
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

TEST_CASE("a file closed during a read lives until the read ends") {
  DiskModel disk;
  DiskFileWorld world{disk};
  auto reader = async::spawn(world.start(Direction::read, {}, here, 512));
  world.world.run();
  world.file = nullptr;
  world.disk->answer_all(world.world);
  CHECK(std::move(reader).get() == 512);
}
