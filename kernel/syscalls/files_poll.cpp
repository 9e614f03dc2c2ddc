// ppoll: waits until one of several files is ready.

#include <async/multi_wait.h>
#include <async/retired.h>
#include <async/sharing_timer.h>
#include <async/wait_loop.h>

#include <array>
#include <coroutine>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/outside.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

using async::Strand;
using async::WaitResult;

constexpr unsigned few_files = 4;

/// The kernel's copy of the program's list. A short list needs no allocation.
class PollList {
 public:
  static constexpr unsigned few = 8;

  /// EINVAL for more entries than a process can have files; EFAULT; ENOMEM.
  Result<> read(memory::AddressSpace& space, UserPtr<abi::PollFd> from, unsigned count) {
    if (count > FdTable::size_limit) return fail(Errno::einval);
    const UserSpan<const abi::PollFd> list{from.address(), count};
    if (!list.in_range()) return fail(Errno::efault);
    count_ = count;
    if (count > few_.size()) {
      if (!memory::can_allocate_contiguous(count * sizeof(abi::PollFd))) return fail(Errno::enomem);
      many_ = std::make_unique_for_overwrite<abi::PollFd[]>(count);
    }
    return list.read(space, entries());
  }

  /// Sets `returned` of all entries. Returns the number of ready ones. would_block: the call
  /// must be made in the strand.
  Result<int> poll(const FdTable& files) {
    int ready = 0;
    for (abi::PollFd& entry : entries()) {
      const auto state = state_of(files, entry);
      if (!state) return fail(state.error());
      entry.returned = *state;
      if (entry.returned != 0) ++ready;
    }
    return ready;
  }

  Result<> write(memory::AddressSpace& space, UserPtr<abi::PollFd> to) {
    return UserSpan<abi::PollFd>{to.address(), count_}.write(space, entries());
  }

  std::size_t size() const { return count_; }
  std::span<abi::PollFd> entries() { return {many_ ? many_.get() : few_.data(), count_}; }

 private:
  static Result<std::int16_t> state_of(const FdTable& files, const abi::PollFd& entry) {
    if (entry.fd < 0) return 0;
    File* const file = files.find_open(entry.fd);
    if (file == nullptr) return abi::pollnval;
    const auto readiness = Strand::is_shared() ? file->readiness_sharing() : file->readiness();
    if (!readiness) return fail(readiness.error());
    constexpr short always = abi::pollerr | abi::pollhup;
    return static_cast<std::int16_t>(*readiness & (entry.events | always));
  }

  std::size_t count_ = 0;
  std::array<abi::PollFd, few> few_;
  std::unique_ptr<abi::PollFd[]> many_;
};

// When the time of a poll is over, it drops its files, and the hart still shares the strand.
static_assert(PollList::few <= async::Retired::most_at_once_for_strand);

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

  /// Like watch(), while harts share the strand. False: only watch() may do that, or the file may
  /// be ready.
  bool watch_sharing(async::MultiWait& wait, const FdTable& files, const abi::PollFd& entry) {
    if (entry.fd < 0) return true;
    File* const open = files.find_open(entry.fd);
    if (open == nullptr || (entry.events & (abi::pollin | abi::pollout)) != abi::pollin)
      return false;
    if (!open->retain_if_owned()) return false;
    file = Ref<File>::adopt(open);
    return file->watch_sharing(wait, reading);
  }
  void stop_sharing() {
    if (file) file->stop_sharing(reading);
  }
};

/// The wait of ppoll, until a file is ready. Its first step and the end of its time share the
/// strand, if it waits only for bytes in pipes; a wake is handled in the strand.
class Polling : public async::WaitLoop<Polling>, async::SharingTimer {
 public:
  /// `list`: what the program has passed in `fds`.
  Polling(Thread& self, UserPtr<abi::PollFd> fds, PollList list, async::Instant deadline)
      : SharingTimer{&end, deadline},
        self_{self},
        fds_{fds},
        list_{std::move(list)},
        watched_{std::make_unique<Watched[]>(list_.size())} {}

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> poller) {
    loop_ = begin(poller);
    if (watch() || refused()) return poller;
    arm();
    return std::noop_coroutine();
  }

 private:
  friend WaitLoop;

  const FdTable& files() { return self_.process().files(); }

  /// Watches all files from now on. Returns whether one is ready.
  bool watch() {
    wait_.emplace();
    if (Strand::is_shared()) {
      if (watch_sharing()) return false;
      outside::enter_strand();
    }
    const std::span<abi::PollFd> entries = list_.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) watched_[i].watch(*wait_, files(), entries[i]);
    ready_ = *list_.poll(files());
    return *ready_ > 0;
  }
  bool watch_sharing() {
    const std::span<abi::PollFd> entries = list_.entries();
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (!watched_[i].watch_sharing(*wait_, files(), entries[i])) return false;
    return true;
  }

  bool wait() {
    async::Job& job = async::current_job();
    if (job.is_stopped()) outside::enter_strand();
    if (job.refuses_to_wait()) {
      end_with(job.result());
      return true;
    }
    if (Strand::is_shared()) job.share_next_step();
    wait_->suspend(loop_, "poll");
    return false;
  }

  /// Called after a wait: whether the poll is over.
  bool poll() {
    const WaitResult result = wait_->end();
    const bool is_late = result == WaitResult::timed_out;
    if (is_late && !wait_->woken()) {
      if (Strand::is_shared())
        for (std::size_t i = 0; i < list_.size(); ++i) watched_[i].stop_sharing();
      end_with(result);
      return true;
    }
    outside::enter_strand();
    if (result != WaitResult::cancelled) return watch() || is_late;
    end_with(result);
    return true;
  }

  /// No file is ready, and the wait has ended otherwise, or was refused.
  void end_with(WaitResult result) {
    ready_ = 0;
    if (result == WaitResult::cancelled) ready_ = fail(Errno::eintr);
  }

  Result<int> result() {
    if (!ready_) return ready_;
    auto written = list_.write(self_.space(), fds_);
    if (!written && Strand::is_shared()) {  // the page needs a fault
      outside::enter_strand();
      written = list_.write(self_.space(), fds_);
    }
    if (!written) return fail(written.error());
    return ready_;
  }

  static Ended end(SharingTimer& timer) noexcept {
    async::Job* const job = static_cast<Polling&>(timer).wait_->waiting_job();
    return {job, WaitResult::timed_out};
  }

  Thread& self_;
  UserPtr<abi::PollFd> fds_;
  PollList list_;
  std::optional<async::MultiWait> wait_;
  std::unique_ptr<Watched[]> watched_;
  std::coroutine_handle<> loop_;
  Result<int> ready_ = 0;
};

/// The same on the heap, because a trap::WaitingCall has too little room for it.
class PollingOnHeap {
 public:
  explicit PollingOnHeap(std::unique_ptr<Polling> polling) : polling_{std::move(polling)} {}
  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> poller) {
    return polling_->await_suspend(poller);
  }
  Result<int> await_resume() { return polling_->await_resume(); }

 private:
  std::unique_ptr<Polling> polling_;
};

bool has_room_to_wait_for(const PollList& list) {
  // The reserve of each thread is enough for `few_files` entries.
  const std::size_t count = list.size();
  return count <= few_files || memory::can_allocate_contiguous(count * sizeof(Watched));
}

/// Waits until one of the files of `list` is ready. ENOMEM.
trap::Answer<Result<int>> wait_for_files(Thread& self, UserPtr<abi::PollFd> fds, PollList list,
                                         async::Instant deadline) {
  if (!has_room_to_wait_for(list)) return fail(in_strand(Errno::enomem));
  return self.wait([&] {
    return PollingOnHeap{std::make_unique<Polling>(self, fds, std::move(list), deadline)};
  });
}

/// The deadline; async::never without a timeout. EINVAL, EFAULT.
Result<async::Instant> poll_deadline(memory::AddressSpace& space,
                                     UserPtr<const abi::Timespec> timeout) {
  if (!timeout) return async::never;
  return timeout.read(space).and_then(to_duration).transform(after);
}

/// ppoll with a signal mask, which is in effect during the call.
async::Task<Result<int>> poll_masked(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                     async::Instant deadline, UserPtr<const abi::SignalSet> mask) {
  const auto given = mask.read(self.space());
  if (!given) co_return fail(given.error());
  PollList list;
  if (auto read = list.read(self.space(), fds, count); !read) co_return fail(read.error());
  if (!has_room_to_wait_for(list)) co_return fail(Errno::enomem);
  const auto polling = std::make_unique<Polling>(self, fds, std::move(list), deadline);
  if (auto set = self.set_temporary_mask(*given); !set) co_return fail(set.error());
  const Result<int> ready = co_await *polling;
  if (ready || ready.error() != Errno::eintr) self.end_temporary_mask();
  co_return ready;
}

}  // namespace

trap::Answer<Result<int>> poll_until(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                     async::Instant deadline) {
  const bool shares = Strand::is_shared();
  if (shares && count > PollList::few) return trap::would_block;
  memory::AddressSpace& space = self.space();
  PollList list;
  if (auto read = list.read(space, fds, count); !read) return fail(read.error());
  const auto ready = list.poll(self.process().files());
  if (!ready) return fail(ready.error());
  if (*ready == 0 && deadline > async::now()) {
    if (shares && !outside::may_wait_sharing(self)) return trap::would_block;
    return wait_for_files(self, fds, std::move(list), deadline);
  }
  if (auto written = list.write(space, fds); !written) return fail(written.error());
  return *ready;
}

trap::Answer<Result<int>> ppoll(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                UserPtr<const abi::Timespec> timeout,
                                UserPtr<const abi::SignalSet> mask, std::size_t mask_size) {
  const auto deadline = poll_deadline(self.space(), timeout);
  if (!deadline) return fail(deadline.error());
  if (mask && mask_size != sizeof(abi::SignalSet)) return fail(Errno::einval);
  if (mask && Strand::is_shared()) return trap::would_block;
  if (mask) return self.wait([&] { return poll_masked(self, fds, count, *deadline, mask); });
  return poll_until(self, fds, count, *deadline);
}

}  // namespace kernel::sys
