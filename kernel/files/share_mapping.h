// Shared mappings of a file of the host (MAP_SHARED). All programs that map the file share the
// frames of its cached pages, and write to them in place.
//
// A page is read-only in all page tables until a program writes to it. That fault makes the page
// dirty. Writing back a page first removes it from the tables, so the next write makes it dirty
// again:
//
//   missing ── read() ──▶ clean ── the first write ──▶ dirty ── write_back() ──▶ clean
//
// msync, fsync and sync write dirty pages back. Reads and writes of the file do so, too, because
// they go to the server. So does the end of the last area. A program that needs another page writes
// all of them back while an eighth of the memory is dirty or memory is scarce. In the latter case
// it also forgets clean pages (evict()). An object with dirty pages owns a reference to itself.
//
// While the object exists, its pages and its size are those of the file for all programs of the
// machine, whatever other programs of the host do. All of it is in the strand.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstdint>
#include <map>

#include "files/node.h"
#include "files/page_cache.h"
#include "files/pinned_pieces.h"
#include "files/share_client.h"
#include "memory/mappable_object.h"

namespace kernel {

class ShareMapping final : public memory::TrackedObject {
 public:
  /// `fid`: of the file, open for reading.
  ShareMapping(ShareClient& client, PageCache::Key key, Ref<Fid> fid, Ref<CachedFile> cached,
               std::uint64_t size);
  ~ShareMapping() override;

  /// `fid`: open for writing, but not for appending. A program may write to the object only if it
  /// has such a descriptor.
  void set_writer(Ref<Fid> fid) { writer_ = std::move(fid); }
  const Ref<CachedFile>& cached() const { return cached_; }

  std::size_t count() const override;
  Result<hal::PhysAddr> frame(std::size_t index) override;
  bool has_frame(std::size_t index) const override { return cached_->has(index); }
  memory::PageSource* source() override;
  bool tracks_writes() const override { return true; }
  Result<> note_write(std::size_t index) override;

  /// Writes the dirty pages of [first, end) back. The pages are clean afterwards, as on Linux, also
  /// after an error, which the next write_back() reports. EINTR: cancelled; ENOMEM.
  async::Task<Result<>> flush(std::uint64_t first = 0, std::uint64_t end = UINT64_MAX);
  /// The same for a call that reports errors: EIO, ENOSPC and other errors of the server, also of
  /// an earlier flush().
  async::Task<Result<>> write_back(std::uint64_t first = 0, std::uint64_t end = UINT64_MAX);
  async::Task<Result<>> sync(std::uint64_t first, std::uint64_t end) override {
    return write_back(first, end);
  }

  /// The server has `bytes` new bytes from `offset` on, which are those of `pieces`.
  void note_written(std::uint64_t offset, std::size_t bytes, const PinnedPieces& pieces);
  /// The file has another size (truncate, O_TRUNC).
  void note_size(std::uint64_t size);

 private:
  class Source;

  void note_area(bool is_new) override;
  void add_dirty(std::size_t index, memory::Frame page);
  void drop_dirty(std::uint64_t first, std::uint64_t end);
  /// Writes all dirty pages back, and forgets pages until memory is not scarce any more.
  async::Task<> evict();
  /// Forgets the pages of [first, end) that are not dirty.
  void drop_clean(std::uint64_t first, std::uint64_t end);
  /// Zeros in the page of `size` behind it.
  void clear_rest_of_page(std::uint64_t size);

  ShareClient& client_;
  const PageCache::Key key_;
  const Ref<Fid> fid_;
  Ref<Fid> writer_;
  const Ref<CachedFile> cached_;
  Ref<Source> source_;
  std::uint64_t size_;
  std::uint64_t changes_ = 0;  // counts writes to the server and changes of the size
  std::map<std::uint64_t, memory::Frame> dirty_;
  Errno error_{};      // of a write that no call has reported yet
  async::Mutex lock_;  // held by a job that writes back
};

}  // namespace kernel
