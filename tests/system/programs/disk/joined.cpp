// The kernel merges adjacent submissions of a ring into one disk request. Each completes as if it
// were alone.
#include <user/ring.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "disk.h"

using namespace user;

namespace disk {
namespace {

// Bytes of the memory for the transfers; as many inaccessible bytes follow it.
constexpr std::size_t room = 128 << 10;
constexpr unsigned batch = 64;

/// Returns memory that is followed by inaccessible memory.
std::span<char> memory_before_a_hole() {
  const auto start = must(map_memory(2 * room, abi::prot_none), "addresses");
  must(protect_memory(start, room, abi::prot_read | abi::prot_write), "memory");
  return {reinterpret_cast<char*>(start), room};
}

struct Step {
  std::size_t offset;
  std::size_t at;
  std::uint32_t length;
};

/// Returns transfers that are mostly adjacent. They never overlap, so any order has the same
/// result.
std::vector<Step> some_steps(std::mt19937& random, bool writes) {
  const auto upto = [&](std::size_t most) { return random() % (most + 1); };
  Step last{upto(bytes), upto(room), 0};
  std::vector<Step> steps;
  for (auto count = upto(batch - 1) + 1; count > 0; --count) {
    const bool is_adjacent = upto(9) != 0;
    last = {last.offset + last.length + (is_adjacent ? 0 : upto(999)),
            last.at + last.length + (is_adjacent ? 0 : upto(999)),
            static_cast<std::uint32_t>(upto(3) == 0 ? 512 : upto(4'000))};
    if (writes && (last.offset + last.length > bytes || last.at + last.length > room)) break;
    steps.push_back(last);
  }
  return steps;
}

/// The result that the read `step` must have, merged or not.
long expected(const Step& step) {
  const std::size_t there = bytes - std::min(bytes, step.offset);
  const std::size_t wanted = std::min<std::size_t>(step.length, there);
  if (wanted == 0) return 0;
  const std::size_t memory = room - std::min(room, step.at);
  return memory == 0 ? -static_cast<long>(Errno::efault)
                     : static_cast<long>(std::min(wanted, memory));
}

std::vector<long> made(Ring& ring, std::span<const Step> steps, std::span<char> memory,
                       bool writes) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::span part{reinterpret_cast<std::byte*>(memory.data()) + steps[i].at,
                         steps[i].length};
    check(ring.add(writes ? user::write_at(file, part, steps[i].offset, i)
                          : user::read_at(file, part, steps[i].offset, i)),
          "the ring has room");
  }
  const auto count = static_cast<unsigned>(steps.size());
  check(must(ring.enter(count), "enter") == count, "the kernel takes all submissions");
  std::vector<long> results(count, -1'000);
  for (unsigned i = 0; i < count; ++i) {
    const auto done = ring.take();
    check(done && results.at(done->user_data) == -1'000, "each request completes once");
    results[done->user_data] = done->result;
  }
  check(ring.available() == 0, "the ring has no more completions");
  return results;
}

void write_some(Ring& ring, std::mt19937& random, std::span<char> memory,
                std::vector<char>& model) {
  const auto steps = some_steps(random, true);
  for (char& byte : memory) byte = static_cast<char>(random());
  const auto results = made(ring, steps, memory, true);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check(results[i] == steps[i].length, "{} bytes are written, not {}", steps[i].length,
          results[i]);
    std::ranges::copy(memory.subspan(steps[i].at, steps[i].length),
                      model.begin() + static_cast<long>(steps[i].offset));
  }
}

void read_some(Ring& ring, std::mt19937& random, std::span<char> memory,
               const std::vector<char>& model) {
  const auto steps = some_steps(random, false);
  std::ranges::fill(memory, '?');
  const auto results = made(ring, steps, memory, false);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    check(results[i] == expected(step), "{} bytes at {} to {}: {}, not {}", step.length,
          step.offset, step.at, results[i], expected(step));
    if (results[i] <= 0) continue;
    check(std::memcmp(&memory[step.at], &model[step.offset],
                      static_cast<std::size_t>(results[i])) == 0,
          "the bytes read are those of the disk");
  }
}

/// A request that is cancelled after it was merged completes, and so do the others.
void cancel_some(Ring& ring, std::span<char> memory) {
  constexpr unsigned parts = 16;
  for (unsigned i = 0; i < parts; ++i) {
    const std::span part{reinterpret_cast<std::byte*>(&memory[i * sector_bytes]), sector_bytes};
    ring.add(user::read_at(file, part, i * sector_bytes, i));
  }
  ring.add(user::cancel(3, parts));
  must(ring.enter(parts + 1), "enter");
  unsigned completed = 0;
  while (const auto done = ring.take()) {
    ++completed;
    const bool was_cancelled = done->result == -static_cast<int>(Errno::ecanceled);
    if (done->user_data == parts) {
      check(done->result == 1 || done->result == -static_cast<int>(Errno::enoent),
            "the cancellation finds one request or none");
    } else {
      check(done->result == sector_bytes || (done->user_data == 3 && was_cancelled),
            "request {} is complete", done->user_data);
    }
  }
  check(completed == parts + 1, "all requests complete");
}

/// In-flight requests of a closed ring leave nothing behind.
void leave_some(std::span<char> memory) {
  Ring ring = must(Ring::make({.submissions = batch}), "a ring");
  for (unsigned i = 0; i < batch; ++i) {
    const std::span part{reinterpret_cast<std::byte*>(&memory[i * sector_bytes]), sector_bytes};
    ring.add(user::read_at(file, part, i * sector_bytes, i));
  }
  must(ring.enter(), "enter");
}

}  // namespace

int join(std::uint64_t seed) {
  std::mt19937 random{static_cast<std::uint32_t>(seed)};
  const auto memory = memory_before_a_hole();
  std::vector<char> model(bytes);
  check(must(read_at(0, model.data(), bytes), "reading the disk") == bytes,
        "the whole disk is read");
  Ring ring = must(Ring::make({.submissions = batch}), "a ring");
  for (int round = 0; round < 60; ++round) {
    write_some(ring, random, memory, model);
    read_some(ring, random, memory, model);
    read_some(ring, random, memory, model);
    cancel_some(ring, memory);
  }
  std::vector<char> now(bytes);
  check(must(read_at(0, now.data(), bytes), "reading the disk") == bytes && now == model,
        "the disk has the written bytes");
  return 0;
}

int join_and_leave() {
  const auto memory = memory_before_a_hole();
  for (int round = 0; round < 200; ++round) leave_some(memory);
  const auto before = free_memory();
  for (int round = 0; round < 200; ++round) leave_some(memory);
  constexpr std::size_t frames = 16 * 4096;  // for pools of coroutine frames, which never shrink
  const bool all_back = eventually([&] { return free_memory() + frames >= before; });
  check(all_back, "{} bytes before, {} after", before, free_memory());
  return 0;
}

int join_over(std::size_t bad_offset) {
  constexpr unsigned parts = 32, bad = 20;
  const auto memory = memory_before_a_hole();
  // Room for all parts: they are adjacent, so the kernel merges them into one request.
  Ring ring = must(Ring::make({.submissions = parts}), "a ring");
  std::vector<Step> steps;
  for (unsigned i = 0; i < parts; ++i) {
    steps.push_back({bad_offset - bad * sector_bytes + i * sector_bytes, i * sector_bytes,
                     static_cast<std::uint32_t>(sector_bytes)});
  }
  for (const bool writes : {false, true}) {
    // The second round writes back the bytes that the first round has read.
    const auto results = made(ring, steps, memory, writes);
    for (unsigned i = 0; i < parts; ++i) {
      const long wanted =
          i == bad ? -static_cast<long>(Errno::eio) : static_cast<long>(sector_bytes);
      check(results[i] == wanted, "request {} returned {}, not {}", i, results[i], wanted);
    }
  }
  return 0;
}

}  // namespace disk
