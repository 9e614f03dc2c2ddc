// What a request to a device costs from end to end: the time that the device takes is nobody's
// instructions.
#include <user/calls.h>

#include "counter.h"
#include "report.h"

namespace measure {
namespace {

// One block at a time: the reader sleeps until the disk has answered. Nothing without a disk.
std::optional<double> block_read() {
  const auto disk = user::open("/dev/vda");
  if (!disk) return {};
  alignas(4096) static std::byte block[4096];
  constexpr long blocks_used = 16;
  long next = 0;
  bool well = true;
  const double cost = cost_of({.count = 15, .size = 100}, [&] {
    const long offset = next++ % blocks_used * static_cast<long>(sizeof block);
    well &= user::syscall(user::Call::pread64, *disk, block, sizeof block, offset) == sizeof block;
  });
  static_cast<void>(user::close(*disk));
  if (!well) return {};
  return cost;
}

constexpr Measurement table[] = {
    {{"block-read-4k", "instructions", 3'000, 2'500}, block_read},
};

}  // namespace

std::span<const Measurement> devices() {
  return table;
}

}  // namespace measure
