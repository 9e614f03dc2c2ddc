// Transfers of all sizes by several threads.
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "disk.h"

using namespace user;

namespace disk {
namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed * 2 + 1} {}
  std::uint64_t below(std::uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 11) % limit;
  }

 private:
  std::uint64_t state_;
};

std::vector<char> whole_disk() {
  std::vector<char> found(bytes);
  std::size_t done = 0;
  while (done < bytes) {
    const auto count = must(read_at(done, &found[done], bytes - done), "reading the disk");
    check(count > 0, "the disk ends at {} of {} bytes", done, bytes);
    done += count;
  }
  return found;
}

// FNV-1a, 64 bits.
std::uint64_t hash(const std::vector<char>& bytes) {
  std::uint64_t value = 0xcbf2'9ce4'8422'2325;
  for (const char byte : bytes) {
    value = (value ^ static_cast<unsigned char>(byte)) * 0x100'0000'01b3;
  }
  return value;
}

}  // namespace

int write_at_random(std::uint64_t seed, int threads, int count) {
  std::vector<char> model = whole_disk();
  {
    std::vector<Thread> writers;
    for (int i = 0; i < threads; ++i) {
      writers.emplace_back([&model, seed, threads, count, i] {
        Random random{seed * 100 + static_cast<std::uint64_t>(i)};
        const std::size_t begin = bytes * i / threads + (i > 0 ? 77 : 0);
        const std::size_t end = bytes * (i + 1) / threads + (i + 1 < threads ? 77 : 0);
        std::vector<char> buffer(end - begin);
        for (int n = 0; n < count; ++n) {
          const std::size_t offset = begin + random.below(end - begin);
          const std::size_t most =
              std::min(end - offset, random.below(4) == 0 ? 100'000UL : 2'000UL);
          const std::size_t size = 1 + random.below(most);
          if (random.below(2) == 0) {
            for (std::size_t k = 0; k < size; ++k) buffer[k] = static_cast<char>(random.below(256));
            check(must(write_at(offset, buffer.data(), size), "writing") == size, "written whole");
            std::memcpy(&model[offset], buffer.data(), size);
          } else {
            check(must(read_at(offset, buffer.data(), size), "reading") == size, "read whole");
            check(std::memcmp(&model[offset], buffer.data(), size) == 0,
                  "{} bytes at {} are those written", size, offset);
          }
        }
      });
    }
  }
  check(whole_disk() == model, "the disk has the written bytes");
  must(call(Call::fsync, file), "fsync");
  println("{:016x}", hash(model));
  return 0;
}

int read_blocks(int count) {
  alignas(4096) static char block[4096];
  for (int i = 0; i < count; ++i) {
    check(must(read_at(0, block, sizeof block), "reading") == sizeof block, "read");
  }
  return 0;
}

int leave_nothing(int count) {
  read_blocks(count);
  std::vector<char> much(300'000);
  const auto round = [&] {
    std::vector<Thread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&much, i] {
        for (int n = 0; n < 8; ++n) {
          (void)read_at(n * 1'000 + i, &much[i * 10'000], 10'000);
          (void)write_at(i * 700, &much[i * 10'000], 699);
          (void)read_at(0, nullptr, 5'000);
        }
      });
    }
  };
  for (int i = 0; i < count; ++i) round();
  const auto before = free_memory();
  for (int i = 0; i < 4 * count; ++i) round();
  // The pools of coroutine frames never shrink, and the kernel frees ended threads a little later.
  constexpr std::size_t frames = 4 * page_size;
  const bool all_back = eventually([&] { return free_memory() + frames >= before; });
  check(all_back, "{} bytes before, {} after", before, free_memory());
  return 0;
}

}  // namespace disk
