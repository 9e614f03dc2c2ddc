// fuzz [CALLS [SEED]]: system calls with random numbers and arguments, 200,000 unless told. Nothing
// that they do may end the machine or cost it memory for good.
//
// Children make the calls and report each through a pipe, a byte per call; many kill themselves,
// block, or break their own memory. The parent kills what has stopped reporting, collects what is
// left of a child's family, and goes on with the next. Left out is only what aims at the parent:
// reboot, and signals, limits and priorities for it.
//
//   fuzz --child SEED CALLS     makes calls; the pipe is descriptor 3
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

using namespace user;

namespace {

constexpr Fd report_fd = 3;
constexpr long calls_of_a_child = 2'000;
constexpr auto patience = 30ms;
constexpr long slack = 16;  // pages by which free memory may differ in the end: caches

struct Random {
  std::uint64_t state;
  std::uint64_t next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    auto mixed = state ^ state >> 29;
    mixed *= 0xbf58'476d'1ce4'e5b9u;
    return mixed ^ mixed >> 32;
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
};

long number_argument(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc{} && end == text.data() + text.size() && value >= 0,
        "a number is wanted, not {}", text);
  return value;
}

// The child

alignas(4096) std::array<std::uint64_t, 1024> scratch;  // what most pointers point into
char some_path[] = "/bin/true";

std::array<std::uint64_t, 16> answers{};  // what calls gave: descriptors, ids, mappings

std::uint64_t random_argument(Random& random) {
  switch (random.below(14)) {
    case 0: return 0;
    case 1: return ~std::uint64_t{0};
    case 2:
    case 3: return random.below(8);
    case 4: return random.below(5'000);
    case 5: return std::uint64_t{1} << random.below(64);
    case 6: return random.next();
    case 7: return 0xffff'ffc0'8020'0000 + random.below(1 << 20);  // the kernel's
    case 8: return reinterpret_cast<std::uint64_t>(some_path);
    case 9: return reinterpret_cast<std::uint64_t>(&random) & ~std::uint64_t{4095};  // the stack
    case 10: return answers[random.below(answers.size())];
    case 11: return answers[random.below(answers.size())] + random.below(3) * page_size;
    default: return reinterpret_cast<std::uint64_t>(scratch.data()) + random.below(sizeof scratch);
  }
}

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

// Mostly calls that Linux has. Those that end the child are rarer, or it would not live to see
// much.
Call random_call(Random& random) {
  if (random.below(20) == 0) return static_cast<Call>(random.next());
  if (random.below(10) == 0) return static_cast<Call>(random.below(0x1100));
  const Call call = abi::call_texts[random.below(abi::call_texts.size())].number;
  const bool ends = call == Call::exit || call == Call::exit_group;
  return ends && random.below(16) != 0 ? random_call(random) : call;
}

int make_calls(std::uint64_t seed, long count) {
  Random random{seed};
  const Pid parent = parent_id();
  for (auto& word : scratch) word = random.below(3) == 0 ? random.next() : random.below(100);
  for (long i = 0; i < count; ++i) {
    const Call call = random_call(random);
    std::array<std::uint64_t, 6> arguments;
    for (auto& argument : arguments) argument = random_argument(random);
    if (aims_at_parent(call, arguments, parent)) continue;
    if (syscall(Call::write, report_fd, "c", 1) != 1) return 1;
    const long answer = syscall(call, arguments[0], arguments[1], arguments[2], arguments[3],
                                arguments[4], arguments[5]);
    if (answer > 0) answers[random.below(answers.size())] = static_cast<std::uint64_t>(answer);
  }
  return 0;
}

// The parent

struct Tally {
  long calls = 0;
  int children = 0;
  int exited = 0;
  int killed = 0;  // by a signal of their own making
  int stuck = 0;
};

void collect_family(Pid first, Pid end) {
  for (Pid pid = first; pid < end; ++pid) static_cast<void>(kill(pid, abi::Signal::sigkill));
  while (wait(-1, abi::wnohang).value_or(Ended{0, abi::WaitStatus{}}).pid > 0) {
  }
}

// Ids are given in order: what the child has started has those between its own and the next.
Pid next_id(const char* path) {
  const char* const arguments[] = {path, "--nothing", nullptr};
  const Pid pid = must(spawn(path, arguments), "a child");
  must(wait(pid), "waiting");
  return pid;
}

void run_child(std::uint64_t seed, long calls, Tally& tally) {
  const Pipe reports = must(make_pipe(abi::o_cloexec), "a pipe");
  const Fd nothing = must(open("/dev/null", abi::o_rdwr | abi::o_cloexec), "/dev/null");
  const auto seed_text = format("{}", seed);
  const auto calls_text = format("{}", calls);
  const char* const arguments[] = {"fuzz", "--child", seed_text.c_str(), calls_text.c_str(),
                                   nullptr};
  const FdMapping fds[] = {
      {reports.write_end, report_fd}, {nothing, 0}, {nothing, 1}, {nothing, 2}};
  const Pid child = must(spawn(program_path(), arguments, {.fds = fds}), "a child");
  must(close(reports.write_end), "closing");
  must(close(nothing), "closing");
  ++tally.children;

  // Until the pipe is silent or hung up. A child that overwrote the pipe's descriptor is silent
  // too.
  std::array<abi::PollFd, 1> waiting{{{.fd = reports.read_end, .events = abi::pollin}}};
  bool silent = false;
  for (long reported = 0;
       reported < 4 * calls;) {  // a family may report more than its first member
    if (must(poll(waiting, patience), "poll") == 0) {
      silent = true;
      break;
    }
    std::array<char, 256> bytes;
    const auto count = must(read(reports.read_end, std::span<char>{bytes}), "reading");
    if (count == 0) break;
    reported += static_cast<long>(count);
    tally.calls += static_cast<long>(count);
  }
  must(close(reports.read_end), "closing");
  static_cast<void>(kill(child, abi::Signal::sigkill));
  const auto ended = wait(child);
  if (silent) {
    ++tally.stuck;
  } else if (ended && ended->status.was_killed()) {
    ++tally.killed;
  } else {
    ++tally.exited;
  }
  collect_family(child + 1, next_id(program_path()));
}

long free_pages() {
  must(sleep_for(20ms), "sleeping");  // what has ended is cleared away meanwhile
  return static_cast<long>(free_memory() / page_size);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--nothing") return 0;
  if (first == "--child" && argc == 4) {
    return make_calls(static_cast<std::uint64_t>(number_argument(argv[2])),
                      number_argument(argv[3]));
  }
  // Anywhere else it would hit other people's processes and files.
  check(on_cotrap(), "this runs on Cotrap alone");
  const long calls = argc > 1 ? number_argument(first) : 200'000;
  const long seed = argc > 2 ? number_argument(argv[2]) : 1;

  Tally warm_up, tally;
  for (std::uint64_t i = 0; i < 5; ++i) run_child(1'000'000 + i, calls_of_a_child, warm_up);
  const long before = free_pages();
  for (std::uint64_t i = 0; tally.calls < calls; ++i) {
    run_child(static_cast<std::uint64_t>(seed) * 1'000'003 + i, calls_of_a_child, tally);
  }
  const long after = free_pages();

  println("{} calls by {} children: {} ended by themselves, {} by a signal, {} were stuck",
          tally.calls, tally.children, tally.exited, tally.killed, tally.stuck);
  println("free pages: {} before, {} after", before, after);
  check(before - after <= slack, "no memory is lost, but {} pages are", before - after);
  return 0;
}
