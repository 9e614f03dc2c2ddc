// name_to_handle_at and open_by_handle_at. A handle has the layout of Linux's tmpfs: a generation,
// and the inode's number. The kernel never uses a number twice, so the generation is always 0.
#include "files/file_handles.h"

#include <array>
#include <cstring>

#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;

constexpr std::uint32_t longest_handle = 128;  // MAX_HANDLE_SZ
// Types of handles: of one that open_by_handle_at takes, and of one that only names a file. The
// kernel writes invalid_type if the program's buffer is too short.
constexpr std::int32_t decodable_type = 1, name_type = 0x81, invalid_type = 0xff;

/// The bytes of a handle: the generation and the number. If the handle only names a file, the
/// number comes first.
using HandleBytes = std::array<std::uint32_t, 3>;

/// Whether open_by_handle_at can find the node: it is on a file system that is a tmpfs on Linux.
bool is_decodable(const Node& node) {
  using enum Node::FileSystem;
  const auto of = node.file_system();
  return !node.is_remote() && (of == temporary || of == shared_memory || of == devices);
}

HandleBytes handle_bytes(std::uint64_t inode, bool decodable) {
  const auto low = static_cast<std::uint32_t>(inode);
  const auto high = static_cast<std::uint32_t>(inode >> 32);
  return decodable ? HandleBytes{0, low, high} : HandleBytes{low, high, 0};
}

/// The node of the descriptor `fd`. Its file system is the one in which open_by_handle_at finds
/// nodes. EBADF.
Result<Node*> mount_of(Thread& self, int fd) {
  if (fd == abi::at_fdcwd) return node_at(self, fd);
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  return file->node();
}

}  // namespace

/// flags: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_HANDLE_FID, AT_HANDLE_MNT_ID_UNIQUE; EINVAL for
///   others
/// linux: Nodes of `/tmp`, `/dev/shm` and `/dev` have handles, and with AT_HANDLE_FID those of the
///   other folders, too; without it the error is EOPNOTSUPP. The mount's number is that of the file
///   system.
Result<> name_to_handle_at(Thread& self, int directory, UserPtr<const char> path,
                           UserPtr<abi::FileHandle> handle, std::uintptr_t mount, int flags) {
  constexpr int only_name = 0x200, wide_mount = 1;
  constexpr int known = abi::at_symlink_follow | abi::at_empty_path | only_name | wide_mount;
  if ((flags & ~known) != 0) return fail(Errno::einval);
  const auto last = (flags & abi::at_symlink_follow) != 0 ? LastLink::follow : LastLink::keep;
  const auto node = node_to_change(self, directory, path, flags, last);
  if (!node) return fail(node.error());
  const bool decodable = *node != nullptr && is_decodable(**node);
  if (!decodable && (flags & only_name) == 0) return fail(Errno::enotsup);
  const auto status =
      *node != nullptr ? (*node)->status() : self.process().files().find(directory)->status();
  const HandleBytes bytes = handle_bytes(status.inode, decodable);
  const auto given = handle.read(self.space());
  if (!given) return fail(given.error());
  if (given->bytes > longest_handle) return fail(Errno::einval);
  const bool has_room = given->bytes >= sizeof bytes;
  if (decodable && has_room) {
    if (auto added = file_handles::add(**node); !added) return added;
  }
  const std::size_t mount_size = (flags & wide_mount) != 0 ? 8 : 4;
  if (auto written = memory::copy_to_user(self.space(), mount, &status.device, mount_size);
      !written) {
    return written;
  }
  const abi::FileHandle head{
      .bytes = sizeof bytes,
      .type = !has_room   ? invalid_type
              : decodable ? decodable_type
                          : name_type,
  };
  if (auto written = handle.write(self.space(), head); !written) return written;
  if (!has_room) return fail(Errno::eoverflow);
  return memory::copy_to_user(self.space(), handle.address() + sizeof head, bytes.data(),
                              sizeof bytes);
}

/// flags: Those of `openat`
/// linux: The descriptor must be of the file system of the handle. A handle finds its node until
///   the node has no name and no open file; then the error is ESTALE.
trap::Answer<Result<int>> open_by_handle_at(Thread& self, int mount,
                                            UserPtr<const abi::FileHandle> handle, int flags) {
  const auto place = mount_of(self, mount);
  if (!place) return fail(place.error());
  if (!self.process().has(Capability::dac_read_search)) return fail(Errno::eperm);
  const auto head = handle.read(self.space());
  if (!head) return fail(head.error());
  if (head->bytes > longest_handle || head->bytes == 0) return fail(Errno::einval);
  std::array<std::byte, longest_handle> given;
  if (auto read = memory::copy_from_user(self.space(), given.data(),
                                         handle.address() + sizeof *head, head->bytes);
      !read) {
    return fail(read.error());
  }
  HandleBytes bytes;
  if (*place == nullptr || !is_decodable(**place) || head->bytes < sizeof bytes)
    return fail(Errno::estale);
  std::memcpy(bytes.data(), given.data(), sizeof bytes);
  const std::uint64_t inode = std::uint64_t{bytes[2]} << 32 | bytes[1];
  Node* const node = bytes[0] == 0 ? file_handles::find(inode) : nullptr;
  if (node == nullptr || node->file_system() != (*place)->file_system()) return fail(Errno::estale);
  return open_node(self, *node, flags);
}

}  // namespace sys

KERNEL_CALL(name_to_handle_at, sys::name_to_handle_at);
KERNEL_CALL(open_by_handle_at, sys::open_by_handle_at);

}  // namespace kernel
