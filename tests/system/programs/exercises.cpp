// The kernel's exercises (abi/exercise.h) among each other.
//
//   exercises refuse  those that get in each other's way: refused, or one replaces another
//   exercises kill    those whose caller is killed: they end soon, and others work
#include <abi/exercise.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>

#include <algorithm>
#include <string_view>
#include <utility>

using namespace user;

namespace {

using abi::Exercise;

Result<void> try_exercise(Exercise which, unsigned long argument) {
  return call(abi::exercise, static_cast<unsigned long>(which), argument, nullptr, 0);
}

void exercise(Exercise which, unsigned long argument) {
  must(try_exercise(which, argument), "an exercise");
}

void check_refused(Exercise which, unsigned long argument, abi::Errno why) {
  const auto done = try_exercise(which, argument);
  check(!done && done.error() == why, "exercise {} is refused: {}", static_cast<int>(which),
        abi::description(why));
}

// A process that does it again and again.
Pid start_doing(Exercise which, unsigned long argument) {
  const Pid child = must(fork(), "a process");
  while (child == 0) exercise(which, argument);
  return child;
}

// From its death to when its parent knows.
nanoseconds end(Pid child) {
  const auto begin = now();
  must(kill(child, abi::Signal::sigkill), "killing");
  must(wait(child), "its end");
  return now() - begin;
}

void check_bell_works() {
  exercise(Exercise::bell_preempts, 10);
  exercise(Exercise::bell_wakes, 10);
  exercise(Exercise::bell_at_yield_point, 10);
}

int check_refusals() {
  check_refused(Exercise::ring_bell, 0, abi::Errno::enxio);
  for (const unsigned long urgent : {1, 1, 0, 0, 1}) exercise(Exercise::set_bell, urgent);
  check_bell_works();
  check_refused(Exercise::ring_bell, 0, abi::Errno::enxio);
  exercise(Exercise::set_bell, 0);
  exercise(Exercise::ring_bell, 0);
  check_refused(Exercise::ring_bell, 0, abi::Errno::enxio);
  exercise(Exercise::storm, 1);
  for (const auto which :
       {Exercise::channel, Exercise::spawn, Exercise::wait, Exercise::switch_stack}) {
    exercise(which, 10);
    check_refused(which, 0, abi::Errno::einval);
    check_refused(which, 1'000'000, abi::Errno::einval);
  }

  const Pid child = start_doing(Exercise::storm, 10'000);
  must(sleep_for(20ms), "sleeping");
  check_refused(Exercise::set_bell, 1, abi::Errno::ebusy);
  check_refused(Exercise::bell_preempts, 1, abi::Errno::ebusy);
  check_refused(Exercise::spin, 1, abi::Errno::ebusy);
  check_refused(Exercise::ring_bell, 0, abi::Errno::enxio);
  end(child);
  check_bell_works();
  return 0;
}

int check_killed() {
  constexpr nanoseconds soon = 200ms;  // of many seconds; the storm's driver waits for 10 ms
  constexpr std::pair<Exercise, unsigned long> long_ones[] = {
      {Exercise::roam, 10'000},
      {Exercise::spin, 1'000},
      {Exercise::spin_two, 1'000},
      {Exercise::bell_preempts, 1'000},
      {Exercise::bell_wakes, 1'000},
      {Exercise::inject, 10'000},
      {Exercise::bell_at_yield_point, 1'000},
      {Exercise::storm, 10'000},
      {Exercise::channel, 100'000},
      {Exercise::spawn, 100'000},
      {Exercise::wait, 10'000},
      {Exercise::switch_stack, 1'000},
  };
  nanoseconds longest{};
  for (const auto& [which, argument] : long_ones) {
    for (const auto after : {100us, 333us, 1'777us, 30'000us}) {
      const Pid child = start_doing(which, argument);
      must(sleep_for(after), "sleeping");
      const nanoseconds took = end(child);
      check(took <= soon, "exercise {} ends within {} ns of its caller's death, not {}",
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
  complain("usage: exercises refuse | kill");
  return 2;
}
