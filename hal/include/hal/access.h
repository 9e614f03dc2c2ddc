// Access rights of pages.
#pragma once

#include <cstdint>

namespace hal {

/// Access rights of a page. The values are those of PROT_READ, PROT_WRITE and PROT_EXEC.
enum class [[clang::flag_enum]] Access : std::uint8_t {
  none = 0,
  read = 1,
  write = 2,
  execute = 4
};

constexpr Access operator|(Access a, Access b) {
  return static_cast<Access>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Access operator&(Access a, Access b) {
  return static_cast<Access>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr Access without(Access a, Access b) {
  return static_cast<Access>(static_cast<unsigned>(a) & ~static_cast<unsigned>(b));
}
/// Whether `have` includes all of `wanted`.
constexpr bool allows(Access have, Access wanted) {
  return (have & wanted) == wanted;
}

}  // namespace hal
