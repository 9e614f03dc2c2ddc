// A coroutine of the kernel computes for 50 ms without an await, a value in every register. Another
// above it wakes every millisecond all the same: the timer's interrupt puts the first one aside in
// the midst of what it does, stack and all, and it goes on later as if nothing had been.
#include <abi/self_test.h>
#include <user/check.h>
#include <user/clock.h>

#include <vector>

using namespace user;

namespace {

constexpr unsigned long duration = 50;  // milliseconds

abi::SpinReport compute() {
  abi::SpinReport report{};
  const auto done = call(abi::self_test, static_cast<unsigned long>(abi::SelfTest::spin), duration,
                         &report, sizeof report / sizeof(std::uint64_t));
  if (!done && done.error() == Errno::enosys)
    fail("this kernel has no self-tests: `./cotrap demo` boots it with them");
  must(done, "the self-test");
  check(report.intact != 0, "every register keeps its value");
  check(report.rounds > 0, "the one below is not starved");
  return report;
}

// Each millisecond has its wake. A busy host may stop the whole machine for a while: then some are
// late, but the one below has not come far meanwhile, because it was stopped, too.
bool is_on_time(const abi::SpinReport& report) {
  return report.wakes >= duration - 2 &&
         (report.late * 4 < report.wakes || report.most_rounds * 8 < report.rounds);
}

}  // namespace

int main() {
  // … or for so long that most are; without preemption they are so every time.
  constexpr int tries = 20;
  abi::SpinReport report = compute();
  for (int i = 1; i < tries && !is_on_time(report); ++i) report = compute();
  println("a kernel coroutine computed for {:.1f} ms and looked at its registers {} times",
          static_cast<double>(report.ran_ns) / 1e6, report.rounds);
  println("one above it woke {} times, late by {:.1f} us at most", report.wakes,
          static_cast<double>(report.worst_ns) / 1e3);
  check(is_on_time(report),
        "it is never a millisecond late ({} times it was, and {} rounds were done meanwhile)",
        report.late, report.most_rounds);
  return 0;
}
