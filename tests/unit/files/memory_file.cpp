// Compares writable files with a string on which the same operations are done.
#include "files/directory.h"
#include "files/file_quota.h"
#include "files/regular_file.h"
#include "memory/heap.h"
#include "support.h"

using kernel::MemoryFile;
using kernel::Ref;
using test::Errno;

TEST_CASE("random reads and writes agree with a string") {
  test::Machine machine;
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto file = *node->open(abi::o_rdwr);
  std::string model;
  test::Random random{7};
  for (int step = 0; step < 3000; ++step) {
    const std::size_t at = random.below(40'000);
    const std::size_t size = random.below(9000);
    switch (random.below(4)) {
      case 0: {
        const std::string text = test::pattern(size + 1, step);
        if (model.size() < at + text.size()) model.resize(at + text.size());
        model.replace(at, text.size(), text);
        REQUIRE(test::write_to([&](auto& buffer) { return file->write_at(at, buffer); }, text) ==
                text.size());
        break;
      }
      case 1:
        model.resize(at);
        REQUIRE(file->resize(at));
        break;
      default:
        REQUIRE(test::read_from([&](auto& buffer) { return file->read_at(at, buffer); }, size) ==
                (at < model.size() ? model.substr(at, size) : ""));
    }
    REQUIRE(node->size() == model.size());
  }
}

TEST_CASE("each open file has its own position, and O_APPEND writes at the end") {
  test::Machine machine;
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto first = *node->open(abi::o_rdwr);
  auto second = *node->open(abi::o_wronly | abi::o_append);
  CHECK(test::write(*first, "hello") == 5);
  CHECK(test::write(*second, " world") == 6);
  CHECK(test::write(*first, "-") == 1);
  CHECK(first->seek(0, abi::seek_set) == 0);
  CHECK(test::read(*first, 100) == "hello-world");
  CHECK(first->seek(-3, abi::seek_end) == 8);
  CHECK(first->seek(-9, abi::seek_cur).error() == Errno::einval);
  CHECK(first->seek(INT64_MAX, abi::seek_cur).error() == Errno::einval);
  CHECK(test::read(*first, 2) == "rl");
  CHECK(first->seek(100, abi::seek_set) == 100);
  CHECK(test::read(*first, 10) == "");
}

TEST_CASE("a large file shrinks to any size and frees the pages behind its end") {
  test::Machine machine;
  auto& frames = kernel::memory::frames;
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto file = *node->open(abi::o_rdwr);
  const std::size_t before = frames.free_count();
  constexpr std::size_t pages = 600;
  std::size_t free = 0;
  for (std::size_t page = 0; page < pages; ++page) {
    free = frames.free_count();
    REQUIRE(test::write(*file, test::pattern(hal::page_size, page)) == hal::page_size);
  }
  CHECK(before - free < pages + 10);
  for (std::size_t left : {599, 512, 511, 300, 129, 128, 127, 1}) {
    const std::size_t more = left * hal::page_size + (left % 2 == 0 ? 0 : 77 - hal::page_size);
    REQUIRE(file->resize(more));
    CHECK(before - frames.free_count() >= left);
    CHECK(before - frames.free_count() < left + 10);
    REQUIRE(file->seek(static_cast<std::int64_t>(hal::page_size * (left - 1)), abi::seek_set));
    CHECK(test::read(*file, hal::page_size) ==
          test::pattern(hal::page_size, left - 1).substr(0, left % 2 == 0 ? hal::page_size : 77));
    REQUIRE(file->seek(0, abi::seek_set));
    CHECK(test::read(*file, 77) == test::pattern(77));
  }
  REQUIRE(file->resize(0));
  kernel::memory::heap::trim();
  CHECK(frames.free_count() >= before);
}

TEST_CASE("a hole reads as zeros and uses no memory") {
  test::Machine machine;
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto file = *node->open(abi::o_rdwr);
  const std::size_t before = kernel::memory::frames.free_count();
  CHECK(file->seek(1 << 20, abi::seek_set) == 1 << 20);
  CHECK(test::write(*file, "x") == 1);
  CHECK(before - kernel::memory::frames.free_count() <= 4);
  CHECK(file->seek(5000, abi::seek_set) == 5000);
  CHECK(test::read(*file, 5000) == std::string(5000, '\0'));
  CHECK(file->resize(std::uint64_t{1} << 63).error() == Errno::efbig);
}

TEST_CASE("a file grows between any sizes without large blocks of memory") {
  test::Machine machine;
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto file = *node->open(abi::o_rdwr);
  const std::size_t before = kernel::memory::frames.free_count();
  for (const std::uint64_t size : {std::uint64_t{600} << 20, (std::uint64_t{600} << 20) + 4097,
                                   MemoryFile::longest, std::uint64_t{0}, MemoryFile::longest}) {
    REQUIRE(file->resize(size));
    CHECK(node->size() == size);
  }
  CHECK(kernel::memory::frames.free_count() == before);
  CHECK(test::write_to(
            [&](auto& buffer) { return file->write_at(MemoryFile::longest - 2, buffer); }, "end") ==
        2);
  CHECK(file->seek(-2, abi::seek_end) == MemoryFile::longest - 2);
  CHECK(test::read(*file, 5) == "en");
}

TEST_CASE("a write that exceeds the quota is ENOSPC, and the file keeps its bytes") {
  test::Machine machine{1 << 20};
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto file = *node->open(abi::o_rdwr);
  std::size_t written = 0;
  kernel::Result<std::size_t> moved = 0;
  while ((moved = test::write_to([&](auto& buffer) { return file->try_write(buffer); },
                                 std::string(3000, 'x')))) {
    written += *moved;
  }
  CHECK(moved.error() == Errno::enospc);
  CHECK(written > (1 << 18));
  CHECK(node->size() == written);
}

TEST_CASE("files take at most half of the memory") {
  test::Machine machine{4 << 20};
  auto& frames = kernel::memory::frames;
  const std::size_t before = frames.free_for_user();
  {
    std::vector<Ref<kernel::File>> files;
    kernel::Result<std::size_t> moved = 0;
    do {  // files of 64 KiB, until a write is refused
      files.push_back(*kernel::make_ref<MemoryFile>(0644u)->open(abi::o_wronly));
      moved = test::write(*files.back(), test::pattern(1 << 16));
    } while (moved == std::size_t{1} << 16);
    CHECK(frames.free_for_user() >= before / 2);
    // The open files themselves also use kernel memory, so the limit is reached a little earlier.
    CHECK(frames.free_for_user() <= before / 2 + 10);
    while (test::write(*files.back(), "x")) {
    }

    REQUIRE(files.front()->resize(0));
    CHECK(test::write(*files.back(), test::pattern(1 << 15)) == 1 << 15);
  }
  kernel::memory::heap::trim();
  CHECK(frames.free_for_user() == before);
}

TEST_CASE("directory entries count against the quota") {
  test::Machine machine{1 << 20};
  auto& frames = kernel::memory::frames;
  const std::size_t before = frames.free_for_user();
  auto directory = kernel::make_ref<kernel::Directory>(kernel::Directory::Contents::writable);
  std::size_t count = 0;
  for (; kernel::file_quota::has(4096); ++count) {
    directory->put(std::to_string(count), kernel::make_ref<kernel::Symlink>(test::pattern(2000)));
  }
  CHECK(count > 100);
  CHECK(frames.free_for_user() > before * 2 / 5);
  for (const char* name : {"0", "1", "2"}) REQUIRE(directory->remove(name, *directory->find(name)));
  CHECK(kernel::file_quota::has(4096));
}

TEST_CASE("a write of zero bytes changes nothing at any offset") {
  test::Machine machine;
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto file = *node->open(abi::o_rdwr);
  const auto write_nothing = [&](std::uint64_t at) {
    return test::write_to([&](auto& buffer) { return file->write_at(at, buffer); }, "");
  };
  CHECK(write_nothing(100'000) == 0);
  CHECK(write_nothing(MemoryFile::longest + 1) == 0);
  CHECK(node->size() == 0);
}

TEST_CASE("a file has holes where no page was written") {
  test::Machine machine;
  auto node = kernel::make_ref<MemoryFile>(0644u);
  auto file = *node->open(abi::o_rdwr);
  constexpr std::uint64_t page = hal::page_size;
  const auto put = [&](std::uint64_t at) {
    return test::write_to([&](auto& buffer) { return file->write_at(at, buffer); }, "x");
  };
  CHECK(put(300 * page) == 1);
  CHECK(put(2 * page + 5) == 1);
  CHECK(node->used_bytes() == 2 * page);
  CHECK(node->next_data(0) == 2 * page);
  CHECK(node->next_hole(2 * page) == 3 * page);
  CHECK(node->next_data(3 * page) == 300 * page);
  CHECK(node->next_hole(300 * page) == 300 * page + 1);
  constexpr int punch = abi::falloc_punch_hole | abi::falloc_keep_size;
  CHECK(file->allocate(page, 200 * page, 0));
  CHECK(node->used_bytes() == 201 * page);
  CHECK(file->allocate(page + 1, 2 * page, punch));
  CHECK(node->used_bytes() == 200 * page);
  CHECK(node->next_hole(page) == 2 * page);
  CHECK(node->next_data(2 * page) == 3 * page);
  CHECK(file->allocate(0, 400 * page, punch));
  CHECK(node->used_bytes() == 0);
  CHECK(node->next_data(0) == node->size());
}
