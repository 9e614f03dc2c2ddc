#include "files/epoll.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

#include "memory/frames.h"
#include "memory/paged_text.h"

namespace kernel {
namespace {

constexpr std::uint32_t always = abi::epollerr | abi::epollhup;
/// The most items that the search for a cycle may meet.
constexpr unsigned longest_walk = 1000;

}  // namespace

// ── An item ──

void EpollItem::link_to_file(EpollItem*& first) {
  next_of_file_ = first;
  link_of_file_ = &first;
  if (first != nullptr) first->link_of_file_ = &next_of_file_;
  first = this;
}

void EpollItem::unlink_from_file(EpollItem*&) {
  *link_of_file_ = next_of_file_;
  if (next_of_file_ != nullptr) next_of_file_->link_of_file_ = link_of_file_;
}

void EpollItem::file_has_ended() {
  owner_.destroy(*this);
}

void EpollItem::notify(Watcher& watcher) noexcept {
  auto& self = static_cast<EpollItem&>(watcher);
  if (self.is_ready_ || self.is_disabled()) return;
  Epoll& owner = self.owner_;
  owner.add_to_ready(self);
  owner.waiters_.wake_one();
}

void EpollItem::observe() {
  const bool wants_input = (events_ & input) != 0;
  const bool wants_output = (events_ & output) != 0;
  if (wants_input && !wants_output) [[likely]] {
    if (async::WaitList* const list = file_.changes(Direction::read)) watch(reading_, *list);
    return;
  }
  // Errors can come from both lists. An item that wants neither bytes nor room waits for errors.
  async::WaitList* read_list = nullptr;
  if (wants_input || !wants_output) {
    read_list = file_.changes(Direction::read);
    if (read_list != nullptr) watch(reading_, *read_list);
  }
  async::WaitList* const write_list = file_.changes(Direction::write);
  if (write_list != nullptr && write_list != read_list) watch(writing_, *write_list);
}

bool EpollItem::notify_sharing(Watcher& watcher, async::Job*& woken) noexcept {
  auto& self = static_cast<EpollItem&>(watcher);
  Epoll& owner = self.owner_;
  const async::LeafLock::Guard lock{owner.lock_};
  if (self.is_ready_ || self.is_disabled()) return true;
  if (!owner.waiters_.empty() && (woken = owner.waiters_.take_first()) == nullptr) return false;
  owner.add_to_ready(self);
  return true;
}

// An edge between the look and the observation would be lost, so with EPOLLET the item observes
// first.
Result<std::uint32_t> EpollItem::poll_sharing() {
  const bool is_edge = (events_ & abi::epollet) != 0;
  if (!is_simple() || (is_edge && !file_.watch_sharing(*this, reading_, true)))
    return fail(Errno::would_block);
  const auto ready = file_.readiness_sharing();
  if (!ready) return fail(ready.error());
  const std::uint32_t events = static_cast<std::uint16_t>(*ready) & events_ & poll_bits;
  if (events == 0 && !is_edge && !file_.watch_sharing(*this, reading_, false))
    return fail(Errno::would_block);
  return events;
}

// ── The file ──

Epoll::~Epoll() {
  while (EpollItem* const item = items_.first()) destroy(*item);
}

/// The order of the items: by file, then by descriptor.
auto Epoll::before(const File& file, int fd) {
  return [key = std::tuple{&file, fd}](const EpollItem& each) {
    return std::tuple{static_cast<const File*>(&each.file_), each.fd_} < key;
  };
}

EpollItem* Epoll::find(int fd, const File& file) const {
  EpollItem* const item = items_.find(before(file, fd));
  return item != nullptr && &item->file_ == &file && item->fd_ == fd ? item : nullptr;
}

Result<> Epoll::add(int fd, File& file, std::uint32_t events, std::uint64_t data) {
  async::Strand::check_access();
  Epoll* const nested = file.epoll();
  if (nested != nullptr) {
    if (auto allowed = check_nesting(*nested); !allowed) return allowed;
  }
  if (find(fd, file) != nullptr) return fail(Errno::eexist);
  if (EpollItem::count_ >= EpollItem::most) return fail(Errno::enospc);
  if (!memory::can_allocate(sizeof(EpollItem))) return fail(Errno::enomem);
  auto* const item = new EpollItem{*this, file, fd, events | always, data};
  if (auto linked = file.add_watch(*item); !linked) {
    delete item;
    return linked;
  }
  const auto number = reinterpret_cast<std::uintptr_t>(item) / alignof(EpollItem);
  items_.insert(*item, items_.random_height(number), before(file, fd));
  if (nested != nullptr) nested_.push_back(*item);
  item->poll() != 0 ? make_ready(*item) : item->observe();
  return {};
}

Result<> Epoll::modify(int fd, File& file, std::uint32_t events, std::uint64_t data) {
  async::Strand::check_access();
  EpollItem* const item = find(fd, file);
  if (item == nullptr) return fail(Errno::enoent);
  if ((item->events_ & abi::epollexclusive) != 0) return fail(Errno::einval);
  item->events_ = events | always;
  item->data_ = data;
  item->reading_.stop();
  item->writing_.stop();
  if (item->is_ready_) {
    waiters_.wake_one();  // it may be ready for other events than before
  } else if (item->poll() != 0) {
    make_ready(*item);
  } else {
    item->observe();
  }
  return {};
}

Result<> Epoll::remove(int fd, File& file) {
  async::Strand::check_access();
  EpollItem* const item = find(fd, file);
  if (item == nullptr) return fail(Errno::enoent);
  destroy(*item);
  return {};
}

void Epoll::destroy(EpollItem& item) {
  items_.remove(item, before(item.file_, item.fd_));
  if (item.is_ready_) unready(item);
  if (item.file_.epoll() != nullptr) nested_.remove(item);
  item.file_.remove_watch(item);
  delete &item;
}

Result<unsigned> Epoll::count_sharing() {
  const async::LeafLock::Guard lock{lock_};
  if (async::watched() || waiters_.has_observers()) return fail(Errno::would_block);
  constexpr unsigned looks = 64;  // more items than a program usually finds ready
  unsigned left = looks;
  for (EpollItem& item : ready_) {
    if (left-- == 0) break;
    if (!item.is_simple()) return fail(Errno::would_block);
  }
  return ready_count_;
}

EpollItem* Epoll::take_ready_sharing() {
  const async::LeafLock::Guard lock{lock_};
  if (!may_be_ready()) return nullptr;
  EpollItem& item = ready_.front();
  unready(item);
  return &item;
}

void Epoll::put_back_sharing(EpollItem& item) {
  const async::LeafLock::Guard lock{lock_};
  if (!item.is_ready_) add_to_ready(item);
}

// Without the strand no observer joins the waiters, and the caller has found none.
void Epoll::pass_wake_sharing() {
  async::Job* waiter = nullptr;
  {
    const async::LeafLock::Guard lock{lock_};
    if (may_be_ready() && !waiters_.empty()) waiter = waiters_.take_first();
  }
  if (waiter != nullptr) waiter->complete_sharing();
}

bool Epoll::wait_for_ready_sharing(std::coroutine_handle<> loop) {
  async::Job& job = async::current_job();
  const async::LeafLock::Guard lock{lock_};
  if (may_be_ready() || job.is_stopped()) return false;
  job.prepare(&waiters_, "epoll_wait");
  waiters_.insert_first(job);
  job.share_next_step();
  job.suspend(loop);
  return true;
}

void Epoll::make_ready(EpollItem& item) {
  add_to_ready(item);
  waiters_.wake_one();
}

short Epoll::readiness() {
  while (may_be_ready()) {
    EpollItem& item = ready_.front();
    if (item.poll() != 0) return abi::pollin | abi::pollrdnorm;
    unready(item);
    item.observe();
  }
  return 0;
}

void Epoll::describe(memory::PagedText& out) {
  for (const EpollItem* item = items_.first(); item != nullptr; item = items_.next(*item)) {
    const abi::Stat status = item->file_.status();
    fmt::format_to(std::back_inserter(out),
                   "tfd: {:8} events: {:8x} data: {:16x}  pos:{} ino:{:x} sdev:{:x}\n", item->fd_,
                   item->events_, item->data_, item->file_.seek(0, abi::seek_cur).value_or(0),
                   status.inode, status.device);
  }
}

// ── Chains ──

/// A search for a cycle: which epoll files are below another one.
struct Epoll::Walk {
  const Epoll& from;  ///< that must not be met
  std::uint64_t number;
  unsigned left = longest_walk;  ///< how many more items it may meet
  bool has_met = false;
};

/// Sets `length_downwards_`. False: the walk is too long, or has met `from`.
bool Epoll::walk_down(Walk& walk) {
  if (walk_ == walk.number) return true;
  unsigned length = 0;
  for (EpollItem& item : nested_) {
    Epoll& below = *item.file_.epoll();
    if (&below == &walk.from) walk.has_met = true;
    if (walk.has_met || walk.left == 0) return false;
    --walk.left;
    if (!below.walk_down(walk)) return false;
    length = std::max(length, below.length_downwards_ + 1);
  }
  walk_ = walk.number;
  length_downwards_ = length;
  return true;
}

/// How many epoll files are above this one in the longest chain, at most `limit`. The result has no
/// meaning if the walk becomes too long.
unsigned Epoll::length_upwards(Walk& walk, unsigned limit) const {
  unsigned length = 0;
  for (const EpollItem* item = first_watch(); item != nullptr; item = item->next_of_file()) {
    if (length >= limit || walk.left == 0) break;
    --walk.left;
    length = std::max(length, item->owner().length_upwards(walk, limit - 1) + 1);
  }
  return length;
}

Result<> Epoll::check_nesting(Epoll& nested) {
  static constinit std::uint64_t walks = 0;  // strand data
  Walk walk{.from = *this, .number = ++walks};
  if (!nested.walk_down(walk)) return fail(walk.has_met ? Errno::eloop : Errno::einval);
  const unsigned others = nested.length_downwards_ + 1 + length_upwards(walk, longest_chain);
  if (walk.left == 0) return fail(Errno::einval);
  if (others >= longest_chain) return fail(Errno::eloop);
  return {};
}

}  // namespace kernel
