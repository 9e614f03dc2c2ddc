// System calls that io_uring (rings/uring_operations.cpp) or the older calls of x86_64
// (dispatch/x86_64/adapters.cpp) make, too. Their sources describe them.
#pragma once

#include <abi/signal.h>
#include <abi/types.h>
#include <async/task.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "files/file.h"
#include "memory/user_memory.h"
#include "syscalls/files.h"

namespace kernel::sys {

trap::Answer<Transfer> preadv(Thread&, int fd, UserPtr<const abi::IoVector> to, int count,
                              std::int64_t offset);
trap::Answer<Transfer> pwritev(Thread&, int fd, UserPtr<const abi::IoVector> from, int count,
                               std::int64_t offset);
trap::Answer<Transfer> preadv2(Thread&, int fd, UserPtr<const abi::IoVector> to, int count,
                               std::int64_t offset, std::int64_t, int flags);
trap::Answer<Transfer> pwritev2(Thread&, int fd, UserPtr<const abi::IoVector> from, int count,
                                std::int64_t offset, std::int64_t, int flags);

// For registered files: openat(2), openat2(2), socket(2) and accept4(2) without a descriptor. They
// put the file into `opened`, and their result is 0. `opened` must exist until the call has ended,
// with its wait.

trap::Answer<Result<int>> openat_into(Thread&, Ref<File>& opened, int directory,
                                      UserPtr<const char> path, int flags, unsigned mode);
trap::Answer<Result<int>> openat2_into(Thread&, Ref<File>& opened, int directory,
                                       UserPtr<const char> path, UserPtr<const abi::OpenHow> how,
                                       std::size_t size);
Result<int> socket_into(Thread&, Ref<File>& opened, int domain, int type, int protocol);
trap::Answer<Result<int>> accept4_into(Thread&, Ref<File>& opened, int fd, std::uintptr_t address,
                                       UserPtr<int> length, int flags);

trap::Answer<Result<int>> openat2(Thread&, int directory, UserPtr<const char> path,
                                  UserPtr<const abi::OpenHow> how, std::size_t size);
Result<> linkat(Thread&, int old_directory, UserPtr<const char> old_path, int directory,
                UserPtr<const char> path, int flags);
trap::Answer<Result<>> fallocate(Thread&, int fd, int mode, std::int64_t offset,
                                 std::int64_t length);
Result<> fadvise64(Thread&, int fd, std::int64_t offset, std::int64_t length, int advice);
Result<> sync_file_range(Thread&, int fd, std::int64_t offset, std::int64_t bytes, unsigned flags);
trap::Answer<Transfer> tee(Thread&, int in, int out, std::size_t count, unsigned flags);
/// splice(2) with the offsets themselves; nothing: the file's own position.
trap::Answer<Transfer> splice_at(Thread&, int in, std::optional<std::uint64_t> offset_in, int out,
                                 std::optional<std::uint64_t> offset_out, std::size_t count,
                                 unsigned flags);
Result<> setxattr(Thread&, UserPtr<const char> path, UserPtr<const char> name, std::uintptr_t from,
                  std::size_t size, int flags);
Result<> fsetxattr(Thread&, int fd, UserPtr<const char> name, std::uintptr_t from, std::size_t size,
                   int flags);
Result<std::size_t> getxattr(Thread&, UserPtr<const char> path, UserPtr<const char> name,
                             UserSpan<std::byte> to);
Result<std::size_t> fgetxattr(Thread&, int fd, UserPtr<const char> name, UserSpan<std::byte> to);

Result<int> socket(Thread&, int domain, int type, int protocol);
Result<> bind(Thread&, int fd, std::uintptr_t address, int length);
Result<> listen(Thread&, int fd, int backlog);
trap::Answer<Result<int>> accept4(Thread&, int fd, std::uintptr_t address, UserPtr<int> length,
                                  int flags);
trap::Answer<Result<>> connect(Thread&, int fd, std::uintptr_t address, int length);
Result<> shutdown(Thread&, int fd, int how);
trap::Answer<Transfer> sendmsg(Thread&, int fd, std::uintptr_t header, int flags);
trap::Answer<Transfer> recvmsg(Thread&, int fd, std::uintptr_t header, int flags);
/// recvmsg(2) into `bytes` in place of the header's parts.
trap::Answer<Transfer> recvmsg_into(Thread&, int fd, std::uintptr_t header,
                                    UserSpan<std::byte> bytes, int flags);
/// recvmsg(2) into `bytes`, which get an abi::uring::RecvmsgOut, the name, the control messages and
/// the payload. The header only says how much room names and control messages have. Returns the
/// length of all, and of the payload in `payload`. EFAULT: there is no room for a payload.
trap::Answer<Transfer> recvmsg_framed(Thread&, int fd, std::uintptr_t header,
                                      UserSpan<std::byte> bytes, int flags, std::size_t& payload);

Result<> setsockopt(Thread&, int fd, int level, int option, std::uintptr_t value, int length);
/// getsockopt(2) with room for `room` bytes. Returns the length of the value.
Result<int> option_into(Thread&, int fd, int level, int option, std::uintptr_t value, int room);

Result<int> signalfd4(Thread&, int fd, UserPtr<const abi::SignalSet> mask, std::size_t mask_size,
                      int flags);
Result<int> inotify_init1(Thread&, int flags);
Result<> epoll_ctl(Thread&, int epoll, int operation, int fd, std::uintptr_t event);
trap::Answer<Result<int>> futex_wake(Thread&, std::uintptr_t address, std::uint64_t mask, int count,
                                     unsigned flags);
trap::Answer<Result<int>> futex_wait(Thread&, std::uintptr_t address, std::uint64_t value,
                                     std::uint64_t mask, unsigned flags, std::uintptr_t timeout,
                                     int clock);
trap::Answer<Result<int>> futex_waitv(Thread&, std::uintptr_t futexes, unsigned count,
                                      unsigned flags, UserPtr<const abi::Timespec> timeout,
                                      int clock);
async::Task<Result<int>> waitid(Thread&, int which, int id, std::uintptr_t info, int options,
                                UserPtr<abi::ResourceUsage> usage);

// Only for the older calls of x86_64.

/// select(2). sets: of descriptors to read from, to write to, and with exceptional conditions.
/// Writes the time that is left to `timeout`.
trap::Answer<Result<int>> select_for(Thread&, int count,
                                     const std::array<UserPtr<std::uint64_t>, 3>& sets,
                                     UserPtr<abi::Timeval> timeout);
Result<> fchmodat(Thread&, int directory, UserPtr<const char> path, unsigned mode);
Result<> fchownat(Thread&, int directory, UserPtr<const char> path, std::uint32_t uid,
                  std::uint32_t gid, int flags);
Result<> mknodat(Thread&, int directory, UserPtr<const char> path, unsigned mode,
                 std::uint32_t device);
/// The times of the last access and of the last change.
using FileTimes = std::array<abi::Timespec, 2>;
inline constexpr FileTimes times_now{{{0, abi::utime_now}, {0, abi::utime_now}}};
/// utimensat(2) with the times themselves.
Result<> set_times(Thread&, int directory, UserPtr<const char> path, const FileTimes& times,
                   int flags);

}  // namespace kernel::sys
