// The ways to use /dev/vda: each returns the program's exit code, and ends it where something is
// not as it should be.
#pragma once

#include <user/check.h>
#include <user/files.h>

#include <cstddef>
#include <cstdint>

namespace disk {

inline constexpr std::size_t sector_bytes = 512;

/// The disk that is open, and how large it is. main() sets them before anything else.
extern user::Fd file;
extern std::size_t bytes;

user::Result<std::size_t> read_at(std::size_t offset, void* to, std::size_t size);
user::Result<std::size_t> write_at(std::size_t offset, const void* from, std::size_t size);

// ── transfers.cpp ──

/// Random transfers by several threads, each within a stretch of its own; the stretches' ends are
/// anywhere in sectors. Prints the hash of what must be on the disk then.
int write_at_random(std::uint64_t seed, int threads, int count);
int read_blocks(int count);
/// Memory comes back, whatever was done.
int leave_nothing(int count);

// ── joined.cpp ──

/// By rings, at random.
int join(std::uint64_t seed);
int join_and_leave();
/// The bad sector is in the midst of it.
int join_over(std::size_t bad_offset);

// ── refusals.cpp ──

int be_wrong();
/// On a disk that is read-only.
int be_refused();
/// On one with a bad sector: errors come to those whom they concern.
int meet_errors(std::size_t bad_offset);

// ── meanwhile.cpp ──

/// Children with threads that read from a slow disk are killed while they wait. Their pages must be
/// theirs until the disk has written to them: what others get meanwhile stays as it is.
int be_killed();
/// What each of the children does.
int read_and_wait();
/// A process forks while one of its threads reads: what was read is in the parent, whoever writes
/// to the page meanwhile.
int fork_meanwhile();
/// A thread calls execve while another one reads, and all memory is taken before that read ends:
/// the program is executed, or every thread goes on.
int execute_meanwhile();

// ── mapped.cpp ──

/// The disk as memory: the same bytes as reads bring, whoever touches them first, a program or a
/// system call; nothing a program writes there gets to the disk.
int map();
/// What a signal ends is a child: past the disk's end, and in the bad sector.
int map_bad(std::size_t bad_offset);
/// Touches the byte at `offset`.
int touch(std::size_t offset);

/// Of a refusal that is wanted.
template <class T>
void refused(const user::Result<T>& result, user::Errno error, std::string_view what) {
  user::check(!result && result.error() == error, "{}: {} is wanted", what, abi::name(error));
}

}  // namespace disk
