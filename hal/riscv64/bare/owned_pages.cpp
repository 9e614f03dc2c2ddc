#include <hal/page_table.h>

#include <atomic>
#include <bit>

namespace hal {
namespace {

// A bit for each number that is in use. Number 0 is no owner. Harts create and destroy spaces at
// the same time.
constinit std::array<std::atomic<std::uint64_t>, 64> owners{1};
constinit std::atomic<std::uint64_t> created = 0;

}  // namespace

constinit std::array<PageEntry*, user_end / PageRecords::piece_bytes> PageRecords::pieces_{};

constinit PhysAddr PageRecords::begin_ = 0;
constinit PhysAddr PageRecords::end_ = 0;

bool PageRecords::initialize(PhysAddr begin, PhysAddr end) {
  for (PhysAddr piece = begin / piece_bytes * piece_bytes; piece < end; piece += piece_bytes) {
    const PhysAddr first = std::max(begin, piece), last = std::min(end, piece + piece_bytes);
    const std::size_t offset = (first - piece) / page_size;
    const std::size_t bytes = (last - first) / page_size * sizeof(PageEntry);
    const PhysAddr records = table_frames::allocate_run(page_up(bytes) / page_size);
    if (records == 0 || piece >= user_end) return false;
    pieces_[piece / piece_bytes] = phys_to_virt<PageEntry>(records) - offset;
  }
  begin_ = begin;
  end_ = end;
  return true;
}

std::optional<OwnedPages> OwnedPages::create() {
  for (std::size_t word = 0; word < owners.size(); ++word) {
    std::uint64_t used = owners[word].load(std::memory_order_relaxed);
    while (~used != 0) {
      const auto bit = static_cast<unsigned>(std::countr_one(used));
      if (owners[word].compare_exchange_weak(used, used | std::uint64_t{1} << bit,
                                             std::memory_order_acquire, std::memory_order_relaxed))
        return OwnedPages{static_cast<PageEntry::Owner>(word * 64 + bit),
                          created.fetch_add(1, std::memory_order_relaxed)};
    }
  }
  return std::nullopt;
}

OwnedPages::~OwnedPages() {
  if (owner_ == 0) return;
  owners[owner_ / 64].fetch_and(~(std::uint64_t{1} << owner_ % 64), std::memory_order_release);
}

PageEntry* OwnedPages::ensure(VirtAddr va) {
  PageEntry* const record = PageRecords::find(va);
  if (record == nullptr) return nullptr;
  if (!record->has_owner()) *record = PageEntry::owned_by(owner_);
  if (record->owner() != owner_) return nullptr;
  begin_ = std::min(begin_, page_down(va));
  end_ = std::max(end_, page_down(va) + page_size);
  return record;
}

VirtAddr OwnedPages::end_of_walk(VirtAddr from, VirtAddr to, std::size_t pages) const {
  for (VirtAddr va = std::max(from, begin_); va < std::min(to, end_); va += page_size) {
    const PageEntry* const record = find(va);
    if (record == nullptr || record->empty()) continue;
    if (pages-- == 0) return va;
  }
  return to;
}

}  // namespace hal
