// Explorer: every interleaving of a few threads, up to a bound, one after another.
//
// Each thread is a context of its own with a stack; one runs at a time, and hands control to the
// explorer before every operation that others can observe (point()). There the explorer may go on
// with another one. A run whose threads are all through, or all blocked, is one schedule; the next
// differs from it in the last choice that has an alternative left (depth first). So all schedules
// are tried in which at most `bound` times a thread is left that could have gone on; leaving one
// that is blocked or has ended costs nothing (M. Musuvathi, S. Qadeer: Iterative Context Bounding
// for Systematic Testing of Multithreaded Programs, PLDI 2007).
//
// A point is only where it matters: before a load of what another thread writes, and before a write
// of what another one looks at. Other operations change places with everything, so no outcome is
// left out. Which words those are is learned on the way: whenever there is one more, the search
// begins anew. So words have to be at the same place in each run.
//
// An interrupt is taken before an operation of a thread that lets interrupts in (Interrupts). A
// thread that makes one pending may run before every point, so an interrupt may arrive at every
// one. Its handler runs on the interrupted stack. It may leave that stack in the middle of a
// function; the thread then continues on another stack, and any thread may return to the first one
// later. So the words that matter are those that another thread uses, and also those that another
// stack uses if the operation can be interrupted.
//
// What is explored is sequentially consistent: memory_order means nothing here, and what lies
// between two points happens at once.
//
// A schedule is written as its choices that do not go without saying (to go on, or else with the
// first who can): "17:1,40:0" goes on with thread 1 at operation 17, with 0 at operation 40.
// COTRAP_SCHEDULE=17:1,40:0 runs that one alone and prints what each thread did.
#pragma once

#include <ucontext.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace parallel_test {

class Explorer {
 public:
  struct Report {
    std::uint64_t schedules = 0;
    unsigned bound = 0;
    std::uint64_t longest = 0;  // the most operations of a schedule
    std::string failure;        // empty: none; with the schedule and what led to it
    std::string schedule;       // that failed
  };

  /// The interrupts of all threads. Both functions are called in the thread that they concern.
  struct Interrupts {
    bool (*are_masked)();  // without effects; null: interrupts are always masked
    /// Interrupts are not masked: handles those that are pending; false if there are none. It masks
    /// interrupts meanwhile. It may return in another thread (leave_stack()).
    bool (*take)();
  };

  /// Runs every schedule of the threads that `set_up` adds, until one fails. After a run in which
  /// nobody can go on any more, `tear_down` says whether that is right. Both run outside threads.
  Report explore(unsigned bound, const std::function<void()>& set_up,
                 const std::function<void(bool failed)>& tear_down,
                 const Interrupts& interrupts = {});

  /// In set_up. `hart`: what platform::hart() is in it.
  void add_thread(const char* name, unsigned hart, std::function<void()> body);

  // In threads. Outside, nothing happens.

  enum class Access { load, write };
  /// Before an operation on `word`; null: on something that everybody looks at and changes.
  void point(const char* operation, const void* word, Access access,
             std::source_location where) noexcept;
  /// `word` has another value now.
  void changed(const void* word) noexcept;
  /// Waits until another thread changes the word that this one has used last.
  void relax(std::source_location where) noexcept;
  /// Goes on when `can_go_on()`, which has no effects.
  void wait(const char* what, std::function<bool()> can_go_on,
            std::source_location where = std::source_location::current()) noexcept;

  class Stack;
  /// The thread continues with `next` on a free stack, and `left` is the one that it leaves.
  /// Returns when a thread calls return_to(*left), in that thread. `next` must not return.
  void leave_stack(Stack*& left, std::function<void()> next) noexcept;
  /// The thread continues on `stack`, where leave_stack() returns. Its own stack is free from then
  /// on, and must own nothing.
  void return_to(Stack& stack) noexcept;

  /// In a thread: does not return. In tear_down: the run counts as failed.
  void fail(const std::string& message) noexcept;

  /// Of the running thread; outside, what set_hart() said.
  unsigned hart() const noexcept { return running_ == nullptr ? outside_hart_ : running_->hart; }
  void set_hart(unsigned hart) noexcept { outside_hart_ = hart; }

 private:
  static constexpr std::size_t stack_bytes = 256 * 1024;
  static constexpr std::size_t most_stacks = 15;            // of all threads
  static constexpr std::uint64_t most_operations = 50'000;  // of a run: it goes round in circles

  struct Thread {
    unsigned index = 0;
    const char* name = "";
    unsigned hart = 0;
    Stack* stack = nullptr;           // on which it runs, or stands
    std::function<bool()> can_go_on;  // empty: not blocked
    bool ended = false;
    const void* watched = nullptr;
    bool watched_changed = false;

    bool is_enabled() const { return !ended && (!can_go_on || can_go_on()); }
  };
  /// Which threads and stacks use a word: a bit for each thread, and above those for each stack.
  struct Users {
    std::uint32_t readers = 0;
    std::uint32_t writers = 0;
  };
  static constexpr std::uint32_t thread_bits = 0xffff;
  static constexpr std::uint32_t first_stack_bit = 0x1'0000;
  static constexpr std::uint32_t handlers_bit = 0x8000'0000;  // the stack bit of every handler
  struct Choice {
    unsigned taken;
    unsigned alternatives;
    std::uint64_t operation;  // when
    unsigned thread;          // what was taken
  };
  using Threads = std::span<Thread* const>;

  void run_once();
  Stack& take_stack(std::function<void()> body);
  bool may_be_interrupted() const;
  bool take_interrupts();
  bool reach(const void* word, Access access);
  bool is_shared(const void* word, Access access);
  bool next_schedule();
  Thread& choose(Threads alternatives);
  void count_operation();
  void leave_blocked();
  void switch_to(Thread& thread);
  static void enter();
  void note(const char* operation, std::source_location where);
  std::string schedule() const;

  std::vector<std::unique_ptr<Thread>> threads_;
  std::size_t used_threads_ = 0;
  std::vector<std::unique_ptr<Stack>> stacks_;
  Interrupts interrupts_;
  Thread* running_ = nullptr;
  unsigned outside_hart_ = 0;
  ucontext_t outside_{};

  unsigned bound_ = 0;
  unsigned switches_ = 0;         // that were not forced, of this run
  std::uint64_t operations_ = 0;  // of this run
  std::vector<Choice> choices_;   // of this run, or, ahead of next_choice_, to be repeated
  std::size_t next_choice_ = 0;
  const char* script_ = nullptr;  // the rest of a schedule that was written down
  std::unordered_map<const void*, Users> words_;
  bool has_learned_ = false;  // that a word is shared
  std::string failure_;
  bool tracing_ = false;
  std::string trace_;
  const Thread* traced_ = nullptr;  // who wrote the last line of it
};

extern Explorer explorer;

/// An atomic that lets the explorer in before every operation. Weak exchanges never fail for
/// nothing.
template <class T>
class Atomic {
  using Where = std::source_location;
  using Order = std::memory_order;

 public:
  constexpr Atomic() noexcept = default;
  constexpr Atomic(T value) noexcept : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(Order = Order::seq_cst, Where where = Where::current()) const noexcept {
    explorer.point("load", this, Explorer::Access::load, where);
    return value_;
  }
  void store(T value, Order = Order::seq_cst, Where where = Where::current()) noexcept {
    update("store", where, [&] { return value; });
  }
  T exchange(T value, Order = Order::seq_cst, Where where = Where::current()) noexcept {
    return update("exchange", where, [&] { return value; });
  }
  T fetch_add(T by, Order = Order::seq_cst, Where where = Where::current()) noexcept {
    return update("fetch_add", where, [&] { return static_cast<T>(value_ + by); });
  }
  T fetch_or(T bits, Order = Order::seq_cst, Where where = Where::current()) noexcept {
    return update("fetch_or", where, [&] { return static_cast<T>(value_ | bits); });
  }
  T fetch_and(T bits, Order = Order::seq_cst, Where where = Where::current()) noexcept {
    return update("fetch_and", where, [&] { return static_cast<T>(value_ & bits); });
  }
  bool compare_exchange_strong(T& expected, T value, Order = Order::seq_cst, Order = Order::seq_cst,
                               Where where = Where::current()) noexcept {
    explorer.point("compare_exchange", this, Explorer::Access::write, where);
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = value;
    explorer.changed(this);
    return true;
  }
  bool compare_exchange_weak(T& expected, T value, Order order = Order::seq_cst,
                             Order = Order::seq_cst, Where where = Where::current()) noexcept {
    return compare_exchange_strong(expected, value, order, order, where);
  }

 private:
  template <class Next>
  T update(const char* operation, Where where, Next&& next) noexcept {
    explorer.point(operation, this, Explorer::Access::write, where);
    const T before = value_;
    value_ = next();
    explorer.changed(this);
    return before;
  }

  T value_{};
};

}  // namespace parallel_test
