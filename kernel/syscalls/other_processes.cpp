// Calls that look into other processes: their memory, their descriptors, and whether two threads
// share a part.
#include <abi/flags.h>
#include <abi/process.h>

#include <algorithm>
#include <array>
#include <functional>

#include "memory/frames.h"
#include "process/end_watch.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/io_parts.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::AddressSpace;
using memory::UserPtr;
using IoList = UserPtr<const abi::IoVector>;
using Moved = Result<std::size_t>;

/// The parts of another program's memory, in order. The kernel does not check them before it
/// reaches them, as Linux does.
class PartsReader {
 public:
  PartsReader(IoList list, std::size_t count) : list_{list.address(), count} {}

  /// Moves `bytes` on in the present part.
  void advance(std::size_t bytes) {
    part_.base += bytes;
    part_.length -= bytes;
  }
  /// The rest of the present part; empty: there are no more bytes. EFAULT; would_block.
  Result<abi::IoVector> present(AddressSpace& caller) {
    while (part_.length == 0 && !list_.empty()) {
      const auto next = list_[0].read(caller);
      if (!next) return fail(next.error());
      part_ = *next;
      list_ = list_.subspan(1);
    }
    return part_;
  }

 private:
  UserSpan<const abi::IoVector> list_;
  abi::IoVector part_{};
};

/// The kernel's view of bytes of a program, up to the end of a page. Waits for a page-in. EFAULT;
/// ENOMEM; EINTR.
async::Task<Result<std::span<std::byte>>> view(Thread& self, Ref<AddressSpace> space,
                                               std::uintptr_t at, std::size_t bytes,
                                               hal::Access wanted) {
  const auto there =
      co_await with_page_ins(self, space, [&] { return space->fault_in(at, wanted); });
  if (!there) co_return fail(there.error());
  co_return std::span{*there, std::min(bytes, hal::page_size - at % hal::page_size)};
}

/// Moves bytes between the caller's memory and that of `other`, through a page of the kernel: a
/// view is valid only until the next wait. Returns the bytes that were moved before an error.
async::Task<Moved> move_memory(Thread& self, Ref<AddressSpace> other, IoList own_list,
                               int own_count, IoList list, std::size_t count, bool reads) {
  IoParts own;
  if (auto read = own.read(self.space(), own_list, own_count); !read) co_return fail(read.error());
  const auto bounce = memory::Frame::allocate(memory::Use::user);
  if (!bounce) co_return fail(Errno::enomem);
  const auto space = Ref<AddressSpace>::share(self.space());
  IoBuffer buffer = own.buffer(*space);
  PartsReader parts{list, count};
  std::size_t done = 0, in_step = 0;
  Errno error{};
  while (error == Errno{} && !buffer.empty() && !async::is_cancelled()) {
    const auto part = co_await with_page_ins(self, [&] { return parts.present(*space); });
    if (!part) error = part.error();
    if (!part || part->length == 0) break;
    const std::size_t wanted = std::min({part->length, buffer.left(), hal::page_size});
    std::span<std::byte> bytes{bounce.bytes(), wanted};
    const auto move_own = [&]() -> Moved { return reads ? buffer.put(bytes) : buffer.take(bytes); };
    if (!reads) {
      const auto moved = co_await with_page_ins(self, move_own);
      if (!moved) error = moved.error();
      if (!moved || *moved == 0) break;
      bytes = bytes.first(*moved);
    }
    std::size_t copied = 0;
    while (copied < bytes.size()) {
      const auto there = co_await view(self, other, part->base + copied, bytes.size() - copied,
                                       reads ? hal::Access::read : hal::Access::write);
      if (!there) error = there.error();
      if (!there) break;
      const auto piece = bytes.subspan(copied, there->size());
      if (reads) {
        std::ranges::copy(*there, piece.begin());
      } else {
        std::ranges::copy(piece, there->begin());
      }
      copied += piece.size();
    }
    parts.advance(copied);
    bytes = bytes.first(copied);
    if (reads && copied > 0) {
      const auto moved = co_await with_page_ins(self, move_own);
      if (!moved) error = moved.error();
      copied = moved ? *moved : 0;
    }
    done += copied;
    in_step += copied;
    if (in_step >= step_bytes) {
      in_step = 0;
      co_await cond_resched(self);
    }
  }
  if (done == 0 && error != Errno{}) co_return fail(error);
  co_return done;
}

trap::Answer<Moved> move_memory_of(Thread& self, int id, IoList own, std::size_t own_count,
                                   IoList other, std::size_t other_count, std::uint64_t flags,
                                   bool reads) {
  if (flags != 0) return fail(Errno::einval);
  if (own_count > abi::max_io_vectors || other_count > abi::max_io_vectors)
    return fail(Errno::einval);
  if (own_count == 0 || other_count == 0) return 0;
  Process* const process = process_of(id);
  if (process == nullptr || process->is_zombie()) return fail(Errno::esrch);
  return self.wait([&] {
    return move_memory(self, process->parts().space, own, static_cast<int>(own_count), other,
                       other_count, reads);
  });
}

}  // namespace

/// flags: none; EINVAL for others
/// linux: The call moves the bytes before the first one that it cannot access; Linux may stop at an
///   earlier part.
trap::Answer<Moved> process_vm_readv(Thread& self, int id, IoList to, std::size_t to_count,
                                     IoList from, std::size_t from_count, std::uint64_t flags) {
  return move_memory_of(self, id, to, to_count, from, from_count, flags, true);
}

/// flags: none; EINVAL for others
/// linux: As `process_vm_readv`.
trap::Answer<Moved> process_vm_writev(Thread& self, int id, IoList from, std::size_t from_count,
                                      IoList to, std::size_t to_count, std::uint64_t flags) {
  return move_memory_of(self, id, from, from_count, to, to_count, flags, false);
}

namespace {

/// Linux's answer of kcmp: 0, or 1 or 2 by a fixed order of the objects.
int order(const void* a, const void* b) {
  if (a == b) return 0;
  return std::less<>{}(a, b) ? 1 : 2;
}

}  // namespace

/// flags: the types KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM;
///   EINVAL for others
/// linux: KCMP_EPOLL_TFD fails with EINVAL. Threads share no priority of transfers (KCMP_IO) and
///   no semaphores (KCMP_SYSVSEM), but each thread is equal to itself.
Result<int> kcmp(Thread& self, int id, int other_id, int type, std::uint64_t fd,
                 std::uint64_t other_fd) {
  enum { file, vm, files, fs, sighand, io, sysvsem };
  const auto find = [&](int number) { return number == 0 ? nullptr : threads().find(number); };
  const Thread* const one = find(id);
  const Thread* const other = find(other_id);
  (void)self;
  if (one == nullptr || other == nullptr) return fail(Errno::esrch);
  const auto parts = [](const Thread& thread) -> const Process::Parts& {
    return const_cast<Thread&>(thread).process().parts();
  };
  const Process::Parts &a = parts(*one), &b = parts(*other);
  switch (type) {
    case file: {
      const auto file_of = [](const Process::Parts& of, std::uint64_t number) -> const File* {
        return number < FdTable::size_limit ? of.files->find(static_cast<int>(number)) : nullptr;
      };
      const File *const first = file_of(a, fd), *const second = file_of(b, other_fd);
      if (first == nullptr || second == nullptr) return fail(Errno::ebadf);
      return order(first, second);
    }
    case vm: return order(a.space.get(), b.space.get());
    case files: return order(a.files.get(), b.files.get());
    case fs: return order(a.fs.get(), b.fs.get());
    case sighand: return order(a.actions.get(), b.actions.get());
    case io:
    case sysvsem: return order(one, other);
    default: return fail(Errno::einval);
  }
}

/// flags: 0; EINVAL for others
/// linux: none known
Result<int> pidfd_getfd(Thread& self, int fd, int target, unsigned flags) {
  if (flags != 0) return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  const EndWatch* const watch = file != nullptr ? file->end_watch() : nullptr;
  if (watch == nullptr) return fail(Errno::ebadf);
  Process* const process = watch->process();
  if (process == nullptr || process->is_zombie()) return fail(Errno::esrch);
  auto shared = process->files().share(target);
  if (!shared) return fail(shared.error());
  (*shared)->note_other_table();
  return self.process().files().add(std::move(*shared), true);
}

}  // namespace sys

KERNEL_CALL(process_vm_readv, sys::process_vm_readv);
KERNEL_CALL(process_vm_writev, sys::process_vm_writev);
KERNEL_CALL(kcmp, sys::kcmp);
KERNEL_CALL(pidfd_getfd, sys::pidfd_getfd);

}  // namespace kernel
