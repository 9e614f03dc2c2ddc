// Messages of the protocol 9P2000.L, which file servers speak: the kernel writes requests and reads
// answers. Every number is little-endian.
//
//   size[4] type[1] tag[2] body        a string in the body: length[2] bytes
//
// An answer comes from outside and may be wrong in any way. The readers check each length, and that
// the body has no bytes left. A wrong answer is EIO.
#pragma once

#include <abi/types.h>
#include <kernel/result.h>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kernel::p9 {

/// The type of a request. The type of its answer is greater by one, or `error`.
enum class Type : std::uint8_t {
  error = 7,
  statfs = 8,
  open = 12,
  create = 14,
  symlink = 16,
  make_node = 18,
  read_link = 22,
  get_attributes = 24,
  set_attributes = 26,
  read_directory = 40,
  sync = 50,
  link = 70,
  make_directory = 72,
  rename = 74,
  remove = 76,
  version = 100,
  attach = 104,
  walk = 110,
  read = 116,
  write = 118,
  clunk = 120,
};

inline constexpr std::size_t header_bytes = 7;
/// The bytes of an answer to `read` and `read_directory` before the data: a header and a count.
inline constexpr std::size_t data_offset = header_bytes + 4;
/// The bytes of an `error`: a header and Linux's error number.
inline constexpr std::size_t error_bytes = header_bytes + 4;
inline constexpr std::uint16_t no_tag = 0xffff;  ///< the tag of `version`
inline constexpr std::uint32_t no_fid = 0xffff'ffff;
inline constexpr std::string_view protocol = "9P2000.L";
inline constexpr std::size_t longest_name = 255;

static_assert(std::endian::native == std::endian::little);

/// Writes a request. The caller gives room for it: what does not fit is a bug, and has_room() is
/// false then.
class Writer {
 public:
  explicit Writer(std::span<std::byte> room) : room_{room} {}

  template <std::unsigned_integral T>
  Writer& put(T value) {
    return put_bytes(&value, sizeof value);
  }
  Writer& put(std::string_view text) {
    return put(static_cast<std::uint16_t>(text.size())).put_bytes(text.data(), text.size());
  }

  /// Writes the header. `more`: the bytes of the request that follow elsewhere. Returns the bytes
  /// written here.
  std::size_t finish(Type type, std::uint16_t tag, std::size_t more = 0);
  bool has_room() const { return at_ <= room_.size(); }

 private:
  Writer& put_bytes(const void* bytes, std::size_t count);

  std::span<std::byte> room_;
  std::size_t at_ = header_bytes;
};

/// Reads values one after the other. After a value that is not there, all further values are 0 or
/// empty, and is_whole() is false.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> body) : rest_{body} {}

  template <std::unsigned_integral T>
  T take() {
    return static_cast<T>(take_number(sizeof(T)));
  }
  std::string_view take_text() {
    const auto bytes = take_bytes(take<std::uint16_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void skip(std::size_t bytes) { (void)take_bytes(bytes); }

  std::size_t left() const { return rest_.size(); }
  /// Whether all values were there.
  bool is_valid() const { return is_valid_; }
  /// Whether all values were there, and nothing follows them.
  bool is_whole() const { return is_valid_ && rest_.empty(); }

 private:
  std::uint64_t take_number(std::size_t bytes);
  std::span<const std::byte> take_bytes(std::size_t count);

  std::span<const std::byte> rest_;
  bool is_valid_ = true;
};

/// What the server knows a file by. `path` is unique among the files of the server.
struct Qid {
  std::uint8_t type;  ///< the bits below
  std::uint32_t version;
  std::uint64_t path;

  static constexpr std::uint8_t directory = 0x80, symlink = 0x02;
};

/// The attributes of a file, as `get_attributes` answers them.
struct Attributes {
  Qid qid;
  std::uint32_t mode;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint64_t links;
  std::uint64_t special_device;
  std::uint64_t size;
  std::uint64_t block_bytes;
  std::uint64_t blocks;  ///< of 512 bytes
  abi::Timespec accessed;
  abi::Timespec modified;
  abi::Timespec changed;
};

/// Bits of `get_attributes`: the attributes above without the generation and the time of birth.
inline constexpr std::uint64_t basic_attributes = 0x7ff;

/// Bits of `set_attributes`: which of its values the server sets. A time whose second bit is
/// missing becomes the server's present time.
namespace set {
inline constexpr std::uint32_t mode = 1, uid = 2, gid = 4, size = 8, accessed = 16, modified = 32,
                               changed = 64, accessed_to = 128, modified_to = 256;
}

struct FileSystem {
  std::uint32_t type;
  std::uint32_t block_bytes;
  std::uint64_t blocks;
  std::uint64_t free_blocks;
  std::uint64_t available_blocks;
  std::uint64_t files;
  std::uint64_t free_files;
  std::uint64_t id;
  std::uint32_t longest_name;
};

/// One entry of a directory. The name is a valid name of a file, or "." or "..".
struct DirectoryEntry {
  Qid qid;
  std::uint64_t next;  ///< the position behind this entry
  std::uint8_t type;   ///< abi::dt_*
  std::string_view name;
};

/// Checks the answer's header against the request. `written`: the bytes that the server wrote, all
/// of which `answer` has, or its first ones. Returns the answer's size. EIO: the answer is wrong.
/// If the answer is an `error`: the server's error, or EIO if Linux has no such error.
Result<std::size_t> check_answer(std::span<const std::byte> answer, std::size_t written,
                                 Type request, std::uint16_t tag);

// Readers of bodies. EIO.

struct Version {
  std::uint32_t message_bytes;
};
/// EIO also if the server does not speak the protocol.
Result<Version> read_version(std::span<const std::byte> body);
Result<Qid> read_qid(std::span<const std::byte> body);  ///< attach, make_…, symlink
/// The result of a walk by `names` names, at most one: the qid of the last one. ENOENT if the
/// server has found fewer. Without a name there is no qid.
Result<std::optional<Qid>> read_walk(std::span<const std::byte> body, unsigned names);
Result<Qid> read_open(std::span<const std::byte> body);             ///< open, create
Result<std::uint32_t> read_count(std::span<const std::byte> body);  ///< write
Result<Attributes> read_attributes(std::span<const std::byte> body);
Result<FileSystem> read_file_system(std::span<const std::byte> body);
Result<> read_nothing(std::span<const std::byte> body);

/// Takes the next entry from `entries`. The caller has checked that bytes are left.
Result<DirectoryEntry> take_entry(Reader& entries);

/// Whether a file can have this name.
bool is_valid_name(std::string_view name);

}  // namespace kernel::p9
