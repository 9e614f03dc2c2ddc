// A model of C++20's weak memory for the explorer (explorer.h).
//
// Each word has a modification history: all its stores in modification order. Each thread has a
// view: for each word the oldest store that the thread may still read, and for each thread the part
// of its work that happened before. So:
//
//   a load              reads any store from the view on, and moves the view to that store
//   a store             comes behind the view: at the end, or before stores that the thread does
//                       not know yet. A release store carries the thread's view along.
//   an acquire load     joins the view that the store carries
//   a read-modify-write reads the newest store, and passes on what that store carries (a release
//                       sequence)
//   a fence             release: later relaxed stores carry the present view. acquire: joins what
//                       earlier relaxed loads have read. seq_cst: both, and joins the view that
//                       all seq_cst operations have in common.
//
// A seq_cst load or store uses only its own word of the common view ([atomics.order] p. 4). The
// views are those of J. Kang et al.: A Promising Semantics for Relaxed-Memory Concurrency (POPL
// 2017), without promises. The explorer chooses which store a load reads and where a store goes.
//
// Two accesses to plain data race if at least one writes and neither happened before the other.
//
// The model is weaker than x86 and RISC-V in that stores are not multi-copy atomic. It does not
// have all executions of C++20: a load never reads a store that executes later (load buffering,
// values out of thin air), a read-modify-write that succeeds never reads an old store, and a weak
// exchange never fails spuriously.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "word_map.h"

namespace parallel_test {

/// Ends the program, because the test itself is wrong.
[[noreturn]] void refuse(const char* why);

class WeakMemory {
 public:
  using Order = std::memory_order;
  using Value = std::uint64_t;
  static constexpr unsigned most_threads = 8;
  static constexpr unsigned most_reorderings = 15;  // in a run

  /// `choose` gets the number of alternatives and returns one. Alternative 0 is what a sequentially
  /// consistent machine does.
  explicit WeakMemory(std::function<unsigned(unsigned alternatives)> choose)
      : choose_(std::move(choose)) {}

  /// Forgets all words: a search begins.
  void clear();
  /// Forgets all values and views: a run begins.
  void reset();
  /// `word` is an atomic in all runs of the search: accesses to it as plain data do not race.
  void add_atomic(const void* word) { plain_[word].is_atomic = true; }

  // Operations of a thread on an atomic word. If the model has no store of the word yet, `present`
  // becomes the first one.

  struct Read {
    Value value;
    bool is_old;  // newer stores exist
  };
  Read load(unsigned thread, const void* word, Value present, Order order);
  /// Returns the value of the newest store in modification order.
  Value store(unsigned thread, const void* word, Value present, Value value, Order order);
  /// Replaces the newest value by `next(newest)`. Returns the value before.
  template <class Next>
  Value modify(unsigned thread, const void* word, Value present, Order order, Next next) {
    Location& location = find(word, present);
    const Value before = location.stores.back().value;
    modify_newest(thread, location, next(before), order);
    return before;
  }
  struct Exchanged {
    bool done;
    Read read;
  };
  Exchanged compare_exchange(unsigned thread, const void* word, Value present, Value expected,
                             Value value, Order success, Order failure);
  void fence(unsigned thread, Order order);
  /// A new object begins to live in `word`.
  void construct(unsigned thread, const void* word, Value value);

  // Order that does not come from memory operations: what a thread did before send() happened
  // before what another thread does after receive() from the same channel, such as an IPI.
  void send(unsigned thread, const void* channel);
  void receive(unsigned thread, const void* channel);

  enum class Access { read, write };
  /// An access to plain data, an object or a part of one. Returns true if it races with an earlier
  /// access.
  bool races(unsigned thread, const void* data, Access access);

 private:
  // A place in a modification order. Between two stores there is room for `most_reorderings` later
  // ones, and a run has room for 65,534 stores of a word. Signed, because SSE2 has no comparison of
  // unsigned integers.
  using Time = std::int32_t;
  static constexpr Time gap = 1 << 15;
  static constexpr std::size_t most_locations = 256;  // in a run
  using Clock = std::uint32_t;

  /// For each location the oldest store that may be read, and for each thread how much of its work
  /// happened before.
  class View {
   public:
    Time of(std::size_t index) const { return index < known_ ? times_[index] : 0; }
    void clear();
    void raise(std::size_t index, Time time);
    void join_times(const View& other);
    void join(const View& other);

    std::array<Clock, most_threads> clocks;

   private:
    std::size_t known_ = 0;                   // locations; the times of others are 0
    std::array<Time, most_locations> times_;  // by Location::index
  };
  struct Store {
    Time time;
    Value value;
    bool follows = false;  // a read-modify-write: no store comes between it and the one before
    View* carried;
    std::uint8_t joined_by_view = 0;  // bit i: the `view` of thread i has joined `carried`
    std::uint8_t joined_by_read = 0;  // bit i: its `read` has joined `carried`
    static_assert(most_threads <= 8);
  };
  struct Location {
    unsigned run = 0;  // the rest is about this run
    std::size_t index = 0;
    std::vector<Store> stores;  // in modification order
  };
  struct Thread {
    View view;
    View released;  // the view at the last release fence: relaxed stores carry it
    View read;      // what relaxed loads have read: an acquire fence joins it
  };
  struct Channel {
    unsigned run = 0;  // the rest is about this run
    View carried;
  };
  struct Plain {
    unsigned run = 0;        // all other members except is_atomic are about this run
    bool is_atomic = false;  // in all runs of the search
    std::uint8_t writer = 0;
    Clock written = 0;                       // the writer's clock; 0: not written yet
    std::array<Clock, most_threads> read{};  // by thread: its clock at its last read
  };

  Location& find(const void* word, Value present);
  View& new_view();
  View& carried_by(const void* channel);
  Time oldest(const Thread& thread, const Location& location, Order order) const;
  void read(unsigned thread, const Location& location, Store& store, Order order);
  void carry(unsigned thread, Location& location, Store& store, Order order);
  void modify_newest(unsigned thread, Location& location, Value value, Order order);

  std::function<unsigned(unsigned)> choose_;
  unsigned run_ = 0;      // the number of the present run
  std::size_t used_ = 0;  // locations in this run
  WordMap<Location> locations_;
  WordMap<Channel> channels_;
  WordMap<Plain> plain_;
  std::array<Thread, most_threads> threads_;
  std::deque<View> views_;                 // those that stores carry
  std::size_t used_views_ = 0;             // in this run
  std::vector<std::size_t> alternatives_;  // of the present operation: indices of stores
  View common_;                            // of all seq_cst operations; only its times are used
};

}  // namespace parallel_test
