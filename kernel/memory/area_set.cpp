#include "memory/area_set.h"

namespace kernel::memory {
namespace {

// Joins two trees to one at `*place`, a link of `parent`. All areas of `below` lie below those of
// `above`.
void join_trees(Area* below, Area* above, Area** place, Area* parent) {
  while (below != nullptr && above != nullptr) {
    const std::uint32_t bound = std::max(below->gap_bound, above->gap_bound);
    Area* const top = below->rank > above->rank ? below : above;
    *place = top;
    top->parent = std::exchange(parent, top);
    top->gap_bound = bound;
    if (top == below) {
      place = &below->right;
      below = below->right;
    } else {
      place = &above->left;
      above = above->left;
    }
  }
  *place = below != nullptr ? below : above;
  if (*place != nullptr) (*place)->parent = parent;
}

// The order of the areas does not change.
void cut_front(Area& area, VirtAddr at) {
  area.backing.advance(at - area.start);
  area.code.lose_front(area.access);
  area.start = at;
}

bool may_have_gap(const Area* tree, std::size_t pages) {
  return tree != nullptr && tree->gap_bound >= pages;
}

std::uint32_t bound_of(const Area* tree) {
  return tree != nullptr ? tree->gap_bound : 0;
}

}  // namespace

bool Backing::continued_by(const Backing& next, std::size_t bytes) const {
  if (kind != next.kind || is_read_only != next.is_read_only) return false;
  switch (kind) {
    case Kind::zeros: return true;
    case Kind::segment:
    case Kind::file:
      return bytes <= file.size() && file.data() + bytes == next.file.data() &&
             file.size() - bytes == next.file.size();
    case Kind::shared:
    case Kind::copies:
    case Kind::paged_in:
      return object == next.object && first_page + bytes / hal::page_size == next.first_page;
  }
  return false;
}

AreaSet::~AreaSet() {
  while (first_ != nullptr) {
    untrack(*first_);
    delete std::exchange(first_, first_->next);
  }
}

void AreaSet::track(Area& area) {
  if (!area.backing.has_pages() || area.mapping != nullptr) return;
  TrackedObject* const object = area.backing.pages().as_tracked();
  if (object == nullptr) return;
  area.mapping = new AreaMapping{area, *space_};
  ++tracked_;
  object->add_area(*area.mapping);
}

void AreaSet::track_all() {
  for (Area* area = first_; area != nullptr; area = area->next) track(*area);
}

void AreaSet::untrack_all() {
  for (Area* area = first_; area != nullptr; area = area->next) untrack(*area);
}

[[gnu::noinline]] void AreaSet::remove_mapping(Area& area) {
  area.backing.pages().as_tracked()->remove_area(*area.mapping);
  delete std::exchange(area.mapping, nullptr);
  --tracked_;
}

Area* AreaSet::at_or_before(VirtAddr va) const {
  Area* best = nullptr;
  for (Area* area = root_; area != nullptr;) {
    if (area->start <= va) {
      best = area;
      area = area->right;
    } else {
      area = area->left;
    }
  }
  return best;
}

// Follows the bounds to the highest gap. If a bound is too high, lowers it and continues at the
// parent.
Area* AreaSet::above_gap(std::size_t bytes) {
  if (gaps_exceed_bounds && bytes > largest_search) return nullptr;
  const std::size_t pages = bytes / hal::page_size;
  Area* area = may_have_gap(root_, pages) ? root_ : nullptr;
  while (area != nullptr) {
    if (may_have_gap(area->right, pages)) {
      area = area->right;
    } else if (gap_pages(*area) >= pages) {
      break;
    } else if (may_have_gap(area->left, pages)) {
      area = area->left;
    } else {
      area->gap_bound = std::max(
          {static_cast<GapBound>(gap_pages(*area)), bound_of(area->left), bound_of(area->right)});
      area = area->parent;
    }
  }
  return area;
}

// Call after the gap of `area` has grown.
void AreaSet::raise_bounds(Area* area) {
  const auto pages = static_cast<GapBound>(gap_pages(*area));
  for (; area != nullptr && area->gap_bound < pages; area = area->parent) area->gap_bound = pages;
}

void AreaSet::insert(Area* before, VirtAddr start, VirtAddr end, Access access, Backing&& backing,
                     AreaCode code) {
  if (before != nullptr && before->end == start && before->access == access &&
      before->code.continued_by(code) && before->backing.continued_by(backing, before->bytes())) {
    bytes_ += end - start;
    before->end = end;
    merge_with_next(*before);
    return;
  }
  Area* const next = before != nullptr ? before->next : first_;
  if (next != nullptr && next->start == end && next->access == access &&
      code.continued_by(next->code) && backing.continued_by(next->backing, end - start)) {
    bytes_ += end - start;
    next->start = start;  // the order of the areas does not change
    next->code = code;
    next->backing = std::move(backing);
    return;
  }
  bytes_ += end - start;
  link(*new Area{start, end, std::move(backing), access, code}, before);
}

// Copies the tree with its shape, so that the ranks and bounds hold for the copy. The left child
// and the parent of an added area are the area added before it, or ancestors of that area.
void AreaSet::copy(const AreaSet& other) {
  for (const Area* area = other.first_; area != nullptr; area = area->next) {
    auto* copy = new Area{area->start, area->end, area->backing, area->access, area->code};
    copy->rank = area->rank;
    copy->gap_bound = area->gap_bound;
    copy->previous = last_;
    (last_ != nullptr ? last_->next : first_) = copy;

    copy->parent = last_;
    if (area->left != nullptr) {
      Area* left = last_;
      while (left->start != area->left->start) left = left->parent;
      copy->parent = std::exchange(left->parent, copy);
      copy->left = left;
    }
    (copy->parent != nullptr ? copy->parent->right : root_) = copy;
    last_ = copy;
  }
  size_ = other.size_;
  bytes_ = other.bytes_;
  next_rank_ = other.next_rank_;
}

// The link of the tree that leads to `area`.
Area*& AreaSet::place_of(const Area& area) {
  if (area.parent == nullptr) return root_;
  return area.parent->left == &area ? area.parent->left : area.parent->right;
}

// Starts at the leaf where the area belongs by its address, and climbs to its place by rank. Each
// area that it passes becomes part of its left subtree (lower addresses) or of its right one.
void AreaSet::link(Area& area, Area* before) {
  next_rank_ = next_rank_ * 1664525 + 1013904223;  // linear congruential generator (Knuth)
  area.rank = next_rank_ >> 1;
  area.previous = before;
  area.next = before != nullptr ? before->next : first_;
  (area.previous != nullptr ? area.previous->next : first_) = &area;
  (area.next != nullptr ? area.next->previous : last_) = &area;
  ++size_;

  const bool is_right = before != nullptr && before->right == nullptr;
  Area* parent = is_right ? before : area.next;
  for (; parent != nullptr && parent->rank < area.rank; parent = parent->parent) {
    const bool is_left = parent->start < area.start;
    Area*& side = is_left ? area.left : area.right;
    (is_left ? parent->right : parent->left) = side;
    if (side != nullptr) side->parent = parent;
    side = parent;
    area.gap_bound = parent->gap_bound;
  }
  if (area.left != nullptr) area.left->parent = &area;
  if (area.right != nullptr) area.right->parent = &area;
  area.parent = parent;
  if (parent == nullptr) {
    root_ = &area;
  } else {
    (area.start < parent->start ? parent->left : parent->right) = &area;
  }
  raise_bounds(&area);
}

void AreaSet::erase(Area& area) {
  bytes_ -= area.bytes();
  join_trees(area.left, area.right, &place_of(area), area.parent);
  (area.previous != nullptr ? area.previous->next : first_) = area.next;
  (area.next != nullptr ? area.next->previous : last_) = area.previous;
  if (area.next != nullptr) raise_bounds(area.next);
  --size_;
  untrack(area);
  delete &area;
}

Area& AreaSet::split(Area& area, VirtAddr at) {
  auto* upper = new Area{area.start, area.end, area.backing, area.access, area.code};
  if (area.mapping != nullptr) [[unlikely]]
    track(*upper);
  cut_front(*upper, at);
  area.end = at;
  link(*upper, &area);
  return *upper;
}

void AreaSet::drop_front(Area& area, VirtAddr at) {
  bytes_ -= at - area.start;
  cut_front(area, at);
  raise_bounds(&area);
}

void AreaSet::drop_back(Area& area, VirtAddr at) {
  bytes_ -= area.end - at;
  area.end = at;
  if (area.next != nullptr) raise_bounds(area.next);
}

bool AreaSet::merge_with_next(Area& area) {
  const Area* next = area.next;
  // A segment counts its areas as attachments (ipc/shared_memory.h). As on Linux, areas of a
  // segment stay apart, so that mprotect() does not lower that count.
  if (area.mapping != nullptr && area.backing.pages().as_tracked()->segment() != nullptr)
    return false;
  if (next == nullptr || next->start != area.end || next->access != area.access ||
      !area.code.continued_by(next->code) ||
      !area.backing.continued_by(next->backing, area.bytes())) {
    return false;
  }
  bytes_ += next->bytes();  // erase() subtracts them
  area.end = next->end;
  erase(*area.next);
  return true;
}

}  // namespace kernel::memory
