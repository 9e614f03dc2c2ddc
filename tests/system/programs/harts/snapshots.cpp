// Changes of a process's memory that take several steps, while its other threads run.
#include "../free_pages.h"
#include "harts.h"

extern "C" long cotrap_user_clone(unsigned long flags, void* stack_top, void* parent_tid,
                                  void* thread_pointer, void* child_tid, int (*entry)(void*),
                                  void* argument);

namespace harts {
namespace {

constexpr unsigned long stamp = 0x1111'2222'3333'4444;

struct alignas(page_size) Page {
  std::atomic<unsigned long> value;
  std::atomic<const unsigned long*> published;
};
constexpr std::size_t snapshot_pages = 1'536;  // six steps

std::span<Page> map_pages(std::size_t number = snapshot_pages) {
  auto* const memory =
      must(map_memory(number * page_size, abi::prot_read | abi::prot_write), "memory");
  return {reinterpret_cast<Page*>(memory), number};
}
void write_down(std::span<Page> pages, unsigned long value) {
  for (std::size_t i = pages.size(); i-- > 0;) pages[i].value = value;
}

/// Requires that calls with ranges beyond the program's addresses fail and change nothing.
void use_wrong_ranges(std::byte* page) {
  constexpr std::size_t too_long = ~std::size_t{0} >> 1;
  const auto unmapped = call(Call::munmap, page, too_long);
  check(!unmapped && unmapped.error() == Errno::einval, "munmap of too much is EINVAL");
  const auto made = call(Call::mprotect, page, ~std::size_t{0}, abi::prot_read);
  check(!made && made.error() == Errno::enomem, "mprotect of too much is ENOMEM");
}

/// Maps a page, writes to it and publishes it in `place`. Later withdraws it, drops its contents
/// and unmaps it.
void publish(std::atomic<const unsigned long*>& place) {
  auto* const page = must(map_memory(page_size, abi::prot_read | abi::prot_write), "memory");
  auto* const word = reinterpret_cast<unsigned long*>(page);
  *word = stamp;
  place = word;
  yield();
  must(protect_memory(page, page_size, abi::prot_read), "protecting");
  place = nullptr;
  use_wrong_ranges(page);
  must(call(Call::madvise, page, page_size, abi::madv_dontneed), "MADV_DONTNEED");
  check(*word == 0, "a page that was dropped holds zeros");
  must(unmap_memory(page, page_size), "unmapping");
}

/// Requires in a child that `pages` are those of one moment: the writer of write_down() has come to
/// one page, and all that is published is there. Returns the sum of the values.
unsigned long check_snapshot(std::span<Page> pages) {
  if (const auto* const word = pages.back().published.load()) {
    check(*word == stamp, "the contents of a published page: {:#x}", *word);
    auto* const page = const_cast<unsigned long*>(word);
    must(protect_memory(page, page_size, abi::prot_read | abi::prot_write), "a published page");
    *page = stamp;
  }
  unsigned long below = pages.front().value, sum = 0;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const unsigned long here = pages[i].value;
    check(below <= here, "page {} has {}, and the one below {}", i, here, below);
    below = here;
    sum += here;
  }
  const unsigned long first = pages.front().value;
  check(below - first <= 1, "the first page has {}, and the last one {}", first, below);
  return sum;
}

/// Threads that write, publish and map until the destructor ends them.
class Writers {
 public:
  explicit Writers(std::span<Page> pages) {
    threads_.emplace_back([this, pages] {
      for (unsigned long round = 1; !stop_; ++round) write_down(pages, round);
    });
    threads_.emplace_back([this, pages] {
      for (; !stop_; ++published_) publish(pages.back().published);
    });
  }
  ~Writers() {
    stop_ = true;
    threads_.clear();
  }
  unsigned long published() const { return published_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<unsigned long> published_ = 0;
  std::vector<Thread> threads_;
};

/// A child has the memory of one moment, although it is copied in several steps.
void fork_snapshots() {
  const std::span gap = map_pages(1);  // publish() maps here, above the other pages
  const std::span pages = map_pages();
  must(unmap_memory(gap.data(), gap.size_bytes()), "unmapping");
  write_down(pages, 0);
  const Writers writers{pages};
  std::atomic<bool> stop = false;
  Thread other{[&] {
    while (!stop) {
      const Pid child = must_fork();
      if (child == 0) exit(0);
      expect_success(child);
    }
  }};
  for (unsigned round = 0; round < 12; ++round) {
    const Pid child = must_fork();
    if (child == 0) {
      const unsigned long sum = check_snapshot(pages);
      must(sleep_for(1ms), "sleeping");
      check(check_snapshot(pages) == sum, "the child's memory does not change");
      exit(0);
    }
    expect_success(child);
    const auto before = writers.published();
    await("to map after a fork", [&] { return writers.published() > before; });
  }
  stop = true;
}

/// A process that is killed during a fork gives all memory back.
void kill_forks() {
  const long taken = pages_taken(64, [] {
    for (unsigned round = 0; round < 8; ++round) {
      const Pid victim = must_fork();
      if (victim == 0) {
        const std::span pages = map_pages();
        const Writers writers{pages};
        for (;;) {
          const Pid child = must_fork();
          if (child == 0) exit(0);
          expect_success(child);
        }
      }
      must(sleep_for(5ms + round * 700us), "sleeping");
      must(kill(victim, abi::Signal::sigkill), "a kill");
      must(wait(victim), "waiting");
    }
  });
  check(taken <= 64, "{} pages are lost", taken);
}

/// A process shares the memory of this one, forks, and is killed. Threads here that wait for its
/// fork continue.
void kill_sharer() {
  const std::span pages = map_pages();
  write_down(pages, 0);
  const auto fork_for_ever = [](void*) {
    for (;;) {
      const auto child = fork();
      if (child && *child == 0) exit(0);
      if (child) static_cast<void>(wait(*child));
    }
    return 0;
  };
  constexpr auto flags = abi::clone_vm | static_cast<unsigned long>(abi::Signal::sigchld);
  alignas(16) static std::byte stack[16'384];
  const Writers writers{pages};
  for (unsigned round = 0; round < 8; ++round) {
    const Pid sharer =
        must(to_result<Pid>(cotrap_user_clone(flags, stack + sizeof stack, nullptr, nullptr,
                                              nullptr, fork_for_ever, nullptr)),
             "clone");
    must(sleep_for(5ms + round * 700us), "sleeping");
    must(kill(sharer, abi::Signal::sigkill), "a kill");
    must(wait(sharer), "waiting");
    const auto before = writers.published();
    await("to map after a kill", [&] { return writers.published() > before + 1; });
  }
}

/// A fork that runs out of memory in one of its steps fails, gives all memory back, and lets other
/// threads continue. The caller is the first process, so that it may use nearly all memory.
void fork_without_memory() {
  constexpr std::size_t tables = 800, apart = 512 * page_size, left = 600;
  auto* const sparse = must(map_memory(tables * apart, abi::prot_read), "address space");
  must(protect_memory(sparse, tables * apart, abi::prot_read | abi::prot_write), "protecting");
  for (std::size_t i = 0; i < tables; ++i) sparse[i * apart] = std::byte{1};
  const std::span pages = map_pages();
  write_down(pages, 0);
  std::atomic<bool> stop = false;
  std::atomic<unsigned long> published = 0;
  Thread publisher{[&] {
    for (; !stop; ++published) publish(pages.back().published);
  }};
  const auto free_now = static_cast<std::size_t>(free_pages_at_rest());
  const std::span filled = map_pages(free_now - left);
  write_down(filled, 1);
  const long taken = pages_taken(32, [&] {
    for (unsigned round = 0; round < 4; ++round) {
      const auto before = published.load();
      const auto made = fork();
      if (made && *made == 0) exit(0);
      check(!made && made.error() == Errno::enomem, "fork fails with ENOMEM");
      await("to map after a fork", [&] { return published > before + 1; });
    }
  });
  check(taken <= 32, "{} pages are lost", taken);
  stop = true;
}

/// mmap over pages in use replaces all of them at one moment, although it takes several steps.
void replace_pages() {
  const std::span pages = map_pages();
  constexpr unsigned long none = 0, over = ~0ul;
  std::atomic<unsigned long> round = none;  // all old pages hold its number
  std::vector<Thread> readers;
  for (unsigned i = 0; i < std::max(count - 1, 1u); ++i) {
    readers.emplace_back([&, i] {
      for (unsigned long now = round; now != over; now = round) {
        if (now == none) yield();
        bool is_new = false;
        for (std::size_t at = i; now != none; at = (at + 37) % pages.size()) {
          const unsigned long value = pages[at].value;
          if (round != now) break;
          check(value == 0 || value == now, "page {} has {}", at, value);
          check(value == 0 || !is_new, "page {} is old after a new one", at);
          is_new = value == 0;
        }
      }
    });
  }
  for (unsigned long next = 1; next <= 8; ++next) {
    write_down(pages, next);
    round = next;
    must(sleep_for(2ms), "sleeping");
    must(call(Call::mmap, pages.data(), pages.size_bytes(), abi::prot_read | abi::prot_write,
              abi::map_private | abi::map_anonymous | abi::map_fixed, -1, 0),
         "mapping");
    for (const Page& page : pages) check(page.value == 0, "the new pages hold zeros");
    must(sleep_for(2ms), "sleeping");
    round = none;
  }
  round = over;
}

}  // namespace

std::span<const Part> snapshots() {
  static constexpr Part parts[] = {
      {"snapshots", fork_snapshots},  {"killed-forks", kill_forks},
      {"killed-sharer", kill_sharer}, {"fork-without-memory", fork_without_memory},
      {"replaces", replace_pages},
  };
  return parts;
}

}  // namespace harts
