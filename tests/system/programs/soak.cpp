// soak SECONDS: everything at once on all harts, for so long.
//
// Workers are processes that each do one kind of thing for ever: pipes, futexes, forks, programs,
// kills, timers, mappings, moves between harts, and blocks of /dev/vda if there is one. What waits
// in them counts its waits in memory that all share. The first process watches: whoever has not
// counted on for a while has lost its wake. Every few seconds all workers end, half of them by
// themselves and half of them killed, and all memory must be there again.
#include <abi/flags.h>
#include <user/check.h>
#include <user/clock.h>
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

constexpr auto round_length = 15s;
constexpr auto patience = 30s;  // for one wait; hosts may stop us for a while
constexpr long slack = 64;      // pages that the kernel may keep for the next round
constexpr std::size_t most_slots = 96;

struct Slot {
  std::atomic<const char*> who;  // null: free. The same address in all: they are forks
  std::atomic<unsigned long> count;
};
struct Shared {
  std::atomic<bool> stop;
  std::atomic<unsigned> slots;
  std::atomic<unsigned> failures;
  std::array<Slot, most_slots> slot;
};

Shared* shared;
unsigned long all_harts;

struct Random {
  std::uint64_t state;
  std::uint64_t below(std::uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
  }
};

Slot& claim(const char* who) {
  Slot& slot = shared->slot.at(shared->slots++);
  slot.count = 0;
  slot.who = who;
  return slot;
}

bool stopping() {
  return shared->stop;
}

void wander(Random& random) {
  const unsigned long harts = random.below(all_harts) + 1;
  must(set_affinity(0, random.below(4) == 0 || (harts & all_harts) == 0 ? all_harts : harts),
       "affinity");
}

nanoseconds some_time(Random& random) {
  return std::chrono::microseconds{random.below(3'000)};
}

// ── The workers: each runs until it is told to stop, or killed ──

/// Numbers go round through pipes, and arrive in order.
void use_pipes() {
  constexpr int stations = 5;
  std::array<Pipe, stations> pipes;
  for (Pipe& pipe : pipes) pipe = must(make_pipe(), "a pipe");
  std::vector<Thread> threads;
  for (int i = 0; i < stations; ++i) {
    threads.emplace_back([&, i] {
      Slot& slot = claim("pipe");
      Random random{static_cast<std::uint64_t>(i)};
      std::array<unsigned long, 300> numbers;
      for (unsigned long next = 0;;) {
        const auto bytes = std::as_writable_bytes(std::span{numbers}.first(1 + random.below(300)));
        const auto got = must(read(pipes[i].read_end, bytes), "reading");
        if (got == 0) break;
        for (std::size_t n = 0; n < got / 8; ++n, ++next) {
          check(numbers[n] == next, "pipe {}: {} comes after {}", i, numbers[n], next);
        }
        ++slot.count;
        if (i + 1 == stations) continue;
        auto rest = std::span<const std::byte>{bytes}.first(got);
        while (!rest.empty()) {
          rest = rest.subspan(must(write(pipes[i + 1].write_end, rest), "writing"));
        }
      }
      if (i + 1 < stations) must(close(pipes[i + 1].write_end), "closing");
      slot.who = nullptr;
    });
  }
  Slot& slot = claim("pipe source");
  for (unsigned long next = 0; !stopping();) {
    std::array<unsigned long, 128> numbers;
    for (auto& number : numbers) number = next++;
    std::span<const std::byte> rest = std::as_bytes(std::span{numbers});
    while (!rest.empty()) {
      rest = rest.subspan(must(write(pipes[0].write_end, rest), "writing"));
    }
    ++slot.count;
    if (next % 4096 == 0) must(sleep_for(1ms), "sleeping");
  }
  slot.who = nullptr;
  must(close(pipes[0].write_end), "closing");
}

/// Items go from hand to hand; each arrives once.
void use_futexes() {
  Mutex mutex;
  Condition changed;
  unsigned long made = 0, made_sum = 0, taken_sum = 0;
  std::vector<unsigned long> items;
  bool over = false;
  {
    std::vector<Thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        Slot& slot = claim("futex taker");
        for (;;) {
          const Lock lock{mutex};
          changed.wait(mutex, [&] { return over || !items.empty(); });
          if (items.empty()) break;
          taken_sum += items.back();
          items.pop_back();
          ++slot.count;
          changed.notify_all();
        }
        slot.who = nullptr;
      });
    }
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        Slot& slot = claim("futex maker");
        while (!stopping()) {
          const Lock lock{mutex};
          changed.wait(mutex, [&] { return items.size() < 8; });
          items.push_back(++made);
          made_sum += made;
          ++slot.count;
          changed.notify_all();
        }
        slot.who = nullptr;
        const Lock lock{mutex};
        over = stopping();
        changed.notify_all();
      });
    }
  }
  check(taken_sum == made_sum || !items.empty(), "items: {} made, {} taken", made_sum, taken_sum);
}

/// Copies of a process that writes meanwhile.
void use_forks() {
  static std::array<std::array<std::atomic<unsigned long>, page_size / 8>, 24> pages;
  Slot& slot = claim("fork");
  Random random{7};
  std::atomic<bool> over = false;
  Thread writer{[&] {
    for (unsigned long n = 1; !over; ++n) {
      for (auto& page : pages) page[n % page.size()] = n;
    }
  }};
  for (; !stopping(); ++slot.count) {
    wander(random);
    const Pid child = must(fork(), "fork");
    if (child == 0) {
      for (auto& page : pages) {
        const auto before = page[1].load();
        page[0] = 77;
        if (page[1] != before || page[0] != 77) exit(2);
      }
      exit(static_cast<int>(random.below(2)) * 3);
    }
    const auto status = must(wait(child), "waiting").status;
    check(status.has_exited() && status.exit_code() != 2, "a copy changes by itself");
  }
  over = true;
  slot.who = nullptr;
}

/// Programs, and how they end.
void use_programs() {
  Slot& slot = claim("exec");
  Random random{11};
  for (; !stopping(); ++slot.count) {
    wander(random);
    const bool good = random.below(2) == 0;
    const char* const path = good ? "/bin/true" : "/bin/false";
    const char* const arguments[] = {path, nullptr};
    const Pid child = must(spawn(path, arguments), path);
    const auto status = must(wait(child), "waiting").status;
    check(status.has_exited() && status.exit_code() == (good ? 0 : 1), "{} says so", path);
  }
  slot.who = nullptr;
}

/// A process with threads that do all kinds of things, for somebody to kill.
[[noreturn]] void be_victim(unsigned long seed) {
  const auto pipe = must(make_pipe(), "a pipe");
  static std::atomic<std::uint32_t> word = 0;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 7; ++i) {
    threads.emplace_back([=] {
      Random random{seed * 31 + i};
      double sum = 0;
      for (;;) {
        wander(random);
        switch (i) {
          case 0:
            for (int n = 0; n < 50'000; ++n) sum += 1.0 / (n + sum + 1);
            break;
          case 1: futex_wait(word, word); break;
          case 2: ++word, futex_wake(word, 1); break;
          case 3: must(sleep_for(some_time(random)), "sleeping"); break;
          case 4: {
            char byte;
            static_cast<void>(read(pipe.read_end, std::span{&byte, 1}));
            break;
          }
          case 5: {
            auto* const memory =
                must(map_memory(4 * page_size, abi::prot_read | abi::prot_write), "memory");
            memory[random.below(4 * page_size)] = std::byte{1};
            must(unmap_memory(memory, 4 * page_size), "unmapping");
            break;
          }
          default: {
            const char* const arguments[] = {"true", nullptr};
            if (const auto child = spawn("/bin/true", arguments)) static_cast<void>(wait(*child));
          }
        }
      }
    });
  }
  must(sleep_for(1h), "sleeping");
  exit(1);
}

void use_kills() {
  Slot& slot = claim("kill");
  Random random{13};
  for (unsigned long n = 0; !stopping(); ++n, ++slot.count) {
    const Pid child = must(fork(), "fork");
    if (child == 0) be_victim(n);
    must(sleep_for(5 * some_time(random)), "sleeping");
    must(kill(child, abi::Signal::sigkill), "killing");
    check(must(wait(child), "waiting").status.was_killed(), "the victim dies");
  }
  slot.who = nullptr;
}

/// Timeouts, some of which are too late.
void use_timers() {
  static std::atomic<std::uint32_t> word = 0;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      Slot& slot = claim("timer");
      Random random{17 + i};
      for (; !stopping(); ++slot.count) {
        if (random.below(8) == 0) wander(random);
        const auto length = some_time(random);
        const auto begin = now();
        if (i % 2 == 0) {
          must(sleep_for(length), "sleeping");
          check(now() - begin >= length, "nobody wakes too early");
        } else {
          const auto timeout = to_timespec(length);
          syscall(Call::futex, &word, abi::futex_wait | abi::futex_private_flag, word.load(),
                  &timeout);
          ++word;
          futex_wake(word, 1);
        }
      }
      slot.who = nullptr;
    });
  }
}

/// Memory comes and goes under several threads.
void use_mappings() {
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 3; ++i) {
    threads.emplace_back([i] {
      Slot& slot = claim("mapping");
      Random random{23 + i};
      for (unsigned long n = 0; !stopping(); ++n, ++slot.count) {
        if (random.below(16) == 0) wander(random);
        const std::size_t pages = 1 + random.below(20);
        auto* const memory =
            must(map_memory(pages * page_size, abi::prot_read | abi::prot_write), "memory");
        const auto word = [&](std::size_t page) -> unsigned long& {
          return *reinterpret_cast<unsigned long*>(memory + page * page_size);
        };
        for (std::size_t page = 0; page < pages; ++page) {
          check(word(page) == 0, "a new page holds zeros");
          word(page) = n << 8 | i;
        }
        if (random.below(3) == 0) {
          must(protect_memory(memory, page_size, abi::prot_read), "protecting");
          check(word(0) == (n << 8 | i), "what is protected stays");
        }
        if (random.below(3) == 0) {
          must(call(Call::madvise, memory, pages * page_size, abi::madv_dontneed), "madvise");
          for (std::size_t page = 1; page < pages; ++page) check(word(page) == 0, "forgotten");
        } else {
          for (std::size_t page = 0; page < pages; ++page) {
            check(word(page) == (n << 8 | i), "page {} is ours", page);
          }
        }
        must(unmap_memory(memory, pages * page_size), "unmapping");
      }
      slot.who = nullptr;
    });
  }
}

/// Threads that send each other about, and become more and less urgent.
void use_moves() {
  std::atomic<bool> over = false;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Slot& slot = claim("move");
      for (double sum = i; !over; ++slot.count) {
        const double before = sum;
        for (int n = 0; n < 3'000; ++n) sum += 1.0 / (n + 1);
        double again = before;
        for (int n = 0; n < 3'000; ++n) again += 1.0 / (n + 1);
        check(sum == again, "floating point moves along");
        if (i == 0) must(sleep_for(100us), "sleeping");
      }
      slot.who = nullptr;
    });
  }
  Slot& slot = claim("mover");
  for (Random random{29}; !stopping(); ++slot.count) {
    const Pid whom = threads[random.below(threads.size())].id();
    const unsigned long harts = (random.below(all_harts) + 1) & all_harts;
    must(set_affinity(whom, harts != 0 ? harts : all_harts), "affinity");
    must(call(Call::setpriority, abi::prio_process, whom, random.below(20)), "setpriority");
    must(sleep_for(some_time(random)), "sleeping");
  }
  slot.who = nullptr;
  over = true;
}

/// A line now and then.
void use_console() {
  Slot& slot = claim("console");
  for (unsigned long n = 0; !stopping(); ++n, ++slot.count) {
    println("line {} of the console's, with more than a few words behind it", n);
    must(sleep_for(100ms), "sleeping");
  }
  slot.who = nullptr;
}

/// Blocks of the disk read the same twice.
void use_disk() {
  const auto disk = open("/dev/vda");
  if (!disk) return;
  const auto bytes = seek(*disk, 0, abi::seek_end);
  if (!bytes || *bytes < static_cast<long>(page_size)) return;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Slot& slot = claim("disk");
      Random random{31 + i};
      for (; !stopping(); ++slot.count) {
        std::array<std::array<char, page_size>, 2> blocks{};
        const auto at = random.below(static_cast<std::uint64_t>(*bytes) / page_size) * page_size;
        for (auto& block : blocks) {
          block.fill(static_cast<char>(slot.count));
          check(must(call<std::size_t>(Call::pread64, *disk, block.data(), page_size, at),
                     "reading a block") == page_size,
                "blocks are read whole");
        }
        check(blocks[0] == blocks[1], "the block at {} is the same twice", at);
      }
      slot.who = nullptr;
    });
  }
}

constexpr void (*workers[])() = {use_pipes,  use_futexes,  use_forks, use_programs, use_kills,
                                 use_timers, use_mappings, use_moves, use_console,  use_disk};

// ── The watch ──

struct Seen {
  unsigned long count = 0;
  nanoseconds at{};
};

void watch(nanoseconds until) {
  std::array<Seen, most_slots> seen{};
  for (Seen& one : seen) one.at = now();
  while (now() < until) {
    must(sleep_for(500ms), "sleeping");
    for (std::size_t i = 0; i < shared->slots; ++i) {
      const char* const who = shared->slot[i].who;
      const auto count = shared->slot[i].count.load();
      if (who == nullptr || count != seen[i].count) {
        seen[i] = {count, now()};
        continue;
      }
      check(now() - seen[i].at < patience, "{} (number {}) waits for ever, after {} times", who, i,
            count);
    }
  }
}

/// All workers, for a while. How often somebody in them waited.
unsigned long run_round(nanoseconds length, bool kill_half) {
  shared->stop = false;
  shared->slots = 0;
  std::vector<Pid> pids;
  for (const auto worker : workers) {
    const Pid child = must(fork(), "fork");
    if (child == 0) {
      worker();
      exit(0);
    }
    pids.push_back(child);
  }
  watch(now() + length);
  if (kill_half) {
    for (std::size_t i = 0; i < pids.size(); i += 2) {
      static_cast<void>(kill(pids[i], abi::Signal::sigkill));  // one may have ended before
    }
  }
  shared->stop = true;
  const auto until = now() + patience;
  // Children that killed workers have left are ours now.
  for (std::size_t left = pids.size(); left > 0;) {
    const auto ended = must(wait(-1, abi::wnohang), "waiting");
    if (ended.pid == 0) {
      check(now() < until, "{} workers do not end", left);
      must(sleep_for(5ms), "sleeping");
      continue;
    }
    const auto worker = std::ranges::find(pids, ended.pid);
    if (worker == pids.end()) continue;
    --left;
    const bool killed = kill_half && (worker - pids.begin()) % 2 == 0;
    check(killed || ended.status.word() == 0, "worker {} finds all well, not {:#x}",
          worker - pids.begin(), ended.status.word());
  }
  static_cast<void>(kill(-1, abi::Signal::sigkill));
  while (wait()) {
  }
  unsigned long waits = 0;
  for (std::size_t i = 0; i < shared->slots; ++i) waits += shared->slot[i].count;
  return waits;
}

/// Once all harts have let go of what has ended.
long free_pages() {
  long most = 0;
  for (int i = 0; i < 20; ++i) {
    must(sleep_for(10ms), "sleeping");
    most = std::max(most, static_cast<long>(free_memory() / page_size));
  }
  return most;
}

}  // namespace

int main(int argc, char** argv) {
  check(on_cotrap() && process_id() == 1, "this is for Cotrap's first process");
  long seconds = 0;
  if (argc == 2) std::from_chars(argv[1], argv[1] + std::string_view{argv[1]}.size(), seconds);
  all_harts = must(affinity(0), "affinity");
  shared = reinterpret_cast<Shared*>(
      must(call<std::byte*>(Call::mmap, 0, sizeof(Shared), abi::prot_read | abi::prot_write,
                            abi::map_shared | abi::map_anonymous, -1, 0),
           "shared memory"));

  const auto begin = now();
  for (int i = 0; i < 3; ++i) run_round(3s, i % 2 != 0);
  const long before = free_pages();
  long rounds = 0, least = before;
  unsigned long waits = 0;
  while (now() - begin < std::chrono::seconds{seconds}) {
    waits += run_round(round_length, ++rounds % 2 != 0);
    least = std::min(least, free_pages());
    println("{:.0f} s: {} rounds, {} waits, {} pages free of {}",
            milliseconds(now() - begin) / 1000, rounds, waits, free_pages(), before);
  }
  const long after = free_pages();
  println("free pages: {} before, {} after {} rounds, {} at least", before, after, rounds, least);
  check(before - after <= slack, "no memory is lost");
  return 0;
}
