// Reads and writes that wait, or that move more than one step does: once for all kinds of files.
#pragma once

#include <async/task.h>

#include <cstdint>

#include "process/thread.h"
#include "syscalls/files.h"

namespace kernel::sys {

/// Whether what a try has answered means that the caller is to wait.
bool would_wait(const File& file, const Transfer& moved);
/// What a failed write means for the program when nobody reads any more.
void tell_broken_pipe(Thread& self, const Transfer& moved);

// The file stays open until the transfer has ended; what `buffer` is made of stays as long.

/// After a try with `buffer` that has moved nothing, or was left out because it is more than a
/// step.
trap::WaitingCall start_reading(Thread& self, File& file, IoBuffer buffer);
/// Where it may be another buffer than the one of the try. Not empty.
async::Task<Transfer> start_reading_anew(Thread& self, File& file, IoBuffer buffer);
/// `buffer` is not empty. Goes on until all is written: a short count is for files that are full,
/// errors, and the end of the thread.
async::Task<Transfer> start_writing(Thread& self, File& file, IoBuffer buffer);

/// At a place of the file's, which is no negative one.
async::Task<Transfer> start_reading_at(Thread& self, File& file, std::uint64_t offset,
                                       IoBuffer buffer);
async::Task<Transfer> start_writing_at(Thread& self, File& file, std::uint64_t offset,
                                       IoBuffer buffer);

}  // namespace kernel::sys
