// Copies a file in three ways: by system calls, by a ring with one submission at a time, and by a
// ring in batches. Batches enter the kernel 64 times less often. The kernel merges the transfers of
// each batch into one, because they are adjacent.
#include <abi/ring.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/counters.h>
#include <user/demo.h>
#include <user/ring.h>

#include <array>
#include <vector>

COTRAP_DEMO(
        .description =
            "a file is copied by calls, by a ring one transfer at a time, and by a ring in batches",
        .icount = true);

using namespace user;

namespace {

constexpr std::size_t block = 64;
constexpr std::size_t blocks = 2'048;
constexpr unsigned batch = 64;

using Block = std::array<std::byte, block>;

struct Files {
  Fd from = must(open("/tmp/ring-from", abi::o_rdwr | abi::o_creat | abi::o_trunc), "a file");
  Fd to = must(open("/tmp/ring-to", abi::o_rdwr | abi::o_creat | abi::o_trunc), "another");
};

struct Cost {
  std::uint64_t entries = 0;  // entries into the kernel
  std::uint64_t taken = 0;    // in instructions, or in nanoseconds
};

Cost by_calls(const Files& files) {
  Block buffer;
  Cost cost;
  for (std::size_t i = 0; i < blocks; ++i) {
    const auto offset = static_cast<long>(i * block);
    cost.entries += 2;
    check(syscall(Call::pread64, files.from, buffer.data(), block, offset) == block,
          "a read moves a block");
    check(syscall(Call::pwrite64, files.to, buffer.data(), block, offset) == block,
          "a write moves a block");
  }
  return cost;
}

// Submits all that was added, in one call, and takes the completions.
void make(Ring& ring, unsigned count, Cost& cost) {
  ++cost.entries;
  check(must(ring.enter(count), "enter") == count, "the kernel takes all submissions");
  for (unsigned i = 0; i < count; ++i) {
    const auto done = ring.take();
    check(done && done->result == static_cast<int>(block), "each transfer moves a block");
  }
}

Cost one_by_one(Ring& ring, const Files& files) {
  Block buffer;
  Cost cost;
  for (std::size_t i = 0; i < blocks; ++i) {
    check(ring.add(read_at(files.from, buffer, i * block, i)), "the ring has room");
    make(ring, 1, cost);
    check(ring.add(write_at(files.to, buffer, i * block, i)), "the ring has room");
    make(ring, 1, cost);
  }
  return cost;
}

Cost in_batches(Ring& ring, const Files& files) {
  std::array<Block, batch> buffers;
  Cost cost;
  for (std::size_t first = 0; first < blocks; first += buffers.size()) {
    const auto place = [first](std::size_t i) { return (first + i) * block; };
    for (std::size_t i = 0; i < batch; ++i) {
      check(ring.add(read_at(files.from, buffers[i], place(i), i)), "the ring has room");
    }
    make(ring, batch, cost);
    for (std::size_t i = 0; i < batch; ++i) {
      check(ring.add(write_at(files.to, buffers[i], place(i), i)), "the ring has room");
    }
    make(ring, batch, cost);
  }
  return cost;
}

bool exact = false;

template <class Way>
Cost measure(const char* name, const Files& files, Way way) {
  must(call(Call::ftruncate, files.to, 0), "emptying");
  const auto reading = [] {
    return exact ? instructions() : static_cast<std::uint64_t>(now().count());
  };
  const auto begin = reading();
  Cost cost = way();
  cost.taken = reading() - begin;

  std::vector<std::byte> was(blocks * block), is(blocks * block);
  must(seek(files.from, 0, abi::seek_set), "seek");
  must(seek(files.to, 0, abi::seek_set), "seek");
  check(must(read(files.from, std::span{was}), "reading") == was.size(),
        "the original is complete");
  check(must(read(files.to, std::span{is}), "reading") == is.size() && was == is,
        "the copy equals the original");
  println("{:<22} {:>6} kernel entries, {:>6} {} a block", name, cost.entries, cost.taken / blocks,
          exact ? "instructions" : "ns");
  return cost;
}

}  // namespace

int main() {
  exact = counts_are_exact();
  const Files files;
  std::vector<std::byte> contents(blocks * block);
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = std::byte(i * 7 + i / block);
  check(must(write(files.from, contents), "writing") == contents.size(),
        "the file to copy is written");
  auto made = Ring::make({.submissions = batch});
  if (!made && made.error() == Errno::enosys) fail("this kernel has no rings");
  Ring ring = must(std::move(made), "a ring");

  const Cost calls = measure("system calls", files, [&] { return by_calls(files); });
  const Cost single =
      measure("a ring, one at a time", files, [&] { return one_by_one(ring, files); });
  const Cost many = measure("a ring, 64 at a time", files, [&] { return in_batches(ring, files); });

  check(calls.entries == 2 * blocks && single.entries == calls.entries,
        "without batches each transfer enters the kernel once");
  check(many.entries == calls.entries / batch, "a batch of {} enters the kernel once", batch);
  check(!exact || 2 * many.taken <= calls.taken,
        "batches take at most half of the calls' instructions");
  must(remove_file("/tmp/ring-from"), "removing");
  must(remove_file("/tmp/ring-to"), "removing");
  return 0;
}
