// coroutines PART: runs one test of the coroutines of a program (user/async.h).
#include <abi/shared_priority.h>
#include <user/async.h>
#include <user/check.h>
#include <user/process.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <string_view>
#include <utility>

using namespace user;
using async::Task;

namespace {

std::span<std::byte> bytes_of(auto& value) {
  return std::as_writable_bytes(std::span{&value, 1});
}

// Reads and writes return what the system calls return, errors included.
Task<int> answers() {
  const Fd file = must(open("/tmp/words", abi::o_creat | abi::o_rdwr), "a file");
  int word = 7, found = 0;
  check(co_await sys::write(file, bytes_of(word)) == sizeof word, "a word is written");
  check(co_await sys::write_at(file, bytes_of(word), 8) == sizeof word, "… also at an offset");
  check(co_await sys::read(file, bytes_of(found)) == sizeof found && found == 0, "a hole");
  check(co_await sys::read_at(file, bytes_of(found), 8) == sizeof found && found == 7, "a word");
  check(co_await sys::read_at(file, bytes_of(found), 100) == 0, "the end of the file");
  must(close(file), "closing");
  const auto closed = co_await sys::read(file, bytes_of(found));
  check(!closed && closed.error() == Errno::ebadf, "errors are those of the call");
  co_return word;
}

// The other calls: open, close, poll, futex_wait and wait.
Task<> waits_of_every_kind() {
  const auto none = co_await sys::open("/no/such");
  check(!none && none.error() == Errno::enoent, "an unknown path is ENOENT");
  const Fd file = must(co_await sys::open("/tmp/opened", abi::o_creat | abi::o_rdwr), "a file");
  must(co_await sys::close(file), "closing");
  check(!co_await sys::close(file), "a second close fails");

  const auto pipe = must(make_pipe(), "a pipe");
  std::array<abi::PollFd, 1> fds{{{.fd = pipe.read_end, .events = abi::pollin}}};
  check(!co_await async::with_deadline(async::now() + 1ms, sys::poll(fds)),
        "a poll of an empty pipe times out");
  std::atomic<std::uint32_t> word = 0;
  const auto change = [](std::atomic<std::uint32_t>& word, Fd to) -> Task<> {
    co_await async::sleep_for(1ms);
    word = 1;
    futex_wake(word, 1);
    char byte = 'x';
    check(co_await sys::write(to, bytes_of(byte)) == 1, "a byte");
  };
  auto changing = async::spawn(change(word, pipe.write_end));
  while (word == 0) {
    const auto woken = co_await sys::futex_wait(word, 0);
    check(woken || word == 1, "a futex wait ends when the word has changed");
  }
  check(co_await sys::poll(fds) == 1 && fds[0].returned == abi::pollin,
        "a poll ends when a byte arrives");
  co_await std::move(changing);
  const auto other = co_await sys::futex_wait(word, 0);
  check(!other && other.error() == Errno::eagain, "a wait for an old value is EAGAIN");

  const char* const arguments[] = {"false", nullptr};
  const Pid child = must(spawn("/bin/false", arguments), "a child");
  const Ended ended = must(co_await sys::wait(child), "its end");
  check(ended.pid == child && ended.status.exit_code() == 1, "wait returns the child's status");
  const auto no_child = co_await sys::wait();
  check(!no_child && no_child.error() == Errno::echild, "a wait without children is ECHILD");
}

void operations() {
  run(waits_of_every_kind());
  check(run(answers()) == 7, "run() returns the task's result");
  check(run(answers()) == 7, "run() works a second time");
}

// More calls at once than the ring can hold: the others wait.

constexpr int readers = 6'000;

Task<> read_one(Fd fd, int& sum) {
  char byte = 0;
  check(co_await sys::read(fd, bytes_of(byte)) == 1, "each coroutine reads a byte");
  sum += byte;
}

Task<> read_all() {
  const auto pipe = must(make_pipe(), "a pipe");
  int sum = 0;
  Thread writer{[&] {
    const std::array<std::byte, 100> ones{std::byte{1}};
    for (int written = 0; written < readers; written += 100) {
      must(sleep_for(1ms), "sleeping");
      check(write(pipe.write_end, ones) == ones.size(), "bytes for some of them");
    }
  }};
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (int i = 0; i < readers; ++i) scope.spawn(read_one(pipe.read_end, sum));
    co_return;
  });
  writer.join();
  check(sum == readers / 100, "each byte is read once: {}", sum);
}

// Cancelled calls

Task<> read_expecting(Fd fd, Errno expected) {
  char byte = 0;
  const auto done = co_await sys::read(fd, bytes_of(byte));
  check(!done && done.error() == expected, "a cancelled read is ECANCELED");
}

Task<> cancels() {
  const auto pipe = must(make_pipe(), "a pipe");
  char byte = 'x';
  for (int i = 0; i < 100; ++i) {
    auto reader = async::spawn(read_expecting(pipe.read_end, Errno::ecanceled));
    if (i % 2 == 0) co_await async::sleep_for(100us);
    reader.cancel();
    co_await std::move(reader);
    const auto late = co_await async::with_deadline(async::now() + 50us,
                                                    sys::read(pipe.read_end, bytes_of(byte)));
    check(!late, "a deadline ends a read");
  }
  check(co_await sys::write(pipe.write_end, bytes_of(byte)) == 1, "a byte");
  check(co_await sys::read(pipe.read_end, bytes_of(byte)) == 1,
        "no cancelled read has taken the byte");
}

// If a read has completed when its deadline passes, its bytes are not lost.
Task<unsigned> read_by_deadlines(Fd from) {
  unsigned bytes = 0;
  char byte = 0;
  for (unsigned i = 0;; ++i) {
    const auto deadline = async::now() + std::chrono::microseconds{100 + i % 37};
    const auto done = co_await async::with_deadline(deadline, sys::read(from, bytes_of(byte)));
    if (!done) continue;
    if (must(*done, "reading") == 0) co_return bytes;
    ++bytes;
  }
}

void reads_in_time() {
  constexpr unsigned bytes = 8'000;
  const auto pipe = must(make_pipe(), "a pipe");
  Thread writer{[&] {
    for (unsigned i = 0; i < bytes; ++i) {
      must(write(pipe.write_end, "x"), "writing");
      const auto next = now() + std::chrono::microseconds{60 + i * 2'654'435'769u % 100};
      while (now() < next) continue;
    }
    must(close(pipe.write_end), "closing");
  }};
  const unsigned read = run(read_by_deadlines(pipe.read_end));
  check(read == bytes, "{} of {} bytes are read", read, bytes);
}

// While all coroutines wait, their thread uses no time, so a less urgent thread on its hart can
// write.

Task<> sleep_and_read(Fd fd, int& sum) {
  co_await async::sleep_for(1ms);
  co_await read_one(fd, sum);
}

void waits() {
  must(set_affinity(0, 1), "one hart");
  const auto pipe = must(make_pipe(), "a pipe");
  Thread writer{[&] {
    char byte = 1;
    for (int i = 0; i < 3; ++i) {
      must(sleep_for(5ms), "sleeping");
      must(write(pipe.write_end, bytes_of(byte)), "a byte");
    }
  }};
  must(set_realtime_priority(0, 50), "a real-time priority");
  int sum = 0;
  for (int i = 0; i < 3; ++i) run(sleep_and_read(pipe.read_end, sum));
  check(sum == 3, "every byte has arrived");
}

// A coroutine that is always ready does not stop the others.

Task<> compute(const bool& stop, long& rounds) {
  while (!stop) {
    ++rounds;
    co_await async::yield();
  }
}

Task<> read_beside(Fd fd, bool& stop) {
  int sum = 0;
  for (int i = 0; i < 10; ++i) co_await read_one(fd, sum);
  stop = true;
}

Task<> write_now_and_then(Fd fd) {
  char byte = 1;
  for (int i = 0; i < 10; ++i) {
    co_await async::sleep_for(200us);
    check(co_await sys::write(fd, bytes_of(byte)) == 1, "a byte");
  }
}

Task<> busy_one() {
  const auto pipe = must(make_pipe(), "a pipe");
  bool stop = false;
  long rounds = 0;
  co_await async::when_all(compute(stop, rounds), read_beside(pipe.read_end, stop),
                           write_now_and_then(pipe.write_end));
  check(rounds > 0, "the computing coroutine runs beside the others");
}

// A program whose coroutines all wait for each other aborts.

Task<> receive_nothing() {
  async::Channel<int, 1> channel;
  (void)co_await channel.receive();
}

void deadlock() {
  run(receive_nothing());
}

void deadlocks() {
  const char* const arguments[] = {"coroutines", "--deadlock", nullptr};
  must(spawn(program_path(), arguments, {}), "a program");
  const auto ended = must(wait(), "waiting");
  check(ended.status.was_killed() && ended.status.signal() == abi::Signal::sigabrt,
        "SIGABRT ends a program with a deadlock of coroutines");
}

// Misuse of share_priority.

bool refuses(std::uintptr_t address, Errno expected) {
  const auto done = call(abi::share_priority, address);
  return !done && done.error() == expected;
}

Task<> talk() {
  for (int i = 0; i < 50; ++i) {
    co_await async::yield();
    co_await async::sleep_for(10us);
  }
}

void priorities() {
  check(refuses(12, Errno::einval), "an odd address");
  check(refuses(8, Errno::efault), "an unmapped address");
  check(refuses(~std::uintptr_t{0} << 12, Errno::efault), "an address of the kernel");
  auto* const page = must(map_memory(page_size, abi::prot_read | abi::prot_write), "a page");
  auto& shared = *new (page) abi::SharedPriority;
  must(call(abi::share_priority, page), "sharing");
  std::atomic<bool> stop = false;
  Thread other{[&] {
    while (!stop) must(sleep_for(10us), "sleeping");
  }};
  for (const std::uint32_t demotion : {0u, 31u, 32u, 4'000'000'000u, 0u}) {
    std::atomic_ref{shared.demotion} = demotion;
    for (int i = 0; i < 20; ++i) must(sleep_for(10us), "sleeping");
  }
  must(protect_memory(page, page_size, abi::prot_read), "taking away the right to write");
  for (int i = 0; i < 20; ++i) must(sleep_for(10us), "sleeping");
  must(unmap_memory(page, page_size), "taking it away");
  for (int i = 0; i < 20; ++i) must(sleep_for(10us), "sleeping");
  stop = true;
  other.join();
  run(talk(), {.shares_priority = true});
  must(call(abi::share_priority, nullptr), "ending the sharing");
}

constexpr auto parts = std::to_array<std::pair<std::string_view, void (*)()>>({
    {"operations", operations},
    {"many", [] { run(read_all()); }},
    {"cancels", [] { run(cancels()); }},
    {"in-time", reads_in_time},
    {"waits", waits},
    {"busy", [] { run(busy_one()); }},
    {"deadlocks", deadlocks},
    {"--deadlock", deadlock},
    {"priorities", priorities},
});

}  // namespace

int main(int argc, char** argv) {
  for (const auto& [name, run] : parts) {
    if (argc == 2 && argv[1] == name) return run(), 0;
  }
  fail("usage: coroutines PART");
}
