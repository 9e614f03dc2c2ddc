// The errors of the kernel's own map.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace hal {

/// The reasons why map_kernel() fails.
enum class MapError : std::uint8_t {
  no_memory,      ///< for a page table
  occupied,       ///< another page is mapped at the address
  writable_code,  ///< the page would be both writable and executable
};

constexpr std::string_view description(MapError error) {
  switch (error) {
    case MapError::no_memory: return "no memory for a page table";
    case MapError::occupied: return "another page is mapped there";
    case MapError::writable_code: return "a page would be both writable and executable";
  }
  std::unreachable();
}

}  // namespace hal
