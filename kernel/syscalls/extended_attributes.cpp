// Extended attributes (xattr(7)). Nodes in memory have them, in the namespaces that Linux's tmpfs
// has. For other nodes, lists are empty, and everything else fails with EOPNOTSUPP after the checks
// that Linux makes before.
#include "files/extended_attributes.h"

#include <array>
#include <ranges>

#include "memory/frames.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;
using memory::UserSpan;
using Attributes = ExtendedAttributes;

/// The node of a path. Errors of find_node().
template <LastLink last>
Result<Node*> attribute_node(Thread& self, UserPtr<const char> path) {
  return find_node(self, abi::at_fdcwd, path, last);
}
/// The node of a descriptor; null: it is a pipe. EBADF.
Result<Node*> attribute_node(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  return file->node();
}

/// A name, copied from user memory. ERANGE: it is empty or too long; EFAULT.
class Name {
 public:
  Name(Thread& self, UserPtr<const char> from)
      : text_{memory::string_from_user(self.space(), from.address(), buffer_)} {}
  Name(const Name&) = delete;

  Result<std::string_view> text() const {
    if (!text_) return fail(text_.error() == Errno::enametoolong ? Errno::erange : text_.error());
    return text_->empty() ? fail(Errno::erange) : text_;
  }

 private:
  std::array<char, Attributes::longest_name + 1> buffer_;
  Result<std::string_view> text_;
};

bool has_attributes(const Node* node) {
  return node != nullptr && !node->is_remote() && node->has_settable_status();
}

constexpr std::string_view trusted = "trusted.", user = "user.", security = "security.";

/// Whether the caller may use an attribute of this name. `otherwise`: the error if not. EOPNOTSUPP:
/// there are no attributes of such names.
Result<> check_namespace(Thread& self, const Node* node, std::string_view name, Errno otherwise) {
  const bool is_trusted = name.starts_with(trusted), is_user = name.starts_with(user);
  if (is_trusted && !self.process().has(Capability::sys_admin)) return fail(otherwise);
  const unsigned type = node != nullptr ? node->type() : 0;
  if (is_user && type != abi::s_ifreg && type != abi::s_ifdir) return fail(otherwise);
  const bool is_known = is_trusted || is_user || name.starts_with(security);
  if (!is_known || !has_attributes(node)) return fail(Errno::enotsup);
  const bool is_bare = name == trusted || name == user || name == security;
  return is_bare ? fail(Errno::einval) : Result<>{};
}

constexpr std::string_view file_capabilities = "security.capability";

/// Whether the caller may change an attribute of the namespace `security`.
Result<> check_security(Thread& self, std::string_view name) {
  if (!name.starts_with(security)) return {};
  const bool is_capability = name == file_capabilities;
  const auto needed = is_capability ? Capability::setfcap : Capability::sys_admin;
  return self.process().has(needed) ? Result<>{} : fail(Errno::eperm);
}

/// Whether `value` has the layout of a program's capabilities (linux/capability.h, vfs_cap_data).
bool is_file_capability(std::span<const std::byte> value) {
  constexpr std::size_t bytes_2 = 20, bytes_3 = 24, revision = 3;
  if (value.size() <= revision) return false;
  const auto number = std::to_integer<unsigned>(value[revision]);
  return (value.size() == bytes_2 && number == 2) || (value.size() == bytes_3 && number == 3);
}

/// The error of a call that changes an attribute of `node`. EROFS.
Result<> check_change(const Result<Node*>& node) {
  if (!node) return fail(node.error());
  if (*node != nullptr && !(*node)->has_settable_status()) return fail(Errno::erofs);
  return {};
}

Result<> set_attribute(Thread& self, Result<Node*> node, UserPtr<const char> name,
                       std::uintptr_t from, std::size_t size, int flags) {
  if (auto checked = check_change(node); !checked) return checked;
  if ((flags & ~(abi::xattr_create | abi::xattr_replace)) != 0) return fail(Errno::einval);
  const Name given{self, name};
  const auto text = given.text();
  if (!text) return fail(text.error());
  if (size > Attributes::longest_value) return fail(Errno::e2big);
  if (size != 0 && !memory::can_allocate_contiguous(size)) return fail(Errno::enomem);
  Attributes::Value value{
      .bytes = size != 0 ? std::make_unique<std::byte[]>(size) : nullptr,
      .size = size,
  };
  if (auto copied = memory::copy_from_user(self.space(), value.bytes.get(), from, size); !copied)
    return copied;
  if (*text == file_capabilities && !is_file_capability(value.span())) return fail(Errno::einval);
  if (auto checked = check_namespace(self, *node, *text, Errno::eperm); !checked) return checked;
  if (auto checked = check_security(self, *text); !checked) return checked;
  const auto attributes = (*node)->make_attributes();
  if (!attributes) return fail(attributes.error());
  auto set = (*attributes)->set(*text, std::move(value), flags);
  if (set) (*node)->note_change();
  return set;
}

Result<std::size_t> get_attribute(Thread& self, Result<Node*> node, UserPtr<const char> name,
                                  UserSpan<std::byte> to) {
  if (!node) return fail(node.error());
  const Name given{self, name};
  const auto text = given.text();
  if (!text) return fail(text.error());
  if (auto checked = check_namespace(self, *node, *text, Errno::enodata); !checked)
    return fail(checked.error());
  const Attributes* const attributes = (*node)->attributes();
  const auto* const value = attributes != nullptr ? attributes->find(*text) : nullptr;
  if (value == nullptr) return fail(Errno::enodata);
  if (to.empty()) return value->size;
  if (to.size() < value->size) return fail(Errno::erange);
  return to.write(self.space(), value->span()).transform([&] { return value->size; });
}

Result<> remove_attribute(Thread& self, Result<Node*> node, UserPtr<const char> name) {
  if (auto checked = check_change(node); !checked) return checked;
  const Name given{self, name};
  const auto text = given.text();
  if (!text) return fail(text.error());
  if (auto checked = check_namespace(self, *node, *text, Errno::eperm); !checked) return checked;
  if (auto checked = check_security(self, *text); !checked) return checked;
  Attributes* const attributes = (*node)->attributes();
  auto removed = attributes != nullptr ? attributes->remove(*text) : fail(Errno::enodata);
  if (removed) (*node)->note_change();
  return removed;
}

Result<std::size_t> list_attributes(Thread& self, Result<Node*> node, UserSpan<std::byte> to) {
  if (!node) return fail(node.error());
  const Attributes* const attributes = *node != nullptr ? (*node)->attributes() : nullptr;
  if (attributes == nullptr) return 0;
  const bool sees_trusted = self.process().has(Capability::sys_admin);
  std::size_t listed = 0;
  // In descending order of the names, as Linux 6.12 lists them.
  for (const auto& [name, value] : std::views::reverse(attributes->values())) {
    if (!sees_trusted && name.starts_with(trusted)) continue;
    const std::size_t size = name.size() + 1;
    if (!to.empty()) {
      if (size > to.size() - listed) return fail(Errno::erange);
      const auto bytes = std::as_bytes(std::span{name.c_str(), size});
      if (auto written = to.subspan(listed).write(self.space(), bytes); !written)
        return fail(written.error());
    }
    listed += size;
  }
  return listed;
}

}  // namespace

/// flags: XATTR_CREATE, XATTR_REPLACE; EINVAL for others
/// linux: Nodes in memory have attributes whose names begin with user., trusted. or security. Those
///   of the boot archive and of the host have none (EOPNOTSUPP), and there are no access control
///   lists. The names of a node have 64 KiB together at most (ENOSPC). The attribute
///   security.capability has no effect.
Result<> setxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name,
                  std::uintptr_t from, std::size_t size, int flags) {
  return set_attribute(self, attribute_node<LastLink::follow>(self, path), name, from, size, flags);
}

/// flags: XATTR_CREATE, XATTR_REPLACE; EINVAL for others
/// linux: As `setxattr`.
Result<> lsetxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name,
                   std::uintptr_t from, std::size_t size, int flags) {
  return set_attribute(self, attribute_node<LastLink::keep>(self, path), name, from, size, flags);
}

/// flags: XATTR_CREATE, XATTR_REPLACE; EINVAL for others
/// linux: As `setxattr`.
Result<> fsetxattr(Thread& self, int fd, UserPtr<const char> name, std::uintptr_t from,
                   std::size_t size, int flags) {
  return set_attribute(self, attribute_node(self, fd), name, from, size, flags);
}

/// linux: As `setxattr`.
Result<std::size_t> getxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name,
                             UserSpan<std::byte> to) {
  return get_attribute(self, attribute_node<LastLink::follow>(self, path), name, to);
}

/// linux: As `setxattr`.
Result<std::size_t> lgetxattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name,
                              UserSpan<std::byte> to) {
  return get_attribute(self, attribute_node<LastLink::keep>(self, path), name, to);
}

/// linux: As `setxattr`.
Result<std::size_t> fgetxattr(Thread& self, int fd, UserPtr<const char> name,
                              UserSpan<std::byte> to) {
  return get_attribute(self, attribute_node(self, fd), name, to);
}

/// linux: As `setxattr`. Lists of nodes without attributes are empty.
Result<std::size_t> listxattr(Thread& self, UserPtr<const char> path, UserSpan<std::byte> to) {
  return list_attributes(self, attribute_node<LastLink::follow>(self, path), to);
}

/// linux: As `listxattr`.
Result<std::size_t> llistxattr(Thread& self, UserPtr<const char> path, UserSpan<std::byte> to) {
  return list_attributes(self, attribute_node<LastLink::keep>(self, path), to);
}

/// linux: As `listxattr`.
Result<std::size_t> flistxattr(Thread& self, int fd, UserSpan<std::byte> to) {
  return list_attributes(self, attribute_node(self, fd), to);
}

/// linux: As `setxattr`.
Result<> removexattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name) {
  return remove_attribute(self, attribute_node<LastLink::follow>(self, path), name);
}

/// linux: As `setxattr`.
Result<> lremovexattr(Thread& self, UserPtr<const char> path, UserPtr<const char> name) {
  return remove_attribute(self, attribute_node<LastLink::keep>(self, path), name);
}

/// linux: As `setxattr`.
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
