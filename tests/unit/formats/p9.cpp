// Messages of 9P: requests have the layout of the protocol, answers are checked.
#include "formats/p9.h"

#include <abi/types.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "damage.h"

namespace kernel::p9 {
namespace {

using test::Blob;

constexpr std::uint16_t tag = 0x0102;

/// An answer whose body `fill` writes.
template <class Fill>
Blob answer_to(Type request, Fill fill) {
  Blob room(4096);
  Writer writer{room};
  fill(writer);
  room.resize(writer.finish(static_cast<Type>(static_cast<int>(request) + 1), tag));
  return room;
}

Writer& put_qid(Writer& writer, std::uint8_t type, std::uint64_t path) {
  return writer.put(type).put(std::uint32_t{7}).put(path);
}

Blob attributes() {
  return answer_to(Type::get_attributes, [](Writer& writer) {
    writer.put(basic_attributes);
    put_qid(writer, 0, 99).put(std::uint32_t{0100644}).put(std::uint32_t{1}).put(std::uint32_t{2});
    for (std::uint64_t i = 1; i <= 15; ++i) writer.put(i);
  });
}

Blob entries() {
  return answer_to(Type::read_directory, [](Writer& writer) {
    const std::string_view names[] = {".", "..", "file", "a longer name"};
    Blob all(1024);
    Writer body{all};
    std::uint64_t place = 0;
    for (const std::string_view name : names)
      put_qid(body, Qid::directory, ++place).put(place).put(std::uint8_t{4}).put(name);
    const std::size_t bytes = body.finish(Type::error, 0) - header_bytes;
    writer.put(static_cast<std::uint32_t>(bytes));
    for (std::size_t i = 0; i < bytes; ++i)
      writer.put(static_cast<std::uint8_t>(all[header_bytes + i]));
  });
}

std::span<const std::byte> body_of(std::span<const std::byte> answer) {
  return answer.subspan(std::min(header_bytes, answer.size()));
}

/// Reads the names of an answer with entries, until one is wrong.
std::vector<std::string> names_in(std::span<const std::byte> answer) {
  Reader body{body_of(answer)};
  body.skip(sizeof(std::uint32_t));
  std::vector<std::string> names;
  while (body.left() > 0) {
    const auto entry = take_entry(body);
    if (!entry) {
      CHECK(entry.error() == Errno::eio);
      break;
    }
    CHECK(entry->name.size() <= longest_name);
    CHECK(!entry->name.contains('/'));
    CHECK(!entry->name.contains('\0'));
    names.emplace_back(entry->name);
  }
  return names;
}

void read_answer(Type request, std::span<const std::byte> answer) {
  const auto size = check_answer(answer, answer.size(), request, tag);
  if (!size) {
    CHECK(static_cast<int>(size.error()) > 0);
    CHECK(static_cast<int>(size.error()) < 512);
    return;
  }
  CHECK(*size <= answer.size());
  const auto body = body_of(answer.first(*size));
  (void)read_version(body);
  (void)read_qid(body);
  (void)read_walk(body, 1);
  (void)read_open(body);
  (void)read_count(body);
  (void)read_file_system(body);
  (void)read_nothing(body);
  if (const auto seen = read_attributes(body)) CHECK(seen->accessed.nanoseconds < 1'000'000'000);
  (void)names_in(answer.first(*size));
}

}  // namespace

TEST_CASE("a request has a header, and its values one after the other") {
  std::array<std::byte, 64> room{};
  Writer writer{room};
  writer.put(std::uint32_t{5}).put("ab");
  REQUIRE(writer.finish(Type::walk, tag) == 15);
  CHECK(writer.has_room());
  const std::array<unsigned char, 15> expected = {15, 0, 0, 0, 110, 2,   1,  5,
                                                  0,  0, 0, 2, 0,   'a', 'b'};
  CHECK(std::memcmp(room.data(), expected.data(), expected.size()) == 0);
}

TEST_CASE("the size of a request includes data that follows elsewhere") {
  std::array<std::byte, 32> room{};
  Writer writer{room};
  CHECK(writer.put(std::uint32_t{5}).finish(Type::write, tag, 1000) == 11);
  CHECK(Reader{room}.take<std::uint32_t>() == 1011);
}

TEST_CASE("a request that does not fit is not written behind its room") {
  std::array<std::byte, 16> room{};
  Writer writer{std::span{room}.first(10)};
  writer.put(std::uint64_t{~0ULL});
  CHECK(!writer.has_room());
  CHECK(room[10] == std::byte{0});
}

TEST_CASE("an answer with a wrong size, type or tag is EIO") {
  const auto check = [](const Blob& answer, std::size_t written) {
    return check_answer(answer, written, Type::clunk, tag);
  };
  const Blob good = answer_to(Type::clunk, [](Writer&) {});
  CHECK(check(good, good.size()) == header_bytes);
  CHECK(check(good, good.size() - 1).error() == Errno::eio);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Blob bad = good;
    bad[i] ^= std::byte{0x40};
    CHECK(check(bad, bad.size()).error() == Errno::eio);
  }
}

TEST_CASE("an error is that of the server, if Linux has it") {
  const auto error = [](std::uint32_t number) {
    Blob room(error_bytes);
    Writer writer{room};
    writer.put(number).finish(Type::error, tag);
    return check_answer(room, room.size(), Type::walk, tag).error();
  };
  CHECK(error(2) == Errno::enoent);
  CHECK(error(0) == Errno::eio);
  CHECK(error(512) == Errno::eio);
  CHECK(error(0xffff'ffff) == Errno::eio);
}

TEST_CASE("attributes have the order of the protocol") {
  const Blob answer = attributes();
  CHECK(answer.size() == 160);
  const auto seen = read_attributes(body_of(answer));
  REQUIRE(seen);
  CHECK(seen->qid.path == 99);
  CHECK(seen->mode == 0100644);
  CHECK(seen->uid == 1);
  CHECK(seen->gid == 2);
  CHECK(seen->links == 1);
  CHECK(seen->special_device == 2);
  CHECK(seen->size == 3);
  CHECK(seen->block_bytes == 4);
  CHECK(seen->blocks == 5);
  CHECK(seen->accessed.seconds == 6);
  CHECK(seen->modified.seconds == 8);
  CHECK(seen->changed.nanoseconds == 11);
}

TEST_CASE("a walk that finds no name is ENOENT") {
  const Blob none = answer_to(Type::walk, [](Writer& writer) { writer.put(std::uint16_t{0}); });
  CHECK(read_walk(body_of(none), 1).error() == Errno::enoent);
  CHECK(read_walk(body_of(none), 0));
  const Blob one = answer_to(
      Type::walk, [](Writer& writer) { put_qid(writer.put(std::uint16_t{1}), Qid::symlink, 3); });
  CHECK((*read_walk(body_of(one), 1))->type == Qid::symlink);
  CHECK(read_walk(body_of(one), 0).error() == Errno::eio);
}

TEST_CASE("entries come with their names, and bad names are EIO") {
  CHECK(names_in(entries()) == std::vector<std::string>{".", "..", "file", "a longer name"});
  for (const std::string& name :
       {std::string{"a/b"}, std::string{"a\0b", 3}, std::string{}, std::string(256, 'n')}) {
    const Blob bad = answer_to(Type::read_directory, [&](Writer& writer) {
      put_qid(writer.put(std::uint32_t{0}), 0, 1)
          .put(std::uint64_t{1})
          .put(std::uint8_t{8})
          .put(std::string_view{name});
    });
    CHECK(names_in(bad).empty());
  }
}

TEST_CASE("damaged answers are errors, or have valid values") {
  const auto damage = [](Type request, const Blob& good) {
    const auto read = [request](std::span<const std::byte> bad) { read_answer(request, bad); };
    test::truncate_everywhere(good, read);
    test::flip_bits(good, good.size(), 5000, read);
  };
  damage(Type::get_attributes, attributes());
  damage(Type::read_directory, entries());
  damage(Type::version, answer_to(Type::version, [](Writer& writer) {
           writer.put(std::uint32_t{65536}).put(protocol);
         }));
  damage(Type::walk, answer_to(Type::walk, [](Writer& writer) {
           put_qid(writer.put(std::uint16_t{1}), 0, 3);
         }));
}

}  // namespace kernel::p9
