#include <abi/flags.h>
#include <user/process.h>

#include <algorithm>
#include <array>

#include "rings.h"

namespace rings {
namespace {

void read_and_write(Ring& ring, Fd fd) {
  std::array<char, 8> in{};
  const std::array<char, 8> out{"0123456"};
  const auto from = std::as_bytes(std::span{out});
  check(answer_to(ring, write_next(fd, from, 1)) == 8, "a write writes all bytes");
  check(answer_to(ring, write_next(fd, from.first(4), 2)) == 4, "… the next one follows it");
  check(must(seek(fd, 0, abi::seek_cur), "seek") == 12, "… and both move the file's position");
  check(answer_to(ring, write_at(fd, from.first(2), 10, 3)) == 2,
        "a write at an offset writes all bytes");
  check(must(seek(fd, 0, abi::seek_cur), "seek") == 12, "… and does not move the file's position");
  check(answer_to(ring, read_at(fd, bytes_of(in), 8, 4)) == 4,
        "a read returns the bytes up to the end");
  check(std::string_view{in.data(), 4} == "0101", "… as they were written");
  must(seek(fd, 0, abi::seek_set), "seek");
  check(answer_to(ring, read_next(fd, bytes_of(in), 5)) == 8 && in == out,
        "a read starts at the file's position");
  check(answer_to(ring, read_at(fd, bytes_of(in), 100, 6)) == 0, "a read behind the end returns 0");
}

}  // namespace

void operations() {
  Ring ring = make_ring();
  check(answer_to(ring, nop(77)) == 0, "a nop returns 0");

  const Fd fd = answer_to(ring, open_file("/tmp/ring", abi::o_creat | abi::o_rdwr, 0600, 1));
  check(fd > 2, "an open returns a descriptor");
  read_and_write(ring, fd);
  check(answer_to(ring, close_file(fd, 2)) == 0, "a close succeeds");
  check(answer_to(ring, close_file(fd, 3)) == error(Errno::ebadf), "… only once");
  check(answer_to(ring, open_file("/no/such", 0, 0, 4)) == error(Errno::enoent),
        "an unknown path is ENOENT");
  check(
      answer_to(ring, open_file(reinterpret_cast<const char*>(8), 0, 0, 5)) == error(Errno::efault),
      "… and a bad address EFAULT");

  std::array<std::byte, 4> buffer{};
  check(answer_to(ring, read_next(1000, buffer, 6)) == error(Errno::ebadf),
        "an unknown descriptor is EBADF");
  const Fd zero = must(open("/dev/zero"), "zero");
  const std::span<std::byte> nowhere{reinterpret_cast<std::byte*>(4096), 4};
  check(answer_to(ring, read_next(zero, nowhere, 7)) == error(Errno::efault),
        "a bad buffer is EFAULT");
  check(answer_to(ring, write_next(zero, buffer, 8)) == error(Errno::ebadf),
        "a write to a file that is open for reading is EBADF");

  const auto unknown = static_cast<RingOperation>(200);
  check(answer_to(ring, {.operation = unknown, .user_data = 10}) == error(Errno::einval),
        "an unknown operation is EINVAL");
  check(answer_to(ring, {.flags = 0x80, .user_data = 11}) == error(Errno::einval),
        "… so are unknown flags");
  check(answer_to(ring, {.operation = RingOperation::link_timeout, .user_data = 12}) ==
            error(Errno::einval),
        "… and a link timeout without a link");
  check(answer_to(ring, timeout(0ns, 13)) == 0, "a timeout of 0 completes at once");

  const std::atomic<std::uint32_t> word = 0;
  check(answer_to(ring, wake_waiters(word, 1, 14)) == 0, "a wake without waiters returns 0");
  check(answer_to(ring, wait_for_word(word, 1, 15)) == error(Errno::eagain),
        "a wait for another value is EAGAIN");
  int status = 0;
  check(answer_to(ring, wait_for_child(-1, status, 16)) == error(Errno::echild),
        "a wait without children is ECHILD");
  std::array<abi::PollFd, 1> fds{{{.fd = zero, .events = abi::pollin}}};
  check(answer_to(ring, poll_files(fds, 17)) == 1 && fds[0].returned == abi::pollin,
        "a poll of a ready file completes at once");
}

void batches() {
  constexpr unsigned size = 64;
  Ring ring = make_ring(size);
  for (std::uint64_t round = 0; round < 100; ++round) {
    const unsigned count = round % size + 1;
    for (unsigned i = 0; i < count; ++i)
      check(ring.add(nop(round * 1000 + i)), "the ring has room");
    check(must(ring.enter(count), "enter") == count, "the kernel takes all submissions");
    for (unsigned i = 0; i < count; ++i) {
      const auto done = ring.take();
      check(done && done->user_data == round * 1000 + i, "they complete in order");
    }
  }

  // A batch of more work than the kernel does in one step.
  const Fd zero = must(open("/dev/zero"), "zero");
  std::vector<std::byte> memory(64 << 10, std::byte{1});
  for (unsigned i = 0; i < size; ++i)
    check(ring.add(read_next(zero, memory, i)), "the ring has room");
  check(must(ring.enter(size), "enter") == size, "one call takes a batch of long reads");
  for (const auto& done : take_all(ring, size))
    check(done.result == 64 << 10, "each read is complete");
  check(std::ranges::count(memory, std::byte{0}) == 64 << 10, "… and their bytes arrive");

  // The ring has room for the completions of two batches: the kernel takes nothing of a third
  // batch.
  for (int batch = 0; batch < 2; ++batch) {
    for (unsigned i = 0; i < size; ++i) check(ring.add(nop(i)), "the ring has room");
    check(must(ring.enter(), "enter") == size, "the kernel takes the batch");
  }
  check(ring.add(nop(1)), "the ring has room");
  check(must(ring.enter(), "enter") == 0, "the kernel takes nothing without room for a completion");
  check(ring.available() == 2 * size && ring.header().overflowed == 0, "… and loses no completion");
  check(ring.take() && must(ring.enter(), "enter") == 1, "… but takes it once there is room");

  // The kernel takes a chain only as a whole.
  check(ring.add(linked(read_next(1000, memory, 1))) && ring.add(nop(2)), "the ring has room");
  check(ring.take() && must(ring.enter(), "enter") == 0,
        "a chain of two is not taken with room for one");
  check(ring.take() && must(ring.enter(), "enter") == 2, "… but with room for both");
  const auto all = take_all(ring, 2 * size);
  check(all[2 * size - 2].result == error(Errno::ebadf) &&
            all[2 * size - 1].result == error(Errno::ecanceled),
        "the second does not start after the first fails");
}

}  // namespace rings
