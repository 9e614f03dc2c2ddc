// Exhausts one resource after the other: memory, threads, processes, descriptors, names, areas.
// Each time the kernel must return the right error, and must have everything back afterwards. Ends
// with a fork bomb.
//
//   exhaust together       exhausts all resources at the same time
//   exhaust beside FILE    exhausts only memory, beside a process that maps FILE of the boot
//                          archive
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "free_pages.h"

using namespace user;

namespace {

constexpr long slack = 32;  // tolerated difference in pages
constexpr int most_runs = 5;
constexpr char file_path[] = "/tmp/file";

bool reports = true;  // false: the takers print nothing

template <class... T>
void report(fmt::format_string<T...> text, T&&... arguments) {
  if (reports) user::println(text, std::forward<T>(arguments)...);
}

// Kills and reaps all other processes. This program is the first process of the system, so those
// that a child has left behind have become its children.
void end_all_others() {
  static_cast<void>(kill(-1, abi::Signal::sigkill));
  while (wait()) {
  }
}

// Runs `take_all` in a child, which then ends. Returns the number of free pages afterwards.
long take_once(std::string_view what, void (*take_all)(), bool may_be_killed) {
  const Pid child = must(fork(), "fork");
  if (child == 0) {
    take_all();
    exit(0);
  }
  const auto status = must(wait(child), "waiting").status;
  if (may_be_killed && status.was_killed()) {
    println("{}: killed by SIG{}", what, abi::name(status.signal()));
  } else {
    check(status.word() == 0, "{}: the child ends with status {:#x}", what, status.word());
  }
  end_all_others();
  static_cast<void>(remove_file(file_path));  // of take_files(), if it was killed
  return free_pages_at_rest();
}

// Runs `take_all` until a run leaves as many pages as the run before it. A leak takes pages in
// every run. The kernel also keeps the memory of coroutine frames and small objects for later. That
// takes pages in a run that has more of them at a time than all runs before: more sleeping
// children, for example, because fewer of them were killed before they slept.
void take_all_of(std::string_view what, void (*take_all)(), bool may_be_killed = false) {
  long before = take_once(what, take_all, may_be_killed);
  long lost = 0;
  for (int run = 0; run < most_runs; ++run) {
    const long after = take_once(what, take_all, may_be_killed);
    lost = before - after;
    if (lost <= slack) return;
    before = after;
  }
  check(false, "{}: each of {} runs loses pages, the last one {}", what, most_runs, lost);
}

void expect_refusal(std::string_view what, long count, Errno error,
                    std::initializer_list<Errno> expected) {
  report("{}: {}, then {}", what, count, abi::name(error));
  check(std::ranges::contains(expected, error), "the error is an expected one");
}

void take_memory() {
  constexpr std::size_t step = 4 << 20;
  for (long steps = 0;; ++steps) {
    const auto memory = map_memory(step, abi::prot_read | abi::prot_write, abi::map_populate);
    if (!memory) {
      return expect_refusal("mappings of 4 MiB, populated", steps, memory.error(), {Errno::enomem});
    }
    for (std::size_t at = 0; at < step; at += page_size) {
      *reinterpret_cast<volatile char*>(*memory + at) = 1;
    }
  }
}

void take_break() {
  const long start = syscall(Call::brk, 0);
  for (long bytes = 1 << 20;; bytes += 1 << 20) {
    const long end = syscall(Call::brk, start + bytes);
    if (end != start + bytes) {
      report("brk: {} MiB, then no more", bytes >> 20);
      return;
    }
    for (long at = bytes - (1 << 20); at < bytes; at += page_size) {
      *reinterpret_cast<volatile char*>(start + at) = 1;
    }
  }
}

void take_threads() {
  std::vector<Thread> threads;
  const auto pipe = must(make_pipe(), "a pipe");
  for (;;) {
    auto thread = Thread::start(
        [&] {
          char byte;
          static_cast<void>(read(pipe.read_end, std::span{&byte, 1}));
        },
        {.stack_bytes = 4 * page_size});
    if (thread && threads.size() < 4'000) {
      threads.push_back(std::move(*thread));
      continue;
    }
    if (thread) {
      report("threads: {} and more", threads.size());
    } else {
      expect_refusal("threads", static_cast<long>(threads.size()), thread.error(),
                     {Errno::eagain, Errno::enomem});
    }
    exit(0);  // ends the waiting threads
  }
}

void take_processes() {
  for (long count = 0;; ++count) {
    const auto child = fork();
    if (!child) {
      expect_refusal("processes", count, child.error(), {Errno::eagain, Errno::enomem});
      // The children hold the memory; end_all_others() kills them.
      return;
    }
    if (*child == 0) {
      for (;;) static_cast<void>(sleep_for(1000s));
    }
  }
}

void take_descriptors() {
  for (long count = 0;; ++count) {
    if (const auto fd = dup(standard_error); !fd) {
      return expect_refusal("descriptors", count, fd.error(), {Errno::emfile, Errno::enomem});
    }
  }
}

void take_pipes() {
  for (long count = 0;; ++count) {
    const auto pipe = make_pipe(abi::o_nonblock);
    if (!pipe) {
      return expect_refusal("full pipes", count, pipe.error(), {Errno::emfile, Errno::enomem});
    }
    static char block[4096];
    while (write(pipe->write_end, {block, sizeof block})) {
    }
  }
}

void take_names() {
  constexpr long most = 140'000;
  const auto path = [](long number) { return format("/tmp/name{:06}", number); };
  long count = 0;
  for (; count < most; ++count) {
    const auto fd = open(path(count).c_str(), abi::o_creat | abi::o_wronly);
    if (!fd) {
      expect_refusal("names in a directory", count, fd.error(), {Errno::enospc, Errno::enomem});
      break;
    }
    static_cast<void>(close(*fd));
  }
  if (count == most) report("names in a directory: {} and more", count);
  // Also removes the name whose creation failed: the file may exist nevertheless.
  for (long number = 0; number <= count; ++number) {
    static_cast<void>(remove_file(path(number).c_str()));
  }
}

void take_areas() {
  for (long count = 0; count < 200'000; ++count) {
    // Alternating protections, so that neighbours are not merged into one area.
    const int protection = count % 2 == 0 ? abi::prot_read : abi::prot_none;
    if (const auto memory = map_memory(page_size, protection); !memory) {
      return expect_refusal("areas", count, memory.error(), {Errno::enomem});
    }
  }
  report("areas: 200000 and more");
}

// All processes fork for a while.
void fork_bomb() {
  const auto end = now() + 1s;
  while (now() < end) {
    if (!fork()) yield();
  }
  exit(0);
}

void touch_all(std::byte* memory, std::size_t bytes, bool writes) {
  for (std::size_t at = 0; at < bytes; at += page_size) {
    auto& byte = *reinterpret_cast<volatile std::byte*>(memory + at);
    const std::byte there = byte;
    if (writes) byte = there;
  }
}

// Mapped pages of the boot archive do not count as memory of a process: the OOM kill must not
// choose a process because it maps them.
void take_beside_reader(const char* path) {
  const Pipe ready = must(make_pipe(), "a pipe"), over = must(make_pipe(), "a pipe");
  std::array<std::byte, 1> byte{};
  const Pid reader = must(fork(), "fork");
  if (reader == 0) {
    const Fd file = must(open(path), path);
    const std::size_t bytes = must(status(file), path).size;
    for (int i = 0; i < 8; ++i) {  // more mappings than memory
      touch_all(must(map_file(file, bytes, abi::prot_read, 0), path), bytes, false);
    }
    must(write(ready.write_end, byte), "writing");
    must(read(over.read_end, byte), "reading");
    exit(0);
  }
  must(read(ready.read_end, byte), "reading");
  const Pid taker = must(fork(), "fork");
  if (taker == 0) {
    const std::size_t half = free_memory() / 2 / page_size * page_size;
    std::array<std::byte*, 3> halves{};
    for (auto& memory : halves) {
      memory = must(map_memory(half, abi::prot_read | abi::prot_write), "memory");
    }
    for (auto* const memory : halves) touch_all(memory, half, true);
    exit(0);
  }
  check(must(wait(taker), "waiting").status.was_killed(),
        "the OOM kill ends the process that takes all memory");
  must(write(over.write_end, byte), "writing");
  check(must(wait(reader), "waiting").status.word() == 0,
        "the OOM kill spares the process without private pages");
}

void take_files() {
  static char block[4096];
  const auto fd = open(file_path, abi::o_creat | abi::o_wronly);
  if (!fd) return;
  while (write(*fd, {block, sizeof block})) {
  }
  static_cast<void>(remove_file(file_path));
}

void take_futexes() {
  std::vector<Thread> threads;
  static std::array<std::atomic<std::uint32_t>, 64> words{};
  for (unsigned number = 0; number < 1'000; ++number) {
    auto thread =
        Thread::start([number] { static_cast<void>(futex_wait(words[number % words.size()], 0)); },
                      {.stack_bytes = 2 * page_size});
    if (!thread) break;
    threads.push_back(std::move(*thread));
  }
  exit(0);  // ends the waiting threads
}

// All kinds of takers run at the same time, each again and again.
void take_everything_together() {
  constexpr std::array<void (*)(), 9> takers{take_memory, take_break,   take_threads,
                                             take_files,  take_futexes, take_processes,
                                             take_pipes,  take_areas,   fork_bomb};
  reports = false;
  for (const auto take : takers) {
    const auto child = fork();
    if (!child || *child != 0) continue;
    for (;;) {
      const auto taker = fork();
      if (!taker) {
        yield();
      } else if (*taker == 0) {
        take();
        exit(0);
      } else {
        static_cast<void>(wait(*taker));
      }
    }
  }
  must(sleep_for(3s), "sleeping");
  exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && argv[1] == std::string_view{"together"}) {
    take_all_of("everything", take_everything_together);
    println("all resources were exhausted together and came back");
    return 0;
  }
  if (argc == 3 && argv[1] == std::string_view{"beside"}) return take_beside_reader(argv[2]), 0;
  take_all_of("memory", take_memory, true);
  take_all_of("break", take_break, true);
  take_all_of("threads", take_threads);
  take_all_of("processes", take_processes, true);
  take_all_of("descriptors", take_descriptors);
  take_all_of("pipes", take_pipes, true);
  take_all_of("names", take_names);
  take_all_of("areas", take_areas, true);
  take_all_of("fork bomb", fork_bomb, true);
  println("all resources were exhausted and came back");
  return 0;
}
