// self-test NAME [ARGUMENT]: runs one of the kernel's self-tests (abi/self_test.h) and prints its
// results, a name and a number per line. Counts of instructions are printed under icount only.
#include <abi/self_test.h>
#include <user/calls.h>
#include <user/counters.h>
#include <user/print.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace {

using abi::SelfTest;

struct Known {
  std::string_view name;
  SelfTest self_test;
  unsigned long argument;  // default argument
  std::array<std::string_view, 7> words;
  bool in_instructions = false;
};

constexpr Known known[] = {
    {"spin",
     SelfTest::spin,
     50,
     {"intact", "rounds", "wakes", "worst-late-ns", "late", "ran-ns", "most-rounds"}},
    {"spin-two", SelfTest::spin_two, 50, {"rounds-of-first", "rounds-of-second", "intact"}},
    {"bell-preempts", SelfTest::bell_preempts, 101, {"to-handler", "back"}, true},
    {"bell-wakes", SelfTest::bell_wakes, 101, {"to-handler"}, true},
    {"bell-at-yield-point", SelfTest::bell_at_yield_point, 101, {"to-handler", "back"}, true},
    {"inject",
     SelfTest::inject,
     1'000,
     {"intact", "deadlines", "preemptions", "window-ns", "inside", "in-a-row"}},
    {"yield", SelfTest::yield, 10, {"instructions", "switches"}, true},
    {"nest", SelfTest::nest, 4, {"intact", "preempted"}},
    {"stall", SelfTest::stall, 20, {}},
    {"deadlock", SelfTest::deadlock, 0, {}},
    {"deadlock-by-join", SelfTest::deadlock_by_join, 0, {}},
    {"double-enqueue", SelfTest::double_enqueue, 0, {}},
    {"lost-wake", SelfTest::lost_wake, 100, {}},
    {"starvation", SelfTest::starvation, 100, {}},
    {"roam", SelfTest::roam, 50, {"intact", "rounds", "preempted", "elsewhere", "lost-stacks"}},
    {"wake-preempted", SelfTest::wake_preempted, 1'000, {"lost", "in-midst", "rounds"}},
    {"interrupt-broken-stack", SelfTest::interrupt_broken_stack, 0, {}},
    {"storm", SelfTest::storm, 500, {"interrupts", "useless", "pauses"}},
};

int usage() {
  user::complain("usage: self-test NAME [ARGUMENT]; NAME is one of:");
  for (const auto& each : known) user::complain("  {}", each.name);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return usage();
  const auto* found = std::ranges::find(known, std::string_view{argv[1]}, &Known::name);
  if (found == std::end(known)) return usage();
  unsigned long argument = found->argument;
  if (argc == 3) {
    const std::string_view text = argv[2];
    const auto [end, error] = std::from_chars(text.begin(), text.end(), argument);
    if (error != std::errc{} || end != text.end()) return usage();
  }
  std::array<std::uint64_t, 8> words{};
  const auto done = user::call(abi::self_test, static_cast<unsigned long>(found->self_test),
                               argument, words.data(), words.size());
  if (!done && done.error() == abi::Errno::enosys) {
    user::complain("self-test: this kernel has no self-tests: boot it with --self-tests");
    return 1;
  }
  if (!done) {
    user::complain("self-test: {}: {}", found->name, abi::description(done.error()));
    return 1;
  }
  if (found->in_instructions && !user::counts_are_exact()) {
    user::println("# {}: done; instructions are counted only with --icount", found->name);
    return 0;
  }
  for (std::size_t i = 0; i < found->words.size() && !found->words[i].empty(); ++i) {
    user::println("{}\t{}", found->words[i], words[i]);
  }
  return 0;
}
