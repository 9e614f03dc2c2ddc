// Makes calls with random numbers and arguments, but none that could end the test: reboot, and
// signals, limits and scheduling parameters for the parent or the first process.
#include <abi/numbers.h>

#include "fuzz.h"

namespace fuzz {

using namespace user;

namespace {

alignas(4096) std::array<std::uint64_t, 1024> scratch;  // most random pointers point into it
char some_path[] = "/bin/true";

std::array<std::uint64_t, 16> answers{};  // results of calls: descriptors, ids, mappings

bool aims_at_parent(Call call, const std::array<std::uint64_t, 6>& arguments, Pid parent) {
  const auto first = static_cast<Pid>(arguments[0]);
  const auto second = static_cast<Pid>(arguments[1]);
  switch (call) {
    case Call::reboot: return true;
    case Call::kill:
    case Call::tkill:
    case Call::tgkill: return first <= 1 || first == parent || second == parent;
    case Call::prlimit64:
    case Call::sched_setscheduler:
    case Call::sched_setparam:
    case Call::sched_setaffinity: return first == 1 || first == parent;
    case Call::setpriority: return arguments[0] != 0 || second == 1 || second == parent;
    default: return false;
  }
}

// Mostly calls that Linux has. Calls that end the child are rarer, so that it makes many calls.
Call random_call(Random& random) {
  if (random.below(20) == 0) return static_cast<Call>(random.next());
  if (random.below(10) == 0) return static_cast<Call>(random.below(0x1100));
  const Call call = abi::call_texts[random.below(abi::call_texts.size())].number;
  const bool ends = call == Call::exit || call == Call::exit_group;
  return ends && random.below(16) != 0 ? random_call(random) : call;
}

}  // namespace

std::uint64_t random_argument(Random& random) {
  switch (random.below(14)) {
    case 0: return 0;
    case 1: return ~std::uint64_t{0};
    case 2:
    case 3: return random.below(8);
    case 4: return random.below(5'000);
    case 5: return std::uint64_t{1} << random.below(64);
    case 6: return random.next();
    case 7: return 0xffff'ffc0'8020'0000 + random.below(1 << 20);  // an address of the kernel
    case 8: return reinterpret_cast<std::uint64_t>(some_path);
    case 9: return reinterpret_cast<std::uint64_t>(&random) & ~std::uint64_t{4095};  // the stack
    case 10: return answers[random.below(answers.size())];
    case 11: return answers[random.below(answers.size())] + random.below(3) * page_size;
    default: return reinterpret_cast<std::uint64_t>(scratch.data()) + random.below(sizeof scratch);
  }
}

void keep_answer(Random& random, long answer) {
  if (answer > 0) answers[random.below(answers.size())] = static_cast<std::uint64_t>(answer);
}

void fill_scratch(Random& random) {
  for (auto& word : scratch) word = random.below(3) == 0 ? random.next() : random.below(100);
}

int make_calls(std::uint64_t seed, long count) {
  Random random{seed};
  const Pid parent = parent_id();
  fill_scratch(random);
  for (long i = 0; i < count; ++i) {
    const Call call = random_call(random);
    std::array<std::uint64_t, 6> arguments;
    for (auto& argument : arguments) argument = random_argument(random);
    if (aims_at_parent(call, arguments, parent)) continue;
    if (syscall(Call::write, report_fd, "c", 1) != 1) return 1;
    const long answer = syscall(call, arguments[0], arguments[1], arguments[2], arguments[3],
                                arguments[4], arguments[5]);
    keep_answer(random, answer);
  }
  return 0;
}

}  // namespace fuzz
