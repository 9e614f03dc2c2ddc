#include "files/file_locks.h"

#include <async/strand.h>

#include <algorithm>

#include "memory/frames.h"

namespace kernel {
namespace {

constinit List<FileLocks::Blocked> all_blocked;

bool overlap(const FileLocks::Range& one, const FileLocks::Range& other) {
  return one.first <= other.last && other.first <= one.last;
}

}  // namespace

FileLocks::~FileLocks() {
  for (Locks* const locks : {&whole_, &records_}) {
    while (!locks->empty()) {
      Lock& lock = locks->front();
      locks->remove(lock);
      delete &lock;
    }
  }
}

const FileLocks::Range* FileLocks::conflict(Kind kind, const Range& wanted) const {
  async::Strand::check_access();
  for (const Lock& lock : const_cast<Locks&>(locks(kind))) {
    if (lock.owner == wanted.owner || !overlap(lock, wanted)) continue;
    if (lock.is_exclusive || wanted.is_exclusive) return &lock;
  }
  return nullptr;
}

Result<> FileLocks::set(Kind kind, const Range& wanted) {
  if (!memory::can_allocate(3 * sizeof(Lock))) return fail(Errno::enolck);
  Range whole = wanted;
  // Neighbours of the same kind become one lock. `last` + 1 cannot overflow.
  for (Lock& lock : locks(kind)) {
    if (lock.owner != wanted.owner || lock.is_exclusive != wanted.is_exclusive) continue;
    if (lock.first > whole.last + 1 || whole.first > lock.last + 1) continue;
    whole.first = std::min(whole.first, lock.first);
    whole.last = std::max(whole.last, lock.last);
  }
  if (auto cleared = clear(kind, wanted.owner, whole.first, whole.last); !cleared) return cleared;
  locks(kind).push_back(*new Lock{whole});
  return {};
}

Result<> FileLocks::clear(Kind kind, const void* owner, std::uint64_t first, std::uint64_t last) {
  async::Strand::check_access();
  if (!memory::can_allocate(2 * sizeof(Lock))) return fail(Errno::enolck);
  bool changes = false;
  for (Lock& lock : locks(kind)) {
    if (lock.owner != owner || lock.last < first || last < lock.first) continue;
    changes = true;
    const Range before = lock;
    const bool keeps_front = before.first<first, keeps_back = before.last> last;
    if (keeps_front) {
      lock.last = first - 1;
    } else if (keeps_back) {
      lock.first = last + 1;
    } else {
      locks(kind).remove(lock);
      delete &lock;
    }
    if (keeps_front && keeps_back) {
      Lock& back = *new Lock{before};
      back.first = last + 1;
      locks(kind).push_back(back);
    }
  }
  if (changes) changed_.wake_all();
  return {};
}

void FileLocks::clear_all(const void* owner) {
  for (const Kind kind : {Kind::whole, Kind::record}) {
    for (Lock& lock : locks(kind)) {
      if (lock.owner != owner) continue;
      locks(kind).remove(lock);
      delete &lock;
    }
  }
  changed_.wake_all();
}

const FileLocks::Range* FileLocks::whole_of(const void* owner) const {
  for (const Lock& lock : const_cast<Locks&>(whole_)) {
    if (lock.owner == owner) return &lock;
  }
  return nullptr;
}

FileLocks::Blocked::Blocked(const void* owner, const void* holder)
    : owner_{owner}, holder_{holder} {
  async::Strand::check_access();
  all_blocked.push_back(*this);
}

FileLocks::Blocked::~Blocked() {
  all_blocked.remove(*this);
}

bool FileLocks::would_deadlock(const void* owner, const void* holder) {
  constexpr int longest_chain = 10;
  for (int i = 0; i != longest_chain; ++i) {
    if (holder == owner) return true;
    const void* next = nullptr;
    for (const Blocked& blocked : all_blocked) {
      if (blocked.owner_ == holder) next = blocked.holder_;
    }
    if (next == nullptr) return false;
    holder = next;
  }
  return false;
}

}  // namespace kernel
