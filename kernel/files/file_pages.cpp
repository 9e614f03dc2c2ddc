#include "files/file_pages.h"

#include "files/file_quota.h"

namespace kernel {

std::byte* FilePages::find(std::uint64_t number) const {
  const auto group = groups_.find(number / group_size);
  return group != groups_.end() ? group->second.find(number % group_size) : nullptr;
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
  if (made != nullptr) charge(hal::page_size);
  return made;
}

void FilePages::drop_from(std::uint64_t number) {
  std::size_t bytes = 0;
  auto group = groups_.lower_bound(number / group_size);
  if (group != groups_.end() && group->first * group_size < number) {
    bytes = group->second.drop_from(number % group_size) * hal::page_size;
    ++group;
  }
  for (auto at = group; at != groups_.end(); ++at) bytes += at->second.bytes();
  groups_.erase(group, groups_.end());
  bytes_ -= bytes;
  file_quota::release(bytes);
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

std::byte* FilePages::Group::make(std::size_t index) {
  const hal::PhysAddr page = memory::frames.allocate_zeroed(memory::Use::user);
  if (page == 0) return nullptr;
  pages_[index] = page;
  owned_.add(page);
  return hal::phys_to_virt(page);
}

std::size_t FilePages::Group::drop_from(std::size_t index) {
  memory::FrameChain gone;
  owned_.swap(gone);
  gone.forget();
  for (std::size_t i = 0; i < group_size; ++i) {
    if (pages_[i] == 0) continue;
    if (i < index) {
      owned_.add(pages_[i]);
    } else {
      gone.add(std::exchange(pages_[i], 0));
    }
  }
  return gone.count();
}

}  // namespace kernel
