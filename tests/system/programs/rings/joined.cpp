// Submissions that the kernel merges into one transfer have the same effects as single system
// calls. The test compares both on files that end, pipes that are full or empty, and memory that
// ends.
#include <abi/flags.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <random>

#include "rings.h"

namespace rings {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t memory_size = 3 * page;
constexpr unsigned longest = 4096;      // longer writes to a pipe are split, and may wait
constexpr std::size_t gap = 64 * page;  // inaccessible addresses after the memory

/// One of two equal sets of memory and files: the test uses a ring on one side and system calls on
/// the other.
struct Side {
  Side() {
    const auto there = must(map_memory(memory_size + gap, abi::prot_none), "addresses");
    must(protect_memory(there, memory_size, abi::prot_read | abi::prot_write), "memory");
    memory = {there, memory_size};
  }
  std::span<std::byte> memory;
  Fd in = -1, out = -1;
};

/// One transfer, which the test makes both through the ring and by a system call.
struct Step {
  bool writes;
  std::uint64_t place;
  std::size_t at;
  std::uint32_t length;
};

abi::RingSubmission submission(const Side& side, const Step& step, std::uint64_t data) {
  return {.operation = step.writes ? RingOperation::write : RingOperation::read,
          .fd = step.writes ? side.out : side.in,
          .offset = step.place,
          .address = reinterpret_cast<std::uintptr_t>(side.memory.data()) + step.at,
          .length = step.length,
          .user_data = data};
}

std::vector<long> by_ring(Ring& ring, const Side& side, std::span<const Step> steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check(ring.add(submission(side, steps[i], i)), "the ring has room");
  }
  const auto count = static_cast<unsigned>(steps.size());
  check(must(ring.enter(count), "enter") == count, "the kernel takes all submissions");
  std::vector<long> results;
  for (const auto& done : take_all(ring, count)) {
    check(done.user_data == results.size() && done.flags == 0, "they complete in order");
    results.push_back(done.result);
  }
  return results;
}

std::vector<long> by_calls(const Side& side, std::span<const Step> steps) {
  std::vector<long> results;
  for (const Step& step : steps) {
    const auto entry = submission(side, step, 0);
    const bool at_place = step.place != abi::ring_current_place;
    const auto number = step.writes ? (at_place ? Call::pwrite64 : Call::write)
                                    : (at_place ? Call::pread64 : Call::read);
    results.push_back(syscall(number, entry.fd, entry.address, entry.length, entry.offset));
  }
  return results;
}

/// Returns steps, most of which begin where the previous one ends.
std::vector<Step> some_steps(std::mt19937& random, bool has_places) {
  const auto upto = [&](unsigned most) { return random() % (most + 1); };
  const auto length = [&]() -> std::uint32_t {
    return upto(9) == 0 ? upto(longest) : upto(5) == 0 ? 0 : upto(200);
  };
  const auto somewhere = [&](bool writes) {
    const bool at_place = has_places && upto(2) != 0;
    return Step{writes, at_place ? upto(9000) : abi::ring_current_place, upto(memory_size),
                length()};
  };
  std::vector<Step> steps{somewhere(upto(1) != 0)};
  for (auto count = upto(40); count > 0; --count) {
    const Step last = steps.back();
    if (upto(7) == 0) {
      steps.push_back(somewhere(upto(3) == 0 ? !last.writes : last.writes));
    } else {
      const bool at_place = last.place != abi::ring_current_place;
      steps.push_back({last.writes, at_place ? last.place + last.length : last.place,
                       last.at + last.length, length()});
    }
  }
  return steps;
}

void compare(Ring& ring, const Side& one, const Side& other, std::mt19937& random,
             bool has_places) {
  const auto steps = some_steps(random, has_places);
  for (std::size_t i = 0; i < one.memory.size(); ++i) {
    one.memory[i] = other.memory[i] = static_cast<std::byte>(random());
  }
  const auto results = by_ring(ring, one, steps);
  const auto expected = by_calls(other, steps);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check(results[i] == expected[i], "{} bytes {} {} at {}: {}, by a call {}", steps[i].length,
          steps[i].writes ? "from" : "to", steps[i].at, steps[i].place, results[i], expected[i]);
  }
  check(std::ranges::equal(one.memory, other.memory), "both memories are equal");
}

std::vector<std::byte> contents(Fd fd) {
  std::vector<std::byte> bytes(std::size_t{1} << 18);
  const auto size =
      must(call<std::size_t>(Call::pread64, fd, bytes.data(), bytes.size(), 0), "reading");
  check(size < bytes.size(), "the file is smaller than the buffer");
  bytes.resize(size);
  return bytes;
}

void in_files(Ring& ring, Side& one, Side& other, std::mt19937& random) {
  one.in = one.out = must(open("/tmp/joined", abi::o_rdwr | abi::o_creat), "a file");
  other.in = other.out = must(open("/tmp/alone", abi::o_rdwr | abi::o_creat), "a file");
  for (int round = 0; round < 200; ++round) {
    const long place = random() % 9000;
    for (const Side* side : {&one, &other}) must(seek(side->in, place, abi::seek_set), "seek");
    compare(ring, one, other, random, true);
    check(must(seek(one.in, 0, abi::seek_cur), "seek") ==
              must(seek(other.in, 0, abi::seek_cur), "seek"),
          "the files' positions are equal");
    check(contents(one.in) == contents(other.in), "the files are equal");
  }
}

void in_pipes(Ring& ring, Side& one, Side& other, std::mt19937& random) {
  for (Side* side : {&one, &other}) {
    const auto pipe = must(make_pipe(abi::o_nonblock), "a pipe");
    side->in = pipe.read_end;
    side->out = pipe.write_end;
  }
  for (int round = 0; round < 400; ++round) compare(ring, one, other, random, false);
}

/// Each write to /proc/policy is a message, so the kernel must not merge writes to this file.
void in_messages(Ring& ring) {
  const Fd policy = must(open("/proc/policy", abi::o_rdwr), "the policy");
  std::array text{'f', 'i', 'f', 'o'};
  check(ring.add(write_next(policy, bytes_of(text).first(2), 0)), "the ring has room");
  check(ring.add(write_next(policy, bytes_of(text).last(2), 1)), "the ring has room");
  must(ring.enter(2), "enter");
  for (const auto& done : take_all(ring, 2)) {
    check(done.result == error(Errno::einval), "half a name is no policy");
  }
}

// Makes `count` reads into the memory of the ring itself, from its byte `into` on. Returns the user
// data and the result of each completion.
std::vector<int> read_into_ring(std::size_t into, unsigned count, bool one_by_one) {
  Ring ring = make_ring();
  const Fd file = must(open("/tmp/entries", abi::o_rdwr | abi::o_creat), "a file");
  std::array<abi::RingSubmission, 3> entries;
  entries.fill(nop(777));
  must(write(file, std::as_bytes(std::span{entries})), "writing");
  must(seek(file, 0, abi::seek_set), "seek");
  auto* const memory = reinterpret_cast<std::byte*>(&ring.header()) + into;
  for (unsigned i = 0; i < count; ++i) {
    check(ring.add(read_next(file, {memory + i * std::size_t{40}, 40}, i)), "the ring has room");
  }
  for (unsigned left = count; left > 0; left -= one_by_one ? 1 : count) {
    must(one_by_one ? call<unsigned>(abi::ring_enter, 1, 0, 0) : ring.enter(), "enter");
  }
  std::vector<int> results;
  for (const auto& done : take_all(ring, count)) {
    results.push_back(static_cast<int>(done.user_data));
    results.push_back(done.result);
  }
  must(close(file), "closing");
  return results;
}

void in_itself() {
  const std::size_t completions = abi::ring_completions_at;
  const std::size_t submissions = abi::ring_submissions_at(32);
  for (const std::size_t into : {completions, completions + 64, submissions, submissions + 64}) {
    check(read_into_ring(into, 4, false) == read_into_ring(into, 4, true), "reads at {} of it",
          into);
  }
}

// Makes three reads of 1024 bytes from a pipe that has 1600 of 3072 bytes, while another hart
// writes zeros into the completions. The third read must not count as complete: it takes the bytes
// that come later.
void in_completions_that_change() {
  if (std::popcount(must(affinity(0), "affinity")) < 2) return;
  constexpr unsigned count = 3;
  constexpr std::size_t each = 1024, at_first = 1600;
  const auto pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, count * each> sent{}, received;
  Ring ring = make_ring();
  auto* const memory = reinterpret_cast<std::byte*>(&ring.header()) + abi::ring_completions_at;
  const std::span slots{reinterpret_cast<abi::RingCompletion*>(memory), ring.submissions().size()};
  std::atomic<bool> over = false;
  Thread writer{[&] {
    while (!over) {
      for (abi::RingCompletion& slot : slots) {
        std::atomic_ref{slot.result}.store(0, std::memory_order_relaxed);
      }
    }
  }};
  for (int round = 0; round < 2000; ++round) {
    must(write(pipe.write_end, std::span{sent}.first(at_first)), "writing");
    for (unsigned i = 0; i < count; ++i) {
      const auto piece = std::span{received}.subspan(i * each, each);
      check(ring.add(read_next(pipe.read_end, piece, i)), "the ring has room");
    }
    check(must(ring.enter(), "enter") == count, "the kernel takes all submissions");
    const unsigned done = ring.available();
    check(done == 2, "two reads are done and one waits, but {} are done", done);
    must(write(pipe.write_end, std::span{sent}.last(sent.size() - at_first)), "writing");
    take_all(ring, count);
  }
  over = true;
}

}  // namespace

void joined() {
  in_itself();
  in_completions_that_change();
  Ring ring = make_ring(64);
  Side one, other;
  std::mt19937 random{20'261'121};
  in_files(ring, one, other, random);
  in_pipes(ring, one, other, random);
  in_messages(ring);
}

}  // namespace rings
