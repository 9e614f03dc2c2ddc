// The extended attributes of a node in memory (xattr(7)): a few names, each with some bytes. They
// count for the quota of files (file_quota.h). In the strand, but for the destructor.
#pragma once

#include <kernel/result.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kernel {

class ExtendedAttributes {
 public:
  static constexpr std::size_t longest_name = 255;      // XATTR_NAME_MAX
  static constexpr std::size_t longest_value = 65'536;  // XATTR_SIZE_MAX
  /// The most bytes of all names with their zeros. So a list of them never is too long for
  /// listxattr (XATTR_LIST_MAX), and the end of a node frees few of them.
  static constexpr std::size_t longest_list = 65'536;

  struct Value {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
    std::span<const std::byte> span() const { return {bytes.get(), size}; }
  };
  using Values = std::map<std::string, Value, std::less<>>;

  ExtendedAttributes() = default;
  ExtendedAttributes(const ExtendedAttributes&) = delete;
  ~ExtendedAttributes();

  /// Sets an attribute. `flags`: XATTR_CREATE, EEXIST if there is one; XATTR_REPLACE, ENODATA if
  /// there is none. ENOSPC: the names would be too long, or there is no memory.
  Result<> set(std::string_view name, Value value, int flags);
  /// ENODATA.
  Result<> remove(std::string_view name);
  /// Null: there is no such attribute.
  const Value* find(std::string_view name) const;
  /// In the order of the names.
  const Values& values() const { return values_; }

 private:
  static std::size_t bytes_of(std::string_view name, const Value& value);

  Values values_;
  std::size_t bytes_of_names_ = 0;  // with their zeros
};

}  // namespace kernel
