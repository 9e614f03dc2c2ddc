// The cost of a submission through io_uring, alone and in batches. It runs on Linux, too.
#include "benchmark.h"
#include "uring.h"

namespace bench {
namespace {

template <unsigned size>
Outcome nops() {
  Uring ring{size};
  if (!ring) return {};
  auto samples = sample({.size = 64 * 64 / static_cast<int>(size)}, [&] {
    for (unsigned i = 0; i < size; ++i) ring.add_nop(i);
    ring.enter(size);
    ring.take();
  });
  samples.operations *= size;
  return samples;
}

constexpr Benchmark table[] = {
    {"uring.nop@1", Unit::cost, nops<1>},
    {"uring.nop@64", Unit::cost, nops<64>},
};

}  // namespace

std::span<const Benchmark> io_urings() {
  return table;
}

}  // namespace bench
