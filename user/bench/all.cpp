// The benchmarks of the program `bench`.
#include <algorithm>
#include <iterator>

#include "benchmark.h"

namespace bench {

// Benchmarks of memory come first: freed memory in the kernel's pools would distort them.
std::vector<Benchmark> all() {
  std::vector<Benchmark> all;
  for (const bool about_memory : {true, false}) {
    for (const auto part : {wakes(), system_calls(), rings(), switching(), faults(), lives(),
                            disks(), in_kernel(), coroutines(), late_system_calls(), io_urings()}) {
      std::ranges::copy_if(part, std::back_inserter(all), [&](const Benchmark& each) {
        return (each.unit == Unit::bytes) == about_memory;
      });
    }
  }
  return all;
}

}  // namespace bench
