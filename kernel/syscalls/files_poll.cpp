// ppoll: waits until one of several files is ready.

#include <async/multi_wait.h>

#include <array>
#include <memory>

#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/outside.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

constexpr unsigned few_files = 4;

/// The kernel's copy of the program's list. A short list needs no allocation.
class PollList {
 public:
  static constexpr unsigned few = 8;

  /// EINVAL for more entries than a process can have files; EFAULT; ENOMEM.
  Result<> read(memory::AddressSpace& space, UserPtr<abi::PollFd> from, unsigned count) {
    if (count > FdTable::size_limit) return fail(Errno::einval);
    count_ = count;
    if (count > few_.size()) {
      if (!memory::can_allocate_contiguous(count * sizeof(abi::PollFd))) return fail(Errno::enomem);
      many_ = std::make_unique_for_overwrite<abi::PollFd[]>(count);
    }
    return UserSpan<const abi::PollFd>{from.address(), count}.read(space, entries());
  }

  /// Sets `returned` of all entries. Returns the number of ready ones. `ask(File&)` returns the
  /// file's readiness, or an error, which ends the poll.
  template <class Ask>
  Result<int> poll(const FdTable& files, Ask ask) {
    int ready = 0;
    for (abi::PollFd& entry : entries()) {
      const auto state = state_of(files, entry, ask);
      if (!state) return fail(state.error());
      entry.returned = *state;
      if (entry.returned != 0) ++ready;
    }
    return ready;
  }

  Result<> write(memory::AddressSpace& space, UserPtr<abi::PollFd> to) {
    return UserSpan<abi::PollFd>{to.address(), count_}.write(space, entries());
  }

  std::span<abi::PollFd> entries() { return {many_ ? many_.get() : few_.data(), count_}; }

 private:
  template <class Ask>
  static Result<std::int16_t> state_of(const FdTable& files, const abi::PollFd& entry, Ask ask) {
    if (entry.fd < 0) return 0;
    File* const file = files.find(entry.fd);
    if (file == nullptr) return abi::pollnval;
    const Result<short> readiness = ask(*file);
    if (!readiness) return fail(readiness.error());
    constexpr short always = abi::pollerr | abi::pollhup;
    return static_cast<std::int16_t>(*readiness & (entry.events | always));
  }

  std::size_t count_ = 0;
  std::array<abi::PollFd, few> few_;
  std::unique_ptr<abi::PollFd[]> many_;
};

Result<short> readiness(File& file) {
  return file.readiness();
}
Result<short> readiness_sharing(File& file) {
  return file.readiness_sharing();
}

/// A file to wait for: keeps it open, and observes its wait lists.
struct Watched {
  Ref<File> file;
  async::Observer reading;
  async::Observer writing;

  void watch(async::MultiWait& wait, const FdTable& files, const abi::PollFd& entry) {
    reading.stop();
    writing.stop();
    auto open = files.share(entry.fd);
    file = open ? std::move(*open) : nullptr;
    if (!file) return;
    async::WaitList* const read_list = file->changes(Direction::read);
    async::WaitList* const write_list = file->changes(Direction::write);
    // Errors can come from both lists. Without POLLIN and POLLOUT only errors are reported.
    const bool both = (entry.events & (abi::pollin | abi::pollout)) == 0;
    if (read_list != nullptr && (both || (entry.events & abi::pollin) != 0)) {
      wait.watch(reading, *read_list);
    }
    if (write_list != nullptr && (both || (entry.events & abi::pollout) != 0)) {
      wait.watch(writing, *write_list);
    }
  }
};

/// The deadline; async::never without a timeout. EINVAL, EFAULT.
Result<async::Instant> poll_deadline(memory::AddressSpace& space,
                                     UserPtr<const abi::Timespec> timeout) {
  if (!timeout) return async::never;
  return timeout.read(space).and_then(to_duration).transform(after);
}

/// Sets another signal mask for the duration of a call.
class TemporaryMask {
 public:
  TemporaryMask(Thread& self, abi::SignalSet mask) : self_{self}, before_{self.signal_mask()} {
    self.set_signal_mask(mask);
  }
  ~TemporaryMask() { self_.set_signal_mask(before_); }
  TemporaryMask(const TemporaryMask&) = delete;

 private:
  Thread& self_;
  abi::SignalSet before_;
};

async::Task<Result<int>> wait_to_poll(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                      async::Instant deadline) {
  PollList list;
  if (auto read = list.read(self.space(), fds, count); !read) co_return fail(read.error());
  // The reserve of each thread is enough for `few_files` entries.
  if (count > few_files && !memory::can_allocate_contiguous(count * sizeof(Watched))) {
    co_return fail(Errno::enomem);
  }

  const auto watched = std::make_unique<Watched[]>(count);
  int ready = 0;
  for (bool in_time = true; in_time;) {
    async::MultiWait wait;
    const FdTable& files = self.process().files();
    for (std::size_t i = 0; i < count; ++i) watched[i].watch(wait, files, list.entries()[i]);
    ready = *list.poll(files, readiness);
    if (ready > 0) break;
    const auto result = co_await wait.until(deadline, "poll");
    if (result == async::WaitResult::cancelled) co_return fail(Errno::eintr);
    in_time = result == async::WaitResult::woken;
  }
  if (auto written = list.write(self.space(), fds); !written) co_return fail(written.error());
  co_return ready;
}

/// ppoll with a signal mask, which is in effect during the call.
async::Task<Result<int>> poll_masked(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                     UserPtr<const abi::Timespec> timeout,
                                     UserPtr<const abi::SignalSet> mask) {
  const auto given = mask.read(self.space());
  if (!given) co_return fail(given.error());
  const TemporaryMask until_the_end{self, *given};
  const auto deadline = poll_deadline(self.space(), timeout);
  if (!deadline) co_return fail(deadline.error());
  co_return co_await wait_to_poll(self, fds, count, *deadline);
}

}  // namespace

trap::Answer<Result<int>> poll_until(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                     async::Instant deadline) {
  memory::AddressSpace& space = self.space();
  PollList list;
  if (auto read = list.read(space, fds, count); !read) return fail(read.error());
  const int ready = *list.poll(self.process().files(), readiness);
  if (ready == 0 && deadline > async::now()) {
    return self.wait([&] { return wait_to_poll(self, fds, count, deadline); });
  }
  if (auto written = list.write(space, fds); !written) return fail(written.error());
  return ready;
}

trap::Answer<Result<int>> outside::ppoll(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                         UserPtr<const abi::Timespec> timeout,
                                         UserPtr<const abi::SignalSet> mask, std::size_t) {
  if (mask || count > PollList::few) return trap::would_block;
  memory::AddressSpace& space = self.space();
  async::Strand::Sharing sharing;
  sharing.tell();
  PollList list;
  if (auto read = list.read(space, fds, count); !read) return fail(read.error());
  const auto deadline = poll_deadline(space, timeout);
  if (!deadline) return fail(deadline.error());
  const auto ready = list.poll(self.process().files(), readiness_sharing);
  if (!ready || (*ready == 0 && *deadline > async::now())) return trap::would_block;
  if (auto written = list.write(space, fds); !written) return fail(written.error());
  return *ready;
}

trap::Answer<Result<int>> ppoll(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                UserPtr<const abi::Timespec> timeout,
                                UserPtr<const abi::SignalSet> mask, std::size_t mask_size) {
  if (mask && mask_size != sizeof(abi::SignalSet)) return fail(Errno::einval);
  if (mask) return self.wait([&] { return poll_masked(self, fds, count, timeout, mask); });
  const auto deadline = poll_deadline(self.space(), timeout);
  if (!deadline) return fail(deadline.error());
  return poll_until(self, fds, count, *deadline);
}

}  // namespace kernel::sys
