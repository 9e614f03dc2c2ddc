// Threads and programs that end with many in-flight requests leave nothing behind.
#include <user/process.h>
#include <user/thread.h>

#include <array>

#include "../free_pages.h"
#include "rings.h"

namespace rings {
namespace {

constexpr unsigned in_flight = 32;
constexpr long slack = 4;  // pages

std::atomic<std::uint32_t> word = 0;
std::array<std::byte, in_flight> memory;

// Submits reads, futex waits, timeouts and chains that never complete.
void fill(Ring& ring, Fd fd) {
  for (unsigned i = 0; i < in_flight; ++i) {
    const std::span<std::byte> byte{&memory[i], 1};
    abi::RingSubmission submission = read_next(fd, byte, i);
    if (i % 4 == 1) submission = timeout(1000s, i);
    if (i % 4 == 2) {
      submission = wait_for_word(word, 0, i);
    }
    check(ring.add(i % 3 == 0 ? linked(submission) : submission), "the ring has room");
  }
  must(ring.enter(), "enter");
}

struct Left {
  Pipe pipe = must(make_pipe(), "a pipe");
  Ring ring;
  explicit Left(std::uint32_t flags) : ring{make_ring(in_flight, flags)} {
    fill(ring, pipe.read_end);
  }
};

void run_child(const char* how, bool killed) {
  const char* const arguments[] = {"rings", "--leave", how, nullptr};
  const Pid child = must(spawn(program_path(), arguments), "a child");
  if (killed) {
    must(sleep_for(2ms), "sleeping");
    must(kill(child, abi::Signal::sigkill), "killing");
  }
  const auto status = must(wait(child), "waiting").status;
  check(killed || (status.has_exited() && status.exit_code() == 0),
        "a child that ends by {} succeeds", how);
}

constexpr const char* ways[] = {"exit", "exec", "thread", "pick-up"};

void run_round() {
  for (const char* const how : ways) run_child(how, false);
  run_child("wait", true);
}

}  // namespace

int leave(std::string_view how) {
  Left left{how == "pick-up" ? abi::ring_sqpoll : 0};
  if (how == "exec") {
    const char* const arguments[] = {"true", nullptr};
    syscall(Call::execve, "/bin/true", arguments, nullptr);
    return 1;
  }
  if (how == "thread") {
    Thread other{[] {
      Left more{0};
      syscall(Call::exit, 0);  // no destructor runs
    }};
    other.join();
  }
  if (how == "wait") must(left.ring.enter(in_flight), "enter");
  exit(0);
}

void ends() {
  run_round();
  const long missing = pages_taken(slack, [] {
    for (int i = 0; i < 10; ++i) run_round();
    Left left{0};
    must(call(abi::ring_close), "closing");  // the in-flight requests never complete
  });
  check(missing <= slack, "no memory leaks, but {} pages are missing", missing);
}

}  // namespace rings
