#include <user/thread.h>

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
  check(refused(call(abi::ring_enter, 0, 0, 0), Errno::enxio),
        "ring_enter without a ring is ENXIO");
  check(refused(call(abi::ring_close), Errno::enxio), "… and so is ring_close");
  std::byte* const memory = must(map_memory(2 * page_size, rights), "memory");
  const auto set_up = [](void* at, std::uint32_t submissions, std::uint32_t completions,
                         std::uint32_t flags = 0) {
    return call(abi::ring_set_up, at, submissions, completions, flags);
  };
  check(refused(set_up(memory + 8, 4, 4), Errno::einval), "an unaligned ring is EINVAL");
  check(refused(set_up(memory, 3, 4), Errno::einval), "a size that is no power of two is EINVAL");
  check(refused(set_up(memory, 0, 4), Errno::einval), "… and so is 0");
  check(refused(set_up(memory, 8, 4), Errno::einval),
        "fewer completions than submissions are EINVAL");
  check(refused(set_up(memory, 2 * abi::most_submissions, 4096), Errno::einval),
        "too many submissions are EINVAL");
  check(refused(set_up(memory, 4, 4, 0x80), Errno::einval), "unknown flags are EINVAL");
  check(refused(set_up(nullptr, 4, 4), Errno::efault), "a null ring is EFAULT");
  check(refused(set_up(memory, 128, 128), Errno::efault),
        "… and so is one that is partly unmapped");
  check(refused(set_up(reinterpret_cast<void*>(std::uintptr_t{1} << 63), 4, 4), Errno::efault),
        "… or in the kernel's addresses");

  Ring ring = make_ring(16);
  check(refused(set_up(memory, 4, 4), Errno::ebusy), "a second ring is EBUSY");
  check(refused(call(abi::ring_enter, 0, 0, 1), Errno::einval), "flags of ring_enter are EINVAL");
  abi::RingHeader& header = ring.header();
  const abi::RingHeader before = header;
  for (const std::uint32_t off : {33u, 1000u, 0x8000'0000u}) {
    header.sq_tail = before.sq_tail + off;
    check(refused(call(abi::ring_enter, 16, 1, 0), Errno::einval), "a tail {} ahead is EINVAL",
          off);
    header = before;
    header.cq_head = before.cq_head + off;
    check(refused(call(abi::ring_enter, 16, 0, 0), Errno::einval), "a head {} ahead is EINVAL",
          off);
    header = before;
  }
  // The kernel does not read the words that it writes.
  header.sq_head = header.cq_tail = header.flags = header.overflowed = 12345;
  check(must(call<unsigned>(abi::ring_enter, 16, 0, 0), "enter") == 0, "the kernel takes nothing");
  check(header.sq_head == before.sq_head && header.cq_tail == before.cq_tail,
        "the kernel restores its own words");
  check(answer_to(ring, nop(1)) == 0, "… and the ring still works");
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
  check(some && *some >= 40 && *some < 63, "the kernel takes the mapped submissions");
  check(!enter(64, 0), "… and then none");
  must(unmap_memory(memory, page_size), "unmapping the rest");
  const auto none = enter(1, 1);
  check(!none && none.error() == Errno::efault, "an unmapped ring is EFAULT");
  must(write(pipe.write_end, byte), "writing");
  must(sleep_for(2ms), "sleeping");
  check(!enter(0, 1), "a wait for a lost completion fails");
  must(map_memory(2 * page_size, rights, abi::map_fixed, reinterpret_cast<std::uintptr_t>(memory)),
       "other memory");
  const auto other = enter(1, 1);
  check(!other && other.error() == Errno::einval, "new memory at the same address is no ring");
  must(call(abi::ring_close), "closing");
}

/// While a call waits for completions, another thread corrupts, unmaps or protects the ring. Then
/// one of the reads completes.
void lost() {
  const auto waits = [](auto&& take_away) {
    Ring ring = make_ring();
    const Pipe never = must(make_pipe(), "a pipe"), later = must(make_pipe(), "a pipe");
    std::array<std::byte, 2> bytes{};
    check(ring.add(read_next(never.read_end, {&bytes[0], 1}, 1)), "the ring has room");
    check(ring.add(read_next(later.read_end, {&bytes[1], 1}, 2)), "the ring has room");
    Thread other{[&] {
      const std::atomic_ref taken{ring.header().sq_head};
      while (taken.load() != 2) must(sleep_for(1ms), "sleeping");
      take_away(ring);
      must(write(later.write_end, {&bytes[0], 1}), "writing");
    }};
    check(must(ring.enter(2), "enter") == 2, "the kernel takes both submissions");
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
  for (std::uint64_t i = 0; i < 4; ++i) check(ring.add(nop(i)), "the ring has room");
  check(must(ring.enter(), "enter") == 4, "four completions");
  take_all(ring, 4);
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, 4> bytes{};
  for (std::uint64_t i = 0; i < 4; ++i) {
    check(ring.add(read_next(pipe.read_end, {&bytes[i], 1}, i)), "the ring has room");
  }
  check(must(ring.enter(), "enter") == 4, "four in flight");
  ring.header().cq_head = 1;
  must(write(pipe.write_end, bytes), "writing");
  const auto overflowed = [&] { return std::atomic_ref{ring.header().overflowed}.load(); };
  check(eventually([&] { return overflowed() == 3; }),
        "three completions are counted as overflowed");
  check(ring.header().cq_tail == 5, "one completion has room");
  ring.header().cq_head = 5;
  check(ring.add(nop(1)) && must(ring.enter(), "enter") == 1, "… and the ring still works");
}

}  // namespace rings
