#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "rings.h"

namespace rings {
namespace {

int result_of(const std::vector<abi::RingCompletion>& all, std::uint64_t data) {
  const auto found = std::ranges::find(all, data, &abi::RingCompletion::user_data);
  check(found != all.end(), "{} has completed", data);
  return found->result;
}

}  // namespace

void waits() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{}, out{};

  // Both in one call: the read waits for the write behind it.
  check(ring.add(read_next(pipe.read_end, in, 1)), "a place");
  check(ring.add(write_next(pipe.write_end, out, 2)), "a place");
  check(must(ring.enter(2), "enter") == 2, "both are taken");
  auto all = take_all(ring, 2);
  check(result_of(all, 1) == 4 && result_of(all, 2) == 4, "a read is answered by a write");

  // Another thread writes, and the call waits for as many completions as requested.
  check(ring.add(read_next(pipe.read_end, in, 3)), "a place");
  check(must(ring.enter(), "enter") == 1 && ring.available() == 0, "nothing is there yet");
  Thread writer{[&] {
    static_cast<void>(sleep_for(5ms));
    must(write(pipe.write_end, out), "writing");
  }};
  check(answer_of(ring, 3) == 4, "another thread's write answers it");
  writer.join();

  std::atomic<std::uint32_t> word = 1;
  for (std::uint64_t i = 0; i < 8; ++i) check(ring.add(wait_for_word(word, 1, i)), "a place");
  check(must(ring.enter(), "enter") == 8, "eight wait");
  Thread waker{[&] {
    for (int woken = 0; woken < 8;) {
      static_cast<void>(sleep_for(1ms));
      woken += futex_wake(word, 1);
    }
  }};
  check(must(ring.enter(5), "enter") == 0 && ring.available() >= 5, "five are waited for");
  for (const auto& done : take_all(ring, 8)) check(done.result == 0, "all eight are woken");

  std::array<abi::PollFd, 2> fds{{{.fd = pipe.read_end, .events = abi::pollin}, {.fd = -1}}};
  check(ring.add(poll_files(fds, 4)), "a place");
  check(must(ring.enter(), "enter") == 1 && ring.available() == 0, "nothing is ready");
  must(write(pipe.write_end, out), "writing");
  check(answer_of(ring, 4) == 1 && fds[0].returned == abi::pollin, "then something is");

  const char* const arguments[] = {"true", nullptr};
  const Pid child = must(spawn("/bin/true", arguments), "a child");
  int status = -1;
  check(answer_to(ring, wait_for_child(child, status, 5)) == child && status == 0,
        "a child's end is told");
}

void timeouts() {
  Ring ring = make_ring();
  const auto begin = now();
  for (const int ms : {30, 10, 20}) check(ring.add(timeout(ms * 1ms, ms)), "a place");
  check(must(ring.enter(3), "enter") == 3, "three are taken");
  for (const auto& done : take_all(ring, 3)) check(done.result == 0, "their time comes");
  check(now() - begin >= 30ms, "none is early");

  auto point = timeout(now() + 5ms, 1);
  point.options = abi::ring_absolute;
  check(answer_to(ring, point) == 0, "a point of time comes");
  check(answer_to(ring, point) == 0, "… and has come");

  // A timeout that expires, and one that the read's completion cancels.
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 1> byte{};
  for (const auto limit : {5ms, 10'000ms}) {
    check(ring.add(linked(read_next(pipe.read_end, byte, 1))), "a place");
    check(ring.add(link_timeout(limit, 2)), "a place");
    check(must(ring.enter(), "enter") == 2, "both are taken");
    if (limit > 1s) must(write(pipe.write_end, byte), "writing");
    const auto all = take_all(ring, 2);
    const bool passed = limit < 1s;
    check(result_of(all, 1) == (passed ? error(Errno::ecanceled) : 1), "the read");
    check(result_of(all, 2) == error(passed ? Errno::etime : Errno::ecanceled), "the limit");
  }
  std::array<abi::PollFd, 1> fds{{{.fd = pipe.read_end, .events = abi::pollin}}};
  check(ring.add(linked(poll_files(fds, 3))), "a place");
  check(ring.add(linked(link_timeout(1ms, 4))) && ring.add(nop(5)), "two places");
  const auto all = take_all(ring, 3);
  check(result_of(all, 3) == error(Errno::ecanceled), "a poll is cut too");
  check(result_of(all, 5) == error(Errno::ecanceled), "… and what hangs on it is not begun");

  check(ring.add(linked(nop(6))) && ring.add(link_timeout(1s, 7)), "two places");
  check(answer_of(ring, 6) == 0 && answer_of(ring, 7) == error(Errno::ecanceled),
        "what does not wait needs no limit");
}

void links() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{}, out{std::byte{7}};

  check(ring.add(linked(write_next(pipe.write_end, out, 1))), "a place");
  check(ring.add(linked(read_next(pipe.read_end, in, 2))), "a place");
  check(ring.add(nop(3)), "a place");
  check(must(ring.enter(), "enter") == 3 && ring.available() == 3, "a chain is answered at once");
  for (const std::uint64_t data : {1, 2, 3}) check(answer_of(ring, data) >= 0, "in its order");
  check(in == out, "the read is after the write");

  // The first of a chain waits, and so do the others; a submission that is not linked does not.
  check(ring.add(linked(read_next(pipe.read_end, in, 1))), "a place");
  check(ring.add(linked(timeout(1ms, 2))) && ring.add(nop(3)) && ring.add(nop(4)), "places");
  check(must(ring.enter(), "enter") == 4 && answer_of(ring, 4) == 0, "who is free goes first");
  check(ring.available() == 0, "the chain waits");
  must(write(pipe.write_end, out), "writing");
  for (const std::uint64_t data : {1, 2, 3}) check(answer_of(ring, data) >= 0, "in its order");

  // Chains that break: at once, while waiting, and by a short read.
  std::array<std::byte, 8> more{};
  check(ring.add(linked(read_next(1000, in, 1))) && ring.add(linked(nop(2))), "places");
  check(ring.add(nop(3)) && ring.add(nop(4)), "places");
  check(answer_of(ring, 1) == error(Errno::ebadf), "the first fails");
  check(answer_of(ring, 2) == error(Errno::ecanceled), "so the next is not begun");
  check(answer_of(ring, 3) == error(Errno::ecanceled), "nor the last");
  check(answer_of(ring, 4) == 0, "who is not linked is");
  must(write(pipe.write_end, out), "writing");
  check(ring.add(linked(read_next(pipe.read_end, more, 1))) && ring.add(nop(2)), "places");
  check(answer_of(ring, 1) == 4 && answer_of(ring, 2) == error(Errno::ecanceled),
        "a short read breaks a chain");
  check(ring.add(linked(read_next(pipe.read_end, more, 1))) && ring.add(nop(2)), "places");
  check(must(ring.enter(), "enter") == 2 && ring.available() == 0, "it waits");
  must(write(pipe.write_end, out), "writing");
  check(answer_of(ring, 1) == 4 && answer_of(ring, 2) == error(Errno::ecanceled),
        "… one that waited too");
}

void cancels() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{};
  check(answer_to(ring, cancel(1, 2)) == error(Errno::enoent), "there is nothing to cancel");

  const auto cancelled = [&](const abi::RingSubmission& submission, std::string_view what) {
    check(ring.add(submission), "a place");
    check(must(ring.enter(), "enter") == 1 && ring.available() == 0, "{} waits", what);
    must(sleep_for(1ms), "sleeping");
    check(answer_to(ring, cancel(submission.user_data, 9)) == 1, "{} is found", what);
    check(answer_of(ring, submission.user_data) == error(Errno::ecanceled), "{} is cut", what);
  };
  std::atomic<std::uint32_t> word = 0;
  cancelled(read_next(pipe.read_end, in, 1), "a read");
  cancelled(timeout(100s, 2), "a timeout");
  cancelled(wait_for_word(word, 0, 3), "a futex's wait");
  std::array<abi::PollFd, 1> fds{{{.fd = pipe.read_end, .events = abi::pollin}}};
  cancelled(poll_files(fds, 4), "a poll");

  // Cancels a request that has not begun, all requests with one user_data, and one in a chain that
  // waits.
  check(ring.add(timeout(100s, 1)) && ring.add(cancel(1, 2)), "places");
  check(answer_of(ring, 2) == 1 && answer_of(ring, 1) == error(Errno::ecanceled), "at once");
  for (int i = 0; i < 5; ++i) check(ring.add(timeout(100s, 1)), "a place");
  check(answer_to(ring, cancel(1, 2, abi::ring_cancel_all)) == 5, "all five");
  for (const auto& done : take_all(ring, 5)) check(done.result == error(Errno::ecanceled), "cut");
  check(ring.add(linked(read_next(pipe.read_end, in, 1))), "a place");
  check(ring.add(linked(timeout(100s, 2))) && ring.add(nop(3)), "places");
  check(answer_to(ring, cancel(2, 4)) == 1, "one that has not begun is found");
  must(write(pipe.write_end, in), "writing");
  check(answer_of(ring, 1) == 4, "those before it go on");
  check(answer_of(ring, 2) == error(Errno::ecanceled) &&
            answer_of(ring, 3) == error(Errno::ecanceled),
        "it is not begun, nor what is behind it");
}

void multishot() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  constexpr std::uint32_t piece = 4, pieces = 5;
  std::array<char, piece * pieces> memory{};
  auto again = piecewise(read_next(pipe.read_end, bytes_of(memory), 1), piece);
  check(ring.add(again) && must(ring.enter(), "enter") == 1, "it is taken");
  for (std::uint32_t i = 0; i < pieces; ++i) {
    must(write(pipe.write_end, format("{:02}", i)), "writing");
    const auto done = ring.wait();
    check(done && done->result == 2 && done->user_data == 1, "what came is told");
    check(done->flags >> abi::ring_piece_shift == i, "and which piece it is");
    check(((done->flags & abi::ring_more) != 0) == (i + 1 < pieces), "the last one is the last");
    check(std::string_view{&memory[i * piece], 2} == format("{:02}", i), "it is in its piece");
  }

  check(ring.add(again) && must(ring.enter(), "enter") == 1, "it is taken");
  must(close(pipe.write_end), "closing");
  const auto end = ring.wait();
  check(end && end->result == 0 && end->flags == 0, "the end of the file is its end");

  again.options = 0;
  check(answer_to(ring, again) == error(Errno::einval), "pieces are of some bytes");
  again.options = piece;
  again.flags |= abi::ring_link;
  check(answer_to(ring, again) == error(Errno::einval), "it is not linked");

  // A multishot read ends if its completions are not read, before any is lost.
  const Fd zero = must(open("/dev/zero"), "zero");
  std::vector<std::byte> much(1000);
  const auto flood = piecewise(read_next(zero, much, 2), 1);
  check(ring.add(flood) && must(ring.enter(32), "enter") == 1, "it is taken");
  check(ring.available() == 32 && ring.header().overflowed == 0, "as many as there is room for");
  const auto all = take_all(ring, 32);
  check(std::ranges::count(all, 1u, [](const auto& done) { return done.flags & abi::ring_more; }) ==
            31,
        "and the last of them says so");
}

void picked_up() {
  Ring ring = make_ring(16, abi::ring_sqpoll);
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{}, out{};
  const auto come = [&](unsigned count) {
    const auto end = now() + 5s;
    while (ring.available() < count) {
      check(now() < end, "completions come by themselves");
      yield();
    }
  };
  for (int round = 0; round < 200; ++round) {
    check(ring.add(read_next(pipe.read_end, in, 1)), "a place");
    check(ring.add(write_next(pipe.write_end, out, 2)), "a place");
    must(ring.enter(), "a look whether it sleeps");
    come(2);
    for (const auto& done : take_all(ring, 2)) check(done.result == 4, "they are answered");
  }
  check(ring.add(linked(read_next(pipe.read_end, in, 1))), "a place");
  must(sleep_for(200us), "sleeping");
  check(ring.add(nop(2)), "a place");
  must(sleep_for(200us), "sleeping");
  check(ring.available() == 0, "what is linked to a wait waits, whenever it was added");
  must(write(pipe.write_end, out), "writing");
  check(take_all(ring, 2).back().user_data == 2, "and begins after it");
  // While the poller polls, no call is needed; after a while it sleeps, and sets the flag.
  check(ring.add(nop(1)), "a place");
  must(ring.enter(), "enter");
  come(1);
  check(answer_of(ring, 1) == 0, "it is awake");
  const auto flags = [&] { return std::atomic_ref{ring.header().flags}.load(); };
  const auto end = now() + 5s;
  for (;;) {
    check(now() < end, "it goes to sleep, and takes nothing then");
    must(sleep_for(1ms), "sleeping");
    if (flags() != abi::ring_needs_wakeup) continue;
    check(ring.add(nop(2)), "a place");
    must(sleep_for(5ms), "sleeping");
    if (ring.available() == 0) break;
    check(answer_of(ring, 2) == 0, "it looks once more after it has said that it sleeps");
  }
  must(ring.enter(), "enter");
  check(answer_of(ring, 2) == 0, "until it is woken");
  check(answer_to(ring, timeout(3ms, 3)) == 0, "waiting goes on in a call");
}

}  // namespace rings
