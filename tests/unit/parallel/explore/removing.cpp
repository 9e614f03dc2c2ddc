// Explores every interleaving, up to the printed bound: while harts share the strand, one removes
// an object that another one may use. scenario.h describes scenarios.
#include "async/leaf_lock.h"
#include "async/retired.h"
#include "async/skip_list.h"
#include "leaving.h"

using namespace parallel_test;

namespace {

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

/// Replaces the object, and returns the old one. The hart shares the strand.
Place::Object* take_old(Place& place) {
  return place.object.exchange(&place.objects[1], std::memory_order_acq_rel);
}

/// Replaces the object, retires the old one, and looks for the end of its grace period.
Task<> replace(Place& place) {
  leave();
  {
    const Sharing sharing;
    async::Retired::add(take_old(place), destroy);
  }
  for (int i = 0; i < 3; ++i) async::Retired::destroy_some();
  enter();
  async::Retired::destroy_own();
  check(place.objects[0].alive.get() == 0, "a hart in the strand has retired objects");
  co_return;
}

/// The same for an object that needs the strand.
Task<> replace_for_strand(Place& place, bool at_once) {
  leave();
  {
    const Sharing sharing;
    async::Retired::add_for_strand(take_old(place), destroy, at_once);
  }
  if (at_once) check(place.objects[0].alive.get() == 0, "the destruction is late");
  enter();
  check(place.objects[0].alive.get() == 0, "a hart in the strand has retired objects");
  co_return;
}

/// The hart enters the strand after it has retired the object. It destroys the object later, while
/// it shares the strand.
Task<> replace_and_enter(Place& place) {
  leave();
  {
    const Sharing sharing;
    async::Retired::add(take_old(place), destroy);
  }
  enter();
  leave();
  async::Retired::destroy_some();
  check(place.objects[0].alive.get() == 0, "entering the strand ends no grace period");
  enter();
  co_return;
}

/// Retires an object. Its destructor replaces another object, and retires the one it has replaced.
Task<> replace_in_destruction(Place& place) {
  leave();
  {
    const Sharing sharing;
    async::Retired::add(&place, [](void* retired) noexcept {
      Place::Object* const old = take_old(*static_cast<Place*>(retired));
      if (async::Strand::is_held()) return destroy(old);
      async::Retired::add(old, destroy);
    });
  }
  for (int i = 0; i < 2; ++i) async::Retired::destroy_some();
  enter();
  async::Retired::destroy_own();
  check(place.objects[0].alive.get() == 0, "a hart in the strand has retired objects");
  co_return;
}

/// More objects than a hart keeps.
constexpr std::size_t many = 3 * async::Retired::most_at_once;
using Places = std::array<Place, (many + 1) / 2>;
Place::Object& object(Places& places, std::size_t i) {
  return places[i / 2].objects[i % 2];
}

/// Retires as many objects as possible, three times. Other harts share the strand meanwhile.
Task<> retire_many(Places& places) {
  leave();
  for (std::size_t i = 0; i < many;) {
    const Sharing sharing;
    do {
      async::Retired::add(&object(places, i), destroy);
    } while (++i % async::Retired::most_at_once != 0);
  }
  for (std::size_t i = 0; i < many - async::Retired::most_kept; ++i)
    check(object(places, i).alive.get() == 0, "a hart keeps too many objects");
  enter();
  co_return;
}

/// Retires as many objects as possible after a look that has found exactly as many as the hart may
/// keep, and a batch that is not full.
Task<> retire_most_after_a_look(Places& places) {
  constexpr std::size_t half = async::Retired::most_kept / 2;
  std::size_t next = 0;
  const auto retire = [&](std::size_t count) {
    const Sharing sharing;
    while (count-- != 0) async::Retired::add(&object(places, next++), destroy);
  };
  leave();
  for (int i = 0; i < 2; ++i) retire(half);
  for (std::size_t i = 1; i < async::Retired::batch; ++i) retire(1);
  retire(async::Retired::most_at_once);
  enter();
  co_return;
}

/// Retires a batch of objects, without other harts.
Task<> retire_batch(Places& places) {
  leave();
  for (std::size_t i = 0; i < async::Retired::batch; ++i) {
    check(object(places, 0).alive.get() == 1, "a hart destroys an object too early");
    const Sharing sharing;
    async::Retired::add(&object(places, i), destroy);
  }
  for (std::size_t i = 0; i < async::Retired::batch; ++i)
    check(object(places, i).alive.get() == 0, "a hart does not destroy a batch of objects");
  enter();
  co_return;
}

/// As many objects that need the strand as a hart can retire.
constexpr std::size_t most_for_strand =
    async::Retired::limit_for_strand - 1 + async::Retired::most_at_once_for_strand;

/// Retires all of them, the last ones in one sharing of the strand.
Task<> retire_many_for_strand(Places& places) {
  const auto retire = [&](std::size_t i) {
    async::Retired::add_for_strand(&object(places, i), destroy, false);
  };
  leave();
  for (std::size_t i = 0; i < async::Retired::limit_for_strand - 1; ++i) {
    const Sharing sharing;
    retire(i);
  }
  check(object(places, 0).alive.get() == 1, "a hart enters the strand too early");
  {
    const Sharing sharing;
    for (std::size_t i = async::Retired::limit_for_strand - 1; i < most_for_strand; ++i) retire(i);
  }
  check(object(places, 0).alive.get() == 0, "a hart with a full list does not enter the strand");
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
    async::Retired::add(&names.names[1],
                        [](void* name) noexcept { static_cast<Names::Name*>(name)->alive.set(0); });
  }
  async::Retired::destroy_some();
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
  async::Retired::add(&family.child, [](void* child) noexcept {
    static_cast<Family::Child*>(child)->alive.set(0);
  });
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
    async::Retired::destroy_some();
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
      async::Retired::add(&tree.below, [](void* directory) noexcept {
        static_cast<Tree::Directory*>(directory)->alive.set(0);
      });
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

TEST_CASE("a parent reaps a child that ends while both share the strand, once and not too early") {
  explore({.name = "exit against wait", .bound = 3, .weak = {2, 1}, .shares = true}, [](Run& run) {
    auto& family = run.make<Family>();
    run.spawn(0, wait_for_child(family), {.name = "parent", .harts = only(0)});
    run.spawn(1, exit(family), {.name = "child", .harts = only(1)});
    run.at_end([&] { check(family.reaped.get() == 1, "the child is not reaped once"); });
  });
}

TEST_CASE("no name is created in a directory that is being removed") {
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
    run.spawn(1, replace(place), {.name = "retirer", .harts = only(1)});
  });
  explore({.name = "using, retiring and entering the strand",
           .bound = 3,
           .weak = {2, 1},
           .shares = true},
          [](Run& run) {
            auto& place = run.make<Place>();
            run.spawn(0, use(place, 2), {.name = "user", .harts = only(0)});
            run.spawn(1, replace_and_enter(place), {.name = "retirer", .harts = only(1)});
          });
  explore({.name = "using and retiring in a destruction",
           .bound = 3,
           .weak = {2 + fewer, 1},
           .shares = true},
          [](Run& run) {
            auto& place = run.make<Place>();
            run.spawn(0, use(place, 2), {.name = "user", .harts = only(0)});
            run.spawn(1, replace_in_destruction(place), {.name = "retirer", .harts = only(1)});
          });
  explore({.name = "using and retiring for the strand", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& place = run.make<Place>();
            run.spawn(0, use(place, 2), {.name = "user", .harts = only(0)});
            run.spawn(1, replace_for_strand(place, false), {.name = "retirer", .harts = only(1)});
          });
  explore({.name = "using and retiring for the strand at once",
           .bound = 3,
           .weak = {2, 1},
           .shares = true},
          [](Run& run) {
            auto& place = run.make<Place>();
            run.spawn(0, use(place, 2), {.name = "user", .harts = only(0)});
            run.spawn(1, replace_for_strand(place, true), {.name = "retirer", .harts = only(1)});
          });
  explore({.name = "two users and a retirer",
           .harts = 3,
           .bound = 2,
           .weak = {1 + fewer, 1},
           .shares = true},
          [](Run& run) {
            auto& place = run.make<Place>();
            run.spawn(0, use(place, 1), {.name = "user", .harts = only(0)});
            run.spawn(1, replace(place), {.name = "retirer", .harts = only(1)});
            run.spawn(2, use(place, 1), {.name = "other user", .harts = only(2)});
          });
}

TEST_CASE("a hart destroys its retired objects when they are many") {
  explore({.name = "retiring a batch", .bound = 1, .shares = true}, [](Run& run) {
    run.spawn(0, retire_batch(run.make<Places>()), {.name = "retirer", .harts = only(0)});
  });
  explore({.name = "retiring many", .bound = 2, .shares = true}, [](Run& run) {
    auto& places = run.make<Places>();
    run.spawn(0, retire_many(places), {.name = "retirer", .harts = only(0)});
    run.spawn(1, just_share(1), {.name = "other", .harts = only(1)});
  });
  explore({.name = "retiring most after a look", .bound = 3, .shares = true}, [](Run& run) {
    auto& places = run.make<Places>();
    run.spawn(0, retire_most_after_a_look(places), {.name = "retirer", .harts = only(0)});
    run.spawn(1, just_share(1), {.name = "other", .harts = only(1)});
  });
  explore({.name = "retiring many for the strand", .bound = 1, .shares = true}, [](Run& run) {
    auto& places = run.make<Places>();
    run.spawn(0, retire_many_for_strand(places), {.name = "retirer", .harts = only(0)});
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
