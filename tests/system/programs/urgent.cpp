// How late the most urgent thread wakes while another process does one kind of long work.
//
//   urgent WORK MIB [threads]
//
// prints WORK, a tab, and how late the latest wake was, in ns. WORK is one of `works`, and MIB the
// memory that it uses. With `threads`, the process of the work has a second thread, which sleeps.
#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/print.h>
#include <user/process.h>
#include <user/thread.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

using namespace user;

namespace {

constexpr auto pause = 200us;

std::byte* touched(std::size_t bytes) {
  std::byte* const memory = must(map_memory(bytes, abi::prot_read | abi::prot_write), "memory");
  for (std::size_t at = 0; at < bytes; at += page_size) memory[at] = std::byte{1};
  return memory;
}

// The child ends at once, and so gives the copy of the memory back.
void fork_and_exit(std::size_t) {
  const Pid child = must(fork(), "fork");
  if (child == 0) exit(0);
  must(wait(child), "waiting");
}

// A child that has copied each page gives all of them back.
void exit_with_memory(std::size_t bytes) {
  const Pid child = must(fork(), "fork");
  if (child == 0) {
    touched(bytes / 2);
    exit(0);
  }
  must(wait(child), "waiting");
}

void unmap(std::size_t bytes) {
  must(unmap_memory(touched(bytes / 2), bytes / 2), "unmapping");
}

void protect(std::size_t bytes) {
  std::byte* const memory = touched(bytes / 2);
  must(protect_memory(memory, bytes / 2, abi::prot_read), "protecting");
  must(unmap_memory(memory, bytes / 2), "unmapping");
}

// Maps other memory over pages that are in use: zeros, or a file.
void replace_by(std::size_t bytes, int flags, Fd file) {
  std::byte* const memory = touched(bytes / 2);
  must(call(Call::mmap, memory, bytes / 2, abi::prot_read,
            abi::map_private | abi::map_fixed | flags, file, 0),
       "mapping");
  must(unmap_memory(memory, bytes / 2), "unmapping");
}
void replace(std::size_t bytes) {
  replace_by(bytes, abi::map_anonymous, Fd{-1});
}
void replace_by_file(std::size_t bytes) {
  const Fd file = must(open(program_path()), "the program");
  replace_by(bytes, 0, file);
  must(close(file), "closing");
}

// Another thread ends the process in the middle of a fork.
void end_in_fork(std::size_t) {
  Thread other{[] {
    must(sleep_for(300us), "sleeping");
    exit(0);
  }};
  for (;;) fork_and_exit(0);
}

void clear(std::size_t bytes) {
  std::byte* const memory = touched(bytes / 2);
  const Fd zero = must(open("/dev/zero"), "/dev/zero");
  must(read(zero, std::span{memory, bytes / 2}), "reading");
  must(close(zero), "closing");
  must(unmap_memory(memory, bytes / 2), "unmapping");
}

void execute(std::size_t) {
  const char* const arguments[] = {"urgent", "nothing", "0", nullptr};
  must(wait(must(spawn(program_path(), arguments), "execve")), "waiting");
}

struct Work {
  std::string_view name;
  void (*run)(std::size_t bytes);
};
constexpr Work works[] = {
    {"nothing", [](std::size_t) {}},
    {"fork", fork_and_exit},
    {"exit", exit_with_memory},
    {"munmap", unmap},
    {"mprotect", protect},
    {"clear", clear},
    {"replace", replace},
    {"replace-file", replace_by_file},
    {"end-in-fork", end_in_fork},
    {"execve", execute},
};

nanoseconds latest_beside(const Work& work, std::size_t bytes, bool has_threads) {
  touched(bytes);
  const Pid child = must(fork(), "fork");
  if (child == 0) {
    std::atomic<std::uint32_t> over = 0;
    std::optional<Thread> second;
    if (has_threads)
      second.emplace([&] {
        while (over == 0) futex_wait(over, 0);
      });
    work.run(bytes);
    exit(0);
  }
  must(set_realtime_priority(0, 99), "raising the priority");
  nanoseconds latest = 0ns;
  for (auto ended = must(wait(child, abi::wnohang), "waiting"); ended.pid == 0;
       ended = must(wait(child, abi::wnohang), "waiting")) {
    const auto due = now() + pause;
    must(sleep_until(due), "sleeping");
    latest = std::max(latest, now() - due);
  }
  return latest;
}

}  // namespace

int main(int count, char** arguments) {
  check(count == 3 || count == 4, "usage: urgent WORK MIB [threads]");
  std::size_t mib = 0;
  const std::string_view number = arguments[2];
  std::from_chars(number.data(), number.data() + number.size(), mib);
  const auto* const work = std::ranges::find(works, std::string_view{arguments[1]}, &Work::name);
  check(work != std::end(works), "no such work: {}", arguments[1]);
  if (mib == 0) return 0;
  const nanoseconds latest = latest_beside(*work, mib << 20, count == 4);
  print("{}\t{}\n", work->name, latest.count());
  return 0;
}
