// System calls outside the strand: handlers that answer the usual case of a call while several
// harts run (trap::SyscallTable::outside). For every other case they return would_block and have
// changed nothing; the call's handler then makes the call in the strand.
//
// A handler that reads data of the strand shares it meanwhile (async::Strand::Sharing). It writes
// only the program's memory, data behind a LeafLock, and data of its process that no other hart can
// use while the strand is shared.
// It tells the allocators that it shares the strand (Sharing::tell()), or allocates nothing.
//
// A handler whose call must wait keeps the sharing, leaves in Thread::waiting() what it waits for,
// and returns would_block.
#pragma once

#include "syscalls/calls.h"
#include "syscalls/files.h"

namespace kernel::sys::outside {

// Transfers to or from a buffer that lies in one page, which the kernel's TLB caches. A read from a
// pipe may wait.
trap::Answer<Transfer> read(Thread&, int fd, UserSpan<std::byte> to);
trap::Answer<Transfer> write(Thread&, int fd, UserSpan<const std::byte> from);
trap::Answer<Transfer> pread64(Thread&, int fd, UserSpan<std::byte> to, std::int64_t offset);

// Changes of private memory without a file, by the only thread of a process that shares its memory
// with no other process. These run the call's handler, while the strand is shared.
trap::Answer<std::uintptr_t> brk(Thread&, std::uintptr_t end);
trap::Answer<Result<std::uintptr_t>> mmap(Thread&, std::uintptr_t address, std::size_t length,
                                          int access, int flags, int fd, std::int64_t offset);
trap::Answer<Result<>> munmap(Thread&, std::uintptr_t address, std::size_t length);
trap::Answer<Result<>> madvise(Thread&, std::uintptr_t address, std::size_t length, int advice);

// By the only thread of a process that shares its descriptors with no other process. openat opens
// regular files that exist. close closes those.
trap::Answer<Result<int>> openat(Thread&, int directory, UserPtr<const char> path, int flags,
                                 unsigned mode);
trap::Answer<Result<>> close(Thread&, int fd);

/// The monotonic clocks.
trap::Answer<Result<>> clock_gettime(Thread&, int clock, UserPtr<abi::Timespec> time);

/// No other job is ready that the thread must let run, or one of this hart.
trap::Answer<Result<>> sched_yield(Thread&);

/// A private wait without a timeout, and a private wake of one thread.
trap::Answer<Result<int>> futex(Thread&, std::uintptr_t address, int operation, std::uint32_t value,
                                std::uintptr_t timeout, std::uintptr_t address2,
                                std::uint32_t value3);

}  // namespace kernel::sys::outside
