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
  check(found != all.end(), "submission {} has completed", data);
  return found->result;
}

}  // namespace

void waits() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{}, out{};

  // One call submits a read and a write: the read waits for the write behind it.
  check(ring.add(read_next(pipe.read_end, in, 1)), "the ring has room");
  check(ring.add(write_next(pipe.write_end, out, 2)), "the ring has room");
  check(must(ring.enter(2), "enter") == 2, "the kernel takes both submissions");
  auto all = take_all(ring, 2);
  check(result_of(all, 1) == 4 && result_of(all, 2) == 4, "a write completes a read");

  // Another thread writes, and the call waits for as many completions as requested.
  check(ring.add(read_next(pipe.read_end, in, 3)), "the ring has room");
  check(must(ring.enter(), "enter") == 1 && ring.available() == 0, "the read waits");
  Thread writer{[&] {
    static_cast<void>(sleep_for(5ms));
    must(write(pipe.write_end, out), "writing");
  }};
  check(answer_of(ring, 3) == 4, "another thread's write completes it");
  writer.join();

  std::atomic<std::uint32_t> word = 1;
  for (std::uint64_t i = 0; i < 8; ++i)
    check(ring.add(wait_for_word(word, 1, i)), "the ring has room");
  check(must(ring.enter(), "enter") == 8, "eight requests wait");
  Thread waker{[&] {
    for (int woken = 0; woken < 8;) {
      static_cast<void>(sleep_for(1ms));
      woken += futex_wake(word, 1);
    }
  }};
  check(must(ring.enter(5), "enter") == 0 && ring.available() >= 5,
        "enter waits for five completions");
  for (const auto& done : take_all(ring, 8)) check(done.result == 0, "all eight are woken");

  std::array<abi::PollFd, 2> fds{{{.fd = pipe.read_end, .events = abi::pollin}, {.fd = -1}}};
  check(ring.add(poll_files(fds, 4)), "the ring has room");
  check(must(ring.enter(), "enter") == 1 && ring.available() == 0, "the poll waits");
  must(write(pipe.write_end, out), "writing");
  check(answer_of(ring, 4) == 1 && fds[0].returned == abi::pollin, "a write completes the poll");

  const char* const arguments[] = {"true", nullptr};
  const Pid child = must(spawn("/bin/true", arguments), "a child");
  int status = -1;
  check(answer_to(ring, wait_for_child(child, status, 5)) == child && status == 0,
        "the end of a child completes a wait");
}

void timeouts() {
  Ring ring = make_ring();
  const auto begin = now();
  for (const int ms : {30, 10, 20}) check(ring.add(timeout(ms * 1ms, ms)), "the ring has room");
  check(must(ring.enter(3), "enter") == 3, "the kernel takes three timeouts");
  for (const auto& done : take_all(ring, 3))
    check(done.result == 0, "each timeout completes with 0");
  check(now() - begin >= 30ms, "no timeout is early");

  auto point = timeout(now() + 5ms, 1);
  point.options = abi::ring_absolute;
  check(answer_to(ring, point) == 0, "an absolute timeout completes");
  check(answer_to(ring, point) == 0, "… also if its time has passed");

  // A timeout that expires, and one that the read's completion cancels.
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 1> byte{};
  for (const auto limit : {5ms, 10'000ms}) {
    check(ring.add(linked(read_next(pipe.read_end, byte, 1))), "the ring has room");
    check(ring.add(link_timeout(limit, 2)), "the ring has room");
    check(must(ring.enter(), "enter") == 2, "the kernel takes both submissions");
    if (limit > 1s) must(write(pipe.write_end, byte), "writing");
    const auto all = take_all(ring, 2);
    const bool passed = limit < 1s;
    check(result_of(all, 1) == (passed ? error(Errno::ecanceled) : 1), "the read");
    check(result_of(all, 2) == error(passed ? Errno::etime : Errno::ecanceled), "the limit");
  }
  std::array<abi::PollFd, 1> fds{{{.fd = pipe.read_end, .events = abi::pollin}}};
  check(ring.add(linked(poll_files(fds, 3))), "the ring has room");
  check(ring.add(linked(link_timeout(1ms, 4))) && ring.add(nop(5)), "the ring has room");
  const auto all = take_all(ring, 3);
  check(result_of(all, 3) == error(Errno::ecanceled), "a link timeout cancels a poll, too");
  check(result_of(all, 5) == error(Errno::ecanceled), "… and the rest of the chain does not start");

  check(ring.add(linked(nop(6))) && ring.add(link_timeout(1s, 7)), "the ring has room");
  check(answer_of(ring, 6) == 0 && answer_of(ring, 7) == error(Errno::ecanceled),
        "a link timeout of a finished request is cancelled");
}

void links() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{}, out{std::byte{7}};

  check(ring.add(linked(write_next(pipe.write_end, out, 1))), "the ring has room");
  check(ring.add(linked(read_next(pipe.read_end, in, 2))), "the ring has room");
  check(ring.add(nop(3)), "the ring has room");
  check(must(ring.enter(), "enter") == 3 && ring.available() == 3, "a chain completes at once");
  for (const std::uint64_t data : {1, 2, 3})
    check(answer_of(ring, data) >= 0, "the chain completes in order");
  check(in == out, "the read is after the write");

  // The first submission of a chain waits, so the others wait too. A submission outside the chain
  // does not wait.
  check(ring.add(linked(read_next(pipe.read_end, in, 1))), "the ring has room");
  check(ring.add(linked(timeout(1ms, 2))) && ring.add(nop(3)) && ring.add(nop(4)),
        "the ring has room");
  check(must(ring.enter(), "enter") == 4 && answer_of(ring, 4) == 0,
        "an unlinked submission does not wait for the chain");
  check(ring.available() == 0, "the chain waits");
  must(write(pipe.write_end, out), "writing");
  for (const std::uint64_t data : {1, 2, 3})
    check(answer_of(ring, data) >= 0, "the chain completes in order");

  // Chains that break: at once, while waiting, and by a short read.
  std::array<std::byte, 8> more{};
  check(ring.add(linked(read_next(1000, in, 1))) && ring.add(linked(nop(2))), "the ring has room");
  check(ring.add(nop(3)) && ring.add(nop(4)), "the ring has room");
  check(answer_of(ring, 1) == error(Errno::ebadf), "the first fails");
  check(answer_of(ring, 2) == error(Errno::ecanceled), "… so the next does not start");
  check(answer_of(ring, 3) == error(Errno::ecanceled), "… nor the last");
  check(answer_of(ring, 4) == 0, "an unlinked submission starts");
  must(write(pipe.write_end, out), "writing");
  check(ring.add(linked(read_next(pipe.read_end, more, 1))) && ring.add(nop(2)),
        "the ring has room");
  check(answer_of(ring, 1) == 4 && answer_of(ring, 2) == error(Errno::ecanceled),
        "a short read breaks a chain");
  check(ring.add(linked(read_next(pipe.read_end, more, 1))) && ring.add(nop(2)),
        "the ring has room");
  check(must(ring.enter(), "enter") == 2 && ring.available() == 0, "the chain waits");
  must(write(pipe.write_end, out), "writing");
  check(answer_of(ring, 1) == 4 && answer_of(ring, 2) == error(Errno::ecanceled),
        "… also after a wait");
}

void cancels() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{};
  check(answer_to(ring, cancel(1, 2)) == error(Errno::enoent),
        "a cancellation without a target is ENOENT");

  const auto cancelled = [&](const abi::RingSubmission& submission, std::string_view what) {
    check(ring.add(submission), "the ring has room");
    check(must(ring.enter(), "enter") == 1 && ring.available() == 0, "{} waits", what);
    must(sleep_for(1ms), "sleeping");
    check(answer_to(ring, cancel(submission.user_data, 9)) == 1, "the cancellation finds {}", what);
    check(answer_of(ring, submission.user_data) == error(Errno::ecanceled),
          "{} ends with ECANCELED", what);
  };
  std::atomic<std::uint32_t> word = 0;
  cancelled(read_next(pipe.read_end, in, 1), "a read");
  cancelled(timeout(100s, 2), "a timeout");
  cancelled(wait_for_word(word, 0, 3), "a futex's wait");
  std::array<abi::PollFd, 1> fds{{{.fd = pipe.read_end, .events = abi::pollin}}};
  cancelled(poll_files(fds, 4), "a poll");

  // Cancels a request that has not begun, all requests with one user_data, and one in a chain that
  // waits.
  check(ring.add(timeout(100s, 1)) && ring.add(cancel(1, 2)), "the ring has room");
  check(answer_of(ring, 2) == 1 && answer_of(ring, 1) == error(Errno::ecanceled),
        "a cancellation in the same batch works");
  for (int i = 0; i < 5; ++i) check(ring.add(timeout(100s, 1)), "the ring has room");
  check(answer_to(ring, cancel(1, 2, abi::ring_cancel_all)) == 5,
        "a cancellation of all finds five");
  for (const auto& done : take_all(ring, 5))
    check(done.result == error(Errno::ecanceled), "each of them is cancelled");
  check(ring.add(linked(read_next(pipe.read_end, in, 1))), "the ring has room");
  check(ring.add(linked(timeout(100s, 2))) && ring.add(nop(3)), "the ring has room");
  check(answer_to(ring, cancel(2, 4)) == 1,
        "the cancellation finds a request that has not started");
  must(write(pipe.write_end, in), "writing");
  check(answer_of(ring, 1) == 4, "the request before it continues");
  check(answer_of(ring, 2) == error(Errno::ecanceled) &&
            answer_of(ring, 3) == error(Errno::ecanceled),
        "the cancelled request and the one behind it do not start");
}

void multishot() {
  Ring ring = make_ring();
  const Pipe pipe = must(make_pipe(), "a pipe");
  constexpr std::uint32_t piece = 4, pieces = 5;
  std::array<char, piece * pieces> memory{};
  auto again = piecewise(read_next(pipe.read_end, bytes_of(memory), 1), piece);
  check(ring.add(again) && must(ring.enter(), "enter") == 1, "the kernel takes the read");
  for (std::uint32_t i = 0; i < pieces; ++i) {
    must(write(pipe.write_end, format("{:02}", i)), "writing");
    const auto done = ring.wait();
    check(done && done->result == 2 && done->user_data == 1,
          "a multishot read completes with the bytes that arrived");
    check(done->flags >> abi::ring_piece_shift == i, "… with the number of the piece");
    check(((done->flags & abi::ring_more) != 0) == (i + 1 < pieces),
          "… and with ring_more except for the last");
    check(std::string_view{&memory[i * piece], 2} == format("{:02}", i),
          "the bytes are in their piece");
  }

  check(ring.add(again) && must(ring.enter(), "enter") == 1, "the kernel takes the read");
  must(close(pipe.write_end), "closing");
  const auto end = ring.wait();
  check(end && end->result == 0 && end->flags == 0, "the end of the file ends the read");

  again.options = 0;
  check(answer_to(ring, again) == error(Errno::einval), "pieces of length 0 are EINVAL");
  again.options = piece;
  again.flags |= abi::ring_link;
  check(answer_to(ring, again) == error(Errno::einval), "a linked multishot read is EINVAL");

  // A multishot read ends if its completions are not read, before any is lost.
  const Fd zero = must(open("/dev/zero"), "zero");
  std::vector<std::byte> much(1000);
  const auto flood = piecewise(read_next(zero, much, 2), 1);
  check(ring.add(flood) && must(ring.enter(32), "enter") == 1, "the kernel takes the read");
  check(ring.available() == 32 && ring.header().overflowed == 0,
        "a multishot read stops when the ring is full");
  const auto all = take_all(ring, 32);
  check(std::ranges::count(all, 1u, [](const auto& done) { return done.flags & abi::ring_more; }) ==
            31,
        "… and its last completion has no ring_more");
}

void submission_polling() {
  Ring ring = make_ring(16, abi::ring_sqpoll);
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> in{}, out{};
  const auto come = [&](unsigned count) {
    for (int i = 0; i < 1'000 && ring.available() < count; ++i) yield();  // the poller stays awake
    check(eventually([&] { return ring.available() >= count; }), "the requests complete");
  };
  for (int round = 0; round < 200; ++round) {
    check(ring.add(read_next(pipe.read_end, in, 1)), "the ring has room");
    check(ring.add(write_next(pipe.write_end, out, 2)), "the ring has room");
    must(ring.enter(), "a look whether it sleeps");
    come(2);
    for (const auto& done : take_all(ring, 2)) check(done.result == 4, "both requests complete");
  }
  check(ring.add(linked(read_next(pipe.read_end, in, 1))), "the ring has room");
  must(sleep_for(200us), "sleeping");
  check(ring.add(nop(2)), "the ring has room");
  must(sleep_for(200us), "sleeping");
  check(ring.available() == 0, "a submission linked to a waiting one waits, even if added later");
  must(write(pipe.write_end, out), "writing");
  check(take_all(ring, 2).back().user_data == 2, "… and starts after it");
  // While the poller polls, no call is needed; after a while it sleeps, and sets the flag.
  check(ring.add(nop(1)), "the ring has room");
  must(ring.enter(), "enter");
  come(1);
  check(answer_of(ring, 1) == 0, "the poller is awake");
  const auto flags = [&] { return std::atomic_ref{ring.header().flags}.load(); };
  for (;;) {
    check(eventually([&] { return flags() == abi::ring_needs_wakeup; }), "the poller falls asleep");
    check(ring.add(nop(2)), "the ring has room");
    must(sleep_for(5ms), "sleeping");
    if (ring.available() == 0) break;
    check(answer_of(ring, 2) == 0, "the poller polls once more after it sets the flag");
  }
  must(ring.enter(), "enter");
  check(answer_of(ring, 2) == 0, "ring_enter wakes the poller");
  check(answer_to(ring, timeout(3ms, 3)) == 0, "a wait in ring_enter works");
}

}  // namespace rings
