// The page cache: pages of files that a server has (share.h), for mappings. Each page is read once,
// and all programs that map the file share its frame until they write to it.
//
// A mapping finds the pages of earlier mappings if the file has not changed since. mmap and execve
// ask the server for the file's attributes. If they differ from the Stamp, the cache reads the file
// anew.
//
// The cache owns a reference on each frame. If memory runs out, the frame allocator takes those
// frames back that no program maps (memory::Reclaimer).
//
// All of it is in the strand.
#pragma once

#include <kernel/list.h>
#include <kernel/ref.h>

#include <cstddef>
#include <cstdint>
#include <map>

#include "memory/frames.h"

namespace kernel {

/// The pages of one state of a file.
class CachedFile : public RefCounted<CachedFile>, public ListNode<> {
 public:
  ~CachedFile();

  /// The attributes that the server changes with every change of the file's bytes.
  struct Stamp {
    std::uint64_t size;
    std::int64_t modified_seconds, modified_nanoseconds;
    std::int64_t changed_seconds, changed_nanoseconds;
    std::uint32_t version;

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  /// A reference on the page's frame. Empty: the cache does not have the page.
  memory::Frame find(std::uint64_t index) const;
  bool has(std::uint64_t index) const { return pages_.contains(index); }
  /// Adds a page and returns a reference on it. The caller must not change the page's bytes
  /// afterwards. If the file has the page already, returns that one. If there is no memory, the
  /// cache does not keep it.
  memory::Frame add(std::uint64_t index, memory::Frame page);
  /// Drops the pages [first, end).
  void forget(std::uint64_t first, std::uint64_t end);

 private:
  friend class PageCache;

  std::map<std::uint64_t, memory::Frame> pages_;
  std::uint64_t next_to_free_ = 0;  // where free_some() continues
};

/// The cached files of a server. It must outlive their mappings.
class PageCache final : memory::Reclaimer {
 public:
  /// The number that the server gives a file (p9::Qid::path).
  using Key = std::uint64_t;

  PageCache() { memory::frames.add_reclaimer(*this); }
  PageCache(const PageCache&) = delete;
  ~PageCache();

  /// The pages of the file that has `stamp` now. `is_settled`: a later change of the bytes will
  /// change the stamp, too. If false, the pages serve this mapping only. Null: no memory.
  Ref<CachedFile> open(Key key, const CachedFile::Stamp& stamp, bool is_settled);
  /// The pages of all caches.
  static std::size_t total_pages();
  bool reclaim() override;

 private:
  struct Known {
    CachedFile::Stamp stamp;
    Ref<CachedFile> file;
  };
  using Files = std::map<Key, Known>;

  void forget(Key key);
  void make_stale(Ref<CachedFile> file);
  std::size_t free_some(List<CachedFile>& files, std::size_t& budget);

  Files files_;
  List<CachedFile> current_;  // the files of files_
  // Files that no later mapping finds. Owns a reference on each. open() and reclaim() free their
  // pages in steps.
  List<CachedFile> stale_;
  std::size_t stale_count_ = 0;
  bool was_fruitless_ = false;  // the last reclaim()
};

}  // namespace kernel
