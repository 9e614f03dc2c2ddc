#include "files/regular_file.h"

#include <async/leaf_lock.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "files/file_quota.h"
#include "files/inotify.h"
#include "files/size_limit.h"

namespace kernel {
namespace {

/// Puts the bytes from `offset` on into `buffer`.
[[gnu::always_inline]] inline Result<std::size_t> read_span(std::span<const std::byte> bytes,
                                                            std::uint64_t offset,
                                                            IoBuffer& buffer) {
  if (offset >= bytes.size()) return 0;
  return buffer.put(bytes.subspan(offset));
}

/// An open RegularFile and its position.
class PlacedFile final : public File {
 public:
  PlacedFile(Ref<RegularFile> file, int flags) : File{flags}, file_{std::move(file)} {
    if (file_->is_stream()) be_stream();
    if (can_write()) file_->begin_writing();
  }
  ~PlacedFile() override {
    if (can_write()) file_->end_writing();
    if (has_watches() && !is_only_path()) [[unlikely]]
      note_close(*file_, can_write() ? abi::in_close_write : abi::in_close_nowrite);
  }

  Result<std::size_t> try_read(IoBuffer& buffer) override {
    if (has_watches()) [[unlikely]]
      return read_watched({}, buffer);
    return moved(file_->read_at(place_, buffer));
  }
  Result<std::size_t> try_write(IoBuffer& buffer) override {
    if (appends()) place_ = file_->size();
    if (has_watches()) [[unlikely]]
      return write_watched({}, buffer);
    return moved(file_->write_at(place_, buffer));
  }
  Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) override {
    if (has_watches()) [[unlikely]]
      return read_watched(offset, buffer);
    return file_->read_at(offset, buffer);
  }
  Result<std::size_t> write_at(std::uint64_t offset, IoBuffer& buffer) override {
    const std::uint64_t at = appends() ? file_->size() : offset;
    if (has_watches()) [[unlikely]]
      return write_watched(at, buffer);
    return file_->write_at(at, buffer);
  }

  Result<std::size_t> read_sharing(const ReadBytes& to) override {
    if (is_watched(*file_)) [[unlikely]]
      return fail(Errno::would_block);
    const async::LeafLock::Guard lock{place_lock_};
    if (!to.is_current()) return fail(Errno::would_block);
    return moved(file_->read_at_sharing(place_, to));
  }
  Result<std::size_t> write_sharing(const WrittenBytes& from) override {
    if (is_watched(*file_) || appends()) [[unlikely]]
      return fail(Errno::would_block);
    const async::LeafLock::Guard lock{place_lock_};
    if (!from.is_current()) return fail(Errno::would_block);
    return moved(file_->write_at_sharing(place_, from));
  }
  Result<std::size_t> read_at_sharing(std::uint64_t offset, const ReadBytes& to) override {
    if (is_watched(*file_)) [[unlikely]]
      return fail(Errno::would_block);
    return file_->read_at_sharing(offset, to);
  }
  Result<std::size_t> write_at_sharing(std::uint64_t offset, const WrittenBytes& from) override {
    if (is_watched(*file_) || appends()) return fail(Errno::would_block);
    return file_->write_at_sharing(offset, from);
  }

  // The end of a file without a name, or of a Snapshot, may free much memory. A handle finds a node
  // until this file, too, has ended.
  bool end_sharing() override {
    return is_stream() && file_->has_name() && !is_watched(*file_) && !file_->has_handle();
  }
  // While the node has a name, a directory owns it too, so the destructor does not free it.
  bool may_destroy_sharing() override { return end_sharing() && !can_write(); }

  Result<std::int64_t> seek(std::int64_t offset, int whence) override {
    const async::LeafLock::SharingGuard lock{place_lock_};
    auto place = find_place(offset, whence, place_, file_->size());
    if (place && whence == abi::seek_data) place = next_data(*place);
    if (place && whence == abi::seek_hole)
      place = static_cast<std::int64_t>(file_->next_hole(static_cast<std::uint64_t>(offset)));
    if (place) place_ = static_cast<std::uint64_t>(*place);
    return place;
  }
  Result<short> readiness_sharing() override { return readiness(); }
  Result<> resize(std::uint64_t size) override {
    if (is_watched(*file_) && async::Strand::is_shared()) return fail(Errno::would_block);
    auto resized = file_->resize(size);
    if (resized) note_event(*file_, abi::in_modify);
    return resized;
  }

  Result<std::span<const std::byte>> bytes() override { return file_->bytes(); }
  Result<Ref<memory::TrackedObject>> mapping() override { return file_->mapping(); }
  Result<Ref<memory::PageSource>> pages_until(std::uint64_t end) override {
    return file_->pages_until(end);
  }
  /// Requests to share blocks with another file (ioctl_ficlonerange(2)): no file can.
  Result<int> control(memory::AddressSpace&, unsigned long request, std::uintptr_t) override {
    constexpr unsigned long clone = 0x4004'9409, clone_range = 0x4020'940d;
    return fail(request == clone || request == clone_range ? Errno::enotsup : Errno::enotty);
  }
  Result<> allocate(std::uint64_t offset, std::uint64_t length, int mode) override {
    auto allocated = file_->allocate(offset, length, mode);
    if (allocated) note_event(*file_, abi::in_modify);
    return allocated;
  }
  Result<unsigned> seals() override { return file_->seals(); }
  Result<> add_seals(unsigned seals) override { return file_->add_seals(seals); }
  abi::Stat status() override { return file_->status(); }
  Node* node() override { return file_.get(); }

 private:
  // Transfers while a program watches files: they report an event. Functions of their own, so that
  // other transfers end in the call that moves the bytes. Without an offset they move the position.

  [[gnu::cold, gnu::noinline]] Result<std::size_t> read_watched(std::optional<std::uint64_t> offset,
                                                                IoBuffer& buffer) {
    const auto count =
        offset ? file_->read_at(*offset, buffer) : moved(file_->read_at(place_, buffer));
    if (count && *count != 0) note_event(*file_, abi::in_access);
    return count;
  }
  [[gnu::cold, gnu::noinline]] Result<std::size_t> write_watched(
      std::optional<std::uint64_t> offset, IoBuffer& buffer) {
    const auto count =
        offset ? file_->write_at(*offset, buffer) : moved(file_->write_at(place_, buffer));
    if (count && *count != 0) note_event(*file_, abi::in_modify);
    return count;
  }
  /// ENXIO: there are only holes behind `offset`.
  Result<std::int64_t> next_data(std::int64_t offset) const {
    const std::uint64_t data = file_->next_data(static_cast<std::uint64_t>(offset));
    if (data >= file_->size()) return fail(Errno::enxio);
    return static_cast<std::int64_t>(data);
  }
  Result<std::size_t> moved(Result<std::size_t> count) {
    place_lock_.check_access();
    if (count) place_ += *count;
    return count;
  }

  alignas(64) Ref<RegularFile> file_;  // not in the line with the count of owners
  async::LeafLock place_lock_;         // for callers that share the strand
  std::uint64_t place_ = 0;
};

/// The text of one open TextFile. A read at its beginning makes it.
class Snapshot final : public RegularFile {
 public:
  explicit Snapshot(Ref<TextFile> file) : RegularFile{0444}, file_{std::move(file)} {}
  /// Reads find the end, not this size, which is Linux's for such files.
  std::uint64_t size() const override { return 0; }
  abi::Stat status() const override { return file_->status(); }
  bool is_stream() const override { return false; }
  std::span<const std::byte> piece_at(std::uint64_t offset) const override {
    return text_.piece_at(offset);
  }
  Result<std::size_t> read_at_sharing(std::uint64_t, const ReadBytes&) override {
    return fail(Errno::would_block);
  }
  Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer) override {
    if (offset == 0 || !is_made_) {
      text_ = {};
      file_->write(text_);
      is_made_ = text_.is_complete();
      if (!is_made_) {
        text_ = {};
        return fail(Errno::enomem);
      }
    }
    std::size_t done = 0;
    while (!buffer.empty()) {
      const auto moved = read_span(text_.piece_at(offset + done), 0, buffer);
      if (!moved) return done > 0 ? Result<std::size_t>{done} : moved;
      if (*moved == 0) break;
      done += *moved;
    }
    return done;
  }
  Result<std::size_t> write_at(std::uint64_t, IoBuffer& buffer) override {
    std::array<char, TextFile::longest> room;
    if (buffer.left() > room.size()) return fail(Errno::einval);
    const auto count = buffer.take(std::as_writable_bytes(std::span{room}));
    if (!count) return count;
    std::string_view text{room.data(), *count};
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (const auto taken = file_->take(text); !taken) return fail(taken.error());
    return count;
  }

 private:
  Ref<TextFile> file_;
  PagedText text_;
  bool is_made_ = false;
};

/// Copies of the pages of a file before `end`. A copy has the bytes that the file has when the page
/// is read.
class PageCopies final : public memory::PageSource {
 public:
  PageCopies(Ref<RegularFile> file, std::uint64_t end) : file_{std::move(file)}, end_{end} {}

  std::size_t count() const override {
    return hal::page_up(std::min(file_->size(), end_)) / hal::page_size;
  }
  async::Task<Result<memory::Frame>> read(std::size_t index) override { co_return copy(index); }
  memory::Frame find(std::size_t index) override {
    auto made = copy(index);
    return made ? std::move(*made) : memory::Frame{};
  }

 private:
  Result<memory::Frame> copy(std::size_t index) {
    auto frame = memory::Frame::allocate(memory::Use::user);
    if (!frame) return fail(Errno::enomem);
    const std::span page{frame.bytes(), hal::page_size};
    const std::uint64_t start = std::uint64_t{index} * hal::page_size;
    const std::size_t wanted = std::min<std::uint64_t>(end_ - std::min(start, end_), page.size());
    IoBuffer buffer{page.first(wanted)};
    const auto done = file_->read_at(start, buffer);
    if (!done) return fail(done.error());
    std::ranges::fill(page.subspan(*done), std::byte{});
    return frame;
  }

  Ref<RegularFile> file_;
  const std::uint64_t end_;
};

}  // namespace

Result<Ref<File>> RegularFile::open(int flags) {
  if ((flags & abi::o_accmode) != abi::o_rdonly && !is_writable()) return fail(Errno::erofs);
  if (!memory::can_allocate(sizeof(PlacedFile))) return fail(Errno::enomem);
  return make_ref<PlacedFile>(Ref<RegularFile>::share(*this), flags);
}

Result<std::size_t> RegularFile::read_at_sharing(std::uint64_t offset, const ReadBytes& to) {
  const std::uint64_t end = size();
  if (offset >= end) return 0;
  const std::size_t count = std::min<std::uint64_t>(to.size(), end - offset);
  const auto piece = piece_at(offset);
  if (piece.size() < count) return fail(Errno::would_block);
  copy_bytes(to.data(), piece.data(), count);
  return count;
}

Result<std::size_t> ArchiveFile::read_at(std::uint64_t offset, IoBuffer& buffer) {
  return read_span(bytes_, offset, buffer);
}

Result<Ref<File>> TextFile::open(int flags) {
  if ((flags & abi::o_accmode) != abi::o_rdonly && !is_writable()) return fail(Errno::eacces);
  if (!memory::can_allocate(sizeof(Snapshot) + sizeof(PlacedFile))) return fail(Errno::enomem);
  auto snapshot = make_ref<Snapshot>(Ref<TextFile>::share(*this));
  snapshot->set_file_system(file_system());
  return make_ref<PlacedFile>(std::move(snapshot), flags);
}

/// The pages of the file for areas. It exists while an area, or a call, uses it.
class MemoryFile::Mapping final : public memory::TrackedObject {
 public:
  explicit Mapping(Ref<MemoryFile> file) : file_{std::move(file)} {}
  ~Mapping() override { file_->mapping_ = nullptr; }

  std::size_t count() const override { return hal::page_up(file_->size()) / hal::page_size; }
  Result<hal::PhysAddr> frame(std::size_t index) override {
    if (index >= count()) return fail(Errno::enxio);
    if (file_->pages_.make(index) == nullptr)
      return fail(file_quota::has(hal::page_size) ? Errno::enomem : Errno::enxio);
    return file_->pages_.share(index);
  }
  bool has_frame(std::size_t index) const override {
    return index < count() && file_->pages_.find(index) != nullptr;
  }

  void lose(std::uint64_t from) { unmap_pages(from, SIZE_MAX, Copies::drop); }
  void lose_hole(std::uint64_t first, std::uint64_t end) { unmap_pages(first, end, Copies::keep); }
  bool is_written() { return has_writable_area(); }

 private:
  Ref<MemoryFile> file_;
};

void MemoryFile::forget_from(std::uint64_t size) {
  lock_.check_access();
  const std::uint64_t end = hal::page_up(size) / hal::page_size;
  if (mapping_ != nullptr) mapping_->lose(end);
  pages_.drop_from(end);
  clear_rest_of_page(size);
}

void MemoryFile::clear_rest_of_page(std::uint64_t size) {
  const std::size_t used = size % hal::page_size;
  std::byte* const last = used != 0 ? pages_.find(size / hal::page_size) : nullptr;
  if (last != nullptr) std::memset(last + used, 0, hal::page_size - used);
}

[[gnu::cold]] void MemoryFile::clear_failed_write(std::uint64_t at) {
  const std::uint64_t first = std::max<std::uint64_t>(at, size_);
  std::byte* const page = pages_.find(at / hal::page_size);
  if (page == nullptr || first / hal::page_size != at / hal::page_size) return;
  const std::size_t used = first % hal::page_size;
  std::memset(page + used, 0, hal::page_size - used);
}

Result<> MemoryFile::resize(std::uint64_t size) {
  if (size > longest) return fail(Errno::efbig);
  if (auto allowed = size_limit::check(size_, size); !allowed) return allowed;
  if (seals_ > abi::f_seal_seal) [[unlikely]] {
    const unsigned seal = size < size_ ? abi::f_seal_shrink : abi::f_seal_grow;
    if (size != size_ && (seals_ & seal) != 0) return fail(Errno::eperm);
  }
  return set_size(size);
}

Result<> MemoryFile::set_size(std::uint64_t size) {
  const async::LeafLock::SharingGuard lock{lock_};
  if (size < size_ || was_mapped_) {
    if (!async::Strand::is_held()) return fail(Errno::would_block);
    if (size < size_) {
      forget_from(size);
    } else {
      clear_rest_of_page(size_);
    }
  }
  size_ = size;
  return {};
}

std::uint64_t MemoryFile::next_data(std::uint64_t offset) const {
  const auto page = pages_.next_page(offset / hal::page_size);
  if (!page) return size_;
  return std::min<std::uint64_t>(std::max(*page * hal::page_size, offset), size_);
}

std::uint64_t MemoryFile::next_hole(std::uint64_t offset) const {
  const std::uint64_t hole = pages_.next_hole(offset / hal::page_size) * hal::page_size;
  return std::min<std::uint64_t>(std::max(hole, offset), size_);
}

Result<> MemoryFile::allocate(std::uint64_t offset, std::uint64_t length, int mode) {
  const std::uint64_t end = offset + length;
  const bool keeps_size = (mode & abi::falloc_keep_size) != 0;
  if (mode == (abi::falloc_punch_hole | abi::falloc_keep_size)) return punch_hole(offset, end);
  if ((mode & ~abi::falloc_keep_size) != 0) return fail(Errno::enotsup);
  if (end > longest) return fail(Errno::efbig);
  if (auto allowed = size_limit::check(size_, end); !allowed) return allowed;
  if (!keeps_size && end > size_ && (seals_ & abi::f_seal_grow) != 0) return fail(Errno::eperm);
  for (std::uint64_t page = offset / hal::page_size; page * hal::page_size < end; ++page) {
    if (pages_.make(page) == nullptr) return fail(Errno::enospc);
  }
  if (!keeps_size && end > size_) {
    if (auto grown = set_size(end); !grown) return grown;
    note_modification();
  } else {
    note_change();
  }
  return {};
}

Result<> MemoryFile::punch_hole(std::uint64_t offset, std::uint64_t end) {
  if ((seals_ & (abi::f_seal_write | abi::f_seal_future_write)) != 0) return fail(Errno::eperm);
  const std::uint64_t first = hal::page_up(offset) / hal::page_size;
  const std::uint64_t last = end / hal::page_size;
  const async::LeafLock::SharingGuard lock{lock_};
  const auto clear = [&](std::uint64_t from, std::uint64_t to) {
    std::byte* const page = from < to ? pages_.find(from / hal::page_size) : nullptr;
    if (page != nullptr) std::memset(page + from % hal::page_size, 0, to - from);
  };
  if (first < last) {
    if (mapping_ != nullptr) mapping_->lose_hole(first, last);
    pages_.drop(first, last);
  }
  clear(offset, std::min(end, first * hal::page_size));
  if (last >= first) clear(std::max(offset, last * hal::page_size), end);
  note_modification();
  return {};
}

Result<> MemoryFile::add_seals(unsigned seals) {
  if ((seals_ & abi::f_seal_seal) != 0) return fail(Errno::eperm);
  const unsigned added = seals & ~seals_;
  if ((added & abi::f_seal_write) != 0 && mapping_ != nullptr && mapping_->is_written())
    return fail(Errno::ebusy);
  seals_ |= seals;
  return {};
}

Result<Ref<memory::TrackedObject>> MemoryFile::mapping() {
  async::Strand::check_access();
  if (mapping_ != nullptr) return Ref<memory::TrackedObject>::share(*mapping_);
  if (!memory::can_allocate(sizeof(Mapping))) return fail(Errno::enomem);
  auto made = make_ref<Mapping>(Ref<MemoryFile>::share(*this));
  mapping_ = made.get();
  was_mapped_ = true;
  return Ref<memory::TrackedObject>{std::move(made)};
}

Result<Ref<memory::PageSource>> MemoryFile::pages_until(std::uint64_t end) {
  if (!memory::can_allocate(sizeof(PageCopies))) return fail(Errno::enomem);
  return Ref<memory::PageSource>{make_ref<PageCopies>(Ref<MemoryFile>::share(*this), end)};
}

std::span<const std::byte> MemoryFile::piece_at(std::uint64_t offset) const {
  const std::size_t at = offset % hal::page_size;
  const std::byte* const page = pages_.find(offset / hal::page_size);
  if (page == nullptr) return {};
  return {page + at, std::min<std::uint64_t>(hal::page_size - at, size_ - offset)};
}

Result<std::size_t> MemoryFile::read_at_sharing(std::uint64_t offset, const ReadBytes& to) {
  note_read();
  if (writers_ == 0) return RegularFile::read_at_sharing(offset, to);
  const async::LeafLock::Guard lock{lock_};
  if (!to.is_current()) return fail(Errno::would_block);
  return RegularFile::read_at_sharing(offset, to);
}

Result<std::size_t> MemoryFile::write_at_sharing(std::uint64_t offset, const WrittenBytes& from) {
  const std::size_t at = offset % hal::page_size;
  if (from.size() > hal::page_size - at || size_limit::is_used()) return fail(Errno::would_block);
  const async::LeafLock::Guard lock{lock_};
  std::byte* const page = pages_.find(offset / hal::page_size);
  if (page == nullptr || !from.is_current()) return fail(Errno::would_block);
  const bool grows = offset + from.size() > size_;
  if (seals_ > abi::f_seal_seal || (grows && was_mapped_)) return fail(Errno::would_block);
  copy_bytes(page + at, from.data(), from.size());
  if (grows) size_ = offset + from.size();
  note_modification();
  return from.size();
}

Result<std::size_t> MemoryFile::read_at(std::uint64_t offset, IoBuffer& buffer) {
  if (buffer.must_page_in(IoBuffer::Direction::put)) return fail(Errno::would_block);
  note_read();
  std::size_t done = 0;
  while (offset < size_ && !buffer.empty()) {
    const std::size_t at = offset % hal::page_size;
    const std::uint64_t rest = size_ - offset;
    const std::size_t count = std::min<std::uint64_t>(hal::page_size - at, rest);
    Result<std::size_t> moved = 0;
    std::array<const std::byte*, 32> pages;
    if (count < rest && count < buffer.left()) {
      const std::size_t found = pages_.find_run(offset / hal::page_size, pages);
      moved = found != 0
                  ? buffer.put_pages(pages.data(), at,
                                     std::min<std::uint64_t>(found * hal::page_size - at, rest))
                  : buffer.put_zeros(count);
    } else {
      const std::byte* const page = pages_.find(offset / hal::page_size);
      moved = page != nullptr ? buffer.put({page + at, count}) : buffer.put_zeros(count);
    }
    if (!moved) return done > 0 ? Result<std::size_t>{done} : moved;
    done += *moved;
    offset += *moved;
  }
  return done;
}

Result<std::size_t> MemoryFile::write_at(std::uint64_t offset, IoBuffer& buffer) {
  if (buffer.empty()) return 0;
  if (offset >= longest) return fail(Errno::efbig);
  if (buffer.must_page_in(IoBuffer::Direction::take)) return fail(Errno::would_block);
  const auto room = size_limit::room(offset, buffer.left());
  if (!room) return fail(room.error());
  const std::uint64_t end = std::min(offset + *room, longest);
  if (seals_ > abi::f_seal_seal) [[unlikely]] {
    if ((seals_ & (abi::f_seal_write | abi::f_seal_future_write)) != 0) return fail(Errno::eperm);
    if (end > size_ && (seals_ & abi::f_seal_grow) != 0) return fail(Errno::eperm);
  }
  if (end > size_ && was_mapped_) clear_rest_of_page(size_);
  std::size_t done = 0;
  Result<std::size_t> moved = 0;
  while (offset < end) {
    const std::size_t at = offset % hal::page_size;
    std::byte* const here = pages_.make(offset / hal::page_size);
    if (here == nullptr) {
      moved = fail(Errno::enospc);
      break;
    }
    const std::size_t count = std::min<std::uint64_t>(hal::page_size - at, end - offset);
    moved = buffer.take({here + at, count});
    if (!moved) break;
    done += *moved;
    offset += *moved;
  }
  if (done != 0 && offset > size_) {
    const async::LeafLock::SharingGuard lock{lock_};
    size_ = offset;
  }
  if (!moved && end > size_) clear_failed_write(offset);
  if (done == 0) return moved;
  note_modification();
  return done;
}

}  // namespace kernel
