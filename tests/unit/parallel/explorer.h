// Explorer: runs every interleaving of a few threads, up to a bound, one after another.
//
// Each thread is a context with a stack of its own, and one thread runs at a time. It passes
// control to the explorer before every operation that other threads can observe (point()). There
// the explorer may switch to another thread. A run ends when all threads have ended or are blocked;
// it is one schedule. The next schedule differs from it in the last choice that has an untried
// alternative (depth first). So the explorer tries all schedules with at most `bound` preemptions:
// switches away from a thread that could continue. Switches away from a thread that is blocked or
// has ended are free (M. Musuvathi, S. Qadeer: Iterative Context Bounding for Systematic Testing of
// Multithreaded Programs, PLDI 2007).
//
// Only two kinds of operations are switch points: a load of a word that another thread writes, and
// a write of a word that another thread uses. Other operations commute with everything, so no
// outcome is lost. The explorer learns these words as it runs: when it finds one more, the search
// starts again. So words must have the same address in each run.
//
// Of schedules that only differ in the order of independent operations the explorer runs one. If it
// preempts a thread before an operation, the thread sleeps until another thread's access conflicts
// with one of its own. Its own accesses are those from this operation to its next switch point. Two
// accesses conflict if they use one word and at least one of them writes. Without such an access
// the preemption at that next point has the same outcome, with as many preemptions (sleep sets,
// P. Godefroid: Partial-Order Methods for the Verification of Concurrent Systems, 1996). Threads
// sleep only at preemptions: other sleep sets would need more preemptions than the bound allows.
// The explorer does not begin a preemption that would end so. It knows the accesses that followed
// the preemption at the next point. Threads must report other accesses to shared state with
// touch() or have a watch() on it. Plain data needs neither if no two accesses race.
//
// A thread that lets interrupts in takes them before an operation (Interrupts). A thread that makes
// an interrupt pending may run at every point, so an interrupt may arrive at every point. Its
// handler runs on the interrupted stack. It may leave that stack in the middle of a function. The
// thread then continues on another stack, and any thread may return to the first one later. If an
// operation can be interrupted, the words that other stacks use also count as shared.
//
// Without Bound::reorderings the explored memory model is sequential consistency: memory_order is
// ignored. With it, loads of shared words may return old values, and stores may come before newer
// ones, as C++20 allows (weak_memory.h). Each such choice is one more alternative, and a run has at
// most `reorderings` of them. In both models code between two points is atomic.
//
// A schedule is written as the choices that differ from the default. The default is to continue
// with the same thread, or else with the first that can run, and to read and write the newest
// value. "17:1,40:0" switches to thread 1 at operation 17 and to thread 0 at operation 40. "23=2"
// makes operation 23 read the store two before the newest one. COTRAP_SCHEDULE=17:1,23=2,40:0 runs
// this schedule alone and prints each thread's operations.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include "access_set.h"
#include "context.h"
#include "weak_memory.h"
#include "word_map.h"

namespace parallel_test {

class Explorer {
 public:
  /// The limits of a search.
  struct Bound {
    constexpr Bound(unsigned switches, std::optional<unsigned> reorderings = {})
        : switches(switches), reorderings(reorderings) {}

    unsigned switches;                    // the most preemptions of a run
    std::optional<unsigned> reorderings;  // the most choices of weak memory; none: no weak memory
  };
  struct Report {
    std::uint64_t schedules = 0;
    std::uint64_t longest = 0;  // the number of operations of the longest schedule
    std::string failure;        // the message, the schedule and its trace; empty: no failure
    std::string schedule;       // the failed schedule
  };

  /// The interrupts of all threads.
  struct Interrupts {
    /// Returns the flag that says whether interrupts of the hart are masked, which must exist until
    /// the search ends. If this function is null or returns null, they are always masked. Called in
    /// add_thread().
    const bool* (*mask_of)(unsigned hart);
    /// Called in the thread concerned if interrupts are not masked. Masks them, handles the pending
    /// ones, and returns false if there was none. It may return in another thread (leave_stack()).
    bool (*take)();
  };

  /// Runs every schedule of the threads that `set_up` adds, until one fails. After each run
  /// `tear_down` checks the result. Both run outside threads.
  Report explore(Bound bound, const std::function<void()>& set_up,
                 const std::function<void(bool failed)>& tear_down,
                 const Interrupts& interrupts = {});

  /// Called in `set_up`. `hart` is the value of platform::hart() in the thread.
  void add_thread(const char* name, unsigned hart, std::function<void()> body);

  /// Called in `set_up`. The explorer notices when a thread changes `pointer`. So threads need not
  /// report that, but they report with touch_watched() when they read one.
  void watch(const void* const* pointer) { watched_.push_back({pointer, nullptr}); }

  // The next functions are for threads. Outside threads they do nothing.

  enum class Access { load, write, none };
  /// Called before an operation on `word`. If `word` is null, the explorer may always switch here:
  /// the operation is on state that all threads share or, with Access::none, on words that touch()
  /// names. Returns true if the value is subject to weak memory: memory() then has it.
  bool point(const char* operation, const void* word, Access access,
             std::source_location where) noexcept {
    if (running_ == nullptr) return false;
    if (operations_ + 1 >= next_repeated_ || may_be_interrupted()) {
      return explore_point(operation, word, access, where);
    }
    // As in explore_point(): the previous run made no choice here, so this one makes none.
    ++operations_;
    running_->watched = word;
    running_->watched_changed = false;
    return sharings_[operations_].is_weak;
  }
  /// Called at an access that is no switch point, so that schedules with another order of this
  /// access and a conflicting one count as different.
  void touch(const void* word, Access access) noexcept {
    if (running_ != nullptr && next_repeated_ == 0) note_access(number_of(word), access);
  }
  void touch_watched() noexcept { touch(&watched_, Access::load); }
  /// Called after the value of `word` has changed.
  void changed(const void* word) noexcept;
  /// Waits until another thread changes the word that this one has used last.
  void relax(std::source_location where) noexcept;
  /// Blocks until `can_go_on()`, which must have no effects, returns true.
  void wait(const char* what, std::function<bool()> can_go_on,
            std::source_location where = std::source_location::current()) noexcept;

  // Weak memory. Without Bound::reorderings there is none, and these functions do nothing.

  /// The model, and the running thread's number in it.
  WeakMemory& memory() noexcept { return memory_; }
  unsigned thread() const noexcept { return running_->index; }
  bool has_weak_memory() const noexcept { return running_ != nullptr && reorderings_.has_value(); }
  /// The thread has loaded an old value, so it need not wait for a change of the word.
  void loaded_old_value() noexcept { running_->watched_changed = true; }
  void fence(std::memory_order order, std::source_location where) noexcept;
  /// Called before an operation on an atomic word: seq_cst fences see seq_cst operations.
  void touch_fences(std::memory_order order) noexcept {
    if (order == std::memory_order_seq_cst) touch(&memory_, Access::load);
  }
  /// What the thread did before send() happened before what a thread does after receive(), as with
  /// an IPI.
  void send(const void* channel) noexcept {
    touch(channel, Access::write);
    if (has_weak_memory()) memory_.send(thread(), channel);
  }
  void receive(const void* channel) noexcept {
    touch(channel, Access::load);
    if (has_weak_memory()) memory_.receive(thread(), channel);
  }
  /// Whether an access to plain data races with another thread's access. If a thread has used
  /// `data` as an atomic, there is no race.
  bool races(const void* data, Access access) noexcept;
  /// Fails the run if races() returns true.
  void access_plain(const void* data, Access access, std::source_location where) noexcept;

  class Stack;
  /// The thread continues with `next` on a free stack, and `left` is the one that it leaves.
  /// Returns when a thread calls return_to(*left), in that thread. `next` must not return.
  void leave_stack(Stack*& left, std::function<void()> next) noexcept;
  /// The thread continues on `stack`, where leave_stack() returns. The stack that it leaves is free
  /// from then on; no object on it is destroyed.
  void return_to(Stack& stack) noexcept;

  /// Fails the run. Returns in `tear_down`, and does not return in a thread. It owns the message,
  /// because the caller's string would leak.
  void fail(std::string message) noexcept;
  /// Whether the run has failed.
  bool has_failed() const noexcept { return !failure_.empty(); }

  /// The running thread's hart; outside threads, the value of set_hart().
  unsigned hart() const noexcept { return running_ == nullptr ? outside_hart_ : running_->hart; }
  void set_hart(unsigned hart) noexcept { outside_hart_ = hart; }

 private:
  static constexpr std::size_t most_stacks = 15;  // of all threads, with those of leave_stack()
  static constexpr std::size_t most_threads = 8;
  // The limit per run; a longer run counts as an endless loop.
  static constexpr std::uint64_t most_operations = 50'000;

  struct Thread {
    unsigned index = 0;
    const char* name = "";
    unsigned hart = 0;
    const bool* masked = nullptr;     // whether its interrupts are masked
    Stack* stack = nullptr;           // on which it runs, or on which it is suspended
    std::function<bool()> can_go_on;  // empty: not blocked
    bool ended = false;
    const void* watched = nullptr;
    bool watched_changed = false;
    std::size_t preempted_at = 0;  // the choice at which it was preempted last
    unsigned preempted_for = 0;    // the thread that was chosen there

    bool is_enabled() const { return !ended && (!can_go_on || can_go_on()); }
  };
  /// Which threads and stacks use a word: a bit for each thread, and above those for each stack.
  struct Users {
    std::uint32_t readers = 0;
    std::uint32_t writers = 0;
    AccessSet::Number number = AccessSet::any_word;  // any_word: it has none yet, or never gets one
  };
  struct Sharing {
    bool order_matters = false;  // the order of this access and others
    bool is_weak = false;        // other threads use the word, and there is weak memory
    bool is_shared = false;      // other threads, stacks or handlers use the word
    AccessSet::Number number = AccessSet::any_word;  // of the word, if it is shared
  };
  static constexpr std::uint32_t thread_bits = 0xffff;
  static constexpr std::uint32_t first_stack_bit = 0x1'0000;
  static constexpr std::uint32_t handlers_bit = 0x8000'0000;  // the stack bit of every handler
  static constexpr unsigned not_a_thread = ~0u;
  static constexpr std::size_t no_choice = ~std::size_t{0};
  using ThreadMask = std::uint8_t;
  struct Choice {
    unsigned taken;
    unsigned alternatives;
    std::uint64_t operation;  // the number of the operation
    unsigned thread;          // the chosen thread; not_a_thread: a choice of weak memory
    unsigned standard;        // the thread that runs if the schedule does not name another one
    ThreadMask able = 0;      // the threads to choose from
    ThreadMask asleep = 0;    // the threads that sleep before the choice
    // Of a choice whether to preempt: the thread that may be preempted, otherwise not_a_thread.
    unsigned preempted = not_a_thread;
    // The choice before which the same thread was not preempted at its last switch point, or none.
    std::size_t previous = no_choice;
  };
  /// About a choice whether to preempt a thread. The indices are threads that run instead.
  struct Preemption {
    AccessSet segment;        // accesses of the thread from here to its next switch point
    ThreadMask tried = 0;     // `meanwhile` is known
    ThreadMask followed = 0;  // `after_segment` is known
    std::array<AccessSet, most_threads> meanwhile;  // accesses of others until the thread continues
    std::array<AccessSet, most_threads> after_segment;  // `meanwhile` of the next switch point

    void clear() {
      segment.clear();
      tried = followed = 0;
    }
  };

  void run_once();
  Stack& take_stack(std::function<void()> body);
  bool may_be_interrupted() const { return !*running_->masked; }
  bool take_interrupts();
  Sharing reach(const void* word, Access access);
  void choose_preemption();
  bool explore_point(const char* operation, const void* word, Access access,
                     std::source_location where) noexcept;
  Sharing sharing(const void* word, Access access);
  void learn(const void* word, Access access, std::uint32_t self, std::uint32_t others);
  bool next_schedule();
  bool is_redundant(std::size_t choice, unsigned thread);
  void leave_choice();
  AccessSet::Number number_of(const void* word);
  void note_access(AccessSet::Number word, Access access);
  void note_watched();
  ThreadMask enabled() const;
  bool repeats_choice(bool of_thread) const;
  Thread& choose(ThreadMask able, unsigned standard, unsigned preempted);
  unsigned choose_reordering(unsigned alternatives);
  static unsigned alternative(const Choice& choice, unsigned number);
  Choice& next_choice(unsigned alternatives);
  void find_next_repeated();
  std::optional<unsigned> take_from_script(char sign);
  void count_operation();
  void leave_blocked();
  void switch_to(Thread& thread);
  static void enter();
  void note(const char* operation, std::source_location where);
  std::string schedule() const;

  std::array<Thread, most_threads> threads_;
  std::size_t used_threads_ = 0;
  std::vector<std::unique_ptr<Stack>> stacks_;
  Interrupts interrupts_;
  Thread* running_ = nullptr;
  unsigned outside_hart_ = 0;
  Context outside_;

  unsigned bound_ = 0;
  unsigned switches_ = 0;  // preemptions in this run
  std::optional<unsigned> reorderings_;
  unsigned reordered_ = 0;  // choices of weak memory in this run that are not the default
  WeakMemory memory_{[this](unsigned alternatives) { return choose_reordering(alternatives); }};
  std::uint64_t operations_ = 0;  // in this run
  std::vector<Choice> choices_;   // choices of this run; from next_choice_ on, choices to repeat
  std::size_t next_choice_ = 0;
  std::vector<Preemption> preemptions_;  // by choice
  struct Watched {
    const void* const* pointer;
    const void* value;  // at the last switch point
  };
  std::vector<Watched> watched_;
  // The choice to whose `segment` the running thread's accesses belong.
  std::size_t segment_ = no_choice;
  ThreadMask away_ = 0;  // threads that have been preempted and have not continued
  // Those of `away_` that must not continue yet. Unknown while the run repeats choices.
  ThreadMask asleep_ = 0;
  // From here on the run equals an earlier one, so it makes no more choices.
  bool is_redundant_ = false;
  unsigned numbers_ = 0;          // of words that have a number
  const char* script_ = nullptr;  // the rest of the schedule from COTRAP_SCHEDULE
  WordMap<Users> words_;
  // The operation at which this run repeats the next choice of the previous run. Before it, the
  // runs are the same. 0: no choice is left to repeat.
  std::uint64_t next_repeated_ = 0;
  std::array<Sharing, most_operations + 1> sharings_;  // by operation: what sharing() returned
  bool has_learned_ = false;                           // a word has become shared in this run
  std::string failure_;
  bool tracing_ = false;
  std::string trace_;
  const Thread* traced_ = nullptr;  // the thread of the trace's last line
};

extern Explorer explorer;

}  // namespace parallel_test
