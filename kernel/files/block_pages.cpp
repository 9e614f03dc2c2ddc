#include "files/block_pages.h"

#include <algorithm>
#include <cstring>

#include "devices/block_device.h"

namespace kernel {

std::size_t BlockPages::count() const {
  return (disk_->capacity() + hal::page_size - 1) / hal::page_size;
}

async::Task<Result<>> BlockPages::read(std::size_t index, hal::PhysAddr frame) {
  const std::uint64_t start = std::uint64_t{index} * hal::page_size;
  const std::uint64_t capacity = disk_->capacity();
  if (start >= capacity) co_return fail(Errno::eio);  // the disk has shrunk
  const auto bytes = std::min<std::uint64_t>(hal::page_size, capacity - start);
  std::memset(hal::phys_to_virt(frame) + bytes, 0, hal::page_size - bytes);
  BlockRequest request;
  request.begin(BlockRequest::Kind::read, start / BlockRequest::sector_bytes);
  request.add(frame, bytes);
  co_return co_await disk_->device().run(request);
}

}  // namespace kernel
