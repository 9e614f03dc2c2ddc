// Tests of /dev/vda. Each returns the program's exit code, and fails at the first wrong result.
#pragma once

#include <user/check.h>
#include <user/files.h>

#include <cstddef>
#include <cstdint>

#include "../eventually.h"

namespace disk {

inline constexpr std::size_t sector_bytes = 512;

/// The open disk and its size. main() sets them before anything else.
extern user::Fd file;
extern std::size_t bytes;

user::Result<std::size_t> read_at(std::size_t offset, void* to, std::size_t size);
user::Result<std::size_t> write_at(std::size_t offset, const void* from, std::size_t size);

// ── transfers.cpp ──

/// Makes random transfers by several threads, each in a range of its own; the ranges need not begin
/// at sectors. Prints the hash of the disk's expected contents.
int write_at_random(std::uint64_t seed, int threads, int count);
int read_blocks(int count);
/// Transfers leak no memory.
int leave_nothing(int count);

// ── joined.cpp ──

/// Makes random transfers through a ring. The kernel merges those that are adjacent.
int join(std::uint64_t seed);
int join_and_leave();
/// A merged transfer contains the bad sector: only the submission of that sector fails.
int join_over(std::size_t bad_offset);

// ── refusals.cpp ──

int be_wrong();
/// Writes to a read-only disk fail.
int be_refused();
/// On a disk with a bad sector: only transfers that contain it fail.
int meet_errors(std::size_t bad_offset);

// ── meanwhile.cpp ──

/// Children whose threads read from a slow disk are killed while they wait. Their pages must stay
/// allocated until the disk has written to them: memory that other processes allocate meanwhile
/// must not change.
int be_killed();
/// What each child of be_killed() does.
int read_and_wait();
/// A process forks while one of its threads reads: the parent gets the bytes, although it writes to
/// the page meanwhile.
int fork_meanwhile();
/// A thread calls execve while another one reads, and all memory is taken before that read ends.
/// Then either the program is executed, or all threads continue.
int execute_meanwhile();

/// A reader and a waiter of epoll that wait for a page-in leave what there is to the next ones.
int leave_to_others();
/// Requests of a ring that wait for a page-in end when their time is over or when they are
/// cancelled. The byte that they could not store stays in the pipe.
int end_in_page_in();

// ── signals.cpp ──

/// Signals with a handler come while calls wait for a page-in.
int be_interrupted();

// ── mapped.cpp ──

/// Maps the disk. A mapping has the same bytes as reads, whether a program or a system call touches
/// a page first. Writes to it never reach the disk.
int map();
/// A child that touches a page past the disk's end, or the bad sector, dies by a signal.
int map_bad(std::size_t bad_offset);
/// Maps the disk and reads its byte at `offset`. Returns 0. Children of map() and map_bad() do
/// this.
int touch(std::size_t offset);

/// Checks that `result` is the expected error.
template <class T>
void refused(const user::Result<T>& result, user::Errno error, std::string_view what) {
  user::check(!result && result.error() == error, "{}: expected {}", what, abi::name(error));
}

}  // namespace disk
