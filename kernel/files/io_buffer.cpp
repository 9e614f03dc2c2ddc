#include "files/io_buffer.h"

#include "memory/address_space.h"

namespace kernel {

IoBuffer::IoBuffer(memory::AddressSpace& space, std::span<const abi::IoVector> parts)
    : space_{&space}, base_{0}, part_{0}, left_{0}, next_part_{parts.data()} {
  for (const abi::IoVector& part : parts) {
    if (part.length > longest - left_) {
      left_ = longest;
      break;
    }
    left_ += part.length;
  }
}

Result<std::span<std::byte>> IoBuffer::next_piece(std::size_t most, Direction direction) {
  while (part_ == 0) {
    base_ = next_part_->base;
    part_ = next_part_->length;
    ++next_part_;
  }
  std::size_t count = std::min(most, part_);
  if (space_ == nullptr) return std::span{reinterpret_cast<std::byte*>(base_), count};

  const auto there =
      space_->resolve(base_, direction == Direction::put ? hal::Access::write : hal::Access::read);
  if (!there) return fail(there.error());
  count = std::min(count, hal::page_size - base_ % hal::page_size);
  return std::span{*there, count};
}

void IoBuffer::skip(std::size_t count) {
  while (count > 0) {
    if (part_ == 0) {
      base_ = next_part_->base;
      part_ = next_part_->length;
      ++next_part_;
    }
    const std::size_t step = std::min(count, part_);
    advance(step);
    count -= step;
  }
}

}  // namespace kernel
