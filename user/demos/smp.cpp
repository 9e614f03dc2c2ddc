// Uses every hart. One thread per hart counts primes; a token passes through pipes between
// processes on all harts; threads on all harts share a counter under a futex. Processes with
// threads on all harts are killed. At the end prints /proc/harts, the work of each hart.
//
//   smp               the demo
//   smp relay HART    adds one to each number from standard input, on that hart
//   smp victim        has threads on all harts that run until the process is killed
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/files.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <string_view>
#include <vector>

COTRAP_DEMO(.description =
                "all harts count primes, pass a token, and free the memory of killed processes",
            .harts = 4);

using namespace user;

namespace {

constexpr std::size_t most_harts = 64;

std::vector<unsigned> harts() {
  std::vector<unsigned> all;
  for (auto left = must(affinity(0), "affinity"); left != 0; left &= left - 1) {
    all.push_back(static_cast<unsigned>(std::countr_zero(left)));
  }
  return all;
}

void move_to(unsigned hart) {
  must(set_affinity(0, 1ul << hart), "affinity");
  check(current_hart() == hart, "a thread that may use only hart {} moves there at once", hart);
}

// Primes

constexpr unsigned limit = 300'000, primes_below_limit = 25'997;
constexpr unsigned piece = 1'000;  // candidates per piece of work

bool is_prime(unsigned number) {
  if (number % 2 == 0) return number == 2;
  for (unsigned divisor = 3; divisor * divisor <= number; divisor += 2) {
    if (number % divisor == 0) return false;
  }
  return number > 1;
}

using PiecesByHart = std::array<std::atomic<unsigned>, most_harts>;

unsigned primes_in_piece(unsigned from) {
  unsigned found = 0;
  for (unsigned number = from; number < from + piece; ++number) found += is_prime(number);
  return found;
}

unsigned count_primes(std::size_t threads, PiecesByHart& pieces) {
  std::atomic<unsigned> next = 0, primes = 0;
  std::vector<Thread> counters;
  for (std::size_t i = 0; i < threads; ++i) {
    counters.emplace_back([&] {
      for (unsigned from; (from = next.fetch_add(piece)) < limit;) {
        primes += primes_in_piece(from);
        ++pieces[current_hart()];
      }
    });
  }
  counters.clear();
  return primes;
}

/// Runs one thread per hart until every hart has computed a piece. If the host has fewer processors
/// than the machine has harts, all primes may be counted before some hart has run.
void wait_for_the_others(const std::vector<unsigned>& all, PiecesByHart& pieces) {
  using namespace std::chrono_literals;
  const auto done = [&] {
    return std::ranges::all_of(all, [&](unsigned hart) { return pieces[hart] > 0; });
  };
  std::vector<Thread> threads;
  for (std::size_t i = 0; i < all.size(); ++i) {
    threads.emplace_back([&, give_up = now() + 10s] {
      while (!done() && now() < give_up) {
        check(primes_in_piece(0) == 168, "there are 168 primes below 1000");
        ++pieces[current_hart()];
      }
    });
  }
}

void count_on_all(const std::vector<unsigned>& all) {
  PiecesByHart alone{}, together{};
  const auto begin = now();
  check(count_primes(1, alone) == primes_below_limit, "one thread counts the primes correctly");
  const auto half = now();
  check(count_primes(all.size(), together) == primes_below_limit,
        "{} threads count the primes correctly", all.size());
  const auto end = now();
  wait_for_the_others(all, together);
  println("{} primes below {}: one thread {:.0f} ms, {} threads {:.0f} ms", primes_below_limit,
          limit, milliseconds(half - begin), all.size(), milliseconds(end - half));
  for (const unsigned hart : all) {
    println("  hart {} computed {} pieces", hart, together[hart].load());
    check(together[hart] > 0, "hart {} computes a piece", hart);
  }
}

// Pipes

constexpr long laps = 20;

int relay(unsigned hart) {
  move_to(hart);
  long token;
  const auto bytes = std::as_writable_bytes(std::span{&token, 1});
  while (must(read(standard_input, bytes), "reading") == sizeof token) {
    ++token;
    must(write(standard_output, bytes), "writing");
  }
  return current_hart() == hart ? 0 : 1;
}

void go_round(const std::vector<unsigned>& all) {
  auto first = must(make_pipe(abi::o_cloexec), "a pipe");
  Fd last = first.read_end;
  for (const unsigned hart : all) {
    const auto pipe = must(make_pipe(abi::o_cloexec), "a pipe");
    const auto number = format("{}", hart);
    const char* const arguments[] = {"smp", "relay", number.c_str(), nullptr};
    const FdMapping fds[] = {{last, standard_input}, {pipe.write_end, standard_output}};
    must(spawn(program_path(), arguments, {.fds = fds}), "starting a relay");
    must(close(last), "closing");
    must(close(pipe.write_end), "closing");
    last = pipe.read_end;
  }
  long token = 0;
  const auto bytes = std::as_writable_bytes(std::span{&token, 1});
  const auto begin = now();
  for (long lap = 1; lap <= laps; ++lap) {
    must(write(first.write_end, bytes), "writing");
    check(must(read(last, bytes), "reading") == sizeof token, "the token comes back");
    check(token == lap * static_cast<long>(all.size()), "each relay adds one: {}", token);
  }
  const auto taken = now() - begin;
  must(close(first.write_end), "closing");
  for (std::size_t i = 0; i < all.size(); ++i) {
    check(must(wait(), "waiting").status.word() == 0, "a relay stays on its hart");
  }
  must(close(last), "closing");
  println("{} laps through pipes over {} harts, {:.0f} us from hart to hart", laps, all.size(),
          microseconds(taken) / static_cast<double>(laps) / static_cast<double>(all.size()));
}

// A futex

void count_together(const std::vector<unsigned>& all) {
  constexpr long each = 2'000;
  Mutex mutex;
  long counter = 0;
  {
    std::vector<Thread> threads;
    for (const unsigned hart : all) {
      threads.emplace_back([&, hart] {
        move_to(hart);
        for (long i = 0; i < each; ++i) {
          const Lock lock{mutex};
          const long seen = counter;
          if (i % 64 == 0) yield();
          counter = seen + 1;
        }
      });
    }
  }
  const long wanted = each * static_cast<long>(all.size());
  println("{} threads, each on its hart, counted to {} under a mutex", all.size(), counter);
  check(counter == wanted, "no count is lost: expected {}", wanted);
}

// Killed processes

int be_victim() {
  const auto all = harts();
  const auto pipe = must(make_pipe(), "a pipe");
  std::atomic<std::uint32_t> word = 0;
  std::atomic<std::size_t> busy = 0;
  std::vector<Thread> threads;
  const auto add = [&](unsigned hart, auto act) {
    threads.emplace_back([&, hart, act] {
      move_to(hart);
      for (++busy;;) act();
    });
  };
  for (const unsigned hart : all) {
    add(hart, [&] { ++word; });
    add(hart, [&] { futex_wait(word, word); });
    add(hart, [&] { yield(); });
    add(hart, [&] {
      char byte;
      static_cast<void>(read(pipe.read_end, std::span{&byte, 1}));
    });
    add(hart, [&] {
      auto* const page = must(map_memory(page_size, abi::prot_read | abi::prot_write), "a page");
      *page = std::byte{1};
      must(unmap_memory(page, page_size), "unmapping");
    });
  }
  while (busy < threads.size()) must(sleep_for(1ms), "sleeping");
  must(write(standard_output, "!"), "writing");
  for (;;) must(sleep_for(1s), "sleeping");
}

void kill_one(nanoseconds later) {
  const auto pipe = must(make_pipe(abi::o_cloexec), "a pipe");
  const char* const arguments[] = {"smp", "victim", nullptr};
  const FdMapping fds[] = {{pipe.write_end, standard_output}};
  const Pid victim = must(spawn(program_path(), arguments, {.fds = fds}), "starting a victim");
  must(close(pipe.write_end), "closing");
  char byte;
  check(must(read(pipe.read_end, std::span{&byte, 1}), "reading") == 1, "the victim is ready");
  must(sleep_for(later), "sleeping");
  must(kill(victim, abi::Signal::sigkill), "killing");
  check(must(wait(victim), "waiting").status.was_killed(), "SIGKILL ends the victim");
  must(close(pipe.read_end), "closing");
}

void kill_everywhere(const std::vector<unsigned>& all) {
  constexpr int rounds = 3;
  constexpr std::size_t slack = 16 * page_size;  // for memory that the kernel keeps for new threads
  kill_one(1ms);
  const auto before = free_memory();
  for (int i = 0; i < rounds; ++i) kill_one(i * 1ms);
  std::size_t after = free_memory();
  // Each hart frees a dead thread's state only when it next runs the kernel.
  for (const auto give_up = now() + 10s; after + slack < before && now() < give_up;) {
    must(sleep_for(2ms), "sleeping");
    after = free_memory();
  }
  println("{} processes of {} threads on all harts were killed: {} kB free before, {} kB after",
          rounds, 5 * all.size() + 1, before / 1024, after / 1024);
  if (on_cotrap()) check(after + slack >= before, "the kernel has freed all their memory");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "relay" && argc == 3) {
    unsigned hart = 0;
    std::from_chars(argv[2], argv[2] + std::string_view{argv[2]}.size(), hart);
    return relay(hart);
  }
  if (role == "victim") return be_victim();

  const auto all = harts();
  count_on_all(all);
  go_round(all);
  count_together(all);
  kill_everywhere(all);
  if (const auto table = read_file("/proc/harts")) println("{}", *table);
  return 0;
}
