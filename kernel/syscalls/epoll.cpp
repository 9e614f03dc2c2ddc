// epoll: wait until one of many files is ready (epoll(7)).
#include "syscalls/epoll.h"

#include <abi/events.h>
#include <async/wait_loop.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "files/epoll.h"
#include "memory/frames.h"
#include "memory/user_memory.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "syscalls/files.h"
#include "syscalls/outside.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

using async::WaitResult;
using PackedEvent = std::array<std::uint32_t, 3>;  // events, and both halves of the data

constexpr std::size_t event_bytes = sizeof(abi::EpollEvent);

constexpr std::size_t bytes_of(EventLayout layout) {
  return layout == EventLayout::padded ? sizeof(abi::EpollEvent) : sizeof(PackedEvent);
}

/// The events that one call returns at most.
constexpr int most_events = step_bytes / sizeof(abi::EpollEvent);

/// EBADF; EINVAL: it is no epoll file.
Result<Epoll*> epoll_of(File* file) {
  if (file == nullptr) return fail(Errno::ebadf);
  Epoll* const epoll = file->epoll();
  if (epoll == nullptr) return fail(Errno::einval);
  return epoll;
}

Result<abi::EpollEvent> read_event(Thread& self, std::uintptr_t address, EventLayout layout) {
  if (layout == EventLayout::padded)
    return UserPtr<const abi::EpollEvent>{address}.read(self.space());
  return UserPtr<const PackedEvent>{address}.read(self.space()).transform([](const auto& event) {
    return abi::EpollEvent{
        .events = event[0], .padding = 0, .data = std::uint64_t{event[2]} << 32 | event[1]};
  });
}

/// The program's array for events.
struct EventArray {
  std::uintptr_t address;
  std::uint16_t most;
  EventLayout layout;

  [[gnu::always_inline]] Result<> write(memory::AddressSpace& space, int index,
                                        std::uint32_t events, std::uint64_t data) const {
    const std::uintptr_t at = address + static_cast<std::size_t>(index) * bytes_of(layout);
    if (layout != EventLayout::padded) [[unlikely]]
      return write_packed(space, at, events, data);
    return UserPtr<abi::EpollEvent>{at}.write(space,
                                              {.events = events, .padding = 0, .data = data});
  }

 private:
  [[gnu::noinline]] static Result<> write_packed(memory::AddressSpace& space, std::uintptr_t at,
                                                 std::uint32_t events, std::uint64_t data) {
    return UserPtr<PackedEvent>{at}.write(
        space, {events, static_cast<std::uint32_t>(data), static_cast<std::uint32_t>(data >> 32)});
  }
};

/// take_events() for a thread that shares the strand. would_block: the strand must do it.
Result<int> take_events_sharing(Thread& self, Epoll& epoll, const EventArray& array) {
  const std::size_t in_page = (hal::page_size - array.address % hal::page_size) / event_bytes;
  const int most = std::min(array.most, static_cast<std::uint16_t>(in_page));
  if (array.layout != EventLayout::padded || most == 0) return fail(Errno::would_block);
  std::byte* there =
      outside::find_bytes(self, array.address, most * event_bytes, hal::Access::write);
  if (there == nullptr) return fail(Errno::would_block);
  return epoll.take_sharing(most, [&](std::uint32_t events, std::uint64_t data) {
    const abi::EpollEvent event{.events = events, .padding = 0, .data = data};
    std::memcpy(there, &event, sizeof event);
    there += sizeof event;
  });
}

/// Writes the events of ready items. Returns their number. An error only if it is 0: EFAULT,
/// ENOMEM, would_block. The items whose events could not be written stay ready.
[[gnu::always_inline]] inline Result<int> take_events(Epoll& epoll, memory::AddressSpace& space,
                                                      const EventArray& array) {
  int index = 0;
  Result<> written;
  const auto put = [&] [[gnu::always_inline]] (std::uint32_t events, std::uint64_t data) {
    written = array.write(space, index, events, data);
    if (written) ++index;
    return written.has_value();
  };
  const int taken = epoll.take(array.most, put);
  if (taken == 0 && !written) return fail(written.error());
  return taken;
}

/// Waits until an item is ready. As on Linux, an event wakes the job that began to wait last. Its
/// steps may share the strand.
class EpollWait : public async::SharingWaitLoop<EpollWait> {
 public:
  EpollWait(Thread& self, Ref<Epoll> epoll, const EventArray& array)
      : self_{self}, epoll_{std::move(epoll)}, array_{array} {}

  using WaitLoop::again;

  /// `timer` ends the wait.
  void set_timer(const async::Timer& timer) { timer_ = &timer; }

 private:
  friend WaitLoop;
  friend SharingWaitLoop;

  /// Returns whether the wait is refused.
  bool wait() const {
    async::Job& job = async::current_job();
    if (job.refuses_to_wait()) return true;
    async::WaitList& waiters = epoll_->waiters();
    job.prepare(&waiters, "epoll_wait");
    waiters.insert_first(job);
    return false;
  }
  bool wait_sharing(std::coroutine_handle<> loop) { return epoll_->wait_for_ready_sharing(loop); }
  bool attempt_sharing() {
    taken_ = take_events_sharing(self_, *epoll_, array_);
    return taken_ && *taken_ != 0;
  }
  bool attempt() {
    taken_ = take_events(*epoll_, self_.space(), array_);
    if (!taken_ || *taken_ != 0) return true;
    return timer_ != nullptr && !timer_->armed();  // it has fired since the wake
  }
  [[gnu::noinline, gnu::cold]] void cut_short() {
    taken_ = async::current_job().result() == WaitResult::cancelled
                 ? fail(Errno::eintr)
                 : take_events(*epoll_, self_.space(), array_);
  }
  Result<int> result() const { return taken_; }

  Thread& self_;
  Ref<Epoll> epoll_;
  const async::Timer* timer_ = nullptr;
  EventArray array_;
  Result<int> taken_ = 0;
};

/// The same with a deadline. A call puts it on the heap (trap::OnHeap).
class TimedEpollWait : public EpollWait {
 public:
  TimedEpollWait(Thread& self, Ref<Epoll> epoll, const EventArray& array, async::Instant deadline)
      : EpollWait{self, std::move(epoll), array}, deadline_{deadline} {
    if (deadline != async::never) set_timer(timer_);
  }

  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
    const std::coroutine_handle<> next = EpollWait::await_suspend(awaiter);
    if (next != awaiter) timer_.arm(deadline_);
    return next;
  }
  Result<int> await_resume() {
    const Result<int> taken = EpollWait::await_resume();
    if (blocks(taken)) async::Executor::disarm(timer_);  // it must not end the page-in
    return taken;
  }
  std::coroutine_handle<> again(std::coroutine_handle<> awaiter) {
    timer_.arm(deadline_);
    return EpollWait::again(awaiter);
  }

 private:
  async::WaitTimer timer_;
  const async::Instant deadline_;
};

/// The wait with a signal mask, which is in effect meanwhile. Tries first, because the handler's
/// attempt may have missed a page.
async::Task<Result<int>> wait_masked(Thread& self, Ref<Epoll> epoll, EventArray array,
                                     async::Instant deadline, abi::SignalSet mask) {
  if (auto set = self.set_temporary_mask(mask); !set) co_return fail(set.error());
  Result<int> taken =
      co_await with_page_ins(self, [&] { return take_events(*epoll, self.space(), array); });
  if (taken && *taken == 0) {
    TimedEpollWait wait{self, std::move(epoll), array, deadline};
    taken = co_await await_with_page_ins(self, wait);
  }
  if (taken || taken.error() != Errno::eintr) self.end_temporary_mask();
  co_return taken;
}

/// The wait after an attempt that has missed a page of `array`.
[[gnu::noinline, gnu::cold]] trap::Answer<Result<int>> wait_after_missed_page(
    Thread& self, Epoll& epoll, const EventArray& array, async::Instant deadline,
    const std::optional<abi::SignalSet>& mask) {
  auto owner = Ref<Epoll>::share(epoll);
  if (mask)
    return self.wait([&] { return wait_masked(self, std::move(owner), array, deadline, *mask); });
  if (deadline == async::never)
    return self.wait_for_page([&] { return EpollWait{self, std::move(owner), array}; });
  if (!memory::can_allocate(sizeof(TimedEpollWait))) return fail(Errno::enomem);
  return self.wait_for_page(
      [&] { return trap::OnHeap<TimedEpollWait>{self, std::move(owner), array, deadline}; });
}

/// Whether events may be combined (epoll_ctl(2), EPOLLEXCLUSIVE).
bool may_go_together(int operation, std::uint32_t events, File& file) {
  constexpr std::uint32_t with_exclusive = abi::epollin | abi::epollout | abi::epollerr |
                                           abi::epollhup | abi::epollwakeup | abi::epollet |
                                           abi::epollexclusive;
  if ((events & abi::epollexclusive) == 0 || operation == abi::epoll_ctl_del) return true;
  if (operation == abi::epoll_ctl_mod) return false;
  if (operation != abi::epoll_ctl_add) return true;
  return file.epoll() == nullptr && (events & ~with_exclusive) == 0;
}

}  // namespace

async::Instant deadline_in_ms(int timeout) {
  return timeout < 0 ? async::never : after(std::chrono::milliseconds{timeout});
}

Result<async::Instant> deadline_after(Thread& self, std::uintptr_t timeout) {
  if (timeout == 0) return async::never;
  const auto length =
      UserPtr<const abi::Timespec>{timeout}.read(self.space()).and_then(to_duration);
  if (!length) return fail(length.error());
  return after(*length);
}

/// flags: EPOLL_CLOEXEC; EINVAL for others
/// linux: none known
Result<int> epoll_create1(Thread& self, int flags) {
  if ((flags & ~abi::o_cloexec) != 0) return fail(Errno::einval);
  if (!memory::can_allocate(sizeof(Epoll))) return fail(Errno::enomem);
  return self.process().files().add(make_ref<Epoll>(), flags != 0);
}

Result<> change_epoll(Thread& self, int epoll, int operation, int fd, std::uintptr_t address,
                      EventLayout layout) {
  abi::EpollEvent event{};
  if (operation != abi::epoll_ctl_del) {
    const auto given = read_event(self, address, layout);
    if (!given) return fail(given.error());
    event = *given;
  }
  const FdTable& files = self.process().files();
  File* const watcher = files.find_open(epoll);
  File* const file = files.find_open(fd);
  if (watcher == nullptr || file == nullptr) return fail(Errno::ebadf);
  if (!file->can_poll()) return fail(Errno::eperm);
  const auto items = epoll_of(watcher);
  if (!items || watcher == file) return fail(Errno::einval);
  if (!may_go_together(operation, event.events, *file)) return fail(Errno::einval);
  switch (operation) {
    case abi::epoll_ctl_add: return (*items)->add(fd, *file, event.events, event.data);
    case abi::epoll_ctl_mod: return (*items)->modify(fd, *file, event.events, event.data);
    case abi::epoll_ctl_del: return (*items)->remove(fd, *file);
    default: return fail(Errno::einval);
  }
}

template <bool shares>
trap::Answer<Result<int>> wait_for_events(Thread& self, int epoll, std::uintptr_t events, int most,
                                          async::Instant deadline, std::uintptr_t mask,
                                          std::size_t mask_size, EventLayout layout) {
  std::optional<abi::SignalSet> set;
  if (mask != 0) {
    if (mask_size != sizeof(abi::SignalSet)) return fail(Errno::einval);
    const auto given = UserPtr<const abi::SignalSet>{mask}.read(self.space());
    if (!given) return fail(given.error());
    set = *given;
  }
  const std::size_t bytes = bytes_of(layout);
  if (most <= 0 || static_cast<std::size_t>(most) > std::numeric_limits<int>::max() / bytes)
    return fail(Errno::einval);
  if (!UserSpan<std::byte>{events, static_cast<std::size_t>(most) * bytes}.in_range())
    return fail(Errno::efault);
  const auto items = epoll_of(self.process().files().find_open(epoll));
  if (!items) return fail(items.error());

  const EventArray array{.address = events,
                         .most = static_cast<std::uint16_t>(std::min(most, most_events)),
                         .layout = layout};
  const auto taken = shares ? take_events_sharing(self, **items, array)
                            : take_events(**items, self.space(), array);
  if (!taken) {
    if (shares || !blocks(taken)) return fail(taken.error());
    return wait_after_missed_page(self, **items, array, deadline, set);
  }
  if (*taken != 0 || (deadline != async::never && deadline <= async::now())) return *taken;
  if constexpr (shares) {
    const bool may_wait = deadline == async::never && !set && outside::may_wait_sharing(self);
    if (!may_wait || !(*items)->retain_if_owned()) return fail(Errno::would_block);
    return self.wait([&] { return EpollWait{self, Ref<Epoll>::adopt(*items), array}; });
  }
  auto owner = Ref<Epoll>::share(**items);
  if (set)
    return self.wait([&] { return wait_masked(self, std::move(owner), array, deadline, *set); });
  if (deadline == async::never)
    return self.wait([&] { return EpollWait{self, std::move(owner), array}; });
  if (!memory::can_allocate(sizeof(TimedEpollWait))) return fail(Errno::enomem);
  return self.wait(
      [&] { return trap::OnHeap<TimedEpollWait>{self, std::move(owner), array, deadline}; });
}

/// flags: EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL; events EPOLLIN, EPOLLOUT, EPOLLPRI,
///   EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLWAKEUP, and the
///   bits of poll
/// linux: EPOLLWAKEUP has no effect. With EPOLLEXCLUSIVE an event may wake all epoll files that
///   watch the file. A chain of epoll files has at most five (ELOOP), as in Linux since 6.16. An
///   epoll file that watches another one by EPOLLET reports an edge only if the item of the other
///   one was not ready before.
Result<> epoll_ctl(Thread& self, int epoll, int operation, int fd, std::uintptr_t event) {
  return change_epoll(self, epoll, operation, fd, event, EventLayout::padded);
}

template <bool shares>
trap::Answer<Result<int>> epoll_pwait(Thread& self, int epoll, std::uintptr_t events, int most,
                                      int timeout, std::uintptr_t mask, std::size_t mask_size) {
  return wait_for_events<shares>(self, epoll, events, most, deadline_in_ms(timeout), mask,
                                 mask_size, EventLayout::padded);
}
template decltype(wait_for_events<false>) wait_for_events<false>;
template decltype(epoll_pwait<false>) epoll_pwait<false>;
template decltype(epoll_pwait<true>) epoll_pwait<true>;

/// linux: As `epoll_pwait`.
trap::Answer<Result<int>> epoll_pwait2(Thread& self, int epoll, std::uintptr_t events, int most,
                                       std::uintptr_t timeout, std::uintptr_t mask,
                                       std::size_t mask_size) {
  const auto deadline = deadline_after(self, timeout);
  if (!deadline) return fail(deadline.error());
  return wait_for_events(self, epoll, events, most, *deadline, mask, mask_size,
                         EventLayout::padded);
}

}  // namespace sys

KERNEL_CALL(epoll_create1, sys::epoll_create1);
KERNEL_CALL(epoll_ctl, sys::epoll_ctl);
KERNEL_CALL(epoll_pwait2, sys::epoll_pwait2);

}  // namespace kernel
