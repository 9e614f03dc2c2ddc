// Calls of Linux on x86_64 that have no generic number, another order of arguments, or another
// structure. Names, meanings and errors are Linux's (section 2 of its manual).
#pragma once

#include <abi/x86_64.h>

#include "syscalls/calls.h"
#include "syscalls/files.h"

namespace kernel::sys::x86_64 {

using Name = UserPtr<const char>;
using Status = UserPtr<abi::x86_64::Stat>;

trap::Answer<Result<int>> open(Thread&, Name path, int flags, unsigned mode);
trap::Answer<Result<int>> creat(Thread&, Name path, unsigned mode);
Result<> stat(Thread&, Name path, Status status);
Result<> fstat(Thread&, int fd, Status status);
Result<> lstat(Thread&, Name path, Status status);
Result<> newfstatat(Thread&, int directory, Name path, Status status, int flags);
Result<> access(Thread&, Name path, int mode);
Transfer readlink(Thread&, Name path, UserSpan<char> to);
Result<> mkdir(Thread&, Name path, unsigned mode);
Result<> rmdir(Thread&, Name path);
Result<> unlink(Thread&, Name path);
Result<> rename(Thread&, Name old_path, Name path);
Result<> renameat(Thread&, int old_directory, Name old_path, int directory, Name path);
Result<> symlink(Thread&, Name target, Name path);
Result<> link(Thread&, Name old_path, Name path);
Result<> mknod(Thread&, Name path, unsigned mode, std::uint32_t device);
Result<> chmod(Thread&, Name path, unsigned mode);
Result<> chown(Thread&, Name path, std::uint32_t uid, std::uint32_t gid);
Result<> lchown(Thread&, Name path, std::uint32_t uid, std::uint32_t gid);
Result<> utime(Thread&, Name path, UserPtr<const abi::x86_64::TwoSeconds> times);
Result<> utimes(Thread&, Name path, std::uintptr_t times);
Result<> futimesat(Thread&, int directory, Name path, std::uintptr_t times);

Result<> pipe(Thread&, UserPtr<int> ends);
Result<int> dup2(Thread&, int from, int to);
trap::Answer<Result<int>> poll(Thread&, UserPtr<abi::PollFd> fds, unsigned count, int milliseconds);
trap::Answer<Result<int>> select(Thread&, int count, UserPtr<std::uint64_t> reading,
                                 UserPtr<std::uint64_t> writing, UserPtr<std::uint64_t> exceptional,
                                 UserPtr<abi::Timeval> timeout);

Result<int> eventfd(Thread&, std::uint32_t count);
Result<int> signalfd(Thread&, int fd, UserPtr<const abi::SignalSet> mask, std::size_t mask_size);
Result<int> inotify_init(Thread&);
Result<int> epoll_create(Thread&, int size);
Result<> epoll_ctl(Thread&, int epoll, int operation, int fd, std::uintptr_t event);
trap::Answer<Result<int>> epoll_wait(Thread&, int epoll, std::uintptr_t events, int most,
                                     int milliseconds);
trap::Answer<Result<int>> epoll_pwait(Thread&, int epoll, std::uintptr_t events, int most,
                                      int milliseconds, std::uintptr_t mask, std::size_t mask_size);
trap::Answer<Result<int>> epoll_pwait2(Thread&, int epoll, std::uintptr_t events, int most,
                                       std::uintptr_t timeout, std::uintptr_t mask,
                                       std::size_t mask_size);

Result<> rt_sigaction(Thread&, int signal, UserPtr<const abi::x86_64::SignalAction> action,
                      UserPtr<abi::x86_64::SignalAction> old, std::size_t set_size);

Result<int> semctl(Thread&, int number, unsigned semaphore, int command, std::uintptr_t argument);

trap::Answer<Result<>> pause(Thread&);
Result<std::int64_t> alarm(Thread&, unsigned seconds);

trap::Answer<Result<int>> clone(Thread&, std::uint64_t flags, std::uintptr_t stack,
                                std::uintptr_t parent_tid, std::uintptr_t child_tid,
                                std::uintptr_t thread_pointer);
trap::Answer<Result<int>> fork(Thread&);
trap::Answer<Result<int>> vfork(Thread&);

int getpgrp(Thread&);
Result<std::int64_t> time(Thread&, UserPtr<std::int64_t> seconds);

/// Sets or reads the base of fs; the codes for gs fail with EINVAL. The kernel uses gs itself, or
/// for the program's thread-local storage if fs stays the kernel's (trap/segments.h).
Result<> arch_prctl(Thread&, int code, std::uintptr_t address);

}  // namespace kernel::sys::x86_64
