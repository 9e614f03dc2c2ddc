// Files with contents: immutable files of the boot archive, texts that open() generates, and
// writable files in memory.
#pragma once

#include <async/leaf_lock.h>
#include <async/shared_word.h>

#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "files/file_pages.h"
#include "files/found_bytes.h"
#include "files/node.h"
#include "memory/mappable_object.h"
#include "memory/paged_text.h"

namespace kernel {

/// A node with a sequence of bytes. Each open file has its own position.
class RegularFile : public Node {
 public:
  Result<Ref<File>> open(int flags) override;
  Result<Ref<File>> open_sharing(int flags) override {
    return (flags & abi::o_accmode) == abi::o_rdonly ? open(flags) : fail(Errno::would_block);
  }

  /// Stops at the end of the file. Returns 0 there.
  virtual Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) = 0;
  virtual Result<std::size_t> write_at(std::uint64_t, IoBuffer&) { return fail(Errno::erofs); }
  /// The bytes from `offset` on that are contiguous in memory; empty if these are none, for example
  /// in a hole. `offset` is below size().
  virtual std::span<const std::byte> piece_at(std::uint64_t offset) const = 0;

  // For callers that share the strand. would_block: try again in the strand.

  virtual Result<std::size_t> read_at_sharing(std::uint64_t offset, const ReadBytes& to);
  virtual Result<std::size_t> write_at_sharing(std::uint64_t, const WrittenBytes&) {
    return fail(Errno::would_block);
  }

  /// The file was opened for writing, or an open file for writing ends. In the strand, or before
  /// another hart knows the file.
  virtual void begin_writing() {}
  virtual void end_writing() {}
  virtual Result<std::span<const std::byte>> bytes() { return fail(Errno::enodev); }
  virtual Result<Ref<memory::TrackedObject>> mapping() { return fail(Errno::enodev); }
  virtual Result<Ref<memory::PageSource>> pages_until(std::uint64_t) { return fail(Errno::enodev); }
  virtual Result<> allocate(std::uint64_t, std::uint64_t, int) { return fail(Errno::enotsup); }
  virtual Result<unsigned> seals() const { return fail(Errno::einval); }
  virtual Result<> add_seals(unsigned) { return fail(Errno::einval); }
  /// The first byte from `offset` on that is not in a hole, or the first one in a hole. `offset` is
  /// below size(). The end of the file is a hole. size(): there is no such byte before the end.
  virtual std::uint64_t next_data(std::uint64_t offset) const { return offset; }
  virtual std::uint64_t next_hole(std::uint64_t) const { return size(); }
  /// See File::is_stream().
  virtual bool is_stream() const { return true; }

 protected:
  explicit RegularFile(unsigned permissions) : Node{abi::s_ifreg | permissions} {}
};

/// A file of the boot archive. The archive owns its bytes and is never freed.
class ArchiveFile final : public RegularFile {
 public:
  ArchiveFile(std::span<const std::byte> bytes, unsigned permissions)
      : RegularFile{permissions}, bytes_{bytes} {}

  std::uint64_t size() const override { return bytes_.size(); }
  std::span<const std::byte> piece_at(std::uint64_t offset) const override {
    return bytes_.subspan(offset);
  }
  Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) override;
  Result<std::span<const std::byte>> bytes() override { return bytes_; }
  /// Sets the contents. If a file has several hard links, the archive may contain the contents only
  /// with a later one of its names. Only while the kernel starts.
  void set_bytes(std::span<const std::byte> bytes) { bytes_ = bytes; }

 private:
  std::span<const std::byte> bytes_;
};

/// A text that the first read of an open file generates, and each later one from its beginning.
/// The read returns ENOMEM if there is too little memory for the whole text. If `take` is not null,
/// it gets each write to the file, of at most `longest` bytes, without the final newline.
class TextFile final : public Node {
 public:
  using Write = void (*)(PagedText& out);
  /// Writes the text of the process `id`.
  using WriteOf = void (*)(PagedText& out, int id);
  /// The same, of one of its descriptors.
  using WriteOfPart = void (*)(PagedText& out, int id, int part);
  using Take = Result<> (*)(std::string_view text);
  static constexpr std::size_t longest = 128;

  explicit TextFile(Write write, Take take = nullptr)
      : Node{abi::s_ifreg | (take != nullptr ? 0644u : 0444u)}, write_{write}, take_{take} {}
  TextFile(WriteOf write, int id) : Node{abi::s_ifreg | 0444u}, write_of_{write}, id_{id} {}
  TextFile(WriteOfPart write, int id, int part)
      : Node{abi::s_ifreg | 0444u}, write_of_part_{write}, id_{id}, part_{part} {}
  bool is_writable() const override { return take_ != nullptr; }
  Result<Ref<File>> open(int flags) override;
  /// Writes the text. In the strand.
  void write(PagedText& out) const {
    if (write_ != nullptr) return write_(out);
    write_of_ != nullptr ? write_of_(out, id_) : write_of_part_(out, id_, part_);
  }
  /// Takes what a program has written. The file is_writable().
  Result<> take(std::string_view text) const { return take_(text); }
  /// Has no effect (O_TRUNC).
  Result<> resize(std::uint64_t) override {
    return is_writable() ? Result<>{} : fail(Errno::erofs);
  }

 private:
  // One of these three is not null.
  Write write_ = nullptr;
  WriteOf write_of_ = nullptr;
  WriteOfPart write_of_part_ = nullptr;
  Take take_ = nullptr;
  int id_ = 0;
  int part_ = 0;
};

/// A writable file in memory.
class MemoryFile final : public RegularFile {
 public:
  static constexpr std::uint64_t longest = std::numeric_limits<std::int64_t>::max();

  /// `size`: without a check of RLIMIT_FSIZE.
  explicit MemoryFile(unsigned permissions, std::uint64_t size = 0)
      : RegularFile{permissions}, size_{size} {
    note_reads();
  }

  std::uint64_t used_bytes() const override { return pages_.count() * hal::page_size; }
  bool has_settable_status() const override { return true; }
  std::uint64_t size() const override { return size_; }  ///< also while the strand is shared
  std::span<const std::byte> piece_at(std::uint64_t offset) const override;
  bool is_writable() const override { return true; }
  Result<std::size_t> read_at_sharing(std::uint64_t offset, const ReadBytes& to) override;
  /// The page of the bytes must exist.
  Result<std::size_t> write_at_sharing(std::uint64_t offset, const WrittenBytes& from) override;
  bool has_writers() const override { return writers_ != 0 && !may_change_in_use_; }
  void begin_writing() override { ++writers_; }
  void end_writing() override {
    async::Strand::check_access();
    --writers_;
  }
  Result<> resize(std::uint64_t size) override;
  Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) override;
  Result<std::size_t> write_at(std::uint64_t offset, IoBuffer& buffer) override;
  std::uint64_t next_data(std::uint64_t offset) const override;
  std::uint64_t next_hole(std::uint64_t offset) const override;

  // In the strand.

  /// fallocate(2). `mode`: FALLOC_FL_*. Allocates at most step_pages pages, so a caller with more
  /// calls it for each step.
  Result<> allocate(std::uint64_t offset, std::uint64_t length, int mode) override;
  Result<Ref<memory::TrackedObject>> mapping() override;
  Result<Ref<memory::PageSource>> pages_until(std::uint64_t end) override;
  /// The seals of memfd_create: F_SEAL_*.
  Result<unsigned> seals() const override { return seals_; }
  /// EPERM: F_SEAL_SEAL is set; EBUSY: F_SEAL_WRITE, and a program may write through a mapping.
  Result<> add_seals(unsigned seals) override;
  /// For memfd_create: the file may get other seals.
  void allow_sealing() { seals_ = 0; }
  /// For memfd_create: as on Linux, programs may execute the file while it is open for writing.
  void allow_change_in_use() { may_change_in_use_ = true; }

 private:
  class Mapping;

  /// resize() of a file that may have the size.
  Result<> set_size(std::uint64_t size);
  Result<> punch_hole(std::uint64_t offset, std::uint64_t end);
  /// The bytes from `size` to the end of its page become zeros.
  void clear_rest_of_page(std::uint64_t size);
  /// A write has failed at `at`, and may have left bytes in that page. Those behind size_ become
  /// zeros.
  void clear_failed_write(std::uint64_t at);
  /// Frees the pages behind `size`, and zeros the bytes behind `size` in the last page that is
  /// left.
  void forget_from(std::uint64_t size);

  async::SharedWord<std::uint64_t> size_ = 0;
  std::uint32_t writers_ = 0;  // open files that may write
  unsigned seals_ = abi::f_seal_seal;
  bool may_change_in_use_ = false;
  bool was_mapped_ = false;     // programs may have written behind size_
  Mapping* mapping_ = nullptr;  // null while no area maps the file
  // For callers that share the strand: protects size_ and the bytes, while there are writers.
  async::LeafLock lock_{1};
  // The bytes behind size_ are zeros. Pages lie behind the page of size_ only if allocate() kept
  // the size, or if a write allocated them and then failed.
  FilePages pages_;
};

}  // namespace kernel
