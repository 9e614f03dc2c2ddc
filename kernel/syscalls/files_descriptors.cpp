// File descriptors: duplicating and closing them, pipes, flags.

#include <abi/terminal.h>

#include <utility>

#include "files/pipe.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/outside.h"
#include "syscalls/readiness_signals.h"

namespace kernel::sys {

Result<> close(Thread& self, int fd) {
  FdTable& files = self.process().files();
  const bool is_own = self.process().has_one_thread() && files.has_one_owner();
  return is_own && async::Strand::is_shared() ? files.close_own(fd) : files.close(fd);
}

namespace {

/// The descriptors that a close_range() has not closed yet.
struct RangeToClose {
  int next;
  int last;
  bool only_marks;

  /// Closes or marks as many as a step can. Returns whether none is left.
  bool do_some(FdTable& files) {
    for (unsigned done = 0; done < FdTable::closed_in_step; ++done) {
      const int fd = next <= last ? files.next(next) : -1;
      if (fd < 0 || fd > last) return true;
      // Another thread may have closed it: EBADF is the only possible error.
      (void)(only_marks ? files.set_close_on_exec(fd, true) : files.close(fd));
      next = fd + 1;
    }
    return false;
  }
};

async::Task<Result<>> close_in_steps(Thread& self, Ref<FdTable> files, RangeToClose range) {
  do {
    co_await cond_resched(self);
  } while (!async::is_cancelled() && !range.do_some(*files));
  co_return Result<>{};
}

}  // namespace

trap::Answer<Result<>> close_range(Thread& self, unsigned first, unsigned last, unsigned flags) {
  constexpr unsigned only_mark = abi::close_range_cloexec, unshares = abi::close_range_unshare;
  if (first > last || (flags & ~(only_mark | unshares)) != 0) return fail(Errno::einval);
  if ((flags & unshares) != 0) {
    if (!self.process().has_one_thread()) return fail(Errno::einval);
    if (auto own = self.process().own_files(); !own) return own;
  }
  FdTable& files = self.process().files();
  constexpr unsigned highest = FdTable::size_limit - 1;
  if (first > highest) return Result<>{};
  RangeToClose range{.next = static_cast<int>(first),
                     .last = static_cast<int>(std::min(last, highest)),
                     .only_marks = (flags & only_mark) != 0};
  if (range.do_some(files)) return Result<>{};
  return self.wait([&] { return close_in_steps(self, Ref<FdTable>::share(files), range); });
}

Result<int> dup(Thread& self, int fd) {
  auto file = self.process().files().share(fd);
  if (!file) return fail(file.error());
  return self.process().files().add(std::move(*file), false);
}

Result<int> dup3(Thread& self, int from, int to, int flags) {
  if ((flags & ~abi::o_cloexec) != 0 || from == to) return fail(Errno::einval);
  auto file = self.process().files().share(from);
  if (!file) return fail(file.error());
  return self.process().files().set(to, std::move(*file), flags != 0).transform([&] { return to; });
}

Result<> pipe2(Thread& self, UserPtr<int> ends, int flags) {
  if ((flags & ~(abi::o_cloexec | abi::o_nonblock | abi::o_direct)) != 0) {
    return fail(Errno::einval);
  }
  if (async::Strand::is_shared() &&
      outside::find_bytes(self, ends.address(), 2 * sizeof(int), hal::Access::write) == nullptr)
    return fail(Errno::would_block);
  auto pipe = make_pipe(flags & ~abi::o_cloexec);
  if (!pipe) return fail(pipe.error());

  FdTable& files = self.process().files();
  const bool close_on_exec = (flags & abi::o_cloexec) != 0;
  const auto reader = files.add(std::move(pipe->reader), close_on_exec);
  if (!reader) return fail(reader.error());
  const auto writer = files.add(std::move(pipe->writer), close_on_exec);
  if (!writer) {
    (void)files.close(*reader);
    return fail(writer.error());
  }
  const int numbers[] = {*reader, *writer};
  auto written = UserSpan<int>{ends.address(), 2}.write(self.space(), numbers);
  if (!written) {
    (void)files.close(*reader);
    (void)files.close(*writer);
  }
  return written;
}

/// F_GET_SEALS and F_ADD_SEALS.
[[gnu::cold]] static Result<int> seal(File& file, int command, unsigned seals) {
  constexpr unsigned known = abi::f_seal_seal | abi::f_seal_shrink | abi::f_seal_grow |
                             abi::f_seal_write | abi::f_seal_future_write;
  if (file.is_only_path()) return fail(Errno::ebadf);
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  if (command == abi::f_get_seals)
    return file.seals().transform([](unsigned set) { return static_cast<int>(set); });
  if (!file.can_write()) return fail(Errno::eperm);
  if ((seals & ~known) != 0) return fail(Errno::einval);
  return file.add_seals(seals).transform([] { return 0; });
}

trap::Answer<Result<int>> fcntl(Thread& self, int fd, int command, std::uintptr_t argument) {
  constexpr int set_pipe_size = 1031;  // F_SETPIPE_SZ
  FdTable& files = self.process().files();
  File* const file = files.find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  const int number = static_cast<int>(argument);
  const auto done = [] { return 0; };
  switch (command) {
    case abi::f_dupfd:
    case abi::f_dupfd_cloexec: {
      if (number < 0 || number >= files.limit()) return fail(Errno::einval);
      auto shared = files.share(fd);
      if (!shared) return fail(shared.error());
      return files.add(std::move(*shared), command == abi::f_dupfd_cloexec, number);
    }
    case abi::f_getfd:
      return files.close_on_exec(fd).transform([](bool set) { return set ? abi::fd_cloexec : 0; });
    case abi::f_setfd:
      return files.set_close_on_exec(fd, (number & abi::fd_cloexec) != 0).transform(done);
    case abi::f_getfl: return file->flags();
    case abi::f_setfl:
      if (file->is_only_path()) return fail(Errno::ebadf);
      if (async::Strand::is_shared()) return fail(Errno::would_block);
      return set_async(*file, fd, (number & abi::o_async) != 0).transform([&] {
        file->set_status_flags(number);
        return 0;
      });
    case abi::f_getpipe_size: return file->pipe_capacity();
    case set_pipe_size:
      if (async::Strand::is_shared()) return fail(Errno::would_block);
      return file->pipe() != nullptr ? file->pipe()->set_capacity(static_cast<unsigned>(argument))
                                     : fail(Errno::ebadf);
    case abi::f_getlk:
    case abi::f_setlk:
    case abi::f_setlkw:
    case abi::f_ofd_getlk:
    case abi::f_ofd_setlk:
    case abi::f_ofd_setlkw:
      return lock_record(self, fd, *file, command, UserPtr<abi::Flock>{argument});
    case abi::f_setown:
    case abi::f_getown:
    case abi::f_setsig:
    case abi::f_getsig:
    case abi::f_setown_ex:
    case abi::f_getown_ex:
      if (file->is_only_path()) return fail(Errno::ebadf);
      if (async::Strand::is_shared()) return fail(Errno::would_block);
      return control_signal(self, *file, command, argument);
    case abi::f_notify:
      if (file->is_only_path()) return fail(Errno::ebadf);
      if (async::Strand::is_shared()) return fail(Errno::would_block);
      return note_changes(self, *file, fd, static_cast<unsigned>(argument));
    case abi::f_get_seals:
    case abi::f_add_seals: return seal(*file, command, static_cast<unsigned>(argument));
    default: return fail(file->is_only_path() ? Errno::ebadf : Errno::einval);
  }
}

Result<int> ioctl(Thread& self, int fd, unsigned long request, std::uintptr_t argument) {
  FdTable& files = self.process().files();
  File* const file = files.find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  request = static_cast<std::uint32_t>(request);
  switch (request) {
    case abi::fioclex:
    case abi::fionclex:
      return files.set_close_on_exec(fd, request == abi::fioclex).transform([] { return 0; });
    case abi::fioasync: {
      const auto on = UserPtr<const int>{argument}.read(self.space());
      if (!on) return fail(on.error());
      const bool is_on = (file->flags() & abi::o_async) != 0;
      if (is_on != (*on != 0) && !file->may_send_signals()) return fail(Errno::enotty);
      return set_async(*file, fd, *on != 0).transform([] { return 0; });
    }
    case abi::fiosetown:
    case abi::siocspgrp:
    case abi::fiogetown:
    case abi::siocgpgrp:
      if (file->socket() != nullptr) return control_socket_owner(self, *file, request, argument);
      return file->control(self.space(), request, argument);
    case abi::fionbio: {
      const auto on = UserPtr<const int>{argument}.read(self.space());
      if (!on) return fail(on.error());
      const int others = file->flags() & ~abi::o_nonblock;
      file->set_status_flags(*on != 0 ? others | abi::o_nonblock : others);
      return 0;
    }
    case abi::tiocgptpeer: {
      const int flags = static_cast<int>(argument);
      auto peer = file->open_peer(flags & (abi::o_accmode | abi::o_nonblock | abi::o_noctty));
      if (!peer) return fail(peer.error());
      return files.add(std::move(*peer), (flags & abi::o_cloexec) != 0);
    }
    default: return file->control(self.space(), request, argument);
  }
}

}  // namespace kernel::sys
