#include <algorithm>
#include <array>
#include <atomic>

#include "rings.h"

namespace rings {
namespace {

constexpr std::uint32_t rights = abi::prot_read | abi::prot_write;

bool refused(Result<void> made, Errno why) {
  return !made && made.error() == why;
}

}  // namespace

void broken() {
  check(refused(call(abi::ring_enter, 0, 0, 0), Errno::enxio), "there is no ring");
  check(refused(call(abi::ring_close), Errno::enxio), "… to close either");
  std::byte* const memory = must(map_memory(2 * page_size, rights), "memory");
  const auto set_up = [](void* at, std::uint32_t submissions, std::uint32_t completions,
                         std::uint32_t flags = 0) {
    return call(abi::ring_set_up, at, submissions, completions, flags);
  };
  check(refused(set_up(memory + 8, 4, 4), Errno::einval), "it is aligned");
  check(refused(set_up(memory, 3, 4), Errno::einval), "numbers are powers of two");
  check(refused(set_up(memory, 0, 4), Errno::einval), "… not 0");
  check(refused(set_up(memory, 8, 4), Errno::einval), "there are as many completions");
  check(refused(set_up(memory, 2 * abi::most_submissions, 4096), Errno::einval), "not too many");
  check(refused(set_up(memory, 4, 4, 0x80), Errno::einval), "no unknown flags");
  check(refused(set_up(nullptr, 4, 4), Errno::efault), "there is memory");
  check(refused(set_up(memory, 128, 128), Errno::efault), "… all of it");
  check(refused(set_up(reinterpret_cast<void*>(std::uintptr_t{1} << 63), 4, 4), Errno::efault),
        "it is the program's");

  Ring ring = make_ring(16);
  check(refused(set_up(memory, 4, 4), Errno::ebusy), "there is one already");
  check(refused(call(abi::ring_enter, 0, 0, 1), Errno::einval), "enter has no flags");
  abi::RingHeader& header = ring.header();
  const abi::RingHeader before = header;
  for (const std::uint32_t off : {33u, 1000u, 0x8000'0000u}) {
    header.sq_tail = before.sq_tail + off;
    check(refused(call(abi::ring_enter, 16, 1, 0), Errno::einval), "a tail {} ahead", off);
    header = before;
    header.cq_head = before.cq_head + off;
    check(refused(call(abi::ring_enter, 16, 0, 0), Errno::einval), "a head {} ahead", off);
    header = before;
  }
  // The kernel does not read the words that it writes.
  header.sq_head = header.cq_tail = header.flags = header.overflowed = 12345;
  check(must(call<unsigned>(abi::ring_enter, 16, 0, 0), "enter") == 0, "there is nothing to take");
  check(header.sq_head == before.sq_head && header.cq_tail == before.cq_tail, "it is put right");
  check(answer_to(ring, nop(1)) == 0, "and it goes on");
}

void unmapped() {
  std::byte* const memory = must(map_memory(2 * page_size, rights), "memory");
  const auto enter = [](unsigned submit, unsigned complete) {
    return call<unsigned>(abi::ring_enter, submit, complete, 0);
  };
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 1> byte{};
  must(call(abi::ring_set_up, memory, 64, 64, 0), "a ring");
  auto* const header = reinterpret_cast<abi::RingHeader*>(memory);
  auto* const submissions =
      reinterpret_cast<abi::RingSubmission*>(memory + abi::ring_submissions_at(64));
  submissions[0] = read_next(pipe.read_end, byte, 1);
  header->sq_tail = 1;
  check(must(enter(1, 0), "enter") == 1, "a read is in flight");

  must(unmap_memory(memory + page_size, page_size), "unmapping a half");
  header->sq_tail = 64;
  std::fill_n(submissions + 1, 40, nop(2));
  const auto some = enter(64, 0);
  check(some && *some >= 40 && *some < 63, "those that are there are taken");
  check(!enter(64, 0), "then none");
  must(unmap_memory(memory, page_size), "unmapping the rest");
  const auto none = enter(1, 1);
  check(!none && none.error() == Errno::efault, "nothing is there any more");
  must(write(pipe.write_end, byte), "writing");
  must(sleep_for(2ms), "sleeping");
  check(!enter(0, 1), "a completion that has no place is no harm");
  must(map_memory(2 * page_size, rights, abi::map_fixed, reinterpret_cast<std::uintptr_t>(memory)),
       "other memory");
  const auto other = enter(1, 1);
  check(!other && other.error() == Errno::einval, "other memory in its place is another ring");
  must(call(abi::ring_close), "closing");
}

/// While a call waits for completions, another thread unmaps the ring.
void lost() {
  const auto waits = [](auto&& take_away) {
    Ring ring = make_ring();
    const Pipe pipe = must(make_pipe(), "a pipe");
    std::array<std::byte, 1> byte{};
    check(ring.add(read_next(pipe.read_end, byte, 1)), "a place");
    check(ring.add(timeout(20ms, 2)), "a place");
    Thread other{[&] {
      must(sleep_for(5ms), "sleeping");
      take_away(ring);
    }};
    check(must(ring.enter(2), "enter") == 2, "both were taken");
    other.join();
  };
  waits([](Ring& ring) { ring.header().cq_head = 77'777; });
  waits([](Ring& ring) { must(unmap_memory(&ring.header(), ring.bytes()), "unmapping"); });
  waits([](Ring& ring) {
    must(call(Call::mprotect, &ring.header(), page_size, abi::prot_none), "protecting");
  });
}

void overflow() {
  // The program moves cq_head back, so fewer places are free than the kernel keeps reserved.
  Ring ring = must(Ring::make({.submissions = 4, .completions = 4}), "a ring");
  for (std::uint64_t i = 0; i < 4; ++i) check(ring.add(nop(i)), "a place");
  check(must(ring.enter(), "enter") == 4, "four completions");
  take_all(ring, 4);
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> bytes{};
  for (std::uint64_t i = 0; i < 4; ++i) {
    check(ring.add(read_next(pipe.read_end, {&bytes[i], 1}, i)), "a place");
  }
  check(must(ring.enter(), "enter") == 4, "four in flight");
  ring.header().cq_head = 1;
  must(write(pipe.write_end, bytes), "writing");
  const auto overflowed = [&] { return std::atomic_ref{ring.header().overflowed}.load(); };
  for (int tries = 0; tries < 1'000 && overflowed() < 3; ++tries) must(sleep_for(1ms), "sleeping");
  check(ring.header().cq_tail == 5 && ring.header().overflowed == 3,
        "one has room, three have not");
  ring.header().cq_head = 5;
  check(ring.add(nop(1)) && must(ring.enter(), "enter") == 1, "and it goes on");
}

}  // namespace rings
