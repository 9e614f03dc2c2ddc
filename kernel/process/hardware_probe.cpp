#include "process/hardware_probe.h"

#include <hal/memory_map.h>
#include <trap/program_machine.h>

namespace kernel {
namespace {

constexpr std::int64_t key_base_behavior = 3;
constexpr std::uint64_t base_ima = 1;
constexpr std::int64_t key_extensions = 4;
constexpr std::uint64_t extension_fd = 1, extension_c = 2, extension_v = 4;
constexpr std::int64_t key_misaligned = 5, key_misaligned_scalar = 9;
constexpr std::uint64_t misaligned_unknown = 0;
constexpr std::int64_t key_highest_address = 7;

bool has(char letter) {
  return (trap::program_machine::hardware_capabilities() >> (letter - 'a') & 1) != 0;
}

std::uint64_t extensions() {
  std::uint64_t bits = 0;
  if (has('f') && has('d')) bits |= extension_fd;
  if (has('c')) bits |= extension_c;
  if (has('v')) bits |= extension_v;
  return bits;
}

}  // namespace

std::optional<std::uint64_t> hardware_value(std::int64_t key) {
  switch (key) {
    case key_base_behavior: return base_ima;
    case key_extensions: return extensions();
    case key_misaligned:
    case key_misaligned_scalar: return misaligned_unknown;
    case key_highest_address: return hal::user_end - 1;
    default: return {};
  }
}

}  // namespace kernel
