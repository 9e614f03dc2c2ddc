#include "rings/uring_resources.h"

#include <async/async.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "memory/user_memory.h"

namespace kernel::uring {

using abi::uring::Buffer;

Pages::~Pages() {
  for (std::size_t i = 0; i < count_; ++i) memory::frames.drop(frame(i));
}

Result<> Pages::make(std::size_t bytes) {
  const std::size_t count = (bytes + hal::page_size - 1) / hal::page_size;
  if (!memory::can_allocate_contiguous(count * sizeof(std::byte*)) ||
      !memory::can_allocate(count * (hal::page_size + sizeof(std::byte*))))
    return fail(Errno::enomem);
  pages_ = std::make_unique<std::byte*[]>(count);
  for (; count_ < count; ++count_) {
    const hal::PhysAddr frame = memory::frames.allocate_zeroed(memory::Use::user);
    if (frame == 0) return fail(Errno::enomem);
    pages_[count_] = hal::phys_to_virt(frame);
  }
  return {};
}

// ── Files ──

namespace {

using Slots = std::unique_ptr<FixedFile[]>;

/// How many files a step ends.
constexpr std::uint32_t ended_in_step = 256;

async::Task<> end_in_steps(Slots slots, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    slots[i].file = nullptr;
    if ((i + 1) % ended_in_step == 0) co_await async::yield();
  }
}

}  // namespace

Result<> FixedFiles::make(std::uint32_t count) {
  const std::size_t words = (count + in_word - 1) / in_word;
  if (!memory::can_allocate(words * sizeof(std::uint64_t))) return fail(Errno::enomem);
  if (auto made = SlotTable::make(count); !made) return made;
  used_ = std::make_unique<std::uint64_t[]>(words);
  first_ = hint_ = 0;
  end_ = count;
  return {};
}

void FixedFiles::clear() {
  // First: the end of a file may read this table.
  const std::uint32_t count = std::exchange(count_, 0);
  first_ = end_ = hint_ = 0;
  Slots slots = std::move(slots_);
  used_.reset();
  if (count > ended_in_step)
    async::spawn(end_in_steps(std::move(slots), count), {.name = "io_uring files"}).detach();
}

void FixedFiles::put(std::uint32_t index, Slot slot) {
  slots_[index] = std::move(slot);
  used_[index / in_word] |= std::uint64_t{1} << index % in_word;
  hint_ = index + 1;
}

FixedFile FixedFiles::take(std::uint32_t index) {
  if (slots_[index].file) hint_ = index;
  used_[index / in_word] &= ~(std::uint64_t{1} << index % in_word);
  return std::exchange(slots_[index], {});
}

std::optional<std::uint32_t> FixedFiles::find_empty_in(std::uint32_t first,
                                                       std::uint32_t end) const {
  while (first < end) {
    const std::uint64_t empty = ~used_[first / in_word] >> first % in_word;
    if (empty != 0) {
      first += static_cast<std::uint32_t>(std::countr_zero(empty));
      break;
    }
    first = (first / in_word + 1) * in_word;
  }
  return first < end ? std::optional{first} : std::nullopt;
}

Result<std::uint32_t> FixedFiles::find_empty() {
  if (hint_ < first_ || hint_ >= end_) hint_ = first_;
  auto found = find_empty_in(hint_, end_);
  if (!found) found = find_empty_in(first_, hint_);
  return found ? Result<std::uint32_t>{*found} : fail(Errno::enfile);
}

Result<> FixedFiles::set_range(std::uint32_t first, std::uint32_t count) {
  std::uint32_t end;
  if (__builtin_add_overflow(first, count, &end)) return fail(Errno::eoverflow);
  if (end > count_) return fail(Errno::einval);
  first_ = hint_ = first;
  end_ = end;
  return {};
}

// ── Buffers ──

Result<> FixedBuffers::check(std::uint32_t index, std::uint64_t address,
                             std::uint64_t length) const {
  if (index >= count_) return fail(Errno::efault);
  const Slot& slot = slots_[index];
  std::uint64_t end;
  if (slot.length == 0 || __builtin_add_overflow(address, length, &end) || address < slot.address ||
      end > slot.address + slot.length)
    return fail(Errno::efault);
  return {};
}

// ── Groups of buffers ──

BufferGroup::~BufferGroup() {
  while (first_ != nullptr) delete std::exchange(first_, first_->next);
}

Result<> BufferGroup::become_ring(std::uint64_t address, std::uint32_t entries) {
  if (address == 0) {
    if (!memory::can_allocate(sizeof(Pages))) return fail(Errno::enomem);
    auto pages = std::make_unique<Pages>();
    if (auto made = pages->make(entries * sizeof(Buffer)); !made) return made;
    pages_ = std::move(pages);
  }
  address_ = address;
  entries_ = entries;
  return {};
}

Result<> BufferGroup::add(std::uint64_t address, std::uint32_t length, std::uint32_t count,
                          std::uint16_t first_id) {
  if (!memory::can_allocate(sizeof(Run))) return fail(Errno::enomem);
  if (first_ == nullptr) end_ = &first_;
  *end_ = new Run{nullptr, address, length, count, first_id};
  end_ = &(*end_)->next;
  return {};
}

std::uint32_t BufferGroup::drop(std::uint32_t count) {
  std::uint32_t dropped = 0;
  while (first_ != nullptr && dropped < count) {
    const std::uint32_t part = std::min(count - dropped, first_->count);
    dropped += part;
    first_->address += std::uint64_t{part} * first_->length;
    first_->first_id = static_cast<std::uint16_t>(first_->first_id + part);
    first_->count -= part;
    if (first_->count == 0) delete std::exchange(first_, first_->next);
  }
  return dropped;
}

Result<Picked> BufferGroup::peek(memory::AddressSpace& space) const {
  if (!is_ring()) {
    if (first_ == nullptr) return fail(Errno::enobufs);
    return Picked{first_->address, first_->length, first_->first_id};
  }
  const std::size_t at = (head_ & (entries_ - 1)) * sizeof(Buffer);
  constexpr std::size_t tail_at = offsetof(Buffer, reserved);
  if (pages_ != nullptr) {
    auto& shared_tail = *pages_->at<std::uint16_t>(tail_at);
    if (std::atomic_ref{shared_tail}.load(std::memory_order_acquire) == head_)
      return fail(Errno::enobufs);
    const Buffer buffer = copy_once(*pages_->at<const Buffer>(at));
    return Picked{buffer.addr, buffer.len, buffer.bid};
  }
  const auto tail = memory::UserPtr<const std::uint16_t>{address_ + tail_at}.read(space);
  if (!tail) return fail(tail.error());
  if (*tail == head_) return fail(Errno::enobufs);
  std::atomic_thread_fence(std::memory_order_acquire);  // the program writes the tail last
  const auto buffer = memory::UserPtr<const Buffer>{address_ + at}.read(space);
  if (!buffer) return fail(buffer.error());
  return Picked{buffer->addr, buffer->len, buffer->bid};
}

void BufferGroup::take() {
  if (is_ring()) {
    ++head_;
  } else {
    (void)drop(1);
  }
}

BufferGroups::~BufferGroups() {
  for (List<BufferGroup>& list : lists_) {
    for (BufferGroup& group : list) {
      list.remove(group);
      delete &group;
    }
  }
}

BufferGroup* BufferGroups::find(std::uint16_t id) {
  for (BufferGroup& group : list_of(id)) {
    if (group.id() == id) return &group;
  }
  return nullptr;
}

Result<BufferGroup*> BufferGroups::make(std::uint16_t id) {
  if (!memory::can_allocate(sizeof(BufferGroup))) return fail(Errno::enomem);
  auto* const group = new BufferGroup{id};
  list_of(id).push_back(*group);
  return group;
}

void BufferGroups::remove(BufferGroup& group) {
  list_of(group.id()).remove(group);
  delete &group;
}

}  // namespace kernel::uring
