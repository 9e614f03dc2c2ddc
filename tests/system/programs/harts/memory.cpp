// Memory on several harts: no process sees another's pages, and no thread sees unmapped ones.
#include "harts.h"

namespace harts {
namespace {

/// Shares a page with a child. Both write to it at the same time, and neither sees the other's
/// word.
void divide_page() {
  std::byte* const page = must(map_memory(page_size, abi::prot_read | abi::prot_write), "memory");
  auto* const words = reinterpret_cast<volatile Pid*>(page);
  const Pid parent = process_id();
  words[0] = parent;
  words[1] = parent;
  const Pid child = must_fork();
  const Pid self = process_id();
  words[0] = self;
  yield();
  check(words[0] == self && words[1] == parent, "a copy of the page");
  if (child == 0) exit(0);
  expect_success(child);
  check(words[0] == parent, "the parent's page is not the child's");
  must(unmap_memory(page, page_size), "unmapping");
}

/// Processes with one thread on all harts, which share pages with their children.
void divides() {
  std::vector<Pid> children;
  for (unsigned i = 0; i < 2 * count; ++i) {
    children.push_back(must_fork());
    if (children.back() != 0) continue;
    move_to(i % count);
    for (int round = 0; round < 50; ++round) divide_page();
    exit(0);
  }
  for (const Pid child : children) expect_success(child);
}

/// A child's memory is as it was at the fork, although other threads of the parent keep writing.
void forks() {
  struct alignas(page_size) Page {
    std::atomic<unsigned long> first, second;
  };
  static std::array<Page, 16> pages;
  std::atomic<bool> stop = false;
  std::vector<Thread> writers;
  for (unsigned i = 1; i < count; ++i) {
    writers.emplace_back([&] {
      while (!stop) {
        for (Page& page : pages) page.second = page.first.fetch_add(1) + 1;
      }
    });
  }
  for (int round = 0; round < 12; ++round) {
    const Pid child = must_fork();
    if (child == 0) {
      std::array<unsigned long, pages.size()> before{};
      for (std::size_t i = 0; i < pages.size(); ++i) before[i] = pages[i].first;
      for (int n = 0; n < 3; ++n) {
        yield();
        for (std::size_t i = 0; i < pages.size(); ++i) {
          check(pages[i].first == before[i], "page {} does not change", i);
          pages[i].second = 0;
          check(pages[i].second == 0, "the child has its own page {}", i);
        }
      }
      exit(0);
    }
    expect_success(child);
    for (const Page& page : pages) {
      const unsigned long second = page.second;  // read first: the writers go on
      check(second <= page.first, "no other process writes the page");
    }
  }
  stop = true;
}

/// Threads of one process on all harts map and unmap pages.
void maps() {
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([hart] {
      move_to(hart);
      for (unsigned round = 0; round < 50; ++round) {
        constexpr std::size_t pages = 5;
        auto* const memory =
            must(map_memory(pages * page_size, abi::prot_read | abi::prot_write), "memory");
        for (std::size_t i = 0; i < pages; ++i) {
          auto& word = *reinterpret_cast<std::uint32_t*>(memory + i * page_size);
          check(word == 0, "a new page holds zeros, not {:#x}", word);
          word = hart << 16 | round;
        }
        for (std::size_t i = 0; i < pages; ++i) {
          const auto word = *reinterpret_cast<std::uint32_t*>(memory + i * page_size);
          check(word == (hart << 16 | round), "no other thread has the page: {:#x}", word);
        }
        must(unmap_memory(memory, pages * page_size), "unmapping");
      }
    });
  }
}

/// Threads of one process on all harts map, protect and unmap memory that none of them uses.
/// Meanwhile each looks up a futex in the areas.
void change_areas() {
  constexpr std::size_t size = 4 * page_size;
  std::vector<std::atomic<std::uintptr_t>> held(count);
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      move_to(hart);
      std::atomic<std::uint32_t> word = 0;
      for (unsigned round = 0; round < rounds_of_each(500); ++round) {
        auto* const memory = must(map_memory(size, abi::prot_read | abi::prot_write), "memory");
        const auto start = reinterpret_cast<std::uintptr_t>(memory);
        held[hart] = start;
        for (unsigned other = 0; other < count; ++other) {
          if (other == hart) continue;
          const std::uintptr_t its = held[other];
          check(its + size <= start || start + size <= its, "no other thread has the memory");
        }
        must(protect_memory(memory + page_size, page_size, abi::prot_read), "protecting");
        must(unmap_memory(memory + 2 * page_size, page_size), "unmapping a part");
        must(call(Call::futex, &word, abi::futex_wake, 1), "a wake");
        held[hart] = 0;
        must(unmap_memory(memory, size), "unmapping");
      }
    });
  }
}

/// A buffer of one page. stamp() writes one value to all of its words.
struct alignas(page_size) Stamped {
  std::array<std::atomic<std::uint64_t>, page_size / 8> words;

  void stamp(std::uint64_t value) {
    for (auto& word : words) word.store(value, std::memory_order_relaxed);
  }
};

/// A thread drops, protects and unmaps pages while the kernel copies from one of them on other
/// harts. No frame gets another use meanwhile, so those harts see no value of another page.
void drop_pages() {
  constexpr std::uint64_t ours = 0x1111'1111'1111'1111, theirs = 0x2222'2222'2222'2222;
  auto* const page = reinterpret_cast<Stamped*>(
      must(map_memory(page_size, abi::prot_read | abi::prot_write), "memory"));
  std::atomic<bool> stop = false;
  std::vector<Thread> readers;
  for (unsigned hart = 1; hart < count; ++hart) {
    readers.emplace_back([&, hart] {
      move_to(hart);
      const Pipe pipe = must(make_pipe(), "a pipe");
      std::array<std::uint64_t, 64> seen{};
      while (!stop) {
        must(write(pipe.write_end, std::as_bytes(std::span{page->words}.first(seen.size()))),
             "write");
        must(read(pipe.read_end, std::as_writable_bytes(std::span{seen})), "read");
        for (const std::uint64_t word : seen)
          check(word == 0 || word == ours, "the page has {:#x} of another one", word);
      }
    });
  }
  move_to(0);
  for (unsigned round = 0; round < rounds_of_each(150); ++round) {
    page->stamp(ours);
    must(call(Call::madvise, page, page_size, abi::madv_dontneed), "madvise");
    auto* const other = reinterpret_cast<Stamped*>(
        must(map_memory(page_size, abi::prot_read | abi::prot_write), "memory"));
    other->stamp(theirs);
    must(protect_memory(other, page_size, abi::prot_read), "mprotect");
    must(unmap_memory(other, page_size), "munmap");
  }
  stop = true;
}

/// A thread waits for a futex while another one writes to its page, which a child has, too. So the
/// write copies the page to another frame. The waiter sees the new value, or the wake finds it.
void copy_futex_page() {
  struct alignas(page_size) Page {
    std::atomic<std::uint32_t> turn;
  };
  static Page pages[4];
  constexpr int turns = 300;
  const auto play = [](unsigned hart, std::uint32_t own) {
    move_to(hart);
    for (int turn = 0; turn < turns; ++turn) {
      std::atomic<std::uint32_t>& word = pages[turn % std::size(pages)].turn;
      for (std::uint32_t now = word; now % 2 != own; now = word) futex_wait(word, now);
      ++word;
      futex_wake(word, 1);
    }
  };
  for (int round = 0; round < 2; ++round) {
    for (Page& page : pages) page.turn = 0;
    std::atomic<bool> stop = false;
    Thread copier{[&] {
      move_to(count - 1);
      while (!stop) {
        const Pid child = must_fork();
        if (child == 0) exit(0);
        expect_success(child);
      }
    }};
    Thread second{[&] { play(count > 1 ? 1 : 0, 1); }};
    play(0, 0);
    second.join();
    stop = true;
  }
}

/// The number of TLB shootdowns, summed over all harts.
unsigned long shootdowns() {
  const std::string table = must(read_file("/proc/harts"), "/proc/harts");
  unsigned long sum = 0;
  for (std::string_view rest = table; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    sum += number_in(line, 4);
  }
  return sum;
}

void change_mappings() {
  for (int i = 0; i < 60; ++i) {
    auto* const memory =
        must(map_memory(3 * page_size, abi::prot_read | abi::prot_write), "memory");
    memory[0] = memory[page_size] = std::byte{1};
    must(protect_memory(memory, page_size, abi::prot_read), "protecting");
    must(unmap_memory(memory, 3 * page_size), "unmapping");
  }
}

/// Only harts that use an address space receive its shootdowns.
void shoots_down() {
  move_to(0);
  must(sleep_for(20ms), "sleeping");  // let the other harts become idle
  auto before = shootdowns();
  change_mappings();
  const Pid child = must_fork();
  if (child == 0) {
    change_mappings();
    exit(0);
  }
  change_mappings();
  expect_success(child);
  check(shootdowns() == before, "a process on one hart needs no shootdowns, but {} happened",
        shootdowns() - before);

  std::atomic<bool> stop = false;
  std::atomic<bool> begun = false;
  Thread other{[&] {
    move_to(1);
    for (begun = true; !stop;) {
    }
  }};
  await("to begin", [&] { return begun.load(); });
  before = shootdowns();
  change_mappings();
  const auto more = shootdowns() - before;
  stop = true;
  println("{} shootdowns while another hart uses the space", more);
  check(more >= 120, "each unmapped page is a shootdown of the other hart: {} times", more);
}

/// Threads that start on one hart and end on another leak no memory.
void wanders() {
  const auto start_and_end = [](int times) {
    for (int i = 0; i < times; ++i) {
      Thread thread{[i] { move_to(static_cast<unsigned>(i) % count); }};
    }
  };
  start_and_end(500);
  const auto before = static_cast<long>(free_memory());
  start_and_end(3'000);
  await("to get memory back", [&] {
    return before - static_cast<long>(free_memory()) < static_cast<long>(40 * page_size);
  });
}

}  // namespace

std::span<const Part> memory() {
  static constexpr Part parts[] = {
      {"forks", forks},        {"divides", divides},        {"maps", maps},
      {"areas", change_areas}, {"shootdowns", shoots_down}, {"wanders", wanders},
      {"drops", drop_pages},   {"copies", copy_futex_page},
  };
  return parts;
}

}  // namespace harts
