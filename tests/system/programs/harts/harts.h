// Tests of several harts at work at the same time. `harts NAME` runs one part.
#pragma once

#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <span>
#include <string_view>
#include <vector>

#include "../eventually.h"

namespace harts {

using namespace user;

struct Part {
  std::string_view name;
  void (*run)();
};

std::span<const Part> places();  // on which harts threads run
std::span<const Part> memory();
std::span<const Part> ends();
std::span<const Part> waits();
std::span<const Part> sharing();  // system calls that several harts make at once
std::span<const Part> strand();   // … that change data of the strand
std::span<const Part> descriptors();
std::span<const Part> names();      // names of files that harts change at the same time
std::span<const Part> processes();  // directories of processes in /proc
std::span<const Part> locks();
std::span<const Part> policies_changed();
std::span<const Part> snapshots();  // forks and other changes of large memory
std::span<const Part> shares();     // shares of one hart's time

inline const unsigned long all = must(affinity(0), "affinity");
inline const unsigned count = static_cast<unsigned>(std::popcount(all));

/// The rounds of each hart's thread. With more than four harts they are fewer than `rounds`, so
/// that all harts together run 4 * `rounds`.
inline unsigned rounds_of_each(unsigned rounds) {
  return rounds * 4 / std::max(count, 4u);
}

/// Requires that harts are numbered from 0 without gaps.
inline void move_to(unsigned hart, Pid thread = 0) {
  must(set_affinity(thread, 1ul << hart), "affinity");
}

template <class Holds>
void await(std::string_view what, Holds holds) {
  check(eventually(holds), "threads take too long {}", what);
}

/// A call's answer for an error.
constexpr long error(Errno number) {
  return -static_cast<long>(number);
}

inline Pid must_fork() {
  return must(fork(), "fork");
}

inline void expect_success(Pid child) {
  check(must(wait(child), "waiting").status.word() == 0, "the child succeeds");
  const auto found = kill(child, abi::Signal{});
  check(!found && found.error() == Errno::esrch, "no process has the number of a reaped child");
}

/// Returns the number after `skipped` words of a line of /proc.
inline unsigned long number_in(std::string_view line, int skipped) {
  for (;; --skipped) {
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    if (skipped == 0) break;
    line.remove_prefix(std::min(line.size(), line.find_first_of(" \t")));
  }
  unsigned long number = 0;
  std::from_chars(line.data(), line.data() + line.size(), number);
  return number;
}

}  // namespace harts
