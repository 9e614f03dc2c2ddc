#include "files/extended_attributes.h"

#include <abi/flags.h>
#include <async/strand.h>

#include <utility>

#include "files/file_quota.h"
#include "memory/frames.h"

namespace kernel {

std::size_t ExtendedAttributes::bytes_of(std::string_view name, const Value& value) {
  constexpr std::size_t map_node = 128;
  return map_node + name.size() + value.size;
}

ExtendedAttributes::~ExtendedAttributes() {
  for (const auto& [name, value] : values_) file_quota::release(bytes_of(name, value));
}

Result<> ExtendedAttributes::set(std::string_view name, Value value, int flags) {
  async::Strand::check_access();
  const auto known = values_.find(name);
  const bool exists = known != values_.end();
  if (exists && (flags & abi::xattr_create) != 0) return fail(Errno::eexist);
  if (!exists && (flags & abi::xattr_replace) != 0) return fail(Errno::enodata);
  if (!exists && bytes_of_names_ + name.size() + 1 > longest_list) return fail(Errno::enospc);
  const std::size_t bytes = bytes_of(name, value);
  if (!file_quota::has(bytes)) return fail(Errno::enospc);
  if (exists) {
    file_quota::release(bytes_of(name, known->second));
    known->second = std::move(value);
  } else {
    values_.emplace(name, std::move(value));
    bytes_of_names_ += name.size() + 1;
  }
  file_quota::charge(bytes);
  return {};
}

Result<> ExtendedAttributes::remove(std::string_view name) {
  async::Strand::check_access();
  const auto known = values_.find(name);
  if (known == values_.end()) return fail(Errno::enodata);
  file_quota::release(bytes_of(name, known->second));
  bytes_of_names_ -= name.size() + 1;
  values_.erase(known);
  return {};
}

const ExtendedAttributes::Value* ExtendedAttributes::find(std::string_view name) const {
  async::Strand::check_access();
  const auto known = values_.find(name);
  return known != values_.end() ? &known->second : nullptr;
}

}  // namespace kernel
