// Explores every interleaving, up to the printed bound: harts share the strand, and jobs wait and
// wake in steps that share it, as threads do that read from a pipe.
#include "async/leaf_lock.h"
#include "async/retired.h"
#include "async/sharing_timer.h"
#include "async/skip_list.h"
#include "leaving.h"

using namespace parallel_test;

namespace {

/// A queue like a pipe: its lock protects the number of items and the list of readers.
struct Queue {
  async::LeafLock lock;
  async::WaitList readers;
  Plain<unsigned> items = 0;
  Plain<unsigned> taken = 0;
};

bool try_take(Queue& queue) {
  const async::LeafLock::Guard lock{queue.lock};
  if (queue.items.get() == 0) return false;
  queue.items.add(-1u);
  queue.taken.add(1);
  return true;
}

struct WaitForItem {
  Queue& queue;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> reader) const {
    async::Job& job = async::current_job();
    {
      const async::LeafLock::Guard lock{queue.lock};
      if (queue.items.get() > 0 || job.is_stopped()) return false;
      job.prepare(&queue.readers, "item");
      queue.readers.insert(job);
      job.share_next_step();
      job.suspend(reader);
    }
    linger();  // another hart may wake the job before its step has ended
    return true;
  }
  void await_resume() const {}
};

/// Takes `count` items, and waits in steps that share the strand.
Task<> read(Queue& queue, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    leave();
    bool taken = false;
    {
      Sharing sharing;
      taken = try_take(queue);
      if (!taken) sharing.keep();
    }
    if (taken) {
      enter();
      continue;
    }
    co_await WaitForItem{queue};
    const bool is_cut_short = async::is_cancelled();
    if (!is_cut_short) check(try_take(queue), "a wake without an item");
    stop_sharing();
    if (is_cut_short) co_return;
  }
}

/// Puts an item, outside the strand, and wakes a reader.
Task<> write(Queue& queue) {
  leave();
  {
    const Sharing sharing;
    async::Job* reader = nullptr;
    {
      const async::LeafLock::Guard lock{queue.lock};
      queue.items.add(1);
      if (!queue.readers.empty()) reader = queue.readers.take_first();
    }
    if (reader != nullptr) reader->complete_sharing();
  }
  enter();
  co_return;
}

/// Waits for an item until `deadline`, as a futex's wait does.
class WaitUntil : async::SharingTimer {
 public:
  WaitUntil(Queue& queue, async::Instant deadline)
      : SharingTimer{&end, deadline}, queue_{queue}, entry_{&async::current_job(), {}} {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> reader) {
    async::Job& job = *entry_.job;
    {
      const async::LeafLock::Guard lock{queue_.lock};
      if (queue_.items.get() > 0 || job.is_stopped()) return false;
      job.prepare(&queue_.readers, "item");
      queue_.readers.insert(entry_);
      job.share_next_step();
      job.suspend_alone(reader);
    }
    linger();  // another hart may wake the job before its timer is armed
    arm();
    return true;
  }
  WaitResult await_resume() {
    if (entry_.job->result() == WaitResult::woken) {
      stop_timer();
      return WaitResult::woken;
    }
    if (async::Strand::is_shared()) stop_sharing();
    entry_.unlink();
    entry_.reset();
    return entry_.job->result();
  }

 private:
  static Ended end(SharingTimer& timer) noexcept {
    auto& self = static_cast<WaitUntil&>(timer);
    const async::LeafLock::SharingGuard lock{self.queue_.lock};
    async::Job& job = *self.entry_.job;
    if (self.entry_.alone() || job.kind != async::Kind::waiting) return {};
    async::WaitList::take(self.entry_);
    return {&job, WaitResult::timed_out};
  }

  /// disarm() may stop sharing the strand and enter it. platform::end_sharing() must come before.
  void stop_timer() {
    if (!async::Strand::is_shared()) return disarm();
    async::platform::end_sharing();
    disarm();
    async::Strand::is_shared() ? async::platform::begin_sharing()
                               : async::platform::enter_strand_step();
  }

  Queue& queue_;
  async::KeyedEntry entry_;
};

/// Waits for one item, in steps that share the strand.
Task<> read_until(Queue& queue, unsigned& ended) {
  leave();
  {
    Sharing sharing;
    sharing.keep();
  }
  const WaitResult result = co_await WaitUntil{queue, async::Instant{5ns}};
  if (async::Strand::is_shared()) stop_sharing();
  if (result == WaitResult::woken && !async::is_cancelled())
    check(try_take(queue), "a wake without an item");
  ++ended;
}

/// Puts an item, outside the strand, and wakes a reader that waits by an entry.
Task<> write_to_entry(Queue& queue) {
  leave();
  {
    const Sharing sharing;
    async::KeyedEntry* entry = nullptr;
    {
      const async::LeafLock::Guard lock{queue.lock};
      queue.items.add(1);
      const auto found = queue.readers.find_first_keyed([](async::Key) { return true; }, entry);
      if (found != async::WaitList::FirstKeyed::woken) entry = nullptr;
      if (entry != nullptr) async::WaitList::take(*entry);
    }
    if (entry != nullptr) entry->job->complete_sharing();
  }
  enter();
  co_return;
}

Task<> cancel(async::Job& job) {
  linger();
  job.cancel();
  co_return;
}

/// A job waits until a time, beside a writer on another hart unless `puts` is 0. Returns the job.
async::Job& set_up_timeout(Run& run, unsigned puts) {
  struct State : Queue {
    unsigned ended = 0;
  };
  auto& state = run.make<State>();
  run.at_end([&state, puts] {
    check(state.ended == 1, "the wait does not end once");
    check(state.taken.get() + state.items.get() == puts, "an item is lost");
  });
  if (puts != 0) run.spawn(1, write_to_entry(state), {.name = "writer", .harts = only(1)});
  return run.spawn(0, read_until(state, state.ended), {.name = "reader"});
}

Task<> just_share(unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    leave();
    {
      const Sharing sharing;
      linger();
    }
    enter();
    co_await async::yield();
  }
}

struct Counted {
  Plain<unsigned> value = 0;
};

/// Counts in the strand. Between two counts it shares the strand, and reads the count.
Task<> count_around_a_shared_part(Counted& counted) {
  counted.value.add(1);
  share_part([&] {
    const unsigned before = counted.value.get();
    linger();
    check(counted.value.get() == before, "a step was in the strand");
  });
  counted.value.add(1);
  co_return;
}

/// A place where code that shares the strand finds an object.
struct Place {
  struct Object {
    Plain<unsigned> alive = 1;
  };
  std::array<Object, 2> objects;
  async::platform::Atomic<Object*> object = &objects[0];
};

void destroy(void* object) noexcept {
  static_cast<Place::Object*>(object)->alive.set(0);
}

Task<> use(Place& place, unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    leave();
    {
      const Sharing sharing;
      const Place::Object& found = *place.object.load(std::memory_order_acquire);
      linger();
      check(found.alive.get() == 1, "a hart uses an object that was destroyed");
    }
    enter();
    co_await async::yield();
  }
}

/// Replaces the object, and retires the old one.
Task<> replace(Place& place, bool at_once) {
  leave();
  {
    const Sharing sharing;
    Place::Object* const old = place.object.exchange(&place.objects[1], std::memory_order_acq_rel);
    async::Retired::add(old, destroy, at_once);
  }
  if (at_once) check(place.objects[0].alive.get() == 0, "the destruction is late");
  enter();
  check(place.objects[0].alive.get() == 0, "a hart in the strand has retired objects");
  co_return;
}

/// Yields in a step that shares the strand, as a thread does. The hart keeps the job's state.
class YieldSharing {
 public:
  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) {
    async::Job& job = async::current_job();
    job.set_leaf(self);
    async::platform::this_hart().keeps = &job;
    const std::coroutine_handle<> next = async::current_executor().hand_over_sharing(job);
    yields_ = next != nullptr;
    return yields_ ? next : self;
  }
  void await_resume() const {
    if (yields_) return;
    async::platform::this_hart().keeps = nullptr;
    stop_sharing();
  }

 private:
  bool yields_ = false;
};

/// A thread whose program yields `times` times, and may then end.
Task<> yield_in_program(unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    if (async::Strand::is_shared()) {
      async::platform::end_sharing();
      async::Strand::leave();
    } else {
      leave();
    }
    linger();
    Sharing{}.keep();
    co_await YieldSharing{};
    const async::Job& job = async::current_job();
    check(job.priority == job.base_priority(), "a step has an old priority");
  }
  if (async::Strand::is_shared()) stop_sharing();
}

Task<> be_in_strand() {
  check(async::Strand::is_held(), "a step of the strand is outside it");
  co_return;
}

/// A thread that hands over to others, and a flag for it that a step of another hart sets.
struct Flagged {
  async::Job* thread = nullptr;
  async::platform::Atomic<unsigned> flag = 0;
  bool has_looked = false;
  bool was_seen = false;
  // The hart that set the flag then saw that the thread was running, or had looked already.
  bool was_told = false;
};

Task<> see_flag(Flagged& flagged) {
  leave();
  Sharing{}.keep();
  co_await YieldSharing{};
  flagged.was_seen = flagged.flag.load(std::memory_order_relaxed) != 0;
  flagged.has_looked = true;
  if (async::Strand::is_shared()) stop_sharing();
}

/// Sets the flag outside the strand, and then tests is_running(), as Thread::notice() does. The
/// kernel would now send an IPI to a running thread.
Task<> set_flag(Flagged& flagged) {
  leave();
  flagged.flag.fetch_add(1, std::memory_order_seq_cst);
  flagged.was_told = async::Executor::is_running(*flagged.thread) || flagged.has_looked;
  enter();
  co_return;
}

Task<> change_priority(async::Job& job) {
  const std::uint8_t before = job.base_priority();
  async::current_executor().set_priority(job, 3);
  co_await async::yield();
  async::current_executor().set_priority(job, before);
}

/// As many objects as a hart can retire.
constexpr std::size_t most_retired = async::Retired::limit - 1 + async::Retired::most_at_once;
using Places = std::array<Place, (most_retired + 1) / 2>;

/// Retires all objects, the last ones while it shares the strand once, and does not enter the
/// strand.
Task<> retire_many(Places& places) {
  const auto retire = [&](std::size_t i) {
    async::Retired::add(&places[i / 2].objects[i % 2], destroy, false);
  };
  leave();
  for (std::size_t i = 0; i < async::Retired::limit - 1; ++i) {
    const Sharing sharing;
    retire(i);
  }
  check(places[0].objects[0].alive.get() == 1, "a hart enters the strand too early");
  {
    const Sharing sharing;
    for (std::size_t i = async::Retired::limit - 1; i < most_retired; ++i) retire(i);
  }
  check(places[0].objects[0].alive.get() == 0, "a hart with a full list enters the strand");
  enter();
  co_return;
}

/// A directory: a list of names that harts search without a lock.
struct Names {
  static constexpr unsigned levels = 2;
  struct Name : async::SkipLinks<Name, levels> {
    unsigned key = 0;
    Plain<unsigned> alive = 1;
  };

  // The list has the names 1 and 3 at first.
  Names() {
    for (unsigned key = 0; key < names.size(); ++key) names[key].key = key;
    insert(1, 2);
    insert(3, 1);
  }
  static auto before(unsigned key) {
    return [key](const Name& name) { return name.key < key; };
  }
  void insert(unsigned key, unsigned height) { list.insert(names[key], height, before(key)); }
  Name* find(unsigned key) const {
    Name* const found = list.find(before(key));
    check(found == nullptr || found->alive.get() == 1, "a search finds a destroyed name");
    return found != nullptr && found->key == key ? found : nullptr;
  }

  async::LeafLock lock;
  async::SkipList<Name, levels> list;
  std::array<Name, 4> names;
};

/// Adds name 2 and removes name 1.
Task<> change_names(Names& names) {
  leave();
  {
    const Sharing sharing;
    const async::LeafLock::Guard lock{names.lock};
    names.insert(2, 2);
  }
  {
    const Sharing sharing;
    {
      const async::LeafLock::Guard lock{names.lock};
      names.list.remove(names.names[1], Names::before(1));
    }
    async::Retired::add(
        &names.names[1], [](void* name) noexcept { static_cast<Names::Name*>(name)->alive.set(0); },
        false);
  }
  enter();
  co_return;
}

Task<> find_names(Names& names) {
  leave();
  {
    const Sharing sharing;
    const bool found_second = names.find(2) != nullptr;
    check(names.find(3) != nullptr, "a search misses a name that stays");
    check(!found_second || names.find(2) != nullptr, "a name is lost");
    check(found_second || names.find(1) != nullptr || names.find(2) != nullptr,
          "a name goes before the next one has come");
  }
  enter();
  co_return;
}

/// A process with one child, as in kernel/process/process.h. The lock protects the state of the
/// child and the list of waiters.
struct Family {
  struct Child {
    Plain<unsigned> alive = 1;
    Plain<unsigned> status = 0;
  };
  static constexpr unsigned status = 7;

  async::LeafLock lock;
  async::WaitList waiters;
  Plain<unsigned> has_ended = 0;
  Plain<unsigned> reaped = 0;
  Child child;
};

/// The child ends, and uses its own object up to the end of its step.
Task<> exit(Family& family) {
  leave();
  {
    const Sharing sharing;
    family.child.status.set(Family::status);
    async::Job* parent = nullptr;
    {
      const async::LeafLock::Guard lock{family.lock};
      family.has_ended.set(1);
      if (!family.waiters.empty()) parent = family.waiters.take_first();
    }
    if (parent != nullptr) parent->complete_sharing();
    linger();  // another hart may reap the child
    check(family.child.alive.get() == 1, "a process is freed while its last thread uses it");
  }
  enter();
  co_return;
}

struct WaitForChild {
  Family& family;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> parent) const {
    async::Job& job = async::current_job();
    const async::LeafLock::Guard lock{family.lock};
    if (family.has_ended.get() != 0) return false;
    job.prepare(&family.waiters, "child");
    family.waiters.insert(job);
    job.share_next_step();
    job.suspend(parent);
    return true;
  }
  void await_resume() const {}
};

/// Reaps the child and returns true if it has ended. The hart shares the strand.
bool try_reap(Family& family) {
  {
    const async::LeafLock::Guard lock{family.lock};
    if (family.has_ended.get() == 0) return false;
    family.reaped.add(1);
  }
  check(family.child.status.get() == Family::status, "the parent gets no exit status");
  async::Retired::add(
      &family.child, [](void* child) noexcept { static_cast<Family::Child*>(child)->alive.set(0); },
      false);
  return true;
}

Task<> wait_for_child(Family& family) {
  leave();
  bool has_reaped = false;
  {
    Sharing sharing;
    has_reaped = try_reap(family);
    if (!has_reaped) sharing.keep();
  }
  if (has_reaped) {
    enter();
    co_return;
  }
  co_await WaitForChild{family};
  check(try_reap(family), "a wake without an ended child");
  stop_sharing();
}

/// A directory with one subdirectory, as in kernel/files/directory.h.
struct Tree {
  struct Directory {
    async::LeafLock lock;
    Plain<unsigned> is_removed = 0;
    Plain<unsigned> names = 0;
    Plain<unsigned> alive = 1;
  };
  Directory below;
  async::LeafLock lock;
  async::platform::Atomic<Directory*> entry = &below;  // look-ups take no lock
  Plain<unsigned> is_refused = 0;                      // the subdirectory was not empty
};

/// Marks the subdirectory as removed, and then removes its entry, if it is empty.
Task<> remove_directory(Tree& tree) {
  leave();
  {
    const Sharing sharing;
    bool is_empty = false;
    {
      const async::LeafLock::Guard lock{tree.below.lock};
      is_empty = tree.below.names.get() == 0;
      if (is_empty) tree.below.is_removed.set(1);
    }
    linger();  // another hart may find the entry of the removed directory
    if (is_empty) {
      {
        const async::LeafLock::Guard lock{tree.lock};
        tree.entry.store(nullptr, std::memory_order_release);
      }
      async::Retired::add(
          &tree.below,
          [](void* directory) noexcept { static_cast<Tree::Directory*>(directory)->alive.set(0); },
          false);
    } else {
      tree.is_refused.set(1);
    }
  }
  enter();
  co_return;
}

/// Creates a name in the subdirectory. If that is marked as removed, looks again in the strand.
Task<> create_name(Tree& tree) {
  leave();
  bool is_removed = false;
  {
    const Sharing sharing;
    Tree::Directory* const found = tree.entry.load(std::memory_order_acquire);
    if (found != nullptr) {
      const async::LeafLock::Guard lock{found->lock};
      check(found->alive.get() == 1, "a path leads to a destroyed directory");
      is_removed = found->is_removed.get() != 0;
      if (!is_removed) found->names.add(1);
    }
  }
  enter();
  if (is_removed) {
    check(tree.entry.load(std::memory_order_acquire) == nullptr,
          "the strand sees a directory that is half removed");
  }
  co_return;
}

}  // namespace

TEST_CASE("no step is in the strand while a hart shares it") {
  explore({.name = "sharing and entering the strand", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            run.spawn(0, just_share(2), {.name = "a", .harts = only(0)});
            run.spawn(1, just_share(1), {.name = "b", .harts = only(1)});
            run.spawn(1, just_yield(1), {.name = "c", .harts = only(1)});
          });
  explore({.name = "three harts share", .harts = 3, .bound = 2, .shares = true}, [](Run& run) {
    for (unsigned hart = 0; hart < 3; ++hart)
      run.spawn(hart, just_share(1), {.name = "a", .harts = only(hart)});
  });
}

TEST_CASE("a part of a step shares the strand, and the rest of the step excludes all others") {
  explore({.name = "parts of steps that share", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& counted = run.make<Counted>();
            run.spawn(0, count_around_a_shared_part(counted), {.name = "a", .harts = only(0)});
            run.spawn(1, count_around_a_shared_part(counted), {.name = "b", .harts = only(1)});
            run.spawn(1, just_share(1), {.name = "c", .harts = only(1)});
            run.at_end([&] { check(counted.value.get() == 4, "a count is lost"); });
          });
}

TEST_CASE("a job that waits while it shares the strand gets every wake, on one hart at a time") {
  explore({.name = "a reader that shares the strand", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& queue = run.make<Queue>();
            run.spawn(0, read(queue, 2), {.name = "reader"});
            run.spawn(1, write(queue), {.name = "writer", .harts = only(1)});
            run.spawn(1, write(queue), {.name = "second writer"});
            run.at_end([&] {
              check(queue.taken.get() == 2 && queue.items.get() == 0, "an item is lost");
            });
          });
}

TEST_CASE("a job that is woken before its sharing step has ended is not resumed elsewhere") {
  explore({.name = "an idle hart beside a reader", .harts = 3, .bound = 3, .shares = true},
          [](Run& run) {
            auto& queue = run.make<Queue>();
            run.spawn(0, read(queue, 1), {.name = "reader"});
            run.spawn(1, write(queue), {.name = "writer", .harts = only(1)});
          });
}

TEST_CASE("a cancel and a wake of a job that shares the strand end its wait once") {
  explore({.name = "cancel against wake, sharing", .bound = 3, .shares = true}, [](Run& run) {
    auto& queue = run.make<Queue>();
    async::Job& reader = run.spawn(0, read(queue, 1), {.name = "reader"});
    run.spawn(1, write(queue), {.name = "writer"});
    run.spawn(1, cancel(reader), {.name = "canceller"});
    run.at_end([&] { check(queue.taken.get() + queue.items.get() == 1, "an item is lost"); });
  });
}

TEST_CASE("a timer and a wake of a job that shares the strand end its wait once") {
  explore({.name = "timer against wake, sharing", .bound = 2, .has_clock = true, .shares = true},
          [](Run& run) { set_up_timeout(run, 1); });
}

TEST_CASE("a timer and a cancel of a job that shares the strand end its wait once") {
  explore({.name = "timer against cancel, sharing",
           .bound = 2,
           .weak = {2, 1},
           .has_clock = true,
           .shares = true},
          [](Run& run) {
            async::Job& reader = set_up_timeout(run, 0);
            run.spawn(1, cancel(reader), {.name = "canceller", .harts = only(1)});
          });
}

TEST_CASE("a timer, a cancel and a wake of a job that shares the strand end its wait once") {
  explore({.name = "timer against cancel against wake, sharing",
           .bound = 2,
           .has_clock = true,
           .shares = true},
          [](Run& run) {
            async::Job& reader = set_up_timeout(run, 1);
            run.spawn(1, cancel(reader), {.name = "canceller", .harts = only(1)});
          });
}

TEST_CASE("a parent reaps a child that ends while both share the strand, once and not too early") {
  explore({.name = "exit against wait", .bound = 3, .weak = {2, 1}, .shares = true}, [](Run& run) {
    auto& family = run.make<Family>();
    run.spawn(0, wait_for_child(family), {.name = "parent", .harts = only(0)});
    run.spawn(1, exit(family), {.name = "child", .harts = only(1)});
    run.at_end([&] { check(family.reaped.get() == 1, "the child is not reaped once"); });
  });
}

TEST_CASE("no name comes into a directory that is being removed") {
  explore({.name = "removing a directory against creating a name in it",
           .bound = 3,
           .weak = {2, 1},
           .shares = true},
          [](Run& run) {
            auto& tree = run.make<Tree>();
            run.spawn(0, create_name(tree), {.name = "creator", .harts = only(0)});
            run.spawn(1, remove_directory(tree), {.name = "remover", .harts = only(1)});
            run.at_end([&] {
              check(tree.is_refused.get() == tree.below.names.get(),
                    "a name is in a removed directory, or a removal is refused without a name");
            });
          });
}

TEST_CASE("a retired object is destroyed when no hart uses it any more") {
  explore({.name = "using and retiring", .bound = 3, .weak = {2, 1}, .shares = true}, [](Run& run) {
    auto& place = run.make<Place>();
    run.spawn(0, use(place, 2), {.name = "user", .harts = only(0)});
    run.spawn(1, replace(place, false), {.name = "retirer", .harts = only(1)});
  });
  explore({.name = "using and retiring at once", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& place = run.make<Place>();
            run.spawn(0, use(place, 2), {.name = "user", .harts = only(0)});
            run.spawn(1, replace(place, true), {.name = "retirer", .harts = only(1)});
          });
}

TEST_CASE("a hart retires only so many objects before it enters the strand") {
  explore({.name = "retiring many", .bound = 1, .shares = true}, [](Run& run) {
    auto& places = run.make<Places>();
    run.spawn(0, retire_many(places), {.name = "retirer", .harts = only(0)});
    run.spawn(1, just_share(1), {.name = "other", .harts = only(1)});
  });
}

TEST_CASE("a search without a lock finds the names that are in the list") {
  explore({.name = "searching beside changes", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& names = run.make<Names>();
            run.spawn(0, find_names(names), {.name = "searcher", .harts = only(0)});
            run.spawn(1, change_names(names), {.name = "changer", .harts = only(1)});
          });
}

TEST_CASE("harts hand over from thread to thread while another hart enters the strand") {
  explore({.name = "handing over", .bound = 3, .weak = {2, 1}, .shares = true}, [](Run& run) {
    run.spawn(0, yield_in_program(2), {.name = "a", .harts = only(0)});
    run.spawn(0, yield_in_program(2), {.name = "b", .harts = only(0)});
    run.spawn(0, be_in_strand(), {.name = "d", .harts = only(0)});
    run.spawn(1, just_yield(2), {.name = "c", .harts = only(1)});
  });
  explore({.name = "handing over beside an idle hart", .bound = 2, .shares = true}, [](Run& run) {
    run.spawn(0, yield_in_program(2), {.name = "a"});
    run.spawn(0, yield_in_program(2), {.name = "b"});
    run.spawn(0, yield_in_program(1), {.name = "c"});
    run.spawn(1, just_share(1), {.name = "d", .harts = only(1)});
  });
}

TEST_CASE("a job to which a hart hands over has the priority that another hart has given it") {
  explore({.name = "a priority beside handing over", .bound = 2, .shares = true}, [](Run& run) {
    run.spawn(0, yield_in_program(2), {.name = "a", .harts = only(0)});
    async::Job& changed = run.spawn(0, yield_in_program(2), {.name = "b", .harts = only(0)});
    run.spawn(1, change_priority(changed), {.name = "changer", .harts = only(1)});
  });
}

TEST_CASE("a step to which a hart hands over sees a flag, or the hart that sets it sees the step") {
  explore({.name = "a flag beside handing over", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& flagged = run.make<Flagged>();
            flagged.thread = &run.spawn(0, see_flag(flagged), {.name = "a", .harts = only(0)});
            run.spawn(0, yield_in_program(2), {.name = "b", .harts = only(0)});
            run.spawn(1, set_flag(flagged), {.name = "setter", .harts = only(1)});
            run.at_end([&] {
              check(flagged.was_seen || flagged.was_told, "a flag is neither seen nor told");
            });
          });
}
