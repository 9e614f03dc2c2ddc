#include "files/file_pages.h"

#include <algorithm>

#include "files/file_quota.h"

namespace kernel {

std::byte* FilePages::find(std::uint64_t number) const {
  const auto group = groups_.find(number / group_size);
  return group != groups_.end() ? group->second.find(number % group_size) : nullptr;
}

std::size_t FilePages::find_run(std::uint64_t number, std::span<const std::byte*> pages) const {
  const auto group = groups_.find(number / group_size);
  return group != groups_.end() ? group->second.find_run(number % group_size, pages) : 0;
}

std::byte* FilePages::make(std::uint64_t number) {
  auto group = groups_.find(number / group_size);
  if (group == groups_.end()) {
    if (!file_quota::has(group_bytes + hal::page_size)) return nullptr;
    group = groups_.try_emplace(number / group_size).first;
    charge(group_bytes);
  }
  std::byte* const there = group->second.find(number % group_size);
  if (there != nullptr) return there;
  if (!file_quota::has(hal::page_size)) return nullptr;
  std::byte* const made = group->second.make(number % group_size);
  if (made == nullptr) return nullptr;
  charge(hal::page_size);
  ++count_;
  return made;
}

hal::PhysAddr FilePages::share(std::uint64_t number) {
  return groups_.find(number / group_size)->second.share(number % group_size);
}

void FilePages::drop_from(std::uint64_t number) {
  drop(number, ~std::uint64_t{0});
}

void FilePages::drop(std::uint64_t first, std::uint64_t end) {
  std::size_t bytes = 0;
  auto group = groups_.lower_bound(first / group_size);
  while (group != groups_.end() && group->first * group_size < end) {
    const std::uint64_t start = group->first * group_size;
    if (first <= start && end - start >= group_size) {
      count_ -= group->second.count();
      bytes += group->second.bytes();
      group = groups_.erase(group);
      continue;
    }
    const std::size_t dropped = group->second.drop(
        first > start ? first - start : 0, std::min<std::uint64_t>(end - start, group_size));
    count_ -= dropped;
    bytes += dropped * hal::page_size;
    ++group;
  }
  bytes_ -= bytes;
  file_quota::release(bytes);
}

std::uint64_t FilePages::count_missing(std::uint64_t first, std::uint64_t end) const {
  std::uint64_t missing = 0;
  while (first < end) {
    const std::uint64_t hole = std::min(next_hole(first), end);
    const std::uint64_t page = std::min(next_page(hole).value_or(end), end);
    missing += page - hole;
    first = page;
  }
  return missing;
}

std::optional<std::uint64_t> FilePages::next_page(std::uint64_t number) const {
  for (auto group = groups_.lower_bound(number / group_size); group != groups_.end(); ++group) {
    const std::uint64_t start = group->first * group_size;
    for (std::size_t i = number > start ? number - start : 0; i < group_size; ++i) {
      if (group->second.find(i) != nullptr) return start + i;
    }
  }
  return {};
}

std::uint64_t FilePages::next_hole(std::uint64_t number) const {
  for (auto group = groups_.find(number / group_size);
       group != groups_.end() && group->first == number / group_size; ++group) {
    for (; number / group_size == group->first; ++number) {
      if (group->second.find(number % group_size) == nullptr) return number;
    }
  }
  return number;
}

FilePages::~FilePages() {
  file_quota::release(bytes_);
}

void FilePages::charge(std::size_t bytes) {
  file_quota::charge(bytes);
  bytes_ += bytes;
}

std::byte* FilePages::Group::find(std::size_t index) const {
  return pages_[index] != 0 ? hal::phys_to_virt(pages_[index]) : nullptr;
}

std::size_t FilePages::Group::find_run(std::size_t index, std::span<const std::byte*> pages) const {
  const std::size_t most = std::min(pages.size(), group_size - index);
  for (std::size_t i = 0; i != most; ++i) {
    if (pages_[index + i] == 0) return i;
    pages[i] = hal::phys_to_virt(pages_[index + i]);
  }
  return most;
}

std::byte* FilePages::Group::make(std::size_t index) {
  const hal::PhysAddr page = memory::frames.allocate_zeroed(memory::Use::user);
  if (page == 0) return nullptr;
  pages_[index] = page;
  owned_.add(page);
  return hal::phys_to_virt(page);
}

std::size_t FilePages::Group::drop(std::size_t first, std::size_t end) {
  memory::FrameChain gone;
  owned_.swap(gone);
  gone.forget();
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < group_size; ++i) {
    if (pages_[i] == 0) continue;
    if (i < first || i >= end) {
      owned_.add(pages_[i]);
      continue;
    }
    ++dropped;
    const hal::PhysAddr page = std::exchange(pages_[i], 0);
    if (is_shared_) {
      memory::frames.drop(page);
    } else {
      gone.add(page);
    }
  }
  return dropped;
}

}  // namespace kernel
