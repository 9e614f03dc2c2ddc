// An epoll file: it watches other files, and knows which of them may be ready (epoll(7)).
//
//   File ── wake ──▶ EpollItem ──▶ ready list of the Epoll ── wake ──▶ a job in epoll_pwait
//
// An item is on the ready list, or observes the wait lists of its file, or is disabled
// (EPOLLONESHOT). The ready list has the items whose files may be ready; take() asks these files.
// So a call costs time for ready files only.
//
// - The wake of a list removes the item's observer (async/multi_wait.h), and puts the item on the
//   ready list. The item observes again when take() finds that the file is not ready, or when it
//   has reported an edge (EPOLLET).
// - An item owns no reference to its file. The file knows its items, and removes them before it
//   ends.
// - An epoll file may watch another one. There is no cycle, and no chain of more than five.
//
// Strand data, but for what take_sharing(), wait_for_ready_sharing() and notify_sharing() change:
// the ready list and the list of waiters have a LeafLock for callers that share the strand. They
// serve items that wait only for bytes of streams.
#pragma once

#include <abi/events.h>
#include <async/leaf_lock.h>
#include <async/multi_wait.h>
#include <async/skip_list.h>
#include <kernel/list.h>

#include <algorithm>
#include <cstdint>

#include "files/file.h"

namespace kernel {

/// A watched file under one of its descriptors.
class EpollItem : public async::SkipLinks<EpollItem, 5>,
                  public ListNode<struct ReadyItems>,
                  public ListNode<struct NestedItems>,
                  async::Watcher {
 public:
  // For the file.

  void link_to_file(EpollItem*& first);
  void unlink_from_file(EpollItem*& first);
  /// Destroys the item.
  void file_has_ended();
  Epoll& owner() const { return owner_; }
  EpollItem* next_of_file() const { return next_of_file_; }

 private:
  friend Epoll;

  EpollItem(Epoll& owner, File& file, int fd, std::uint32_t events, std::uint64_t data)
      : Watcher{&notify, &notify_sharing},
        owner_{owner},
        file_{file},
        fd_{fd},
        events_{events},
        data_{data} {
    ++count_;
  }
  ~EpollItem() { --count_; }

  static void notify(Watcher& watcher) noexcept;
  static bool notify_sharing(Watcher& watcher, async::Job*& woken) noexcept;
  /// The events that are wanted and true now.
  std::uint32_t poll() const {
    return static_cast<std::uint16_t>(file_.readiness()) & events_ & poll_bits;
  }
  void observe();
  /// poll() for a caller that shares the strand, and has taken the item from the ready list. If the
  /// result is 0, or with EPOLLET, the item observes its file. would_block: only the strand can do
  /// that, or the file is ready again.
  Result<std::uint32_t> poll_sharing();
  /// Whether the item wants only input, of a file that usually needs no strand to report it.
  bool is_simple() const {
    return (events_ & input) != 0 && (events_ & (output | abi::epolloneshot)) == 0 &&
           file_.is_watched_sharing();
  }
  bool is_disabled() const { return (events_ & poll_bits) == 0; }

  /// The most items of all epoll files. A descriptor that was closed while a duplicate is open
  /// keeps its item, so the number of descriptors is no bound.
  static constexpr unsigned most = 65'536;
  static constexpr std::uint32_t poll_bits = 0xffff;
  static constexpr std::uint32_t kept_of_one_shot =
      abi::epollexclusive | abi::epollwakeup | abi::epolloneshot | abi::epollet;
  static constexpr std::uint32_t input = abi::epollin | abi::epollrdnorm | abi::epollrdband |
                                         abi::epollpri | abi::epollrdhup | abi::epollmsg;
  static constexpr std::uint32_t output = abi::epollout | abi::epollwrnorm | abi::epollwrband;

  static inline unsigned count_ = 0;  // of all items; in the strand
  Epoll& owner_;
  File& file_;
  const int fd_;
  std::uint32_t events_;
  std::uint64_t data_;
  bool is_ready_ = false;  // it is on the ready list
  EpollItem* next_of_file_ = nullptr;
  EpollItem** link_of_file_ = nullptr;  // the pointer that points to this item
  async::Observer reading_;
  async::Observer writing_;
};

class Epoll final : public File {
 public:
  /// The chain of epoll files that watch each other has at most this many.
  static constexpr unsigned longest_chain = 5;
  static constexpr std::size_t item_bytes = sizeof(EpollItem);

  Epoll() : File{abi::o_rdwr} {}
  ~Epoll() override;

  // epoll_ctl(2). `fd` is the file's descriptor. The caller has checked which events go together.

  /// EEXIST; ELOOP; EINVAL: the search for a cycle meets too many items; ENOSPC: there
  /// are EpollItem::most items; ENOMEM.
  Result<> add(int fd, File& file, std::uint32_t events, std::uint64_t data);
  /// ENOENT; EINVAL: the item has EPOLLEXCLUSIVE.
  Result<> modify(int fd, File& file, std::uint32_t events, std::uint64_t data);
  /// ENOENT.
  Result<> remove(int fd, File& file);

  /// Calls put(events, data) for at most `most` ready items. It returns false if it could not pass
  /// an event on: then the item stays ready, and take() ends. Returns the number of events that
  /// put() took.
  template <class Put>
  int take(int most, Put&& put);
  bool may_be_ready() const { return ready_count_ != 0; }
  /// take() for a caller that shares the strand. would_block: the strand must do it, and put() has
  /// taken nothing. put() takes all events.
  template <class Put>
  Result<int> take_sharing(int most, Put&& put);
  /// Lets the running job, whose coroutine is `loop`, wait for ready items. False: some may be
  /// ready, or it must wait in the strand.
  bool wait_for_ready_sharing(std::coroutine_handle<> loop);
  /// The list of jobs that wait for ready items. A ready item wakes one of them. If that leaves
  /// items ready, take() wakes the next one.
  async::WaitList& waiters() { return waiters_; }

  short readiness() override;
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &waiters_ : nullptr;
  }
  Result<std::size_t> move_nothing(Direction) override { return fail(Errno::einval); }
  Result<std::int64_t> seek(std::int64_t, int) override { return 0; }
  abi::Stat status() override {
    return {.device = 1, .mode = 0600, .links = 1, .block_size = hal::page_size};
  }
  Epoll* epoll() override { return this; }
  std::string_view unnamed_kind() override { return "[eventpoll]"; }
  void describe(memory::PagedText& out) override;

 private:
  friend EpollItem;
  struct Walk;

  static auto before(const File& file, int fd);
  EpollItem* find(int fd, const File& file) const;
  /// ELOOP, EINVAL: see add().
  Result<> check_nesting(Epoll& nested);
  bool walk_down(Walk& walk);
  unsigned length_upwards(Walk& walk, unsigned limit) const;
  void make_ready(EpollItem& item);
  void add_to_ready(EpollItem& item) {
    item.is_ready_ = true;
    ready_.push_back(item);
    ++ready_count_;
  }
  /// The number of ready items. would_block: take_sharing() cannot serve one of the first, or
  /// cannot wake the waiters.
  Result<unsigned> count_sharing();
  /// Takes the first item from the ready list. Null: there is none.
  EpollItem* take_ready_sharing();
  /// Puts an item back that was taken from the ready list, unless it has become ready meanwhile.
  void put_back_sharing(EpollItem& item);
  /// Wakes a waiter if items are ready.
  void pass_wake_sharing();
  /// Takes the item from the ready list.
  void unready(EpollItem& item) {
    item.is_ready_ = false;
    ready_.remove(item);
    --ready_count_;
  }
  void destroy(EpollItem& item);

  async::SkipList<EpollItem, 5> items_;
  List<EpollItem, ReadyItems> ready_;
  List<EpollItem, NestedItems> nested_;  // the items whose files are epoll files
  unsigned ready_count_ = 0;
  async::WaitList waiters_;
  // Acquired under the lock of a stream that wakes an item.
  async::LeafLock lock_{1};
  // For walk_down(): the last walk that has met this file, and the length of its chain downwards.
  std::uint64_t walk_ = 0;
  unsigned length_downwards_ = 0;
};

template <class Put>
[[gnu::always_inline]] inline int Epoll::take(int most, Put&& put) {
  int taken = 0;
  // Items that stay ready go to the end, so this round does not meet them again.
  for (unsigned left = ready_count_; left != 0 && taken < most; --left) {
    EpollItem& item = ready_.front();
    const std::uint32_t events = item.poll();
    if (events == 0) {
      unready(item);
      item.observe();
      continue;
    }
    if (!put(events, item.data_)) break;
    ++taken;
    if ((item.events_ & (abi::epolloneshot | abi::epollet)) == 0) [[likely]] {
      if (ready_count_ != 1) {
        ready_.remove(item);
        ready_.push_back(item);
      }
      continue;
    }
    unready(item);
    if ((item.events_ & abi::epolloneshot) != 0) {
      item.events_ &= EpollItem::kept_of_one_shot;
    } else {
      item.observe();
    }
  }
  if (may_be_ready()) waiters_.pass_wake();
  return taken;
}

template <class Put>
Result<int> Epoll::take_sharing(int most, Put&& put) {
  const auto count = count_sharing();
  if (!count) return fail(count.error());
  constexpr unsigned most_looks = 256;  // in one sharing
  int taken = 0;
  for (unsigned left = std::min(*count, most_looks); left != 0 && taken < most; --left) {
    EpollItem* const item = take_ready_sharing();
    if (item == nullptr) break;  // another thread has taken it
    const std::uint64_t data = item->data_;
    const std::uint32_t wanted = item->events_;
    const auto events = item->poll_sharing();
    if (!events) {
      put_back_sharing(*item);
      if (taken == 0) return fail(Errno::would_block);
      break;
    }
    if (*events == 0) continue;
    put(*events, data);
    ++taken;
    if ((wanted & abi::epollet) == 0) put_back_sharing(*item);
  }
  if (taken == 0 && *count > most_looks) return fail(Errno::would_block);
  pass_wake_sharing();
  return taken;
}

}  // namespace kernel
