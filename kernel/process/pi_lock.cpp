#include "process/pi_lock.h"

#include <abi/flags.h>
#include <async/deadlock.h>
#include <async/mutex.h>
#include <kernel/list.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "memory/frames.h"
#include "process/thread.h"
#include "sched/running.h"

namespace kernel {
namespace {

using Word = std::uint32_t;

// A change of priority passes through a whole chain of waits in one step. These limits bound its
// work: the jobs in a chain, and, in one address space, the locks that have waiters.
constexpr int most_in_a_chain = 16;
constexpr int most_of_a_space = 256;

/// Whether this thread counts in Thread::urgent_waiters while it waits for a lock. A holder with a
/// reservation then runs without budget, and the time counts against its next budget.
bool is_urgent(const Thread& thread) {
  return thread.schedule().is_real_time() || thread.schedule().is_deadline();
}

struct Waiter : ListNode<> {
  Waiter(Thread& thread, const Futex& futex) : thread{thread}, futex{futex} {}
  Thread& thread;
  const Futex futex;  // in this waiter's address space
};

/// A lock with waiters. The first waiter creates it, and the last one deletes it. find() returns
/// only locks with a holder. A lock without one has a free word, and its remaining waiters have
/// been cancelled.
class PiLock {
 public:
  PiLock(const Futex& futex, Thread& holder);
  ~PiLock();
  PiLock(const PiLock&) = delete;

  /// The lock at `futex`. Null if no thread waits for that lock.
  static PiLock* find(const Futex& futex);
  /// A lock that `holder` holds; null if there is none.
  static PiLock* find_of(const async::Job& holder);
  static bool may_be_one_more(memory::AddressSpace& space);

  Word holder_id() const { return holder_id_; }
  const async::Job* holder() const { return mutex_.owner(); }

  /// Waits for the lock. Returns whether the waiter holds it. When the task ends, the PiLock may be
  /// deleted already.
  async::Task<bool> wait(Waiter& waiter);

  /// Passes the lock to the next waiter. Returns the new value of the word.
  Word unlock_to_next();
  /// The waiter that holds the lock after unlock_to_next(); null if there is none.
  const Waiter* next_holder();

  static Word id_of(const Thread& thread) { return static_cast<Word>(thread.id()); }

 private:
  struct MemoryOrder {
    bool operator()(const memory::MemoryKey& one, const memory::MemoryKey& other) const {
      return std::pair{one.object, one.offset} < std::pair{other.object, other.offset};
    }
  };
  /// Finds locks in O(log n), by futex and by holder, and counts them by address space.
  struct Index {
    std::map<memory::MemoryKey, PiLock*, MemoryOrder> by_futex;  // locks with a holder
    std::set<std::pair<const async::Job*, PiLock*>> by_holder;   // the locks of by_futex
    std::map<const memory::AddressSpace*, int> count_by_space;   // by the first waiter's space
  };
  // The most bytes that the three containers of Index allocate for one lock.
  static constexpr std::size_t index_bytes = 3 * 128;

  /// Updates the index after the owner of the mutex has changed from `before`.
  void note_holder(const async::Job& before);
  /// Moves the count of urgent waiters from the last holder to `holder`, which may be null.
  void lend_urgency_to(Thread* holder);
  void add_urgent(int waiters);

  static inline constinit std::unique_ptr<Index> index_;  // null: no thread waits

  const Futex futex_;
  async::Mutex mutex_;
  Word holder_id_;
  List<Waiter> waiters_;
  unsigned urgent_waiters_ = 0;
  Thread* urgent_holder_;  // the holder, whose urgent_waiters includes urgent_waiters_; or null
};

PiLock::PiLock(const Futex& futex, Thread& holder)
    : futex_{futex}, holder_id_{id_of(holder)}, urgent_holder_{&holder} {
  async::Strand::check_access();
  if (pi_lock::count++ == 0) index_ = std::make_unique<Index>();
  mutex_.set_owner(holder.job());
  index_->by_futex.emplace(futex.known_by(), this);
  index_->by_holder.emplace(holder.job(), this);
  ++index_->count_by_space[futex.seen_from()];
}

PiLock::~PiLock() {
  async::Strand::check_access();
  if (async::Job* const last = mutex_.owner()) {
    mutex_.set_owner(nullptr);
    note_holder(*last);
    lend_urgency_to(nullptr);
  }
  const auto count = index_->count_by_space.find(futex_.seen_from());
  if (--count->second == 0) index_->count_by_space.erase(count);
  if (--pi_lock::count == 0) index_.reset();
}

PiLock* PiLock::find(const Futex& futex) {
  if (index_ == nullptr) return nullptr;
  const auto found = index_->by_futex.find(futex.known_by());
  return found == index_->by_futex.end() ? nullptr : found->second;
}

PiLock* PiLock::find_of(const async::Job& holder) {
  if (index_ == nullptr) return nullptr;
  const auto found = index_->by_holder.lower_bound({&holder, nullptr});
  return found == index_->by_holder.end() || found->first != &holder ? nullptr : found->second;
}

bool PiLock::may_be_one_more(memory::AddressSpace& space) {
  if (!memory::can_allocate(sizeof(PiLock) + sizeof(Index) + index_bytes)) return false;
  if (index_ == nullptr) return true;
  const auto count = index_->count_by_space.find(&space);
  return count == index_->count_by_space.end() || count->second < most_of_a_space;
}

void PiLock::note_holder(const async::Job& before) {
  auto entry = index_->by_holder.extract({&before, this});
  if (holder() == nullptr) {
    index_->by_futex.erase(futex_.known_by());
  } else {
    entry.value().first = holder();
    index_->by_holder.insert(std::move(entry));
  }
}

void PiLock::lend_urgency_to(Thread* holder) {
  if (urgent_holder_ != nullptr) urgent_holder_->urgent_waiters -= urgent_waiters_;
  urgent_holder_ = holder;
  if (holder != nullptr) holder->urgent_waiters += urgent_waiters_;
}

void PiLock::add_urgent(int waiters) {
  async::Strand::check_access();
  urgent_waiters_ += waiters;
  if (urgent_holder_ != nullptr) urgent_holder_->urgent_waiters += waiters;
}

async::Task<bool> PiLock::wait(Waiter& waiter) {
  const int urgent = is_urgent(waiter.thread) ? 1 : 0;  // its schedule may change later
  waiters_.push_back(waiter);
  add_urgent(urgent);
  auto guard = co_await mutex_.lock_or_cancel("futex");
  waiters_.remove(waiter);
  add_urgent(-urgent);
  const bool has_it = static_cast<bool>(guard);
  guard.release();  // the program unlocks it later; without waiters the kernel forgets the holder
  if (has_it && !mutex_.is_awaited()) {
    const async::Job& self = *mutex_.owner();
    mutex_.set_owner(nullptr);
    note_holder(self);
    lend_urgency_to(nullptr);
  }
  if (waiters_.empty()) delete this;
  co_return has_it;
}

const Waiter* PiLock::next_holder() {
  for (Waiter& waiter : waiters_) {
    if (waiter.thread.job() == holder()) return &waiter;
  }
  return nullptr;
}

Word PiLock::unlock_to_next() {
  async::Strand::check_access();
  const async::Job& before = *mutex_.owner();
  mutex_.pass_on();
  note_holder(before);
  const Waiter* const next = next_holder();
  lend_urgency_to(next == nullptr ? nullptr : &next->thread);
  if (next == nullptr) return 0;  // the waiters have been cancelled
  holder_id_ = id_of(next->thread);
  return holder_id_ | (mutex_.is_awaited() ? abi::futex_waiters : 0);
}

/// Whether the chain of waits that starts at `holder` contains `self`, or is too long to follow.
bool is_entangled(const async::Job& holder, const async::Job& self) {
  const async::Job* at = &holder;
  for (int length = 0; at != nullptr; at = async::awaited(*at)) {
    if (at == &self || ++length == most_in_a_chain) return true;
  }
  return false;
}

/// The thread whose ID the word holds. ESRCH if there is none, or if it cannot hold this lock.
Result<Thread*> find_holder(const Futex& futex, Word id) {
  Thread* const holder = threads().find(static_cast<int>(id));
  const bool is_there = holder != nullptr && holder->job() != nullptr;
  if (!is_there || !futex.may_be_of(holder->space())) return fail(Errno::esrch);
  return holder;
}

/// Returns the lock that `self` must wait for, after it has marked in the lock's word that there
/// are waiters. Null if `self` holds the lock now.
Result<PiLock*> stand_in_line(Thread& self, const Futex& futex) {
  for (;;) {
    const auto taken = pi_lock::take(self, futex);
    if (!taken) return fail(taken.error());
    if (*taken) return nullptr;

    const auto word = futex.word();
    if (!word) return fail(word.error());
    Word value = word->load();
    const Word id = value & abi::futex_tid_mask;
    if (id == 0) continue;  // unlocked since take() looked
    PiLock* const lock = PiLock::find(futex);
    if (lock != nullptr && lock->holder_id() != id) return fail(Errno::einval);
    const auto holder = find_holder(futex, id);
    if (!holder) return fail(holder.error());
    if (is_entangled(*(*holder)->job(), *self.job())) return fail(Errno::edeadlk);
    if (lock == nullptr && !PiLock::may_be_one_more(self.space())) return fail(Errno::enomem);
    if (word->compare_exchange_strong(value, value | abi::futex_waiters)) {
      if (is_urgent(self)) end_throttling(**holder);
      return lock != nullptr ? lock : new PiLock{futex, **holder};
    }
  }
}

}  // namespace

Result<bool> pi_lock::take(Thread& self, const Futex& futex) {
  const auto word = futex.word();
  if (!word) return fail(word.error());
  Word value = word->load();
  while ((value & abi::futex_tid_mask) == 0) {
    if (PiLock::find(futex) != nullptr) return fail(Errno::einval);
    const Word mine = PiLock::id_of(self) | (value & abi::futex_owner_died);
    if (word->compare_exchange_strong(value, mine)) return true;
  }
  if ((value & abi::futex_tid_mask) == PiLock::id_of(self)) return fail(Errno::edeadlk);
  return false;
}

async::Task<Result<int>> pi_lock::wait(Thread& self, Futex futex, async::Instant deadline) {
  const auto lock = stand_in_line(self, futex);
  if (!lock) co_return fail(lock.error());
  if (*lock == nullptr) co_return 0;
  std::optional<async::DeadlineScope> limit;
  if (deadline != async::never) limit.emplace(deadline);
  Waiter waiter{self, futex};
  const bool has_it = co_await (*lock)->wait(waiter);
  const bool timed_out = limit && limit->leave();
  if (has_it) co_return 0;
  co_return fail(timed_out ? Errno::etimedout : Errno::eintr);
}

Result<int> pi_lock::give_back(Thread& self, const Futex& futex) {
  const auto word = futex.word();
  if (!word) return fail(word.error());
  if ((word->load() & abi::futex_tid_mask) != PiLock::id_of(self)) return fail(Errno::eperm);
  PiLock* const lock = PiLock::find(futex);
  if (lock != nullptr && lock->holder() != self.job()) return fail(Errno::einval);
  word->store(lock != nullptr ? lock->unlock_to_next() : 0);
  return 0;
}

Result<bool> pi_lock::has_holder(const Futex& futex) {
  const auto word = futex.word();
  if (!word) return fail(word.error());
  const Word id = word->load() & abi::futex_tid_mask;
  return id == 0 || find_holder(futex, id).has_value();
}

void pi_lock::abandon_those(Thread& self) {
  if (self.job() == nullptr) return;
  while (PiLock* const lock = PiLock::find_of(*self.job())) {
    const Word value = lock->unlock_to_next();
    const Waiter* const next = lock->next_holder();
    if (next == nullptr) continue;
    const memory::AddressSpace::WithoutWait now{next->thread.space()};
    if (const auto word = next->futex.word()) word->store(value | abi::futex_owner_died);
  }
}

}  // namespace kernel
