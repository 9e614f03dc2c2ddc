#include "files/file_locks.h"

#include <async/strand.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "files/node.h"
#include "memory/frames.h"

namespace kernel {

/// In the tree of its file, and in that of its owner.
struct HeldLock : TreapNode<OrderInFile>, TreapNode<OrderInOwner>, FileLocks::Range {
  HeldLock(FileLocks& of, FileLocks::Kind its_kind, const FileLocks::Range& range)
      : FileLocks::Range{range}, file{of}, kind{its_kind} {
    file.locks(kind).insert(*this);
    owner->held_.insert(*this);
  }
  ~HeldLock() {
    file.locks(kind).remove(*this);
    owner->held_.remove(*this);
  }

  FileLocks& file;
  const FileLocks::Kind kind;
  // Of all locks of the subtree in the file's tree, and of the exclusive ones: one more than the
  // largest `last`; 0: there is none.
  std::uint64_t end = 0;
  std::uint64_t end_of_exclusive = 0;
};

struct OrderInFile {
  static bool is_before(const HeldLock& one, const HeldLock& other) {
    return one.first < other.first;
  }
  static void update(HeldLock& lock, const HeldLock* left, const HeldLock* right) {
    lock.end = lock.last + 1;
    lock.end_of_exclusive = lock.is_exclusive ? lock.end : 0;
    for (const HeldLock* const child : {left, right}) {
      if (child == nullptr) continue;
      lock.end = std::max(lock.end, child->end);
      lock.end_of_exclusive = std::max(lock.end_of_exclusive, child->end_of_exclusive);
    }
  }
};

/// By file and kind, and then by range: locks of one owner in one file do not overlap.
struct OrderInOwner {
  static auto key(const FileLocks& file, FileLocks::Kind kind, std::uint64_t last) {
    return std::tuple{reinterpret_cast<std::uintptr_t>(&file), kind, last};
  }
  static auto key(const HeldLock& lock) { return key(lock.file, lock.kind, lock.last); }
  static bool is_before(const HeldLock& one, const HeldLock& other) {
    return key(one) < key(other);
  }
  static void update(HeldLock&, const HeldLock*, const HeldLock*) {}
};

namespace {

bool is_below(const LockOwner* one, const LockOwner* other) {
  return std::less<>{}(one, other);
}

}  // namespace

struct OrderOfBlocked {
  static bool is_before(const FileLocks::Blocked& one, const FileLocks::Blocked& other) {
    return is_below(one.owner_, other.owner_);
  }
  static void update(FileLocks::Blocked&, const FileLocks::Blocked*, const FileLocks::Blocked*) {}
};

namespace {

constinit Treap<FileLocks::Blocked, OrderOfBlocked> all_blocked;

}  // namespace

LockOwner::LockOwner(Node* kept) : kept_{kept} {
  if (kept_ != nullptr) kept_->retain();
}

LockOwner::~LockOwner() {
  async::Strand::check_access();
  while (HeldLock* const lock = held_.root()) {
    FileLocks& file = lock->file;
    delete lock;
    file.changed_.wake_all();
  }
  if (kept_ != nullptr) kept_->release();
}

FileLocks::~FileLocks() {
  for (Locks* const locks : {&whole_, &records_}) {
    while (HeldLock* const lock = locks->root()) delete lock;
  }
}

HeldLock* FileLocks::first_own(Kind kind, const LockOwner& owner, std::uint64_t last) const {
  const auto wanted = OrderInOwner::key(*this, kind, last);
  HeldLock* const found =
      owner.held_.find([&](const HeldLock& lock) { return OrderInOwner::key(lock) < wanted; });
  return found != nullptr && &found->file == this && found->kind == kind ? found : nullptr;
}

HeldLock* FileLocks::next_own(const HeldLock& lock) {
  HeldLock* const next = Treap<HeldLock, OrderInOwner>::next(lock);
  return next != nullptr && &next->file == &lock.file && next->kind == lock.kind ? next : nullptr;
}

// Visits in order the locks that may reach the wanted range.
const FileLocks::Range* FileLocks::conflict(Kind kind, const Range& wanted) const {
  async::Strand::check_access();
  const auto may_conflict = [&](const HeldLock* subtree) {
    if (subtree == nullptr) return false;
    return (wanted.is_exclusive ? subtree->end : subtree->end_of_exclusive) > wanted.first;
  };
  const auto leftmost = [&](const HeldLock* at) {
    while (may_conflict(Locks::left(*at))) at = Locks::left(*at);
    return at;
  };
  const HeldLock* at = locks(kind).root();
  if (!may_conflict(at)) return nullptr;
  at = leftmost(at);
  while (at != nullptr && at->first <= wanted.last) {
    const bool excludes = at->is_exclusive || wanted.is_exclusive;
    if (at->owner != wanted.owner && at->last >= wanted.first && excludes) return at;
    if (may_conflict(Locks::right(*at))) {
      at = leftmost(Locks::right(*at));
    } else {
      const HeldLock* child = at;
      do {
        child = std::exchange(at, Locks::parent(*at));
      } while (at != nullptr && Locks::right(*at) == child);
    }
  }
  return nullptr;
}

const FileLocks::Range* FileLocks::own(Kind kind, const Range& wanted) const {
  async::Strand::check_access();
  if (wanted.owner == nullptr) return nullptr;
  const HeldLock* const lock = first_own(kind, *wanted.owner, wanted.first);
  return lock != nullptr && lock->first <= wanted.last ? lock : nullptr;
}

Result<> FileLocks::set(Kind kind, const Range& wanted) {
  if (!memory::can_allocate(3 * sizeof(HeldLock))) return fail(Errno::enolck);
  Range whole = wanted;
  // Neighbours of the same kind become one lock. `last` + 1 cannot overflow.
  const std::uint64_t first = wanted.first - (wanted.first != 0);
  for (const HeldLock* lock = first_own(kind, *wanted.owner, first);
       lock != nullptr && lock->first <= wanted.last + 1; lock = next_own(*lock)) {
    if (lock->is_exclusive != wanted.is_exclusive) continue;
    whole.first = std::min(whole.first, lock->first);
    whole.last = std::max(whole.last, lock->last);
  }
  if (auto cleared = clear(kind, *wanted.owner, whole.first, whole.last); !cleared) return cleared;
  new HeldLock{*this, kind, whole};
  return {};
}

Result<> FileLocks::clear(Kind kind, LockOwner& owner, std::uint64_t first, std::uint64_t last) {
  async::Strand::check_access();
  if (!memory::can_allocate(2 * sizeof(HeldLock))) return fail(Errno::enolck);
  bool changes = false;
  for (HeldLock* lock = first_own(kind, owner, first); lock != nullptr && lock->first <= last;) {
    changes = true;
    Range front = *lock, back = *lock;
    front.last = first - 1;
    back.first = last + 1;
    const bool keeps_front = lock->first < first, keeps_back = last < lock->last;
    delete std::exchange(lock, next_own(*lock));
    if (keeps_front) new HeldLock{*this, kind, front};
    if (keeps_back) new HeldLock{*this, kind, back};
  }
  if (changes) changed_.wake_all();
  return {};
}

void FileLocks::clear_all(LockOwner& owner) {
  async::Strand::check_access();
  bool changes = false;
  for (const Kind kind : {Kind::whole, Kind::record}) {
    for (HeldLock* lock = first_own(kind, owner, 0); lock != nullptr;) {
      changes = true;
      delete std::exchange(lock, next_own(*lock));
    }
  }
  if (changes) changed_.wake_all();
}

FileLocks::Blocked::Blocked(const LockOwner* owner, const LockOwner* holder)
    : owner_{owner}, holder_{holder} {
  async::Strand::check_access();
  all_blocked.insert(*this);
}

FileLocks::Blocked::~Blocked() {
  all_blocked.remove(*this);
}

bool FileLocks::would_deadlock(const LockOwner* owner, const LockOwner* holder) {
  constexpr int longest_chain = 10;
  for (int i = 0; i != longest_chain; ++i) {
    if (holder == owner) return true;
    const Blocked* const next =
        all_blocked.find([&](const Blocked& blocked) { return is_below(blocked.owner_, holder); });
    if (next == nullptr || next->owner_ != holder) return false;
    holder = next->holder_;
  }
  return false;
}

}  // namespace kernel
