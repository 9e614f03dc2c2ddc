// The system calls about files, as typed functions; see calls.h for what that means. Pairs of
// try_NAME and NAME are two forms of one call: the first answers unless it would have to wait.
#pragma once

#include <abi/signal.h>
#include <abi/types.h>
#include <async/task.h>
#include <async/time.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include <cstddef>
#include <cstdint>

#include "memory/user_memory.h"
#include "syscalls/user_arguments.h"

namespace kernel {
class Thread;
}

namespace kernel::sys {

// ── files_io.cpp: moving bytes ──

using Transfer = Result<std::size_t>;

trap::Attempt<Transfer> try_read(Thread&, int fd, UserSpan<std::byte> to);
trap::WaitingCall read(Thread&, int fd, UserSpan<std::byte> to);
trap::Attempt<Transfer> try_write(Thread&, int fd, UserSpan<const std::byte> from);
async::Task<Transfer> write(Thread&, int fd, UserSpan<const std::byte> from);
trap::Attempt<Transfer> try_readv(Thread&, int fd, UserPtr<const abi::IoVector> to, int count);
async::Task<Transfer> readv(Thread&, int fd, UserPtr<const abi::IoVector> to, int count);
trap::Attempt<Transfer> try_writev(Thread&, int fd, UserPtr<const abi::IoVector> from, int count);
async::Task<Transfer> writev(Thread&, int fd, UserPtr<const abi::IoVector> from, int count);
trap::Attempt<Transfer> try_pread64(Thread&, int fd, UserSpan<std::byte> to, std::int64_t offset);
async::Task<Transfer> pread64(Thread&, int fd, UserSpan<std::byte> to, std::int64_t offset);
trap::Attempt<Transfer> try_pwrite64(Thread&, int fd, UserSpan<const std::byte> from,
                                     std::int64_t offset);
async::Task<Transfer> pwrite64(Thread&, int fd, UserSpan<const std::byte> from,
                               std::int64_t offset);
Result<std::int64_t> lseek(Thread&, int fd, std::int64_t offset, int whence);
Transfer getdents64(Thread&, int fd, UserSpan<std::byte> to);
Result<> ftruncate(Thread&, int fd, std::int64_t size);
trap::Attempt<Result<>> try_fsync(Thread&, int fd);
async::Task<Result<>> fsync(Thread&, int fd);

// ── files_descriptors.cpp: what a number stands for ──

Result<> close(Thread&, int fd);
Result<> close_range(Thread&, unsigned first, unsigned last, unsigned flags);
Result<int> dup(Thread&, int fd);
Result<int> dup3(Thread&, int from, int to, int flags);
Result<> pipe2(Thread&, UserPtr<int> ends, int flags);
Result<int> fcntl(Thread&, int fd, int command, std::uintptr_t argument);
Result<int> ioctl(Thread&, int fd, unsigned long request, std::uintptr_t argument);

// ── files_paths.cpp: names ──

Result<int> openat(Thread&, int directory, UserPtr<const char> path, int flags, unsigned mode);
Result<> fstat(Thread&, int fd, UserPtr<abi::Stat> status);
Result<> newfstatat(Thread&, int directory, UserPtr<const char> path, UserPtr<abi::Stat> status,
                    int flags);
Result<> faccessat(Thread&, int directory, UserPtr<const char> path, int mode);
Result<> faccessat2(Thread&, int directory, UserPtr<const char> path, int mode, int flags);
Transfer readlinkat(Thread&, int directory, UserPtr<const char> path, UserSpan<char> to);
Transfer getcwd(Thread&, UserSpan<char> to);
Result<> chdir(Thread&, UserPtr<const char> path);
Result<> fchdir(Thread&, int fd);
unsigned umask(Thread&, unsigned mask);

// ── files_names.cpp: making and removing names, where the tree is writable ──

Result<> mkdirat(Thread&, int directory, UserPtr<const char> path, unsigned mode);
Result<> symlinkat(Thread&, UserPtr<const char> target, int directory, UserPtr<const char> path);
Result<> unlinkat(Thread&, int directory, UserPtr<const char> path, int flags);
Result<> renameat2(Thread&, int old_directory, UserPtr<const char> old_path, int directory,
                   UserPtr<const char> path, unsigned flags);

// ── files_poll.cpp: waiting for several ──

/// Without limits and masks as programs write them.
trap::Attempt<Result<int>> try_poll_until(Thread&, UserPtr<abi::PollFd> fds, unsigned count,
                                          async::Instant deadline);
async::Task<Result<int>> poll_until(Thread&, UserPtr<abi::PollFd> fds, unsigned count,
                                    async::Instant deadline);
trap::Attempt<Result<int>> try_ppoll(Thread&, UserPtr<abi::PollFd> fds, unsigned count,
                                     UserPtr<const abi::Timespec> timeout,
                                     UserPtr<const abi::SignalSet> mask, std::size_t mask_size);
async::Task<Result<int>> ppoll(Thread&, UserPtr<abi::PollFd> fds, unsigned count,
                               UserPtr<const abi::Timespec> timeout,
                               UserPtr<const abi::SignalSet> mask, std::size_t mask_size);

}  // namespace kernel::sys
