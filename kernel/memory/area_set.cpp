#include "memory/area_set.h"

namespace kernel::memory {
namespace {

// Splits the tree `from` into the areas that start below `key` and the others.
void split_tree(Area* from, VirtAddr key, Area** below, Area** above) {
  while (from != nullptr) {
    if (from->start < key) {
      *below = from;
      below = &from->right;
      from = from->right;
    } else {
      *above = from;
      above = &from->left;
      from = from->left;
    }
  }
  *below = *above = nullptr;
}

// Joins two trees. All areas of `below` lie below those of `above`.
void join_trees(Area* below, Area* above, Area** result) {
  while (below != nullptr && above != nullptr) {
    if (below->rank > above->rank) {
      *result = below;
      result = &below->right;
      below = below->right;
    } else {
      *result = above;
      result = &above->left;
      above = above->left;
    }
  }
  *result = below != nullptr ? below : above;
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
    case Kind::paged_in:
      return object == next.object && first_page + bytes / hal::page_size == next.first_page;
  }
  return false;
}

AreaSet::~AreaSet() {
  while (first_ != nullptr) delete std::exchange(first_, first_->next);
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

void AreaSet::insert(Area* before, VirtAddr start, VirtAddr end, Access access, Backing&& backing,
                     AreaCode code) {
  if (before != nullptr && before->end == start && before->access == access &&
      before->code.continued_by(code) && before->backing.continued_by(backing, before->bytes())) {
    before->end = end;
    merge_with_next(*before);
    return;
  }
  Area* const next = before != nullptr ? before->next : first_;
  if (next != nullptr && next->start == end && next->access == access &&
      code.continued_by(next->code) && backing.continued_by(next->backing, end - start)) {
    next->start = start;  // the order of the areas does not change
    next->code = code;
    next->backing = std::move(backing);
    return;
  }
  link(*new Area{start, end, access, code, std::move(backing)}, before);
}

void AreaSet::append(const Area& area) {
  link(*new Area{area.start, area.end, area.access, area.code, area.backing}, last_);
}

void AreaSet::link(Area& area, Area* before) {
  next_rank_ = next_rank_ * 1664525 + 1013904223;  // linear congruential generator (Knuth)
  area.rank = next_rank_ >> 1;
  Area** place = &root_;
  while (*place != nullptr && (*place)->rank >= area.rank) {
    place = area.start < (*place)->start ? &(*place)->left : &(*place)->right;
  }
  split_tree(*place, area.start, &area.left, &area.right);
  *place = &area;

  area.previous = before;
  area.next = before != nullptr ? before->next : first_;
  (area.previous != nullptr ? area.previous->next : first_) = &area;
  (area.next != nullptr ? area.next->previous : last_) = &area;
  ++size_;
}

void AreaSet::erase(Area& area) {
  Area** place = &root_;
  while (*place != &area) {
    place = area.start < (*place)->start ? &(*place)->left : &(*place)->right;
  }
  join_trees(area.left, area.right, place);

  (area.previous != nullptr ? area.previous->next : first_) = area.next;
  (area.next != nullptr ? area.next->previous : last_) = area.previous;
  --size_;
  delete &area;
}

Area& AreaSet::split(Area& area, VirtAddr at) {
  auto* upper = new Area{area.start, area.end, area.access, area.code, area.backing};
  drop_front(*upper, at);
  area.end = at;
  link(*upper, &area);
  return *upper;
}

void AreaSet::drop_front(Area& area, VirtAddr at) {
  area.backing.advance(at - area.start);
  area.code.lose_front(area.access);
  area.start = at;  // the order of the areas does not change
}

bool AreaSet::merge_with_next(Area& area) {
  const Area* next = area.next;
  if (next == nullptr || next->start != area.end || next->access != area.access ||
      !area.code.continued_by(next->code) ||
      !area.backing.continued_by(next->backing, area.bytes())) {
    return false;
  }
  area.end = next->end;
  erase(*area.next);
  return true;
}

}  // namespace kernel::memory
