// fuzz calls|rings COUNT SEED: makes system calls with random numbers and arguments, or rings with
// random contents. They may not crash the machine or leak memory.
//
// Children make the calls and report each call (for rings, each batch) by a byte through a pipe.
// Many children kill themselves, block, or break their own memory. The parent kills a child that
// has stopped reporting, kills the processes that the child has started, and continues with the
// next child.
//
//   fuzz calls|rings --child SEED COUNT     makes calls; the pipe is descriptor 3
#include <abi/ipc.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "../free_pages.h"
#include "fuzz.h"

using namespace user;

namespace {

constexpr long calls_of_a_child = 2'000;
constexpr auto time_limit = 30ms;
constexpr long slack = 16;  // tolerated difference in free pages at the end, for caches

long number_argument(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc{} && end == text.data() + text.size() && value >= 0,
        "expected a number, not {}", text);
  return value;
}

// ── The parent: it starts the children, and kills those that hang ──

struct Tally {
  long calls = 0;
  int children = 0;
  int exited = 0;
  int killed = 0;  // by a signal that they caused
  int stuck = 0;
};

// Kills all other processes, and reaps those that have ended. This program is the first process, so
// processes that a child has started become its children.
void collect_others() {
  static_cast<void>(kill(-1, abi::Signal::sigkill));
  while (wait(-1, abi::wnohang).value_or(Ended{0, abi::WaitStatus{}}).pid > 0) {
  }
}

// Removes all objects of one kind of System V IPC, which outlive their processes. `control` is its
// call, which takes the number of a semaphore, too; `stat` gives the identifier of an index.
void remove_objects(abi::Call control, int stat) {
  alignas(8) std::array<std::byte, 256> about;
  const auto ask = [&](long object, int command) {
    return control == abi::Call::semctl ? syscall(control, object, 0, command, about.data())
                                        : syscall(control, object, command, about.data());
  };
  for (long index = ask(0, abi::ipc_info); index >= 0; --index) {
    if (const long object = ask(index, stat); object >= 0) ask(object, abi::ipc_rmid);
  }
}

void run_child(const char* kind, std::uint64_t seed, long calls, Tally& tally) {
  const Pipe reports = must(make_pipe(abi::o_cloexec), "a pipe");
  const Fd nothing = must(open("/dev/null", abi::o_rdwr | abi::o_cloexec), "/dev/null");
  const auto seed_text = format("{}", seed);
  const auto calls_text = format("{}", calls);
  const char* const arguments[] = {"fuzz", kind, "--child", seed_text.c_str(), calls_text.c_str(),
                                   nullptr};
  const FdMapping fds[] = {
      {reports.write_end, fuzz::report_fd}, {nothing, 0}, {nothing, 1}, {nothing, 2}};
  const Pid child = must(spawn(program_path(), arguments, {.fds = fds}), "a child");
  must(close(reports.write_end), "closing");
  must(close(nothing), "closing");
  ++tally.children;

  // Reads reports until the pipe is silent or hung up. A child that has overwritten the pipe's
  // descriptor is silent too.
  std::array<abi::PollFd, 1> waiting{{{.fd = reports.read_end, .events = abi::pollin}}};
  bool silent = false;
  for (long reported = 0;
       reported < 4 * calls;) {  // processes that the child has started report too
    if (must(poll(waiting, time_limit), "poll") == 0) {
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
  collect_others();
  remove_objects(abi::Call::shmctl, abi::shm_stat);
  remove_objects(abi::Call::semctl, abi::sem_stat);
  remove_objects(abi::Call::msgctl, abi::msg_stat);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc > 1 ? argv[1] : "";
  check(argc >= 4 && (kind == "calls" || kind == "rings"), "usage: fuzz calls|rings COUNT SEED");
  if (argv[2] == std::string_view{"--child"} && argc == 5) {
    const auto seed = static_cast<std::uint64_t>(number_argument(argv[3]));
    const auto make = kind == "rings" ? fuzz::make_batches : fuzz::make_calls;
    return make(seed, number_argument(argv[4]));
  }
  // On Linux it could harm other processes and files.
  check(on_cotrap(), "this program runs only on Cotrap");
  const long calls = number_argument(argv[2]);
  const long seed = number_argument(argv[3]);

  Tally warm_up, tally;
  for (std::uint64_t i = 0; i < 5; ++i) {
    run_child(argv[1], 1'000'000 + i, calls_of_a_child, warm_up);
  }
  std::uint64_t child = 0;
  long enough = 0;
  const long missing = pages_taken(slack, [&] {
    for (enough += calls; tally.calls < enough; ++child) {
      run_child(argv[1], static_cast<std::uint64_t>(seed) * 1'000'003 + child, calls_of_a_child,
                tally);
    }
  });
  println("{} {} by {} children: {} ended by themselves, {} by a signal, {} were stuck",
          tally.calls, kind == "rings" ? "batches" : "calls", tally.children, tally.exited,
          tally.killed, tally.stuck);
  check(missing <= slack, "no memory leaks, but {} pages are missing", missing);
  return 0;
}
