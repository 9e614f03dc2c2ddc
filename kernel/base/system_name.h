// The names of the system, for uname and /proc/sys/kernel.
#pragma once

#include <cstddef>
#include <string_view>

namespace kernel::system_name {

inline constexpr std::string_view system = "Cotrap", version = "#1";
inline constexpr std::string_view release = "6.1.0-cotrap";  // C libraries refuse older kernels

/// A name that programs can change, of at most `longest` bytes. It changes in the strand; callers
/// that share the strand may read it.
class Name {
 public:
  static constexpr std::size_t longest = 64;

  constexpr explicit Name(std::string_view text) { set(text); }
  constexpr void set(std::string_view text) {
    bytes_ = text.copy(text_, longest);
    text_[bytes_] = 0;
  }
  constexpr std::string_view text() const { return {text_, bytes_}; }
  /// With a zero at the end. The address never changes.
  const char* c_str() const { return text_; }

 private:
  char text_[longest + 1] = {};
  std::size_t bytes_ = 0;
};

inline constinit Name node{"cotrap"}, domain{"(none)"};

}  // namespace kernel::system_name
