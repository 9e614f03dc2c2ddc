// Builds device trees, word by word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "damage.h"

namespace test {

/// Writes a flattened device tree (Devicetree Specification 0.4, chapter 5): big-endian words, and
/// the properties' names collected at the end.
class TreeBuilder {
 public:
  TreeBuilder& node(std::string_view name) {
    word(1);
    text(name);
    return *this;
  }
  TreeBuilder& end() {
    word(2);
    return *this;
  }
  TreeBuilder& nop() {
    word(4);
    return *this;
  }
  TreeBuilder& cells(std::string_view name, std::initializer_list<std::uint32_t> values) {
    start_property(name, values.size() * 4);
    for (const std::uint32_t value : values) word(value);
    return *this;
  }
  /// A string, or several separated by zeros.
  TreeBuilder& string(std::string_view name, std::string_view value) {
    start_property(name, value.size() + 1);
    text(value);
    return *this;
  }
  TreeBuilder& reserve(std::uint64_t base, std::uint64_t size) {
    reservations_.emplace_back(base, size);
    return *this;
  }

  std::uint32_t version = 17;
  std::uint32_t compatible_version = 16;

  Blob build() {
    word(9);
    constexpr std::size_t header = 40;
    const std::size_t structure = header + 16 * (reservations_.size() + 1);
    const std::size_t strings = structure + structure_.size();
    Blob blob;
    const auto put = [&](std::uint64_t value, int bytes) {
      for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        blob.push_back(static_cast<std::byte>(value >> shift));
      }
    };
    for (const std::uint64_t value :
         {std::uint64_t{0xd00dfeed}, strings + strings_.size(), structure, strings, header,
          std::uint64_t{version}, std::uint64_t{compatible_version}, 0UL, strings_.size(),
          structure_.size()}) {
      put(value, 4);
    }
    for (const auto& [base, size] : reservations_) {
      put(base, 8);
      put(size, 8);
    }
    put(0, 8);
    put(0, 8);
    blob.insert(blob.end(), structure_.begin(), structure_.end());
    for (const char c : strings_) blob.push_back(static_cast<std::byte>(c));
    return blob;
  }

 private:
  void word(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      structure_.push_back(static_cast<std::byte>(value >> shift));
    }
  }
  void text(std::string_view value) {
    for (const char c : value) structure_.push_back(static_cast<std::byte>(c));
    structure_.push_back(std::byte{0});
    while (structure_.size() % 4 != 0) structure_.push_back(std::byte{0});
  }
  void start_property(std::string_view name, std::size_t bytes) {
    const auto [offset, is_new] = names_.try_emplace(std::string(name), strings_.size());
    if (is_new) strings_.append(name).push_back('\0');
    word(3);
    word(static_cast<std::uint32_t>(bytes));
    word(static_cast<std::uint32_t>(offset->second));
  }

  Blob structure_;
  std::string strings_;
  std::map<std::string, std::size_t> names_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reservations_;
};

}  // namespace test
