// Workers that map and unmap memory and read blocks of a disk.
#include "soak.h"

namespace soak {

void use_mappings() {
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 3; ++i) {
    threads.emplace_back([i] {
      Slot& slot = claim("mapping");
      Random random{23 + i};
      for (unsigned long n = 0; !stopping(); ++n, ++slot.count) {
        if (random.below(16) == 0) wander(random);
        const std::size_t pages = 1 + random.below(20);
        auto* const memory =
            must(map_memory(pages * page_size, abi::prot_read | abi::prot_write), "memory");
        const auto word = [&](std::size_t page) -> unsigned long& {
          return *reinterpret_cast<unsigned long*>(memory + page * page_size);
        };
        for (std::size_t page = 0; page < pages; ++page) {
          check(word(page) == 0, "a new page holds zeros");
          word(page) = n << 8 | i;
        }
        if (random.below(3) == 0) {
          must(protect_memory(memory, page_size, abi::prot_read), "protecting");
          check(word(0) == (n << 8 | i), "a protected page keeps its contents");
        }
        if (random.below(3) == 0) {
          must(call(Call::madvise, memory, pages * page_size, abi::madv_dontneed), "madvise");
          for (std::size_t page = 1; page < pages; ++page)
            check(word(page) == 0, "a discarded page is zero");
        } else {
          for (std::size_t page = 0; page < pages; ++page) {
            check(word(page) == (n << 8 | i), "page {} belongs to this thread", page);
          }
        }
        must(unmap_memory(memory, pages * page_size), "unmapping");
      }
      slot.who = nullptr;
    });
  }
}

void use_disk() {
  const auto disk = open("/dev/vda");
  if (!disk) return;
  const auto bytes = seek(*disk, 0, abi::seek_end);
  if (!bytes || *bytes < static_cast<long>(page_size)) return;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Slot& slot = claim("disk");
      Random random{31 + i};
      for (; !stopping(); ++slot.count) {
        std::array<std::array<char, page_size>, 2> blocks{};
        const auto at = random.below(static_cast<std::uint64_t>(*bytes) / page_size) * page_size;
        for (auto& block : blocks) {
          block.fill(static_cast<char>(slot.count));
          check(must(call<std::size_t>(Call::pread64, *disk, block.data(), page_size, at),
                     "reading a block") == page_size,
                "blocks are read completely");
        }
        check(blocks[0] == blocks[1], "two reads of the block at {} are equal", at);
      }
      slot.who = nullptr;
    });
  }
}

}  // namespace soak
