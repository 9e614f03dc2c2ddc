#include "files/inotify.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <utility>

#include "files/io_buffer.h"
#include "memory/frames.h"
#include "memory/paged_text.h"
#include "memory/user_memory.h"

namespace kernel {

constinit async::SharedWord<std::uint32_t> watch_count = 0;

namespace {

constexpr std::uint32_t self_events = abi::in_delete_self | abi::in_move_self;

/// Whether the node has no name, and no owners but its watches and the caller.
bool has_ended(const Node& node) {
  if (node.has_name() || node.is_permanent()) return false;
  std::uint32_t watches = 0;
  for (const InotifyWatch* at = node.first_watch(); at != nullptr; at = at->next_of_node())
    ++watches;
  return node.owners() == watches + 1;
}

/// Reports an event to one watch.
void report(InotifyWatch& watch, std::uint32_t event, std::uint32_t cookie, std::string_view name) {
  if ((watch.mask & event & abi::in_all_events) == 0) return;
  const bool is_last = (watch.mask & abi::in_oneshot) != 0;
  if ((event & self_events) != 0) event &= ~abi::in_isdir;
  watch.owner().post(watch.number(), event, cookie, name);
  if (is_last) watch.owner().end(watch);
}

void report_to_all(const Node& node, std::uint32_t event, std::uint32_t cookie,
                   std::string_view name) {
  for (InotifyWatch* at = node.first_watch(); at != nullptr;) {
    InotifyWatch& watch = *std::exchange(at, at->next_of_node());
    report(watch, event, cookie, name);
  }
}

void report_to_self(const Node& node, std::uint32_t event) {
  report_to_all(node, event | directory_bit(node), 0, {});
}

void end_watches(Node& node) {
  report_to_self(node, abi::in_delete_self);
  while (InotifyWatch* const watch = node.first_watch()) watch->owner().end(*watch);
}

}  // namespace

InotifyWatch::InotifyWatch(Inotify& owner, int number, Ref<Node> node, std::uint32_t of)
    : mask{of},
      owner_{owner},
      number_{number},
      node_{std::move(node)},
      next_of_node_{node_->first_watch()},
      link_of_node_{&node_->watches()} {
  if (next_of_node_ != nullptr) next_of_node_->link_of_node_ = &next_of_node_;
  *link_of_node_ = this;
  watch_count = watch_count + 1;
}

InotifyWatch::~InotifyWatch() {
  *link_of_node_ = next_of_node_;
  if (next_of_node_ != nullptr) next_of_node_->link_of_node_ = link_of_node_;
  watch_count = watch_count - 1;
}

// ── The file ──

// In a loop: destroying a long list from its head would recurse.
Inotify::~Inotify() {
  watches_.clear();
  while (first_ != nullptr) first_ = std::move(first_->next);
}

Result<int> Inotify::add(Node& node, std::uint32_t mask) {
  async::Strand::check_access();
  constexpr std::uint32_t kept = abi::in_all_events | abi::in_excl_unlink | abi::in_oneshot;
  for (InotifyWatch* at = node.first_watch(); at != nullptr; at = at->next_of_node()) {
    if (&at->owner() != this) continue;
    if ((mask & abi::in_mask_create) != 0) return fail(Errno::eexist);
    const std::uint32_t before = (mask & abi::in_mask_add) != 0 ? at->mask : 0;
    at->mask = before | (mask & kept);
    return at->number();
  }
  if (!memory::can_allocate(watch_bytes)) return fail(Errno::enomem);
  last_watch_ = last_watch_ < INT32_MAX ? last_watch_ + 1 : 1;
  while (watches_.contains(last_watch_)) ++last_watch_;
  watches_.emplace(std::piecewise_construct, std::tuple{last_watch_},
                   std::forward_as_tuple(*this, last_watch_, Ref<Node>::share(node), mask & kept));
  return last_watch_;
}

Result<> Inotify::remove(int watch) {
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return fail(Errno::einval);
  end(found->second);
  return {};
}

void Inotify::end(InotifyWatch& watch) {
  const int number = watch.number();
  watches_.erase(number);
  post(number, abi::in_ignored, 0, {});
}

void Inotify::drop_events() {
  while (first_) first_ = std::move(first_->next);
  last_ = nullptr;
  count_ = bytes_ = 0;
}

void Inotify::post(int watch, std::uint32_t mask, std::uint32_t cookie, std::string_view name) {
  const bool is_same =
      last_ != nullptr && last_->watch == watch && last_->mask == mask && last_->name == name;
  if (is_same) return;
  const bool has_room = count_ < most_events && memory::can_allocate(sizeof(Event) + name.size());
  if (has_room) {
    return append(std::make_unique<Event>(watch, mask, cookie, std::string{name}, nullptr));
  }
  if (last_ != nullptr && last_->mask == abi::in_q_overflow) return;
  if (!memory::can_allocate(sizeof(Event))) return;
  append(std::make_unique<Event>(-1, abi::in_q_overflow, 0u, std::string{}, nullptr));
}

void Inotify::append(std::unique_ptr<Event> event) {
  ++count_;
  bytes_ += event->bytes();
  Event* const added = event.get();
  (last_ != nullptr ? last_->next : first_) = std::move(event);
  last_ = added;
  readers_.wake_one();
}

Result<std::size_t> Inotify::move_nothing(Direction direction) {
  if (direction == Direction::write) return fail(Errno::ebadf);
  return first_ != nullptr ? fail(Errno::einval) : Result<std::size_t>{fail(Errno::eagain)};
}

Result<std::size_t> Inotify::try_read(IoBuffer& buffer) {
  if (first_ == nullptr) return fail(Errno::would_block);
  if (buffer.left() < first_->bytes()) return fail(Errno::einval);
  if (buffer.must_page_in(IoBuffer::Direction::put)) return fail(Errno::would_block);
  std::size_t done = 0;
  Result<std::size_t> moved = 0;
  while (first_ != nullptr && first_->bytes() <= buffer.left()) {
    std::array<std::byte, sizeof(abi::InotifyEvent) + 272> text{};
    const abi::InotifyEvent head{.watch = first_->watch,
                                 .mask = first_->mask,
                                 .cookie = first_->cookie,
                                 .name_bytes = static_cast<std::uint32_t>(first_->name_bytes())};
    const auto end = std::ranges::copy(std::as_bytes(std::span{&head, 1}), text.begin()).out;
    std::ranges::copy(std::as_bytes(std::span{first_->name}), end);
    const std::size_t size = first_->bytes();
    bytes_ -= size;
    --count_;
    first_ = std::move(first_->next);
    if (first_ == nullptr) last_ = nullptr;
    moved = buffer.put(std::span{text}.first(size));
    if (!moved || *moved < size) break;  // the event is lost, as on Linux
    done += size;
  }
  if (first_ != nullptr) readers_.pass_wake();
  if (done != 0) return done;
  return moved ? fail(Errno::efault) : moved;
}

Result<int> Inotify::control(memory::AddressSpace& space, unsigned long request,
                             std::uintptr_t argument) {
  if (request != abi::fionread) return fail(Errno::enotty);
  const auto written = UserPtr<int>{argument}.write(space, static_cast<int>(bytes_));
  if (!written) return fail(written.error());
  return 0;
}

void Inotify::describe(memory::PagedText& out) {
  for (const auto& [number, watch] : watches_) {
    const abi::Stat status = watch.node().status();
    fmt::format_to(std::back_inserter(out),
                   "inotify wd:{:x} ino:{:x} sdev:{:x} mask:{:x} ignored_mask:0 \n", number,
                   status.inode, status.device, watch.mask);
  }
}

// ── Events ──

void detail::note_event(Node& node, std::uint32_t mask) {
  const std::uint32_t event = mask | directory_bit(node);
  if (Directory* const place = node.place(); place != nullptr && place->first_watch() != nullptr)
    report_to_all(*place, event, 0, node.last_name());
  report_to_all(node, event, 0, {});
}

void detail::note_name(Directory& directory, std::string_view name, std::uint32_t mask) {
  report_to_all(directory, mask, 0, name);
}

void note_link(Node& node) {
  if (has_watches()) report_to_self(node, abi::in_attrib);
}

// The order is that of vfs_unlink() and vfs_rmdir() in Linux 6.12 (fs/namei.c).
void note_unlink(Directory& directory, std::string_view name, Node& node) {
  if (!has_watches()) return;
  const std::uint32_t bit = directory_bit(node);
  if (bit == 0) report_to_self(node, abi::in_attrib);
  if (has_ended(node)) end_watches(node);
  report_to_all(directory, abi::in_delete | bit, 0, name);
}

// The order is that of fsnotify_move() in Linux 6.12 (include/linux/fsnotify.h).
void note_rename(Directory& from, std::string_view name, Directory& to, std::string_view new_name,
                 Node& node, Node* replaced) {
  if (!has_watches()) return;
  static constinit std::uint32_t last_cookie = 0;
  const std::uint32_t cookie = ++last_cookie;
  const std::uint32_t bit = directory_bit(node);
  report_to_all(from, abi::in_moved_from | bit, cookie, name);
  report_to_all(to, abi::in_moved_to | bit, cookie, new_name);
  if (replaced != nullptr) report_to_self(*replaced, abi::in_attrib);
  report_to_self(node, abi::in_move_self);
  if (replaced != nullptr && has_ended(*replaced)) end_watches(*replaced);
}

void note_close(Node& node, std::uint32_t mask) {
  if (!is_watched(node)) return;
  detail::note_event(node, mask);
  if (has_ended(node)) end_watches(node);
}

}  // namespace kernel
