// The cost of requests to disks and file servers from end to end; the device's own time adds no
// instructions. No samples without /dev/vda, or without a file in the folder of the host.
#include <abi/flags.h>
#include <abi/types.h>
#include <user/calls.h>
#include <user/ring.h>
#include <user/thread.h>

#include <atomic>

#include "benchmark.h"

namespace bench {
namespace {

using user::Fd;

constexpr std::size_t block_bytes = 4096;
constexpr long blocks_used = 16;

// Returns false if the read failed.
bool read_block(Fd disk, long which, std::byte* block) {
  const long offset = which % blocks_used * static_cast<long>(block_bytes);
  return user::syscall(user::Call::pread64, disk, block, block_bytes, offset) == block_bytes;
}

// Keeps a timer set. Under icount the clock of an idle machine without timers stands still, so the
// length of the reader's sleep would depend on the host.
class FarTimer {
 public:
  ~FarTimer() {
    over_ = 1;
    user::futex_wake(over_, 1);
  }

 private:
  static constexpr abi::Timespec far{.seconds = 1'000'000, .nanoseconds = 0};

  std::atomic<std::uint32_t> over_ = 0;
  user::Thread sleeper_{[this] {
    while (over_ == 0) {
      static_cast<void>(user::syscall(user::Call::futex, &over_,
                                      abi::futex_wait | abi::futex_private_flag, 0, &far));
    }
  }};
};

// Reads one block at a time: the reader sleeps until the disk has answered. A sample is a single
// read, so that reads that a busy host delays do not move the median.
Outcome one_at_a_time_of(const char* path) {
  const auto disk = user::open(path);
  if (!disk) return {};
  alignas(4096) static std::byte block[block_bytes];
  long next = 0;
  bool well = true;
  const FarTimer timer;
  auto samples = sample({.count = is_counted() ? 41 : 301, .size = 1},
                        [&] { well &= read_block(*disk, next++, block); });
  static_cast<void>(user::close(*disk));
  if (!well) return {};
  return samples;
}

Outcome one_at_a_time() {
  return one_at_a_time_of("/dev/vda");
}
Outcome of_a_share() {
  return one_at_a_time_of("/mnt/share/blocks");
}

// Many readers, each with one block at a time: the cost of a block while other requests are in
// flight.
Outcome many_at_a_time() {
  constexpr int readers = 64, each = 16;
  const auto disk = user::open("/dev/vda");
  if (!disk) return {};
  alignas(4096) static std::byte blocks[readers][block_bytes];
  std::atomic<bool> well = true;
  auto samples = collect(is_counted() ? 15 : 100, readers * each, [&] {
    std::atomic<std::uint32_t> gate = 0;
    std::vector<user::Thread> threads;
    for (int reader = 0; reader < readers; ++reader) {
      threads.emplace_back([&, reader] {
        while (gate == 0) user::futex_wait(gate, 0);
        for (int i = 0; i < each; ++i) {
          if (!read_block(*disk, reader + i, blocks[reader])) well = false;
        }
      });
    }
    const auto begin = reading();
    gate = 1;
    user::futex_wake(gate, readers);
    threads.clear();
    return reading() - begin;
  });
  static_cast<void>(user::close(*disk));
  if (!well) return {};
  return samples;
}

// As many requests in flight as in many_at_a_time(), but one thread submits them in one batch.
Outcome in_a_batch() {
  constexpr unsigned batch = 64;
  const auto disk = user::open("/dev/vda");
  auto ring = user::Ring::make({.submissions = batch});
  if (!disk || !ring) return {};
  alignas(4096) static std::byte blocks[batch][block_bytes];
  bool well = true;
  auto samples = sample({.count = 15, .size = 4}, [&] {
    for (unsigned i = 0; i < batch; ++i) {
      ring->add(user::read_at(*disk, blocks[i], i % blocks_used * block_bytes, i));
    }
    static_cast<void>(ring->enter(batch));
    while (const auto done = ring->take()) well &= done->result == block_bytes;
  });
  static_cast<void>(user::close(*disk));
  if (!well) return {};
  samples.operations *= batch;
  return samples;
}

constexpr Benchmark table[] = {
    {"block.read@1", Unit::cost, one_at_a_time},
    {"block.read@64", Unit::cost, many_at_a_time},
    {"block.ring@64", Unit::cost, in_a_batch},
    {"share.read@1", Unit::cost, of_a_share},
};

}  // namespace

std::span<const Benchmark> disks() {
  return table;
}

}  // namespace bench
