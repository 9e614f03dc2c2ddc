// Reads blocks of a disk, first one after the other, then by many threads at once. The disk works
// on all requests in parallel. Its driver is a coroutine that interrupts wake; it wakes each thread
// when the thread's block has arrived.
//
// Each number on the disk is its own index times a constant; `./cotrap demo` provides such a disk.
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/files.h>
#include <user/sync.h>
#include <user/thread.h>

#include <atomic>
#include <charconv>
#include <vector>

COTRAP_DEMO(.description =
                "64 threads read from a disk at once, and each wakes when its block has arrived",
            .disk = true);

using namespace user;

namespace {

constexpr int threads = 64;
constexpr int rounds = 2;
constexpr std::size_t block_bytes = 4096;
constexpr std::uint64_t factor = 0x9e37'79b9'7f4a'7c15;

struct alignas(block_bytes) Block {
  std::uint64_t numbers[block_bytes / 8];
};

void read_block(Fd disk, Block& block, std::uint64_t number) {
  const auto count =
      must(call<std::size_t>(Call::pread64, disk, &block, sizeof block, number * sizeof block),
           "pread64");
  check(count == sizeof block, "a read of block {} got only {} bytes", number, count);
}

void check_block(const Block& block, std::uint64_t number) {
  std::uint64_t place = number * std::size(block.numbers);
  for (const std::uint64_t value : block.numbers) {
    check(value == place * factor, "the number at index {} is wrong: {:#x}", place, value);
    ++place;
  }
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Returns the first disk's value in the column `name` of /proc/disks.
std::uint64_t disk_figure(std::string_view name) {
  const auto text = must(read_file("/proc/disks"), "/proc/disks");
  const auto lines = split(text, '\n');
  const auto names = split(lines.at(0), '\t'), values = split(lines.at(1), '\t');
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != name) continue;
    std::uint64_t value = 0;
    std::from_chars(values.at(i).data(), values.at(i).data() + values.at(i).size(), value);
    return value;
  }
  fail("/proc/disks has no column {}", name);
}

nanoseconds read_one_at_a_time(Fd disk, std::vector<Block>& blocks) {
  const auto start = now();
  for (std::size_t i = 0; i < blocks.size(); ++i) read_block(disk, blocks[i], i);
  return now() - start;
}

// Each thread reads its block of every round without waiting for other threads.
nanoseconds read_at_once(Fd disk, std::vector<Block>& blocks) {
  std::atomic<std::uint32_t> gate = 0;
  std::vector<Thread> readers;
  for (int i = 0; i < threads; ++i) {
    readers.emplace_back([&, i] {
      while (gate == 0) futex_wait(gate, 0);
      for (int round = 0; round < rounds; ++round) {
        const std::size_t number = round * threads + i;
        read_block(disk, blocks[number], number);
      }
    });
  }
  const auto start = now();
  gate = 1;
  futex_wake(gate, threads);
  readers.clear();
  return now() - start;
}

void check_in_order(const std::vector<Block>& blocks) {
  for (std::size_t i = 0; i < blocks.size(); ++i) check_block(blocks[i], i);
}

}  // namespace

int main() {
  const auto disk = open("/dev/vda");
  if (!disk)
    fail("/dev/vda: {} (`./cotrap demo irq` provides a disk)", abi::description(disk.error()));

  constexpr int count = threads * rounds;
  std::vector<Block> blocks(count);
  const auto one_by_one = read_one_at_a_time(*disk, blocks);
  check_in_order(blocks);
  println("{} blocks of 4 KiB, one at a time: {:8.2f} ms, {} request in flight at most", count,
          milliseconds(one_by_one), disk_figure("most-in-flight"));

  std::ranges::fill(blocks, Block{});
  const auto at_once = read_at_once(*disk, blocks);
  check_in_order(blocks);
  const auto most = disk_figure("most-in-flight");
  println("by {} threads at once:              {:8.2f} ms, {} requests in flight at most", threads,
          milliseconds(at_once), most);
  println("every number of every block is correct, both times");

  check(most >= threads, "only {} requests were in flight at once: the disk answers too fast",
        most);
  check(at_once < one_by_one, "reading at once takes less time than one at a time");
  return 0;
}
