#include "syscalls/outside.h"

#include <abi/flags.h>
#include <async/sharing_timer.h>
#include <async/wait_loop.h>

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstring>
#include <span>
#include <string_view>

#include "base/machine_facts.h"
#include "base/random.h"
#include "files/file.h"
#include "memory/read_once.h"
#include "process/futex.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/io_loops.h"
#include "syscalls/paths.h"
#include "syscalls/timespec.h"

namespace kernel::sys::outside {
namespace {

using async::Strand;
using hal::Access;

[[gnu::noinline]] std::byte* walk(Thread& self, std::uintptr_t address, Access wanted) {
  const Strand::Telling told;
  return self.space().walk_sharing(address, wanted, self.owns_space());
}

/// The kernel's view of [address, address + bytes), which must lie in one page. Null: the page
/// needs a fault. Valid while the caller shares the strand.
std::byte* cached(Thread& self, std::uintptr_t address, std::size_t bytes, Access wanted) {
  if (bytes - 1 >= hal::page_size - address % hal::page_size) return nullptr;
  std::byte* const there = self.space().tlb_lookup(address, wanted);
  return there != nullptr ? there : walk(self, address, wanted);
}

/// The bytes of a read or write as the kernel sees them, and the open file. The file is null if the
/// call must be made in the strand, which also finds the errors.
struct Moving {
  File* file;
  std::byte* there;
};
template <Access wanted>
[[gnu::always_inline]] inline Moving find(Thread& self, int fd, std::uintptr_t address,
                                          std::size_t bytes) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return {};
  if (!(wanted == Access::write ? file->can_read() : file->can_write())) return {};
  std::byte* const there = cached(self, address, bytes, wanted);
  return {there != nullptr ? file : nullptr, there};
}

/// While it exists, no other thread changes the areas of `self`'s memory. The hart shares the
/// strand.
class AreasGuard {
 public:
  explicit AreasGuard(Thread& self)
      : is_own_{self.owns_space()}, lock_{self.space().lock(), !is_own_} {}

  /// Whether the space has no other thread.
  bool is_own() const { return is_own_; }

 private:
  bool is_own_;
  async::RwLeafLock::GuardIf lock_;
};

/// Whether a call that shares the strand may change [address, address + length). It must be private
/// memory without instructions, and the change one step. If other threads use the space, it has at
/// most 64 pages.
bool may_change(Thread& self, const AreasGuard& areas, std::uintptr_t address, std::size_t length) {
  if (length > hal::user_end || address > hal::user_end) return false;
  const std::size_t bytes = hal::page_up(length);
  const auto& space = self.space();
  if (!areas.is_own() && bytes > AddressSpace::most_bytes_sharing) return false;
  return !space.takes_steps(address, length) && space.is_plain(address, bytes);
}

/// Only a step in the strand can use the free memory of all harts. So the call is made there before
/// it fails with ENOMEM. It can be made again.
template <class Value>
trap::Answer<Value> unless_out_of_memory(trap::Answer<Value> answer) {
  return answer.is(Errno::enomem) ? trap::Answer<Value>{trap::would_block} : answer;
}

/// A read that waits, and shares the strand as long as that suffices. Unlike a restart of the call
/// it keeps the file, which the program may close meanwhile.
class Reading : public async::WaitLoop<Reading> {
 public:
  /// Takes over a reference to `file`.
  Reading(Thread& self, File& file, UserSpan<std::byte> to) : self_{self}, file_{&file}, to_{to} {}
  ~Reading() {
    if (file_ != nullptr) file_->release();
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> reader) {
    const std::coroutine_handle<> loop = begin(reader);
    if (file_->wait_sharing(loop)) return std::noop_coroutine();
    if (attempt() || (refused() && poll())) return reader;
    async::current_job().suspend(loop);
    return std::noop_coroutine();
  }

 private:
  friend WaitLoop;

  async::WaitOp wait() const { return file_->changes(Direction::read)->wait("read"); }
  bool poll() {
    if (async::current_job().result() == async::WaitResult::woken) return attempt();
    enter_strand();
    moved_ = fail(Errno::eintr);
    return true;
  }
  /// Returns whether moved_ is the result. If not, the step is in the strand, and must wait.
  bool attempt() {
    if (Strand::is_shared()) {
      std::byte* const there = cached(self_, to_.address(), to_.size(), Access::write);
      if (there != nullptr)
        moved_ = file_->read_sharing({self_.space(), to_.address(), there, to_.size()});
      if (there != nullptr && (moved_ || moved_.error() != Errno::would_block)) return true;
      enter_strand();
    }
    IoBuffer buffer{self_.space(), to_.address(), to_.size()};
    moved_ = file_->try_read(buffer);
    return !waits_for(*file_, buffer, moved_);
  }
  Transfer result() {
    // Only a step in the strand may free the file.
    if (file_->release_unless_last()) {
      file_ = nullptr;
    } else {
      enter_strand();
    }
    return moved_;
  }

  Thread& self_;
  File* file_;
  UserSpan<std::byte> to_;
  Transfer moved_ = 0;
};

/// FUTEX_WAIT. Its steps share the strand.
template <Futex::Sharing kind>
class WaitForWord {
 public:
  WaitForWord(Thread& self, std::uintptr_t address, std::uint32_t expected)
      : self_{self}, expected_{expected}, entry_{self.job(), {.value = address}} {}

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    const std::uintptr_t address = entry_.key.value;
    if constexpr (kind == Futex::Sharing::own_space) {
      begin(Futex::own(self_.space(), address), waiter);
    } else if (const auto futex = Futex::at_sharing(self_.space(), address, self_.owns_space())) {
      begin(*futex, waiter);
    }
    return has_begun() ? std::noop_coroutine() : waiter;
  }
  Result<int> await_resume() {
    if (state_ == Futex::Wait::word_changed) return fail(Errno::eagain);
    if (!has_begun()) return fail(Errno::would_block);
    if (entry_.job->result() == async::WaitResult::woken) [[likely]]
      return 0;
    enter_strand();
    entry_.unlink();
    return fail(Errno::eintr);
  }

 private:
  void begin(const Futex& futex, std::coroutine_handle<> waiter) {
    state_ = futex.wait_sharing(expected_, entry_, waiter);
    if (state_ != Futex::Wait::not_in_tlb) [[likely]]
      return;
    if (walk(self_, entry_.key.value, Access::read) != nullptr)
      state_ = futex.wait_sharing(expected_, entry_, waiter);
  }

  Thread& self_;
  std::uint32_t expected_;
  Futex::Wait state_ = Futex::Wait::needs_strand;

 protected:
  bool has_begun() const { return state_ == Futex::Wait::started; }

  async::KeyedEntry entry_;  // its key holds the word's address until the wait begins
};

/// The same with a timeout.
template <Futex::Sharing kind>
class TimedWaitForWord : async::SharingTimer, WaitForWord<kind> {
  using Untimed = WaitForWord<kind>;

 public:
  TimedWaitForWord(Thread& self, std::uintptr_t address, std::uint32_t expected,
                   async::Instant deadline)
      : SharingTimer{&end, deadline}, Untimed{self, address, expected} {}

  using Untimed::await_ready;
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    const auto next = Untimed::await_suspend(waiter);
    if (Untimed::has_begun()) arm();
    return next;
  }
  Result<int> await_resume() {
    const bool has_timed_out = this->entry_.job->result() == async::WaitResult::timed_out;
    if (Untimed::has_begun() && has_timed_out) return fail(Errno::etimedout);
    return Untimed::await_resume();
  }

 private:
  static Ended end(SharingTimer& timer) noexcept {
    async::KeyedEntry& entry = static_cast<TimedWaitForWord&>(timer).entry_;
    if (!Futex::take(entry)) return {};
    return {entry.job, async::WaitResult::timed_out};
  }
};

/// wait4() of a child that has ended. would_block: there is none, or the call must be made in the
/// strand. The hart shares the strand.
Result<int> collect_sharing(Thread& self, int id, UserPtr<int> status) {
  std::byte* there = nullptr;
  if (status) {
    there = cached(self, status.address(), sizeof(int), Access::write);
    if (there == nullptr) return fail(Errno::would_block);
  }
  const Ref<Process> zombie = self.process().reap_sharing(id);
  if (!zombie) return fail(Errno::would_block);
  const int ended = zombie->status().word();
  if (there != nullptr) std::memcpy(there, &ended, sizeof ended);
  return zombie->id();
}

/// A wait for the end of any child, which shares the strand.
class SharingChildWait {
 public:
  SharingChildWait(Thread& self, int id, UserPtr<int> status)
      : self_{self}, id_{id}, status_{status} {}

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    has_begun_ = self_.process().wait_sharing(waiter);
    return has_begun_ ? std::noop_coroutine() : waiter;
  }
  Result<int> await_resume() {
    if (!has_begun_ || async::current_job().result() == async::WaitResult::woken)
      return collect_sharing(self_, id_, status_);
    enter_strand();
    return fail(Errno::eintr);
  }

 private:
  Thread& self_;
  int id_;
  UserPtr<int> status_;
  bool has_begun_ = false;
};

template <Futex::Sharing kind>
[[gnu::noinline]] trap::Answer<Result<int>> wait_with_timeout(Thread& self, std::uintptr_t address,
                                                              std::uint32_t expected,
                                                              std::uintptr_t timeout) {
  Strand::Sharing sharing;
  sharing.tell();
  const auto length =
      UserPtr<const abi::Timespec>{timeout}.read(self.space()).and_then(to_duration);
  if (!length) return fail(length.error());
  sharing.keep();
  return self.wait([&] { return TimedWaitForWord<kind>{self, address, expected, after(*length)}; });
}

}  // namespace

trap::Answer<Transfer> read(Thread& self, int fd, UserSpan<std::byte> to) {
  Strand::Sharing sharing;
  const auto [file, there] = find<Access::write>(self, fd, to.address(), to.size());
  if (file == nullptr) return trap::would_block;
  const Transfer moved = file->read_sharing({self.space(), to.address(), there, to.size()});
  if (moved || moved.error() != Errno::would_block) [[likely]]
    return moved;
  if (!file->waits_sharing() || !may_wait(self)) return trap::would_block;
  if (!file->retain_if_owned()) return trap::would_block;
  sharing.keep();
  return self.wait([&] { return Reading{self, *file, to}; });
}

trap::Answer<Transfer> write(Thread& self, int fd, UserSpan<const std::byte> from) {
  const Strand::Sharing sharing;
  const auto [file, there] = find<Access::read>(self, fd, from.address(), from.size());
  if (file == nullptr) return trap::would_block;
  return file->write_sharing({self.space(), from.address(), there, from.size()});
}

trap::Answer<Transfer> pread64(Thread& self, int fd, UserSpan<std::byte> to, std::int64_t offset) {
  if (offset < 0) return fail(Errno::einval);
  const Strand::Sharing sharing;
  const auto [file, there] = find<Access::write>(self, fd, to.address(), to.size());
  if (file == nullptr) return trap::would_block;
  return file->read_at_sharing(static_cast<std::uint64_t>(offset),
                               {self.space(), to.address(), there, to.size()});
}

trap::Answer<Transfer> pwrite64(Thread& self, int fd, UserSpan<const std::byte> from,
                                std::int64_t offset) {
  if (offset < 0) return fail(Errno::einval);
  const Strand::Sharing sharing;
  const auto [file, there] = find<Access::read>(self, fd, from.address(), from.size());
  if (file == nullptr) return trap::would_block;
  return file->write_at_sharing(static_cast<std::uint64_t>(offset),
                                {self.space(), from.address(), there, from.size()});
}

trap::Answer<std::uintptr_t> brk(Thread& self, std::uintptr_t end) {
  Strand::Sharing sharing;
  const AreasGuard areas{self};
  if (self.space().shrinks_heap(end)) return trap::would_block;
  sharing.tell();
  const std::uintptr_t now =
      self.space().set_break(end, self.process().limits()[abi::rlimit_as].soft);
  if (now < end) return trap::would_block;  // as unless_out_of_memory()
  return now;
}

trap::Answer<Result<std::uintptr_t>> mmap(Thread& self, std::uintptr_t address, std::size_t length,
                                          int rights, int flags, int fd, std::int64_t offset) {
  constexpr int is_simple = abi::map_type | abi::map_anonymous | abi::map_noreserve |
                            abi::map_stack | abi::map_fixed | abi::map_fixed_noreplace;
  if ((flags & ~is_simple) != 0 || (flags & abi::map_type) != abi::map_private ||
      (rights & abi::prot_exec) != 0)
    return trap::would_block;
  Strand::Sharing sharing;
  const AreasGuard areas{self};
  const bool replaces = (flags & abi::map_fixed) != 0;
  if (replaces && !may_change(self, areas, address, length)) return trap::would_block;
  if ((flags & abi::map_anonymous) == 0) {
    File* const file = self.process().files().find(fd);
    if (file == nullptr || !file->bytes()) return trap::would_block;
  }
  sharing.tell();
  return unless_out_of_memory(sys::mmap(self, address, length, rights, flags, fd, offset));
}

trap::Answer<Result<>> munmap(Thread& self, std::uintptr_t address, std::size_t length) {
  Strand::Sharing sharing;
  const AreasGuard areas{self};
  if (!may_change(self, areas, address, length)) return trap::would_block;
  sharing.tell();
  return unless_out_of_memory(sys::munmap(self, address, length));
}

trap::Answer<Result<>> mprotect(Thread& self, std::uintptr_t address, std::size_t length,
                                int rights) {
  if ((rights & abi::prot_exec) != 0) return trap::would_block;
  Strand::Sharing sharing;
  const AreasGuard areas{self};
  if (!may_change(self, areas, address, length)) return trap::would_block;
  sharing.tell();
  return unless_out_of_memory<Result<>>(sys::mprotect(self, address, length, rights));
}

trap::Answer<Result<>> madvise(Thread& self, std::uintptr_t address, std::size_t length,
                               int advice) {
  Strand::Sharing sharing;
  const AreasGuard areas{self};
  if (!may_change(self, areas, address, length)) return trap::would_block;
  sharing.tell();
  return sys::madvise(self, address, length, advice);
}

trap::Answer<Result<int>> openat(Thread& self, int directory, UserPtr<const char> path, int flags,
                                 unsigned mode) {
  if ((flags & (abi::o_path | abi::o_directory)) != 0) return trap::would_block;
  FdTable& files = self.process().files();
  const bool close_on_exec = (flags & abi::o_cloexec) != 0;
  Ref<File> left;
  {
    Strand::Sharing sharing;
    sharing.tell();
    auto file = open_file(self, directory, path, flags, mode);
    if (!file) return fail(file.error());
    const auto fd = files.add(*file, close_on_exec);
    if (fd || fd.error() != Errno::would_block) return fd;
    left = std::move(*file);
  }
  // The table needs memory. The file may be new, so the call cannot be made again.
  const Strand::Guard strand;
  return files.add(std::move(left), close_on_exec);
}

trap::Answer<Result<>> close(Thread& self, int fd) {
  Strand::Sharing sharing;
  sharing.tell();
  FdTable& files = self.process().files();
  if (!self.process().has_one_thread() || !files.has_one_owner()) return files.close(fd);
  return files.close_own(fd);
}

trap::Answer<Result<>> pipe2(Thread& self, UserPtr<int> ends, int flags) {
  Strand::Sharing sharing;
  if (cached(self, ends.address(), 2 * sizeof(int), Access::write) == nullptr)
    return trap::would_block;
  sharing.tell();
  return sys::pipe2(self, ends, flags);
}

trap::Answer<Result<int>> fcntl(Thread& self, int fd, int command, std::uintptr_t argument) {
  if (command == abi::f_setfl) return trap::would_block;
  Strand::Sharing sharing;
  sharing.tell();
  return sys::fcntl(self, fd, command, argument);
}

trap::Answer<Result<int>> wait4(Thread& self, int id, UserPtr<int> status, int options,
                                UserPtr<abi::ResourceUsage> usage) {
  if ((options & ~abi::wnohang) != 0 || id < -1 || usage) return trap::would_block;
  Strand::Sharing sharing;
  sharing.tell();
  const auto collected = collect_sharing(self, id, status);
  if (collected || options != 0 || !may_wait(self)) return collected;
  sharing.keep();
  return self.wait([&] { return SharingChildWait{self, id, status}; });
}

trap::Answer<Result<>> clock_gettime(Thread& self, int clock, UserPtr<abi::Timespec> time) {
  async::Duration now = async::now().time_since_epoch();
  if (clock == abi::clock_realtime) {
    now += wall_clock_at_boot();
  } else if (clock != abi::clock_monotonic && clock != abi::clock_boottime) {
    return trap::would_block;
  }
  if (time.address() % alignof(abi::Timespec) != 0) return trap::would_block;
  const abi::Timespec shown = to_timespec(now);
  const Strand::Sharing sharing;
  std::byte* const there = cached(self, time.address(), sizeof shown, Access::write);
  if (there == nullptr) return trap::would_block;
  store_once(*reinterpret_cast<abi::Timespec*>(there), shown);
  return Result<>{};
}

trap::Answer<Result<>> rt_sigprocmask(Thread& self, int how, UserPtr<const abi::SignalSet> set,
                                      UserPtr<abi::SignalSet> old, std::size_t set_size) {
  Strand::Sharing sharing;
  if (self.has_pending_signals()) return trap::would_block;
  sharing.tell();
  return sys::rt_sigprocmask(self, how, set, old, set_size);
}

trap::Answer<Result<>> prlimit64(Thread& self, int id, int resource,
                                 UserPtr<const abi::ResourceLimit> limit,
                                 UserPtr<abi::ResourceLimit> old) {
  if (limit) return trap::would_block;
  return Shared<sys::prlimit64>::answer(self, id, resource, limit, old);
}

trap::Answer<Result<std::size_t>> getrandom(Thread& self, UserSpan<std::byte> to, unsigned flags) {
  constexpr std::size_t longest = 256;
  if ((flags & ~abi::grnd_nonblock) != 0 || to.empty() || to.size() > longest)
    return trap::would_block;
  const Strand::Sharing sharing;
  std::byte* const there = cached(self, to.address(), to.size(), Access::write);
  if (there == nullptr || !fill_random_sharing({there, to.size()})) return trap::would_block;
  return to.size();
}

trap::Answer<Result<>> kill(Thread& self, int id, int signal) {
  if (signal != 0) return trap::would_block;
  return Shared<sys::kill>::answer(self, id, signal);
}

trap::Answer<Result<std::int64_t>> lseek(Thread& self, int fd, std::int64_t offset, int whence) {
  const Strand::Sharing sharing;
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  return file->seek_sharing(offset, whence);
}

trap::Answer<Transfer> getdents64(Thread& self, int fd, UserSpan<std::byte> to) {
  Strand::Sharing sharing;
  const auto [file, there] = find<Access::write>(self, fd, to.address(), to.size());
  if (file == nullptr) return trap::would_block;
  sharing.tell();
  return file->list_sharing({self.space(), to.address(), there, to.size()});
}

trap::Answer<Result<>> sched_yield(Thread& self) {
  const int threshold = self.yield_threshold();
  const async::Executor& executor = async::current_executor();
  if (threshold < 0 || !may_wait(self)) return trap::would_block;
  if (!executor.has_ready_above(static_cast<unsigned>(threshold))) return Result<>{};
  Strand::Sharing{}.keep();
  return trap::would_block;
}

namespace {

/// Of a word that other processes may use, too. The caller has checked its address and may_wake().
[[gnu::noinline]] trap::Answer<Result<int>> futex_of_all(Thread& self, std::uintptr_t address,
                                                         int operation, std::uint32_t value,
                                                         std::uintptr_t timeout) {
  if (operation == abi::futex_wake) {
    const Strand::Sharing sharing;
    const auto futex = Futex::at_sharing(self.space(), address, self.owns_space());
    if (!futex) return fail(futex.error());
    return futex->wake_sharing(static_cast<int>(value));
  }
  if (operation != abi::futex_wait || self.shared_priority() != 0) return trap::would_block;
  if (timeout != 0)
    return wait_with_timeout<Futex::Sharing::any_process>(self, address, value, timeout);
  Strand::Sharing{}.keep();
  return self.wait([&] { return WaitForWord<Futex::Sharing::any_process>{self, address, value}; });
}

}  // namespace

trap::Answer<Result<int>> futex(Thread& self, std::uintptr_t address, int operation,
                                std::uint32_t value, std::uintptr_t timeout, std::uintptr_t,
                                std::uint32_t) {
  AddressSpace& space = self.space();
  if (!Futex::may_be_at(space, address) || !may_wake()) return trap::would_block;
  if (operation == (abi::futex_wake | abi::futex_private_flag)) {
    const Strand::Sharing sharing;
    return Futex::own(space, address).wake_sharing(static_cast<int>(value));
  }
  if (operation != (abi::futex_wait | abi::futex_private_flag))
    return futex_of_all(self, address, operation, value, timeout);
  if (self.shared_priority() != 0) return trap::would_block;
  if (timeout != 0)
    return wait_with_timeout<Futex::Sharing::own_space>(self, address, value, timeout);
  Strand::Sharing{}.keep();
  return self.wait([&] { return WaitForWord<Futex::Sharing::own_space>{self, address, value}; });
}

}  // namespace kernel::sys::outside
