// System V semaphores. An array of operations on one set happens as a whole, or its caller waits.
//
//   a call ──▶ try_now() ──▶ done, or an error
//                 │ must wait
//                 ▼
//              WaitingOperations, in the frame of the caller's coroutine
//                 ▲
//   another call, or the end of a process, changes a value: it performs the operations of waiters
//   that have become possible, and wakes these waiters
//
// So a woken caller has its result, and need not try again. A caller with one operation waits in a
// list of the semaphore. A caller with several waits in a list of the set. So a change tries only
// the waiters of its semaphore, and those with several operations on the set.
//
// All of it is in the strand.
#pragma once

#include <async/event.h>
#include <kernel/list.h>

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "ipc/objects.h"

namespace kernel::ipc {

class SemaphoreSet;
class SemaphoreUndo;
struct OrderOfAdjustments;

inline constexpr int most_semaphore_value = 32'767;
inline constexpr int most_semaphore_sets = 32'000;
inline constexpr int most_semaphores_in_set = 32'000;
inline constexpr int most_semaphores = 1'024'000'000;
inline constexpr unsigned most_semaphore_operations = 500;

/// An adjustment (semadj, semop(2)): the end of the process adds `value` to the semaphore. The
/// process owns it, until it ends or the set is removed.
struct Adjustment : TreapNode<OrderOfAdjustments>, ListNode<> {
  Adjustment(SemaphoreUndo& undo, SemaphoreSet& semaphores, unsigned semaphore)
      : owner{undo}, set{semaphores}, number{semaphore}, charge{sizeof *this} {}
  SemaphoreUndo& owner;
  SemaphoreSet& set;
  const unsigned number;
  int value = 0;
  const Charge charge;
};

struct OrderOfAdjustments {
  static bool is_before(const Adjustment& one, const Adjustment& other);
  static void update(Adjustment&, Adjustment*, Adjustment*) {}
};

/// The adjustments of a process: the operations with SEM_UNDO change them. The destructor applies
/// those that are left.
class SemaphoreUndo {
 public:
  explicit SemaphoreUndo(int process) : process_{process} {}
  SemaphoreUndo(const SemaphoreUndo&) = delete;
  ~SemaphoreUndo();

  Adjustment* find(const SemaphoreSet& set, unsigned number) const;
  /// The adjustment that find() finds, or a new one. ENOMEM.
  Result<Adjustment*> make(SemaphoreSet& set, unsigned number);
  /// Applies and frees at most `most` adjustments. Returns whether none is left.
  bool apply_some(unsigned most);

 private:
  friend SemaphoreSet;
  const int process_;
  Treap<Adjustment, OrderOfAdjustments> adjustments_;
};

using SemaphoreOperations = std::span<const abi::SemaphoreOperation>;

/// The operations of a caller that waits.
class WaitingOperations : public ListNode<> {
 public:
  /// `undo`: null unless an operation has SEM_UNDO.
  WaitingOperations(Ref<SemaphoreSet> set, SemaphoreOperations operations, SemaphoreUndo* undo,
                    int process);
  ~WaitingOperations();

  /// On when the result() is known.
  async::Event& done() { return done_; }
  Result<> result() const { return result_; }

 private:
  friend SemaphoreSet;
  /// The operation for which the caller waits.
  const abi::SemaphoreOperation& blocking() const { return operations_[blocking_]; }
  void finish(Result<> result);

  const Ref<SemaphoreSet> set_;
  const SemaphoreOperations operations_;
  SemaphoreUndo* const undo_;
  const int process_;
  std::size_t blocking_ = 0;
  List<WaitingOperations>* list_ = nullptr;
  Result<> result_;
  async::Event done_;
};

class SemaphoreSet : public Object, public RefCounted<SemaphoreSet> {
 public:
  /// The number of a set, new or with this key (semget). ENOSPC, ENOMEM and others.
  static Result<int> get(const Caller& caller, std::int32_t key, int count, int flags);
  static Objects& all();
  static std::size_t semaphore_count();

  explicit SemaphoreSet(unsigned count);
  ~SemaphoreSet() override;

  unsigned count() const { return count_; }
  int value(unsigned number) const { return at(number).value; }
  int last_process(unsigned number) const { return at(number).process; }
  /// How many callers wait until the semaphore rises, or until it is 0.
  unsigned waiters(unsigned number, bool for_zero) const;
  std::int64_t operated() const { return operated_; }
  abi::SemaphoreStatus status() const;

  /// Sets a semaphore, and clears its adjustments. After the last set() of a call, the caller calls
  /// end_setting().
  void set(unsigned number, int value, int process);
  /// Performs the operations of waiters on the semaphores [first, last] that have become possible.
  void end_setting(unsigned first, unsigned last);
  /// Wakes all waiters with EIDRM, frees all adjustments, and releases the reference that get()
  /// keeps.
  void remove();

  /// Performs all operations, or none. would_block: the caller must wait, because of
  /// operations[blocking]. EAGAIN, ERANGE. The caller has made an adjustment for each operation
  /// with SEM_UNDO.
  Result<> try_now(SemaphoreOperations operations, SemaphoreUndo* undo, int process,
                   std::size_t& blocking);
  /// try_now() for a call. It then performs the operations of waiters that have become possible.
  Result<> perform(SemaphoreOperations operations, SemaphoreUndo* undo, int process);
  void add_waiter(WaitingOperations& waiting);

 private:
  friend SemaphoreUndo;
  friend Adjustment;

  struct Semaphore {
    int value = 0;
    int process = 0;  // the last process that changed or tested the value
    List<WaitingOperations> for_zero;
    List<WaitingOperations> for_rise;
    List<Adjustment> adjustments;
  };
  // In pieces, so that a large set needs no contiguous memory.
  static constexpr unsigned in_piece = 32;
  using Piece = std::array<Semaphore, in_piece>;
  static std::size_t bytes_for(unsigned count);

  Semaphore& at(unsigned number) const { return (*pieces_[number / in_piece])[number % in_piece]; }
  /// Tries the operations of each waiter in the list. Returns whether a value has changed.
  bool try_waiters(List<WaitingOperations>& waiters);
  void try_waiters_of(unsigned number);
  /// Tries the waiters with several operations, repeatedly until no value changes.
  void try_combined();
  void adjust(const Adjustment& adjustment, int process);

  const unsigned count_;
  Charge charge_;
  std::vector<std::unique_ptr<Piece>> pieces_;
  List<WaitingOperations> combined_;  // waiters with several operations
  std::int64_t operated_ = 0;
};

}  // namespace kernel::ipc
