// Extended attributes (xattr(7)). No file system has them: lists are empty, and everything else
// fails with EOPNOTSUPP after the checks that Linux makes before.
#include <array>

#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;
using memory::UserSpan;

constexpr std::size_t longest_attribute_name = 255;  // XATTR_NAME_MAX
constexpr std::size_t longest_value = 65'536;        // XATTR_SIZE_MAX

/// The node of a path. Errors of find_node().
template <LastLink last>
Result<Node*> attribute_node(Thread& self, UserPtr<const char> path) {
  return find_node(self, abi::at_fdcwd, path, last);
}
/// The node of a descriptor; null: it is a pipe. EBADF.
Result<Node*> attribute_node(Thread& self, int fd) {
  if (self.process().files().find_open(fd) == nullptr) return fail(Errno::ebadf);
  return node_at(self, fd);
}

/// ERANGE: the name is empty or too long.
Result<> check_name(Thread& self, UserPtr<const char> name) {
  std::array<char, longest_attribute_name + 1> room;
  const auto text = memory::string_from_user(self.space(), name.address(), room);
  if (!text) return fail(text.error() == Errno::enametoolong ? Errno::erange : text.error());
  return text->empty() ? fail(Errno::erange) : Result<>{};
}

/// The error of a call that changes an attribute of `node`. EROFS.
Result<> check_change(const Result<Node*>& node) {
  if (!node) return fail(node.error());
  if (*node != nullptr && !(*node)->has_settable_status()) return fail(Errno::erofs);
  return {};
}

Result<> set_attribute(Thread& self, Result<Node*> node, UserPtr<const char> name, std::size_t size,
                       int flags) {
  constexpr int known = 3;  // XATTR_CREATE, XATTR_REPLACE
  if (auto checked = check_change(node); !checked) return checked;
  if ((flags & ~known) != 0) return fail(Errno::einval);
  if (auto checked = check_name(self, name); !checked) return checked;
  return fail(size > longest_value ? Errno::e2big : Errno::enotsup);
}

Result<std::size_t> get_attribute(Thread& self, Result<Node*> node, UserPtr<const char> name) {
  if (!node) return fail(node.error());
  if (auto checked = check_name(self, name); !checked) return fail(checked.error());
  return fail(Errno::enotsup);
}

Result<> remove_attribute(Thread& self, Result<Node*> node, UserPtr<const char> name) {
  if (auto checked = check_change(node); !checked) return checked;
  if (auto checked = check_name(self, name); !checked) return checked;
  return fail(Errno::enotsup);
}

Result<std::size_t> list_attributes(Result<Node*> node) {
  return node.transform([](Node*) -> std::size_t { return 0; });
}

}  // namespace

/// flags: XATTR_CREATE, XATTR_REPLACE; EINVAL for others
/// linux: No file has extended attributes: the call fails with EOPNOTSUPP.
Result<> setxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name, std::uintptr_t,
                  std::size_t size, int flags) {
  return set_attribute(self, attribute_node<LastLink::follow>(self, path), name, size, flags);
}

/// flags: XATTR_CREATE, XATTR_REPLACE; EINVAL for others
/// linux: As `setxattr`.
Result<> lsetxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name, std::uintptr_t,
                   std::size_t size, int flags) {
  return set_attribute(self, attribute_node<LastLink::keep>(self, path), name, size, flags);
}

/// flags: XATTR_CREATE, XATTR_REPLACE; EINVAL for others
/// linux: As `setxattr`.
Result<> fsetxattr(Thread& self, int fd, UserPtr<const char> name, std::uintptr_t, std::size_t size,
                   int flags) {
  return set_attribute(self, attribute_node(self, fd), name, size, flags);
}

/// linux: No file has extended attributes: the call fails with EOPNOTSUPP.
Result<std::size_t> getxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name) {
  return get_attribute(self, attribute_node<LastLink::follow>(self, path), name);
}

/// linux: As `getxattr`.
Result<std::size_t> lgetxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name) {
  return get_attribute(self, attribute_node<LastLink::keep>(self, path), name);
}

/// linux: As `getxattr`.
Result<std::size_t> fgetxattr(Thread& self, int fd, UserPtr<const char> name) {
  return get_attribute(self, attribute_node(self, fd), name);
}

/// linux: No file has extended attributes: the list is empty.
Result<std::size_t> listxattr(Thread& self, UserPtr<const char> path) {
  return list_attributes(attribute_node<LastLink::follow>(self, path));
}

/// linux: As `listxattr`.
Result<std::size_t> llistxattr(Thread& self, UserPtr<const char> path) {
  return list_attributes(attribute_node<LastLink::keep>(self, path));
}

/// linux: As `listxattr`.
Result<std::size_t> flistxattr(Thread& self, int fd) {
  return list_attributes(attribute_node(self, fd));
}

/// linux: No file has extended attributes: the call fails with EOPNOTSUPP.
Result<> removexattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name) {
  return remove_attribute(self, attribute_node<LastLink::follow>(self, path), name);
}

/// linux: As `removexattr`.
Result<> lremovexattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name) {
  return remove_attribute(self, attribute_node<LastLink::keep>(self, path), name);
}

/// linux: As `removexattr`.
Result<> fremovexattr(Thread& self, int fd, UserPtr<const char> name) {
  return remove_attribute(self, attribute_node(self, fd), name);
}

}  // namespace sys

KERNEL_CALL(setxattr, sys::setxattr);
KERNEL_CALL(lsetxattr, sys::lsetxattr);
KERNEL_CALL(fsetxattr, sys::fsetxattr);
KERNEL_CALL(getxattr, sys::getxattr);
KERNEL_CALL(lgetxattr, sys::lgetxattr);
KERNEL_CALL(fgetxattr, sys::fgetxattr);
KERNEL_CALL(listxattr, sys::listxattr);
KERNEL_CALL(llistxattr, sys::llistxattr);
KERNEL_CALL(flistxattr, sys::flistxattr);
KERNEL_CALL(removexattr, sys::removexattr);
KERNEL_CALL(lremovexattr, sys::lremovexattr);
KERNEL_CALL(fremovexattr, sys::fremovexattr);

}  // namespace kernel
