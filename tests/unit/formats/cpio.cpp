// The archive reader: names, contents, padding, concatenation; a defect ends the iteration.
#include "formats/cpio.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "damage.h"

using kernel::Errno;
using kernel::formats::CpioReader;
using test::Blob;

namespace {

void append(Blob& blob, std::string_view text) {
  for (const char c : text) blob.push_back(static_cast<std::byte>(c));
}
void pad(Blob& blob, std::size_t alignment = 4) {
  while (blob.size() % alignment != 0) blob.push_back(std::byte{0});
}

struct File {
  std::string name;
  std::string contents;
  unsigned mode = 0100644;
  unsigned extra_zeros = 0;  // after the name's own terminating zero
};

void add(Blob& blob, const File& file) {
  char header[111];
  std::snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
                7, file.mode, 1000, 100, 1, 0x12345678, static_cast<unsigned>(file.contents.size()),
                0, 0, 0, 0, static_cast<unsigned>(file.name.size() + 1 + file.extra_zeros), 0);
  append(blob, {header, 110});
  append(blob, file.name);
  blob.resize(blob.size() + 1 + file.extra_zeros);
  pad(blob);
  append(blob, file.contents);
  pad(blob);
}

Blob archive_of(std::initializer_list<File> files) {
  Blob blob;
  for (const File& file : files) add(blob, file);
  add(blob, {.name = "TRAILER!!!", .mode = 0});
  pad(blob, 512);
  return blob;
}

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Returns the names of all entries, and "?" at the end for a broken archive. Reads all contents.
std::vector<std::string> names(std::span<const std::byte> archive) {
  std::vector<std::string> names;
  CpioReader reader(archive);
  while (const auto entry = reader.next()) {
    if (!*entry) {
      CHECK(entry->error() == Errno::einval);
      names.push_back("?");
      CHECK_FALSE(reader.next().has_value());
      break;
    }
    REQUIRE(text((*entry)->contents).size() <= archive.size());
    names.emplace_back((*entry)->name);
  }
  return names;
}

using Names = std::vector<std::string>;

const Blob good = archive_of({{.name = ".", .contents = "", .mode = 040755},
                              {.name = "bin", .contents = "", .mode = 040755},
                              {.name = "bin/hello", .contents = "hello, world", .mode = 0100755},
                              {.name = "empty", .contents = ""}});

}  // namespace

TEST_CASE("contents begin behind the padding of a name of any length") {
  for (std::size_t length = 1; length <= 8; ++length) {
    const std::string name(length, 'n');
    const Blob archive = archive_of({{.name = name, .contents = "odd"}, {.name = "next"}});
    CpioReader reader(archive);
    CHECK(text((*reader.next())->contents) == "odd");
    CHECK((*reader.next())->name == "next");
  }
}

TEST_CASE("entries come with names, kinds and contents") {
  CpioReader reader(good);
  CHECK((*reader.next())->name == "");
  const auto directory = *reader.next();
  CHECK(directory->name == "bin");
  CHECK(directory->mode == 040755);
  const auto file = *reader.next();
  CHECK(file->name == "bin/hello");
  CHECK(file->mode == 0100755);
  CHECK(file->modified == 0x12345678);
  CHECK(file->inode == 7);
  CHECK(file->user == 1000);
  CHECK(file->group == 100);
  CHECK(file->links == 1);
  CHECK(text(file->contents) == "hello, world");
  CHECK((*reader.next())->contents.empty());
  CHECK_FALSE(reader.next().has_value());
  CHECK_FALSE(reader.next().has_value());
}

TEST_CASE("an empty archive has no entries") {
  CHECK(names({}) == Names{});
  CHECK(names(Blob(1024)) == Names{});
  CHECK(names(archive_of({})) == Names{});
}

TEST_CASE("leading slashes and dots are not part of a name") {
  CHECK(
      names(archive_of({{.name = "./a"}, {.name = "/b/c"}, {.name = "././/d"}, {.name = "..e"}})) ==
      Names{"a", "b/c", "d", "..e"});
}

TEST_CASE("archives may follow one another, with zeros between") {
  Blob both = archive_of({{.name = "a"}});
  both.resize(both.size() + 512);
  const Blob second = archive_of({{.name = "b"}});
  both.insert(both.end(), second.begin(), second.end());
  CHECK(names(both) == Names{"a", "b"});
}

TEST_CASE("zeros behind a name move the contents and are not part of the name") {
  const Blob archive = archive_of({{.name = "x", .contents = "data", .extra_zeros = 3000}});
  CpioReader reader(archive);
  const auto entry = *reader.next();
  CHECK(entry->name == "x");
  CHECK(text(entry->contents) == "data");
}

TEST_CASE("an archive may end without a trailer") {
  Blob archive;
  add(archive, {.name = "a", .contents = "b"});
  CHECK(names(archive) == Names{"a"});
}

TEST_CASE("garbage, bad digits and impossible sizes end the reading with EINVAL") {
  const auto spoiled = [](std::size_t offset, std::string_view with) {
    Blob blob = archive_of({{.name = "a", .contents = "b"}});
    std::memcpy(blob.data() + offset, with.data(), with.size());
    return names(blob);
  };
  CHECK(spoiled(0, "070702") == Names{"?"});
  CHECK(spoiled(0, "xxxxxx") == Names{"?"});
  CHECK(spoiled(6, "0000000g") == Names{"?"});
  CHECK(spoiled(6 + 8 * 6, "ffffffff") == Names{"?"});   // the size of the contents
  CHECK(spoiled(6 + 8 * 11, "ffffffff") == Names{"?"});  // the size of the name
  CHECK(spoiled(6 + 8 * 11, "00000000") == Names{"?"});
  CHECK(spoiled(6 + 8 * 11, "00000001") == Names{"?"});  // no room for the terminating zero
}

TEST_CASE("a name longer than any path is refused") {
  CHECK(names(archive_of({{.name = std::string(5000, 'n')}})) == Names{"?"});
}

TEST_CASE("an archive cut off anywhere yields its first entries, then perhaps an error") {
  const Names all = names(good);
  test::truncate_everywhere(good, [&](std::span<const std::byte> archive) {
    Names some = names(archive);
    if (!some.empty() && some.back() == "?") some.pop_back();
    REQUIRE(some.size() <= all.size());
    CHECK(std::equal(some.begin(), some.end(), all.begin()));
  });
}

TEST_CASE("twenty thousand archives with flipped bits are read to an end") {
  test::flip_bits(good, good.size(), 20'000,
                  [](std::span<const std::byte> archive) { names(archive); });
}
