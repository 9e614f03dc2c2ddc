// ppoll and pselect6: wait until one of several files is ready.

#include <async/multi_wait.h>
#include <async/retired.h>
#include <async/sharing_timer.h>
#include <async/wait_loop.h>

#include <algorithm>
#include <array>
#include <bit>
#include <coroutine>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "process/page_in.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/outside.h"
#include "syscalls/registered_calls.h"
#include "syscalls/submitted_calls.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

using async::Strand;
using async::WaitResult;

constexpr unsigned few_files = 4;

constexpr short pollerr_or_hup = abi::pollerr | abi::pollhup;

/// The files to wait for, in the kernel's memory. A short list needs no allocation.
class PollList {
 public:
  static constexpr unsigned few = 8;

  PollList() = default;
  /// `always`: the bits that each entry reports, whether its `events` has them or not.
  explicit PollList(short always) : always_{always} {}

  /// Copies the program's list. EINVAL for more entries than a process can have files; EFAULT;
  /// ENOMEM.
  Result<> read(Thread& self, UserPtr<abi::PollFd> from, unsigned count) {
    if (std::cmp_greater(count, self.process().files().limit())) return fail(Errno::einval);
    const UserSpan<const abi::PollFd> list{from.address(), count};
    if (!list.in_range()) return fail(Errno::efault);
    if (auto room = set_size(count); !room) return room;
    return list.read(self.space(), entries());
  }
  /// Makes room for `count` entries, whose values are undefined. ENOMEM.
  Result<> set_size(std::size_t count) {
    count_ = count;
    if (count > few_.size()) {
      if (!memory::can_allocate_contiguous(count * sizeof(abi::PollFd))) return fail(Errno::enomem);
      many_ = std::make_unique_for_overwrite<abi::PollFd[]>(count);
    }
    return {};
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
  Result<std::int16_t> state_of(const FdTable& files, const abi::PollFd& entry) const {
    if (entry.fd < 0) return 0;
    File* const file = files.find_open(entry.fd);
    if (file == nullptr) return abi::pollnval;
    const auto readiness = Strand::is_shared() ? file->readiness_sharing() : file->readiness();
    if (!readiness) return fail(readiness.error());
    return static_cast<std::int16_t>(*readiness & (entry.events | always_));
  }

  short always_ = pollerr_or_hup;
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
    return file->watch_sharing(wait, reading, false);
  }
  void stop_sharing() {
    if (file) file->stop_sharing(reading);
  }
};

/// The wait of ppoll and pselect6, until a file is ready. Its first step and the end of its time
/// share the strand, if it waits only for bytes in pipes; a wake is handled in the strand.
class Polling : public async::WaitLoop<Polling>, async::SharingTimer {
 public:
  /// `list`: what the program has passed in `fds`, to which the result is written. `fds` is null if
  /// the caller takes the result from list().
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

  using WaitLoop::again;

  PollList& list() { return list_; }

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

  /// Called after a page-in: the result is known, and only has to be written.
  bool attempt() const { return true; }
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
    if (result != WaitResult::cancelled) return watch() || is_late || has_expired();
    end_with(result);
    return true;
  }
  /// Whether the time has passed between a wake and this step: then the timer has found no wait
  /// that it could end. In the strand.
  bool has_expired() const { return deadline() != async::never && !armed(); }

  /// No file is ready, and the wait has ended otherwise, or was refused.
  void end_with(WaitResult result) {
    ready_ = 0;
    if (result != WaitResult::cancelled) return;
    ready_ = fail(Errno::eintr);
    self_.keep_deadline(deadline());
  }

  Result<int> result() {
    if (!ready_ || !fds_) return ready_;
    auto written = list_.write(self_.space(), fds_);
    if (!written && Strand::is_shared()) {  // the page needs a fault
      outside::enter_strand();
      written = list_.write(self_.space(), fds_);
    }
    if (blocks(written)) disarm();  // the timer must not end the page-in
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

bool has_room_to_wait_for(const PollList& list) {
  // The reserve of each thread is enough for `few_files` entries.
  const std::size_t count = list.size();
  return count <= few_files || memory::can_allocate_contiguous(count * sizeof(Watched));
}

/// Waits until one of the files of `list` is ready. ENOMEM.
trap::Answer<Result<int>> wait_for_files(Thread& self, UserPtr<abi::PollFd> fds, PollList list,
                                         async::Instant deadline) {
  if (!has_room_to_wait_for(list)) return fail(in_strand(Errno::enomem));
  return self.wait([&] { return trap::OnHeap<Polling>{self, fds, std::move(list), deadline}; });
}

/// The deadline; async::never without a timeout. EINVAL, EFAULT.
Result<async::Instant> poll_deadline(Thread& self, UserPtr<const abi::Timespec> timeout) {
  if (!timeout) return async::never;
  const auto duration = timeout.read(self.space()).and_then(to_duration);
  if (!duration) return fail(duration.error());
  return self.deadline_of_call(after(*duration));
}

/// ppoll with a signal mask, which is in effect during the call.
async::Task<Result<int>> poll_masked(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                     async::Instant deadline, UserPtr<const abi::SignalSet> mask) {
  const auto given = mask.read(self.space());
  if (!given) co_return fail(given.error());
  PollList list;
  if (auto read = list.read(self, fds, count); !read) co_return fail(read.error());
  if (!has_room_to_wait_for(list)) co_return fail(Errno::enomem);
  const auto polling = std::make_unique<Polling>(self, fds, std::move(list), deadline);
  if (auto set = self.set_temporary_mask(*given); !set) co_return fail(set.error());
  const Result<int> ready = co_await await_with_page_ins(self, *polling);
  if (ready || ready.error() != Errno::eintr) self.end_temporary_mask();
  co_return ready;
}

// ── pselect6 ──

/// The three sets of pselect6, and the bits of poll that make a file a member of the result
/// (select(2), "Correspondence between select() and poll() notifications").
constexpr std::size_t set_count = 3;
constexpr std::array<short, set_count> events_of_set = {
    abi::pollin | abi::pollrdnorm | abi::pollhup | abi::pollerr,
    abi::pollout | abi::pollwrnorm | abi::pollerr,
    abi::pollpri,
};

using SetWord = std::uint64_t;
constexpr unsigned word_bits = 64;
constexpr unsigned select_limit = 1024;
constexpr std::size_t most_set_words = select_limit / word_bits;
using FileSet = std::array<SetWord, most_set_words>;

struct SelectArguments {
  unsigned count = 0;  ///< the sets have descriptors below it; at most select_limit
  std::array<UserPtr<SetWord>, set_count> sets{};
  UserPtr<abi::Timespec> timeout{};           ///< of pselect6, or null
  UserPtr<abi::Timeval> timeout_of_select{};  ///< of select, or null
  async::Instant deadline = async::never;

  std::size_t words() const { return (count + word_bits - 1) / word_bits; }
  UserSpan<SetWord> words_of(std::size_t set) const { return {sets[set].address(), words()}; }
};

/// The sets of one call. As a list for poll they have an entry for each file.
class FileSets {
 public:
  /// Copies the program's sets. EFAULT.
  Result<> read(memory::AddressSpace& space, const SelectArguments& arguments) {
    for (std::size_t set = 0; set < set_count; ++set) {
      if (!arguments.sets[set]) continue;
      const auto words = std::span{sets_[set]}.first(arguments.words());
      const auto from = arguments.words_of(set);
      if (!from.in_range()) return fail(Errno::efault);
      const auto done = UserSpan<const SetWord>{from.address(), from.size()}.read(space, words);
      if (!done) return done;
      // Bits behind the last descriptor have no meaning.
      if (const unsigned rest = arguments.count % word_bits; rest != 0)
        words.back() &= (SetWord{1} << rest) - 1;
    }
    return {};
  }

  /// EBADF: a member of a set is not open; ENOMEM.
  Result<> list(PollList& list, const FdTable& files) const {
    std::size_t count = 0;
    for (std::size_t word = 0; word < most_set_words; ++word)
      count += static_cast<std::size_t>(std::popcount(members(word)));
    if (auto room = list.set_size(count); !room) return room;
    auto entry = list.entries().begin();
    for (std::size_t word = 0; word < most_set_words; ++word) {
      for (SetWord left = members(word); left != 0; left &= left - 1) {
        const int fd = static_cast<int>(word * word_bits + std::countr_zero(left));
        if (files.find_open(fd) == nullptr) return fail(Errno::ebadf);
        short events = 0;
        for (std::size_t set = 0; set < set_count; ++set)
          if (has(set, fd)) events |= events_of_set[set];
        *entry++ = {.fd = fd, .events = events, .returned = 0};
      }
    }
    return {};
  }

  /// Removes the files that are not ready. Returns the number of members of the three sets.
  int take_result(PollList& list) {
    int ready = 0;
    for (const abi::PollFd& entry : list.entries()) {
      for (std::size_t set = 0; set < set_count; ++set) {
        if (!has(set, entry.fd)) continue;
        // A file that another thread has closed meanwhile is ready for everything.
        if ((entry.returned & (events_of_set[set] | abi::pollnval)) != 0) {
          ++ready;
        } else {
          sets_[set][word_of(entry.fd)] &= ~bit_of(entry.fd);
        }
      }
    }
    return ready;
  }

  Result<> write(memory::AddressSpace& space, const SelectArguments& arguments) const {
    for (std::size_t set = 0; set < set_count; ++set) {
      if (!arguments.sets[set]) continue;
      const auto words = std::span{sets_[set]}.first(arguments.words());
      if (auto done = arguments.words_of(set).write(space, words); !done) return done;
    }
    return {};
  }

 private:
  static std::size_t word_of(int fd) { return static_cast<unsigned>(fd) / word_bits; }
  static SetWord bit_of(int fd) { return SetWord{1} << static_cast<unsigned>(fd) % word_bits; }
  bool has(std::size_t set, int fd) const { return (sets_[set][word_of(fd)] & bit_of(fd)) != 0; }
  SetWord members(std::size_t word) const {
    return sets_[0][word] | sets_[1][word] | sets_[2][word];
  }

  std::array<FileSet, set_count> sets_{};
};

/// What a select that waits keeps, on the heap.
struct Selection {
  FileSets sets;
  PollList list{0};
};

/// Reads the sets, and polls the files once. Errors of FileSets, and ENOMEM.
Result<int> begin_select(Thread& self, const SelectArguments& arguments, Selection& selection) {
  if (auto read = selection.sets.read(self.space(), arguments); !read) return fail(read.error());
  const FdTable& files = self.process().files();
  if (auto listed = selection.sets.list(selection.list, files); !listed)
    return fail(listed.error());
  return selection.list.poll(files);
}

/// Writes the time that is left, as Linux does after every result.
Result<> write_time_left(Thread& self, const SelectArguments& arguments) {
  const async::Instant now = async::now();
  const auto left = arguments.deadline > now ? arguments.deadline - now : async::Duration{};
  if (const auto timeout = arguments.timeout) return timeout.write(self.space(), to_timespec(left));
  const auto timeout = arguments.timeout_of_select;
  return timeout ? timeout.write(self.space(), to_timeval(left)) : Result<>{};
}

Result<int> end_select(Thread& self, const SelectArguments& arguments, FileSets& sets,
                       PollList& list) {
  const int ready = sets.take_result(list);
  if (auto written = sets.write(self.space(), arguments); !written) return fail(written.error());
  return ready;
}

async::Task<Result<int>> select(Thread& self, SelectArguments arguments,
                                std::optional<abi::SignalSet> mask) {
  if (!memory::can_allocate(sizeof(Selection))) co_return fail(Errno::enomem);
  const auto selection = std::make_unique<Selection>();
  auto ready = begin_select(self, arguments, *selection);
  if (!ready) co_return ready;
  if (!has_room_to_wait_for(selection->list)) co_return fail(Errno::enomem);
  // After the checks: a call that fails leaves the mask as it is.
  if (mask) {
    if (auto set = self.set_temporary_mask(*mask); !set) co_return fail(set.error());
  }
  const bool waits = *ready == 0 && arguments.deadline > async::now();
  if (waits) {
    const auto polling = std::make_unique<Polling>(self, UserPtr<abi::PollFd>{0},
                                                   std::move(selection->list), arguments.deadline);
    ready = co_await *polling;
    selection->list = std::move(polling->list());
  }
  if (mask && (ready || ready.error() != Errno::eintr)) self.end_temporary_mask();
  // The call must not be made again: the wait has used up its time.
  const auto finish = [&] { return end_select(self, arguments, selection->sets, selection->list); };
  const auto write_time = [&] { return write_time_left(self, arguments); };
  if (ready) ready = finish();
  if (blocks(ready)) ready = co_await with_page_ins(self, finish);
  // A fault is no error here.
  if (blocks(write_time())) (void)co_await with_page_ins(self, write_time);
  co_return ready;
}

}  // namespace

trap::Answer<Result<int>> poll_until(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                     async::Instant deadline) {
  const bool shares = Strand::is_shared();
  if (shares && count > PollList::few) return fail(Errno::would_block);
  memory::AddressSpace& space = self.space();
  PollList list;
  if (auto read = list.read(self, fds, count); !read) return fail(read.error());
  const auto ready = list.poll(self.process().files());
  if (!ready) return fail(ready.error());
  if (*ready == 0 && deadline > async::now()) {
    if (shares && !outside::may_wait_sharing(self)) return fail(Errno::would_block);
    self.forget_deadline();
    return wait_for_files(self, fds, std::move(list), deadline);
  }
  if (deadline != async::never) self.forget_deadline();
  if (auto written = list.write(space, fds); !written) return fail(written.error());
  return *ready;
}

trap::Answer<Result<int>> ppoll(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                                UserPtr<const abi::Timespec> timeout,
                                UserPtr<const abi::SignalSet> mask, std::size_t mask_size) {
  const auto deadline = poll_deadline(self, timeout);
  if (!deadline) return fail(deadline.error());
  if (mask && mask_size != sizeof(abi::SignalSet)) return fail(Errno::einval);
  if (mask && Strand::is_shared()) return fail(Errno::would_block);
  if (mask) {
    self.forget_deadline();
    return self.wait([&] { return poll_masked(self, fds, count, *deadline, mask); });
  }
  return poll_until(self, fds, count, *deadline);
}

namespace {

/// As kern_select() of Linux 6.12 (fs/select.c), microseconds may be a second or more. EINVAL for
/// negative ones, and if the seconds overflow.
Result<abi::Timespec> timespec_of(const abi::Timeval& time) {
  constexpr std::int64_t us_per_second = 1'000'000, ns_per_us = 1'000;
  const std::int64_t more = time.microseconds / us_per_second;
  if (time.microseconds < 0 || time.seconds > std::numeric_limits<std::int64_t>::max() - more)
    return fail(Errno::einval);
  return abi::Timespec{.seconds = time.seconds + more,
                       .nanoseconds = time.microseconds % us_per_second * ns_per_us};
}

/// EINVAL if `count` is negative.
trap::Answer<Result<int>> start_select(Thread& self, int count, SelectArguments arguments,
                                       std::optional<abi::SignalSet> mask) {
  if (count < 0) return fail(Errno::einval);
  arguments.count = std::min(static_cast<unsigned>(count), select_limit);
  self.forget_deadline();
  return self.wait([&] { return select(self, arguments, mask); });
}

}  // namespace

trap::Answer<Result<int>> select_for(Thread& self, int count,
                                     const std::array<UserPtr<std::uint64_t>, 3>& sets,
                                     UserPtr<abi::Timeval> timeout) {
  async::Instant deadline = async::never;
  if (timeout) {
    const auto given = UserPtr<const abi::Timeval>{timeout.address()}.read(self.space());
    if (!given) return fail(given.error());
    const auto duration = timespec_of(*given).and_then(to_duration);
    if (!duration) return fail(duration.error());
    deadline = self.deadline_of_call(after(*duration));
  }
  return start_select(self, count,
                      {.sets = sets, .timeout_of_select = timeout, .deadline = deadline}, {});
}

/// linux: A set may name descriptors below 1,024; the call ignores others.
trap::Answer<Result<int>> pselect6(Thread& self, int count, UserPtr<std::uint64_t> reading,
                                   UserPtr<std::uint64_t> writing,
                                   UserPtr<std::uint64_t> exceptional,
                                   UserPtr<abi::Timespec> timeout,
                                   UserPtr<const abi::SignalSetArgument> mask) {
  abi::SignalSetArgument given{};
  if (mask) {
    const auto read = mask.read(self.space());
    if (!read) return fail(read.error());
    given = *read;
  }
  const auto deadline = poll_deadline(self, UserPtr<const abi::Timespec>{timeout.address()});
  if (!deadline) return fail(deadline.error());
  std::optional<abi::SignalSet> set;
  if (given.address != 0) {
    if (given.bytes != sizeof(abi::SignalSet)) return fail(Errno::einval);
    const auto read = UserPtr<const abi::SignalSet>{given.address}.read(self.space());
    if (!read) return fail(read.error());
    set = *read;
  }
  return start_select(
      self, count,
      {.sets = {reading, writing, exceptional}, .timeout = timeout, .deadline = *deadline}, set);
}

}  // namespace kernel::sys

namespace kernel {

KERNEL_CALL(pselect6, sys::pselect6);

}  // namespace kernel
