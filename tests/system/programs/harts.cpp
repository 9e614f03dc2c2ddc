// harts NAME: one thing that several harts do at the same time, and what must be true of it.
#include <abi/flags.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <string_view>
#include <vector>

using namespace user;

namespace {

const unsigned long all = must(affinity(0), "affinity");
const unsigned count = static_cast<unsigned>(std::popcount(all));

/// The harts are numbered from 0 without a gap.
void move_to(unsigned hart, Pid thread = 0) {
  must(set_affinity(thread, 1ul << hart), "affinity");
}

template <class Holds>
void await(std::string_view what, Holds holds) {
  const auto patience = now() + 20s;
  while (!holds()) {
    check(now() < patience, "it takes too long {}", what);
    must(sleep_for(1ms), "sleeping");
  }
}

Pid must_fork() {
  return must(fork(), "fork");
}

void expect_success(Pid child) {
  check(must(wait(child), "waiting").status.word() == 0, "the child finds all as it should be");
}

nanoseconds used_time() {
  abi::Timespec time{};
  must(call(Call::clock_gettime, abi::clock_process_cputime_id, &time), "clock_gettime");
  return std::chrono::seconds{time.seconds} + nanoseconds{time.nanoseconds};
}

// ── Where threads are ──

/// Whoever names a hart is on it when the call returns, its numbers unharmed.
void moves() {
  std::vector<Thread> threads;
  for (unsigned first = 0; first < count; ++first) {
    threads.emplace_back([first] {
      double sum = first, expected = first;
      for (unsigned i = 0; i < 150; ++i) {
        const unsigned hart = (first + i * (first + 1)) % count;
        sum += 1.0 / (i + 1);
        move_to(hart);
        check(current_hart() == hart, "a thread is on hart {}", hart);
        expected += 1.0 / (i + 1);
        check(sum == expected, "the sum is {} and not {}", sum, expected);
      }
    });
  }
}

/// A thread that computes goes where somebody else sends it.
void is_moved() {
  std::atomic<bool> stop = false;
  std::atomic<unsigned> seen = 0;
  Thread computing{[&] {
    double value = 1;
    for (double expected = 1; !stop;) {
      for (int i = 0; i < 20'000; ++i) value = value * 1.000001 + 0.5;
      for (int i = 0; i < 20'000; ++i) expected = expected * 1.000001 + 0.5;
      check(value == expected, "floating point is as it was: {} and {}", value, expected);
      if (value > 1e100) value = expected = 1;
      seen = current_hart();
    }
  }};
  for (unsigned i = 0; i < 40; ++i) {
    const unsigned hart = i % count;
    move_to(hart, computing.id());
    await("to be sent to another hart", [&] { return seen == hart; });
    must(sleep_for(2ms), "sleeping");
    check(seen == hart, "it stays there");
  }
  stop = true;
}

/// Threads that compute on one hart spread as soon as they may.
void spreads() {
  std::atomic<bool> stop = false;
  std::array<std::atomic<unsigned>, 64> seen{};
  std::vector<Thread> threads;
  move_to(0);
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        for (int j = 0; j < 20'000; ++j) static_cast<void>(seen[i].load());
        seen[i] = current_hart();
      }
    });
  }
  must(sleep_for(20ms), "sleeping");
  must(set_affinity(0, all), "affinity");
  for (const Thread& thread : threads) must(set_affinity(thread.id(), all), "affinity");
  await("to spread", [&] {
    unsigned long used = 0;
    for (unsigned i = 0; i < count; ++i) used |= 1ul << seen[i];
    return used == all;
  });
  stop = true;
}

/// No time is lost of a thread that wanders. To be run where time is counted.
void counts_time() {
  const auto used = used_time(), begin = now();
  for (unsigned i = 0; i < 100; ++i) {
    const auto until = now() + 1ms;
    while (now() < until) {
    }
    move_to(i % count);
  }
  const auto elapsed = now() - begin, spent = used_time() - used;
  println("{:.1f} of {:.1f} ms", milliseconds(spent), milliseconds(elapsed));
  check(spent > elapsed * 9 / 10 && spent <= elapsed, "it is charged for what it does");
}

// ── Memory ──

/// A child has what was there at the fork, whoever goes on writing meanwhile.
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
          check(pages[i].second == 0, "page {} is the child's own", i);
        }
      }
      exit(0);
    }
    expect_success(child);
    for (const Page& page : pages) check(page.second <= page.first + 1, "nobody else writes");
  }
  stop = true;
}

/// Pages come and go under threads of one process on all harts.
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
          check(word == (hart << 16 | round), "nobody else has the page: {:#x}", word);
        }
        must(unmap_memory(memory, pages * page_size), "unmapping");
      }
    });
  }
}

/// The shootdowns of all harts so far.
unsigned long shootdowns() {
  const std::string table = must(read_file("/proc/harts"), "/proc/harts");
  unsigned long sum = 0;
  for (std::size_t line = table.find('\n') + 1; line < table.size();
       line = table.find('\n', line) + 1) {
    std::size_t at = line;
    for (int column = 0; column < 4; ++column) at = table.find('\t', at) + 1;
    unsigned long number = 0;
    std::from_chars(&table[at], table.data() + table.size(), number);
    sum += number;
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

/// Only harts that have a space are told what goes from it.
void shoots_down() {
  move_to(0);
  must(sleep_for(20ms), "sleeping");  // the other harts have nothing to do
  auto before = shootdowns();
  change_mappings();
  const Pid child = must_fork();
  if (child == 0) {
    change_mappings();
    exit(0);
  }
  change_mappings();
  expect_success(child);
  check(shootdowns() == before, "{} shootdowns by processes on a hart of their own",
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
  const auto told = shootdowns() - before;
  stop = true;
  println("{} shootdowns where another hart is in the space", told);
  check(told >= 120, "each page that goes is told to the other hart: {} times", told);
}

/// Threads that begin on one hart and end on another cost nothing for good.
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

// ── Ends ──

/// Fills all harts with threads that compute, and says when they do.
void fill_harts(std::vector<Thread>& threads, std::atomic<unsigned long>& work) {
  std::atomic<unsigned> begun = 0;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      move_to(hart);
      for (++begun;;) work.fetch_add(1, std::memory_order_relaxed);
    });
  }
  await("to begin", [&] { return begun == count; });
}

/// One of many threads turns into another program, or ends all: the others go, wherever they are.
void ends() {
  for (int round = 0; round < 12; ++round) {
    const Pid child = must_fork();
    if (child == 0) {
      static std::atomic<unsigned long> work = 0;
      std::vector<Thread> threads;
      fill_harts(threads, work);
      const auto end = [round] {
        move_to(static_cast<unsigned>(round) % count);
        if (round % 3 == 2) exit(0);
        const char* const arguments[] = {"true", nullptr};
        char* const* const environment = user::environment();
        call(Call::execve, "/bin/true", arguments, environment).value();
      };
      if (round % 2 == 0) end();
      Thread last{end};
      last.join();
      exit(1);
    }
    expect_success(child);
  }
}

/// The first process ends, and with it the machine, while every hart computes.
void leaves() {
  static std::atomic<unsigned long> work = 0;
  if (must_fork() == 0) {
    std::vector<Thread> threads;
    fill_harts(threads, work);
    for (;;) must(sleep_for(1s), "sleeping");
  }
  must(sleep_for(50ms), "sleeping");
  exit(7);
}

// ── Waits ──

/// Wakes and timeouts that meet: one of them ends the wait.
void times_out() {
  std::atomic<std::uint32_t> word = 0;
  std::atomic<bool> stop = false;
  std::atomic<unsigned> waits = 0;
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      move_to(hart);
      for (unsigned i = 0; i < 300; ++i, ++waits) {
        const auto timeout = to_timespec(std::chrono::microseconds{50 + 37 * (i % 13)});
        syscall(Call::futex, &word, abi::futex_wait | abi::futex_private_flag, word.load(),
                &timeout);
        if (i % 8 == 0) move_to((hart + i) % count);
      }
    });
  }
  Thread waker{[&] {
    while (!stop) {
      must(sleep_for(100us), "sleeping");
      ++word;
      futex_wake(word, 2);
    }
  }};
  await("for all waits to end", [&] { return waits == 300 * count; });
  stop = true;
}

struct Part {
  std::string_view name;
  void (*run)();
};
constexpr Part parts[] = {
    {"moves", moves}, {"is-moved", is_moved}, {"spreads", spreads},        {"time", counts_time},
    {"forks", forks}, {"maps", maps},         {"shootdowns", shoots_down}, {"wanders", wanders},
    {"ends", ends},   {"leaves", leaves},     {"timeouts", times_out},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Part& part : parts) {
    if (argc != 2 || part.name != argv[1]) continue;
    part.run();
    return 0;
  }
  fail("no such part");
}
