// Restartable sequences: the structures that a program shares with the kernel (rseq(2)).
// Source: Linux's linux/rseq.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

// The area of a thread.
struct alignas(32) SequenceArea {
  std::uint32_t hart_at_start;  // never negative: the hart, or 0 before the area is registered
  std::uint32_t hart;           // no_hart while the area is not registered
  std::uint64_t sequence;       // address of the RestartableSequence that runs; 0: none
  std::uint32_t flags;
  std::uint32_t node;
  std::uint32_t concurrency_id;  // differs between the running threads of a process
};
inline constexpr std::size_t sequence_area_bytes = 28;  // without padding

inline constexpr std::uint32_t no_hart = ~std::uint32_t{0};

struct alignas(32) RestartableSequence {
  std::uint32_t version;  // 0
  std::uint32_t flags;    // 0
  std::uint64_t start;
  std::uint64_t bytes;
  std::uint64_t restart;
};

inline constexpr unsigned rseq_unregister = 1;

}  // namespace abi
