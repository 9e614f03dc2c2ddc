// Concurrent self-tests of the kernel (abi/self_test.h).
//
//   self-tests refuse  conflicting self-tests: the kernel refuses one, or one replaces another
//   self-tests kill    killed callers: their self-tests end soon, and later self-tests still work
#include <abi/self_test.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>

#include <algorithm>
#include <string_view>
#include <utility>

using namespace user;

namespace {

using abi::SelfTest;

Result<void> try_self_test(SelfTest which, unsigned long argument) {
  return call(abi::self_test, static_cast<unsigned long>(which), argument, nullptr, 0);
}

void self_test(SelfTest which, unsigned long argument) {
  must(try_self_test(which, argument), "a self-test");
}

void check_refused(SelfTest which, unsigned long argument, abi::Errno why) {
  const auto done = try_self_test(which, argument);
  check(!done && done.error() == why, "self_test {} is refused: {}", static_cast<int>(which),
        abi::description(why));
}

// Starts a process that runs the self-test again and again.
Pid start_doing(SelfTest which, unsigned long argument) {
  const Pid child = must(fork(), "a process");
  while (child == 0) self_test(which, argument);
  return child;
}

// Kills `child` and returns the time until its parent's wait() returns.
nanoseconds end(Pid child) {
  const auto begin = now();
  must(kill(child, abi::Signal::sigkill), "killing");
  must(wait(child), "wait");
  return now() - begin;
}

void check_bell_works() {
  self_test(SelfTest::bell_preempts, 10);
  self_test(SelfTest::bell_wakes, 10);
  self_test(SelfTest::bell_at_yield_point, 10);
}

int check_refusals() {
  check_refused(SelfTest::ring_bell, 0, abi::Errno::enxio);
  for (const unsigned long urgent : {1, 1, 0, 0, 1}) self_test(SelfTest::set_bell, urgent);
  check_bell_works();
  check_refused(SelfTest::ring_bell, 0, abi::Errno::enxio);
  self_test(SelfTest::set_bell, 0);
  self_test(SelfTest::ring_bell, 0);
  check_refused(SelfTest::ring_bell, 0, abi::Errno::enxio);
  self_test(SelfTest::storm, 1);
  for (const auto which :
       {SelfTest::channel, SelfTest::spawn, SelfTest::wait, SelfTest::switch_stack}) {
    self_test(which, 10);
    check_refused(which, 0, abi::Errno::einval);
    check_refused(which, 1'000'000, abi::Errno::einval);
  }

  const Pid child = start_doing(SelfTest::storm, 10'000);
  must(sleep_for(20ms), "sleeping");
  check_refused(SelfTest::set_bell, 1, abi::Errno::ebusy);
  check_refused(SelfTest::bell_preempts, 1, abi::Errno::ebusy);
  check_refused(SelfTest::spin, 1, abi::Errno::ebusy);
  check_refused(SelfTest::ring_bell, 0, abi::Errno::enxio);
  end(child);
  check_bell_works();
  return 0;
}

int check_killed() {
  // The self-tests would take seconds. The driver of SelfTest::storm notices the end only after a
  // pause of up to 10 ms.
  constexpr nanoseconds soon = 200ms;
  constexpr std::pair<SelfTest, unsigned long> long_ones[] = {
      {SelfTest::roam, 10'000},
      {SelfTest::spin, 1'000},
      {SelfTest::spin_two, 1'000},
      {SelfTest::bell_preempts, 1'000},
      {SelfTest::bell_wakes, 1'000},
      {SelfTest::inject, 10'000},
      {SelfTest::bell_at_yield_point, 1'000},
      {SelfTest::storm, 10'000},
      {SelfTest::channel, 100'000},
      {SelfTest::spawn, 100'000},
      {SelfTest::wait, 10'000},
      {SelfTest::switch_stack, 1'000},
  };
  nanoseconds longest{};
  for (const auto& [which, argument] : long_ones) {
    for (const auto after : {100us, 333us, 1'777us, 30'000us}) {
      const Pid child = start_doing(which, argument);
      must(sleep_for(after), "sleeping");
      const nanoseconds took = end(child);
      check(took <= soon, "self_test {} ends within {} ns of its caller's death, not {}",
            static_cast<int>(which), soon.count(), took.count());
      longest = std::max(longest, took);
      check_bell_works();
    }
  }
  println("longest\t{}", longest.count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "refuse") return check_refusals();
  if (what == "kill") return check_killed();
  complain("usage: self_tests refuse | kill");
  return 2;
}
