#include "process/pi_lock.h"

#include <abi/flags.h>
#include <async/deadlock.h>
#include <async/mutex.h>
#include <kernel/list.h>

#include <memory>
#include <optional>
#include <utility>

#include "memory/frames.h"
#include "process/thread.h"

namespace kernel {
namespace {

using Word = std::uint32_t;

// What a change of priority may go through, in one step.
constexpr int most_in_a_chain = 16;
constexpr int most_of_a_space = 256;

struct Waiter : ListNode<> {
  Waiter(Thread& thread, const Futex& futex) : thread{thread}, futex{futex} {}
  Thread& thread;
  const Futex futex;  // as it sees it: another process may have the memory elsewhere
};

/// A lock that is waited for. Made by the first to wait, gone with the last. Nobody finds it any
/// more once it has no owner: the word says so, and those who are left have given up.
class PiLock : public ListNode<> {
 public:
  PiLock(const Futex& futex, Thread& holder) : futex_{futex}, holder_id_{id_of(holder)} {
    all_.push_back(*this);
    ++pi_lock::count;
    mutex_.set_owner(holder.job());
  }
  ~PiLock() {
    --pi_lock::count;
    all_.remove(*this);
  }

  /// Null: nobody waits for it.
  static PiLock* find(const Futex& futex);
  static bool may_be_one_more(memory::AddressSpace& space);
  template <class Each>
  static void for_each_of(const async::Job& holder, Each&& each);

  Word holder_id() const { return holder_id_; }
  const async::Job* holder() const { return mutex_.owner(); }

  /// Whether the waiter has it then. It may be gone.
  async::Task<bool> wait(Waiter& waiter);

  /// The next one has it. What the word is from here on.
  Word hand_over();
  /// … and who that is. Null: nobody.
  const Waiter* next_holder();

  static Word id_of(const Thread& thread) { return static_cast<Word>(thread.id()); }

 private:
  static inline List<PiLock> all_;

  const Futex futex_;
  async::Mutex mutex_;
  Word holder_id_;
  List<Waiter> waiters_;
};

PiLock* PiLock::find(const Futex& futex) {
  for (PiLock& lock : all_) {
    if (lock.futex_ == futex && lock.holder() != nullptr) return &lock;
  }
  return nullptr;
}

bool PiLock::may_be_one_more(memory::AddressSpace& space) {
  int count = 0;
  for (const PiLock& lock : all_) count += lock.futex_.is_seen_from(space);
  return count < most_of_a_space && memory::admit(sizeof(PiLock));
}

template <class Each>
void PiLock::for_each_of(const async::Job& holder, Each&& each) {
  for (PiLock& lock : all_) {
    if (lock.holder() == &holder) each(lock);
  }
}

async::Task<bool> PiLock::wait(Waiter& waiter) {
  waiters_.push_back(waiter);
  auto guard = co_await mutex_.lock_or_cancel("futex");
  waiters_.remove(waiter);
  const bool has_it = static_cast<bool>(guard);
  guard.release();  // the program gives it back, with another call, or without one:
  if (has_it && !mutex_.is_awaited()) mutex_.set_owner(nullptr);
  if (waiters_.empty()) delete this;
  co_return has_it;
}

const Waiter* PiLock::next_holder() {
  for (Waiter& waiter : waiters_) {
    if (waiter.thread.job() == holder()) return &waiter;
  }
  return nullptr;
}

Word PiLock::hand_over() {
  mutex_.pass_on();
  const Waiter* const next = next_holder();
  if (next == nullptr) return 0;  // those who waited have been cancelled
  holder_id_ = id_of(next->thread);
  return holder_id_ | (mutex_.is_awaited() ? abi::futex_waiters : 0);
}

/// Whether the holder, maybe by way of others, waits for `self`, or for too many.
bool is_entangled(const async::Job& holder, const async::Job& self) {
  const async::Job* at = &holder;
  for (int length = 0; at != nullptr; at = async::awaited(*at)) {
    if (at == &self || ++length == most_in_a_chain) return true;
  }
  return false;
}

/// The thread that the word names, where it can be waited for. ESRCH.
Result<Thread*> find_holder(const Futex& futex, Word id) {
  Thread* const holder = threads().find(static_cast<int>(id));
  const bool is_there = holder != nullptr && holder->job() != nullptr;
  if (!is_there || !futex.may_be_of(holder->space())) return fail(Errno::esrch);
  return holder;
}

/// The lock that `self` is to wait for, whose word says so. Null: it has it now.
Result<PiLock*> stand_in_line(Thread& self, const Futex& futex) {
  for (;;) {
    const auto taken = pi_lock::take(self, futex);
    if (!taken) return fail(taken.error());
    if (*taken) return nullptr;

    const auto word = futex.word();
    if (!word) return fail(word.error());
    Word value = word->load();
    const Word id = value & abi::futex_tid_mask;
    if (id == 0) continue;  // it has been given back meanwhile
    PiLock* const lock = PiLock::find(futex);
    if (lock != nullptr && lock->holder_id() != id) return fail(Errno::einval);
    const auto holder = find_holder(futex, id);
    if (!holder) return fail(holder.error());
    if (is_entangled(*(*holder)->job(), *self.job())) return fail(Errno::edeadlk);
    if (lock == nullptr && !PiLock::may_be_one_more(self.space())) return fail(Errno::enomem);
    if (word->compare_exchange_strong(value, value | abi::futex_waiters)) {
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
  word->store(lock != nullptr ? lock->hand_over() : 0);
  return 0;
}

void pi_lock::abandon_those(Thread& self) {
  if (self.job() == nullptr) return;
  PiLock::for_each_of(*self.job(), [](PiLock& lock) {
    const Word value = lock.hand_over();
    const Waiter* const next = lock.next_holder();
    if (next == nullptr) return;
    if (const auto word = next->futex.word()) word->store(value | abi::futex_owner_died);
  });
}

}  // namespace kernel
