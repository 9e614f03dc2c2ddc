#include "files/page_cache.h"

#include <async/strand.h>

#include <iterator>
#include <utility>

namespace kernel {
namespace {

using memory::Frame;

/// The most pages that one reclaim() looks at: a step of about ten microseconds.
constexpr std::size_t reclaim_step = 256;
/// The memory of a node of the maps, with what the heap needs for it.
constexpr std::size_t node_bytes = 192;

constinit std::size_t cached_pages = 0;

}  // namespace

CachedFile::~CachedFile() {
  cached_pages -= pages_.size();
}

Frame CachedFile::find(std::uint64_t index) const {
  async::Strand::check_access();
  const auto found = pages_.find(index);
  return found != pages_.end() ? found->second.share() : Frame{};
}

Frame CachedFile::add(std::uint64_t index, Frame page) {
  if (Frame there = find(index)) return there;
  if (!memory::can_allocate(node_bytes)) return page;
  Frame shared = page.share();
  pages_.emplace(index, std::move(page));
  ++cached_pages;
  return shared;
}

void CachedFile::forget(std::uint64_t first, std::uint64_t end) {
  async::Strand::check_access();
  const auto from = pages_.lower_bound(first), to = pages_.lower_bound(end);
  cached_pages -= static_cast<std::size_t>(std::distance(from, to));
  pages_.erase(from, to);
}

std::size_t PageCache::total_pages() {
  return cached_pages;
}

PageCache::~PageCache() {
  memory::frames.remove_reclaimer(*this);
  while (!files_.empty()) forget(files_.begin()->first);
  while (!stale_.empty()) {
    CachedFile& file = stale_.front();
    stale_.remove(file);
    file.release();
  }
}

void PageCache::make_stale(Ref<CachedFile> file) {
  file->retain();  // for the list
  stale_.push_back(*file);
  ++stale_count_;
}

Ref<CachedFile> PageCache::open(Key key, const CachedFile::Stamp& stamp, bool is_settled) {
  async::Strand::check_access();
  std::size_t budget = reclaim_step;
  (void)free_some(stale_, budget);
  if (const auto known = files_.find(key); known != files_.end()) {
    if (is_settled && known->second.stamp == stamp) return known->second.file;
    forget(key);
  }
  if (!memory::can_allocate(sizeof(CachedFile) + node_bytes)) return nullptr;
  auto file = make_ref<CachedFile>();
  if (is_settled) {
    current_.push_back(*file);
    files_.emplace(key, Known{stamp, file});
  } else {
    make_stale(file);
  }
  return file;
}

/// Later mappings of the file read its pages anew.
void PageCache::forget(Key key) {
  async::Strand::check_access();
  const auto known = files_.find(key);
  if (known == files_.end()) return;
  current_.remove(*known->second.file);
  make_stale(std::move(known->second.file));
  files_.erase(known);
}

bool PageCache::reclaim() {
  async::Strand::check_access();
  // Programs map most pages at worst, so it may have to look at all of them, and at all files
  // twice.
  const std::size_t all = cached_pages + 2 * (files_.size() + stale_count_);
  // If the last search has found nothing, each further one looks at one step's pages only, so that
  // many failing allocations do not look at all pages each.
  const std::size_t most = was_fruitless_ ? 0 : all;
  for (std::size_t looked_at = 0; looked_at <= most; looked_at += reclaim_step) {
    std::size_t budget = reclaim_step;
    if (free_some(stale_, budget) + free_some(current_, budget) != 0) {
      was_fruitless_ = false;
      return true;
    }
  }
  was_fruitless_ = true;
  return false;
}

/// Frees pages that no program maps. `budget`: how many pages and files it may look at. After its
/// last page, a file moves to the end of the list. Returns the number of freed pages. Returns the
/// number of the pages.
std::size_t PageCache::free_some(List<CachedFile>& files, std::size_t& budget) {
  std::size_t freed = 0;
  while (budget != 0 && !files.empty()) {
    --budget;
    CachedFile& file = files.front();
    auto at = file.pages_.lower_bound(file.next_to_free_);
    for (; budget != 0 && at != file.pages_.end(); --budget) {
      const bool is_mapped = memory::frames.shared(at->second.address());
      at = is_mapped ? std::next(at) : file.pages_.erase(at);
      freed += is_mapped ? 0 : 1;
    }
    if (at != file.pages_.end()) {
      file.next_to_free_ = at->first;
      break;
    }
    file.next_to_free_ = 0;
    files.remove(file);
    if (&files == &stale_ && file.pages_.empty() && file.has_one_owner()) {
      --stale_count_;
      file.release();
    } else {
      files.push_back(file);
    }
  }
  cached_pages -= freed;
  return freed;
}

}  // namespace kernel
