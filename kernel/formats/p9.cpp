#include "formats/p9.h"

#include <algorithm>
#include <cstring>

namespace kernel::p9 {
namespace {

template <class T>
Result<T> whole(const Reader& reader, const T& value) {
  if (!reader.is_whole()) return fail(Errno::eio);
  return value;
}

Qid take_qid(Reader& reader) {
  Qid qid{};
  qid.type = reader.take<std::uint8_t>();
  qid.version = reader.take<std::uint32_t>();
  qid.path = reader.take<std::uint64_t>();
  return qid;
}

abi::Timespec take_time(Reader& reader) {
  abi::Timespec time{};
  time.seconds = static_cast<std::int64_t>(reader.take<std::uint64_t>());
  time.nanoseconds = static_cast<std::int64_t>(reader.take<std::uint64_t>());
  return time;
}

bool is_valid_time(const abi::Timespec& time) {
  return time.nanoseconds >= 0 && time.nanoseconds < 1'000'000'000;
}

/// The server's error. Other numbers could be numbers that only the kernel uses.
Errno error_of(std::uint32_t number) {
  constexpr std::uint32_t last = 133;  // EHWPOISON
  return number > 0 && number <= last ? static_cast<Errno>(number) : Errno::eio;
}

}  // namespace

Writer& Writer::put_bytes(const void* bytes, std::size_t count) {
  if (count <= room_.size() - std::min(at_, room_.size()))
    std::memcpy(room_.data() + at_, bytes, count);
  at_ += count;
  return *this;
}

std::span<const std::byte> Reader::take_bytes(std::size_t count) {
  is_valid_ = is_valid_ && count <= rest_.size();
  if (!is_valid_) return {};
  const auto taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

std::uint64_t Reader::take_number(std::size_t bytes) {
  std::uint64_t value = 0;
  const auto taken = take_bytes(bytes);
  if (!taken.empty()) std::memcpy(&value, taken.data(), taken.size());
  return value;
}

std::size_t Writer::finish(Type type, std::uint16_t tag, std::size_t more) {
  const std::size_t bytes = at_;
  at_ = 0;
  put(static_cast<std::uint32_t>(bytes + more));
  put(static_cast<std::uint8_t>(type));
  put(tag);
  at_ = bytes;
  return bytes;
}

Result<std::size_t> check_answer(std::span<const std::byte> answer, std::size_t written,
                                 Type request, std::uint16_t tag) {
  if (written < header_bytes || answer.size() < header_bytes) return fail(Errno::eio);
  Reader reader{answer};
  const auto size = reader.take<std::uint32_t>();
  const auto type = reader.take<std::uint8_t>();
  if (reader.take<std::uint16_t>() != tag) return fail(Errno::eio);
  if (size < header_bytes || size > written) return fail(Errno::eio);
  if (type == static_cast<std::uint8_t>(Type::error)) {
    if (size != error_bytes || answer.size() < error_bytes) return fail(Errno::eio);
    return fail(error_of(reader.take<std::uint32_t>()));
  }
  if (type != static_cast<std::uint8_t>(request) + 1) return fail(Errno::eio);
  return size;
}

Result<Version> read_version(std::span<const std::byte> body) {
  Reader reader{body};
  const Version version{.message_bytes = reader.take<std::uint32_t>()};
  if (reader.take_text() != protocol) return fail(Errno::eio);
  return whole(reader, version);
}

Result<Qid> read_qid(std::span<const std::byte> body) {
  Reader reader{body};
  const Qid qid = take_qid(reader);
  return whole(reader, qid);
}

Result<std::optional<Qid>> read_walk(std::span<const std::byte> body, unsigned names) {
  Reader reader{body};
  const auto count = reader.take<std::uint16_t>();
  if (!reader.is_valid() || count > names) return fail(Errno::eio);
  std::optional<Qid> qid;
  if (count > 0) qid = take_qid(reader);
  if (!reader.is_whole()) return fail(Errno::eio);
  if (count < names) return fail(Errno::enoent);
  return qid;
}

Result<Qid> read_open(std::span<const std::byte> body) {
  Reader reader{body};
  const Qid qid = take_qid(reader);
  reader.skip(sizeof(std::uint32_t));  // the best size of a transfer
  return whole(reader, qid);
}

Result<std::uint32_t> read_count(std::span<const std::byte> body) {
  Reader reader{body};
  const auto count = reader.take<std::uint32_t>();
  return whole(reader, count);
}

Result<Attributes> read_attributes(std::span<const std::byte> body) {
  Reader reader{body};
  const auto valid = reader.take<std::uint64_t>();
  Attributes seen{};
  seen.qid = take_qid(reader);
  seen.mode = reader.take<std::uint32_t>();
  seen.uid = reader.take<std::uint32_t>();
  seen.gid = reader.take<std::uint32_t>();
  seen.links = reader.take<std::uint64_t>();
  seen.special_device = reader.take<std::uint64_t>();
  seen.size = reader.take<std::uint64_t>();
  seen.block_bytes = reader.take<std::uint64_t>();
  seen.blocks = reader.take<std::uint64_t>();
  seen.accessed = take_time(reader);
  seen.modified = take_time(reader);
  seen.changed = take_time(reader);
  // The time of birth, the generation and the version, which this request does not ask for.
  reader.skip(4 * sizeof(std::uint64_t));
  constexpr std::uint64_t most_bytes = std::uint64_t{1} << 63;
  if ((valid & basic_attributes) != basic_attributes || seen.size >= most_bytes ||
      !is_valid_time(seen.accessed) || !is_valid_time(seen.modified) ||
      !is_valid_time(seen.changed))
    return fail(Errno::eio);
  return whole(reader, seen);
}

Result<FileSystem> read_file_system(std::span<const std::byte> body) {
  Reader reader{body};
  FileSystem seen{};
  seen.type = reader.take<std::uint32_t>();
  seen.block_bytes = reader.take<std::uint32_t>();
  seen.blocks = reader.take<std::uint64_t>();
  seen.free_blocks = reader.take<std::uint64_t>();
  seen.available_blocks = reader.take<std::uint64_t>();
  seen.files = reader.take<std::uint64_t>();
  seen.free_files = reader.take<std::uint64_t>();
  seen.id = reader.take<std::uint64_t>();
  seen.longest_name = reader.take<std::uint32_t>();
  return whole(reader, seen);
}

Result<> read_nothing(std::span<const std::byte> body) {
  return body.empty() ? Result<>{} : fail(Errno::eio);
}

Result<DirectoryEntry> take_entry(Reader& entries) {
  DirectoryEntry entry{};
  entry.qid = take_qid(entries);
  entry.next = entries.take<std::uint64_t>();
  entry.type = entries.take<std::uint8_t>();
  entry.name = entries.take_text();
  const bool names_directory = entry.name == "." || entry.name == "..";
  if (!entries.is_valid() || (!names_directory && !is_valid_name(entry.name)))
    return fail(Errno::eio);
  return entry;
}

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_name && name != "." && name != ".." &&
         std::ranges::none_of(name, [](char byte) { return byte == '/' || byte == '\0'; });
}

}  // namespace kernel::p9
