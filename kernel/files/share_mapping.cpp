#include "files/share_mapping.h"

#include <kernel/levels.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "memory/frames.h"

namespace kernel {
namespace {

using memory::Frame;

constexpr std::size_t dirty_bytes = 192;  // of an entry of a map
/// The memory of a job that writes back.
constexpr std::size_t job_bytes = 8192;

constexpr std::uint64_t page_of(std::uint64_t offset) {
  return offset / hal::page_size;
}

/// Dirty pages of all files. They cannot be reclaimed before they are written back.
constinit std::size_t dirty_pages = 0;

std::size_t most_dirty_pages() {
  return memory::frames.total_count() / 8;
}

/// Programs that map a file larger than the memory must not be killed for it.
bool is_memory_scarce() {
  return memory::frames.free_for_user() < memory::frames.total_count() / 16;
}

async::Task<> write_all_back(Ref<ShareMapping> mapping) {
  (void)co_await mapping->flush();
}

}  // namespace

/// The pages that the object lacks. It belongs to the object, and ends with it.
class ShareMapping::Source final : public memory::PageSource {
 public:
  explicit Source(ShareMapping& mapping) : mapping_{&mapping} {}
  void end() { mapping_ = nullptr; }

  std::size_t count() const override { return mapping_ != nullptr ? mapping_->count() : 0; }
  Frame find(std::size_t index) override {
    return mapping_ != nullptr ? mapping_->cached_->find(index) : Frame{};
  }
  async::Task<Result<Frame>> read(std::size_t index) override {
    if (mapping_ == nullptr || index >= count()) co_return fail(Errno::eio);
    const auto mapping = Ref<ShareMapping>::share(*mapping_);
    if (dirty_pages > most_dirty_pages()) (void)co_await mapping->flush();
    if (is_memory_scarce()) co_await mapping->evict();
    if (Frame page = mapping->cached_->find(index)) co_return page;
    const std::uint64_t before = mapping->changes_;
    auto page =
        co_await mapping->client_.read_pages(mapping->fid_, index, count(), mapping->cached_);
    // The server may have sent the bytes before it has got those of a write.
    if (mapping->changes_ != before) mapping->drop_clean(index, index + PagesTransfer::most);
    if (!page) co_return fail(page.error() == Errno::enomem ? Errno::enomem : Errno::eio);
    if (mapping->changes_ != before) co_return page;  // the access reads it again
    if (!mapping->cached_->has(index)) co_return fail(Errno::enomem);
    co_return page;
  }

 private:
  ShareMapping* mapping_;  // null: it has ended
};

ShareMapping::ShareMapping(ShareClient& client, PageCache::Key key, Ref<Fid> fid,
                           Ref<CachedFile> cached, std::uint64_t size)
    : client_{client},
      key_{key},
      fid_{std::move(fid)},
      cached_{std::move(cached)},
      source_{make_ref<Source>(*this)},
      size_{size} {
  client_.add_mapping(key_, *this);
}

ShareMapping::~ShareMapping() {
  source_->end();
  client_.remove_mapping(key_);
}

memory::PageSource* ShareMapping::source() {
  return source_.get();
}

std::size_t ShareMapping::count() const {
  return hal::page_up(size_) / hal::page_size;
}

Result<hal::PhysAddr> ShareMapping::frame(std::size_t index) {
  if (index >= count()) return fail(Errno::enxio);
  const Frame page = cached_->find(index);
  return page ? Result<hal::PhysAddr>{page.address()} : fail(Errno::would_block);
}

Result<> ShareMapping::note_write(std::size_t index) {
  if (dirty_.contains(index)) return {};
  Frame page = cached_->find(index);
  if (!page || !memory::can_allocate(dirty_bytes)) return fail(Errno::enomem);
  add_dirty(index, std::move(page));
  return {};
}

void ShareMapping::add_dirty(std::size_t index, Frame page) {
  if (dirty_.empty()) retain();
  dirty_.emplace(index, std::move(page));
  ++dirty_pages;
}

/// The caller has a reference to the object.
void ShareMapping::drop_dirty(std::uint64_t first, std::uint64_t end) {
  const auto from = dirty_.lower_bound(first), to = dirty_.lower_bound(end);
  if (from == to) return;
  dirty_pages -= static_cast<std::size_t>(std::distance(from, to));
  dirty_.erase(from, to);
  if (dirty_.empty()) release();
}

void ShareMapping::note_area(bool is_new) {
  if (is_new || has_areas()) return;
  if (dirty_.empty() || !memory::can_allocate(job_bytes)) return;  // sync finds it later
  async::spawn(write_all_back(Ref<ShareMapping>::share(*this)),
               {.name = "write back", .priority = levels::event})
      .detach();
}

async::Task<Result<>> ShareMapping::write_back(std::uint64_t first, std::uint64_t end) {
  const auto self = Ref<ShareMapping>::share(*this);
  if (auto flushed = co_await flush(first, end); !flushed) co_return flushed;
  const Errno error = std::exchange(error_, Errno{});
  co_return error == Errno{} ? Result<>{} : fail(error);
}

async::Task<Result<>> ShareMapping::flush(std::uint64_t first, std::uint64_t end) {
  const auto self = Ref<ShareMapping>::share(*this);
  const auto guard = co_await lock_.lock_or_cancel("write back");
  if (!guard) co_return fail(Errno::eintr);
  const std::size_t most =
      std::min({PagesTransfer::most, client_.most_bytes() / hal::page_size, client_.most_pieces()});
  for (auto at = dirty_.lower_bound(first); at != dirty_.end() && at->first < end;
       at = dirty_.lower_bound(first)) {
    const std::uint64_t run = at->first;
    if (!memory::can_allocate(sizeof(PagesTransfer))) co_return fail(Errno::enomem);
    const auto request = make_ref<PagesTransfer>(Direction::write, writer_);
    const std::uint64_t start = run * hal::page_size;
    std::size_t bytes = 0;
    for (; at != dirty_.end() && at->first < end && at->first == run + request->count() &&
           request->count() < most && start + bytes < size_;
         ++at) {
      const std::size_t part = std::min<std::uint64_t>(hal::page_size, size_ - start - bytes);
      request->add_page(at->second.share(), part);
      bytes += part;
    }
    first = run + std::max<std::size_t>(request->count(), 1);
    // From here on a write makes a page dirty again.
    unmap_pages(run, first, Copies::keep);
    drop_dirty(run, first);
    if (bytes == 0) continue;  // behind the end of the file
    const auto moved = co_await client_.write_pages(request, start, bytes);
    if (!moved || *moved < bytes) error_ = moved ? Errno::enospc : moved.error();
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
  co_return Result<>{};
}

async::Task<> ShareMapping::evict() {
  constexpr std::uint64_t step_pages = 64;
  const auto self = Ref<ShareMapping>::share(*this);
  if (const auto flushed = co_await flush(); !flushed) co_return;
  for (std::uint64_t first = 0; first < count() && is_memory_scarce(); first += step_pages) {
    const std::uint64_t end = first + step_pages;
    if (dirty_.lower_bound(first) != dirty_.lower_bound(end)) continue;
    unmap_pages(first, end, Copies::keep);
    cached_->forget(first, end);
    co_await async::yield_if_preempted();
  }
}

void ShareMapping::note_written(std::uint64_t offset, std::size_t bytes,
                                const PinnedPieces& pieces) {
  if (bytes == 0) return;
  ++changes_;
  const std::uint64_t first = page_of(offset), end = page_of(offset + bytes - 1) + 1;
  if (offset + bytes > size_) {
    if (offset > size_) clear_rest_of_page(size_);
    size_ = offset + bytes;
  }
  for (auto at = dirty_.lower_bound(first); at != dirty_.end() && at->first < end; ++at) {
    const std::uint64_t page = at->first * hal::page_size;
    const std::uint64_t from = std::max(page, offset);
    const std::uint64_t to = std::min<std::uint64_t>(page + hal::page_size, offset + bytes);
    pieces.copy_to(from - offset, {at->second.bytes() + (from - page), to - from});
  }
  drop_clean(first, end);
}

void ShareMapping::drop_clean(std::uint64_t first, std::uint64_t end) {
  for (std::uint64_t index = first; index < end; ++index) {
    if (dirty_.contains(index) || !cached_->has(index)) continue;
    unmap_pages(index, index + 1, Copies::keep);
    cached_->forget(index, index + 1);
  }
}

void ShareMapping::note_size(std::uint64_t size) {
  const auto self = Ref<ShareMapping>::share(*this);
  ++changes_;
  const std::uint64_t end = hal::page_up(size) / hal::page_size;
  if (size < size_) {
    unmap_pages(end, SIZE_MAX, Copies::drop);
    drop_dirty(end, UINT64_MAX);
    cached_->forget(end, UINT64_MAX);
  }
  clear_rest_of_page(std::min(size, size_));
  size_ = size;
}

void ShareMapping::clear_rest_of_page(std::uint64_t size) {
  const std::size_t used = size % hal::page_size;
  const Frame page = used != 0 ? cached_->find(page_of(size)) : Frame{};
  if (page) std::memset(page.bytes() + used, 0, hal::page_size - used);
}

}  // namespace kernel
