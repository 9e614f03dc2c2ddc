#include "files/file_locks.h"

#include <async/strand.h>

#include <algorithm>

#include "files/node.h"
#include "memory/frames.h"

namespace kernel {

/// In the list of its file, and in that of its owner.
struct HeldLock : ListNode<>, ListNode<LockOwner>, FileLocks::Range {
  HeldLock(FileLocks& of, FileLocks::Kind its_kind, const FileLocks::Range& range)
      : FileLocks::Range{range}, file{of}, kind{its_kind} {
    file.locks(kind).push_back(*this);
    owner->held_.push_back(*this);
  }
  ~HeldLock() {
    file.locks(kind).remove(*this);
    owner->held_.remove(*this);
  }

  FileLocks& file;
  const FileLocks::Kind kind;
};

namespace {

constinit List<FileLocks::Blocked> all_blocked;

bool overlap(const FileLocks::Range& one, const FileLocks::Range& other) {
  return one.first <= other.last && other.first <= one.last;
}

}  // namespace

LockOwner::LockOwner(Node* kept) : kept_{kept} {
  if (kept_ != nullptr) kept_->retain();
}

LockOwner::~LockOwner() {
  async::Strand::check_access();
  for (HeldLock& lock : held_) {
    FileLocks& file = lock.file;
    delete &lock;
    file.changed_.wake_all();
  }
  if (kept_ != nullptr) kept_->release();
}

FileLocks::~FileLocks() {
  for (Locks* const locks : {&whole_, &records_}) {
    for (HeldLock& lock : *locks) delete &lock;
  }
}

const FileLocks::Range* FileLocks::conflict(Kind kind, const Range& wanted) const {
  async::Strand::check_access();
  for (const HeldLock& lock : const_cast<Locks&>(locks(kind))) {
    if (lock.owner == wanted.owner || !overlap(lock, wanted)) continue;
    if (lock.is_exclusive || wanted.is_exclusive) return &lock;
  }
  return nullptr;
}

const FileLocks::Range* FileLocks::own(Kind kind, const Range& wanted) const {
  async::Strand::check_access();
  if (wanted.owner == nullptr) return nullptr;
  for (const HeldLock& lock : wanted.owner->held_) {
    if (&lock.file == this && lock.kind == kind && overlap(lock, wanted)) return &lock;
  }
  return nullptr;
}

Result<> FileLocks::set(Kind kind, const Range& wanted) {
  if (!memory::can_allocate(3 * sizeof(HeldLock))) return fail(Errno::enolck);
  Range whole = wanted;
  // Neighbours of the same kind become one lock. `last` + 1 cannot overflow.
  for (const HeldLock& lock : wanted.owner->held_) {
    if (&lock.file != this || lock.kind != kind) continue;
    if (lock.is_exclusive != wanted.is_exclusive) continue;
    if (lock.first > whole.last + 1 || whole.first > lock.last + 1) continue;
    whole.first = std::min(whole.first, lock.first);
    whole.last = std::max(whole.last, lock.last);
  }
  if (auto cleared = clear(kind, *wanted.owner, whole.first, whole.last); !cleared) return cleared;
  new HeldLock{*this, kind, whole};
  return {};
}

Result<> FileLocks::clear(Kind kind, LockOwner& owner, std::uint64_t first, std::uint64_t last) {
  async::Strand::check_access();
  if (!memory::can_allocate(2 * sizeof(HeldLock))) return fail(Errno::enolck);
  bool changes = false;
  for (HeldLock& lock : owner.held_) {
    if (&lock.file != this || lock.kind != kind || lock.last < first || last < lock.first) continue;
    changes = true;
    const Range before = lock;
    const bool keeps_front = before.first < first;
    const bool keeps_back = last < before.last;
    if (keeps_front) {
      lock.last = first - 1;
    } else if (keeps_back) {
      lock.first = last + 1;
    } else {
      delete &lock;
    }
    if (keeps_front && keeps_back) {
      Range back = before;
      back.first = last + 1;
      new HeldLock{*this, kind, back};
    }
  }
  if (changes) changed_.wake_all();
  return {};
}

void FileLocks::clear_all(LockOwner& owner) {
  async::Strand::check_access();
  bool changes = false;
  for (HeldLock& lock : owner.held_) {
    if (&lock.file != this) continue;
    changes = true;
    delete &lock;
  }
  if (changes) changed_.wake_all();
}

FileLocks::Blocked::Blocked(const LockOwner* owner, const LockOwner* holder)
    : owner_{owner}, holder_{holder} {
  async::Strand::check_access();
  all_blocked.push_back(*this);
}

FileLocks::Blocked::~Blocked() {
  all_blocked.remove(*this);
}

bool FileLocks::would_deadlock(const LockOwner* owner, const LockOwner* holder) {
  constexpr int longest_chain = 10;
  for (int i = 0; i != longest_chain; ++i) {
    if (holder == owner) return true;
    const LockOwner* next = nullptr;
    for (const Blocked& blocked : all_blocked) {
      if (blocked.owner_ == holder) next = blocked.holder_;
    }
    if (next == nullptr) return false;
    holder = next;
  }
  return false;
}

}  // namespace kernel
