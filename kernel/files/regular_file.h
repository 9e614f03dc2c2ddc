// Files with contents: fixed ones from the boot archive, texts made when they are opened, and
// writable ones in memory.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "files/file_pages.h"
#include "files/node.h"
#include "memory/paged_text.h"

namespace kernel {

/// A node with bytes in places; any number of open files may be at different ones.
class RegularFile : public Node {
 public:
  Result<Ref<File>> open(int flags) override;

  /// Up to the end of the file; 0 there.
  virtual Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) = 0;
  virtual Result<std::size_t> write_at(std::uint64_t, IoBuffer&) { return fail(Errno::erofs); }
  virtual Result<std::span<const std::byte>> bytes() { return fail(Errno::enodev); }
  /// See File.
  virtual bool is_stream() const { return true; }

 protected:
  explicit RegularFile(unsigned permissions) : Node{abi::s_ifreg | permissions} {}
};

/// Bytes that somebody else keeps for ever: those of the boot archive.
class ArchiveFile final : public RegularFile {
 public:
  ArchiveFile(std::span<const std::byte> bytes, unsigned permissions)
      : RegularFile{permissions}, bytes_{bytes} {}

  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) override;
  Result<std::span<const std::byte>> bytes() override { return bytes_; }
  /// While the kernel starts only: for hard links, whose contents come with one of the names.
  void set_bytes(std::span<const std::byte> bytes) { bytes_ = bytes; }

 private:
  std::span<const std::byte> bytes_;
};

/// A text that is made anew whenever the file is opened; open() answers ENOMEM if memory has no
/// room for all of it. Where there is somebody to `take` it, what is written to the file, up to
/// `longest` bytes at a time, goes there without its last newline.
class TextFile final : public Node {
 public:
  using Write = void (*)(PagedText& out);
  using Take = Result<> (*)(std::string_view text);
  static constexpr std::size_t longest = 128;

  explicit TextFile(Write write, Take take = nullptr)
      : Node{abi::s_ifreg | (take != nullptr ? 0644u : 0444u)}, write_{write}, take_{take} {}
  bool is_writable() const override { return take_ != nullptr; }
  Result<Ref<File>> open(int flags) override;
  /// Emptying it changes nothing.
  Result<> resize(std::uint64_t) override {
    return is_writable() ? Result<>{} : fail(Errno::erofs);
  }

 private:
  Write write_;
  Take take_;
};

/// A file that programs write, in pages of its own.
class MemoryFile final : public RegularFile {
 public:
  static constexpr std::uint64_t longest = std::uint64_t{1} << 30;

  explicit MemoryFile(unsigned permissions) : RegularFile{permissions} {}

  std::uint64_t size() const override { return size_; }
  bool is_writable() const override { return true; }
  Result<> resize(std::uint64_t size) override;
  Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) override;
  Result<std::size_t> write_at(std::uint64_t offset, IoBuffer& buffer) override;

 private:
  /// Nothing is past `size` from here on.
  void forget_from(std::uint64_t size);

  std::uint64_t size_ = 0;
  FilePages pages_;  // none is past size_, and the bytes past it in the last one are zero
};

}  // namespace kernel
