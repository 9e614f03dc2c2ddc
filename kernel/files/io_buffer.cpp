#include "files/io_buffer.h"

#include <algorithm>
#include <array>

#include "memory/address_space.h"

namespace kernel {
IoBuffer::IoBuffer(memory::AddressSpace& space, std::span<const abi::IoVector> parts)
    : space_{&space}, base_{0}, part_{0}, left_{0}, next_part_{parts.data()} {
  for (const abi::IoVector& part : parts) {
    if (part.length > longest - left_) {
      left_ = longest;
      break;
    }
    left_ += narrow(part.length);
  }
}

inline std::byte* IoBuffer::one_piece(std::size_t count, Direction direction) {
  const std::size_t rest_of_page = hal::page_size - base_ % hal::page_size;
  if (space_ == nullptr || count > part_ || count > rest_of_page) return nullptr;
  return space_->tlb_lookup_alone(base_, access(direction));
}

Result<std::size_t> IoBuffer::put(std::span<const std::byte> bytes) {
  const std::size_t count = std::min(bytes.size(), left());
  std::byte* const here = one_piece(count, Direction::put);
  if (here == nullptr) [[unlikely]]
    return put_pieces(bytes);
  advance(count);
  copy_bytes(here, bytes.data(), count);
  return count;
}

namespace {
/// Copies `count` bytes from pages to pages. They begin `from` bytes behind the start of the first
/// source, and `to` bytes behind that of the first destination.
void copy_pages(std::byte* const* destinations, std::size_t to, const std::byte* const* sources,
                std::size_t from, std::size_t count) {
  for (; count != 0; from = 0) {
    const std::byte* const source = *sources++ + from;
    const std::size_t size = std::min(hal::page_size - from, count);
    count -= size;
    const std::size_t room = hal::page_size - to;
    if (size < room) {
      std::memcpy(*destinations + to, source, size);
      to += size;
      continue;
    }
    // The rest of the source begins a page.
    std::memcpy(*destinations++ + to, source, room);
    to = size - room;
    if (to != 0) std::memcpy(*destinations, source + room, to);
  }
}
}  // namespace

Result<std::size_t> IoBuffer::put_pages(const std::byte* const* pages, std::size_t at,
                                        std::size_t count) {
  count = std::min(count, left());
  std::array<std::byte*, 32> found;
  std::size_t done = 0;
  while (done != count) {
    begin_part();
    const std::size_t in_page = base_ % hal::page_size;
    std::size_t step = std::min(count - done, part_);
    const std::size_t wanted =
        std::min(hal::page_up(in_page + step) / hal::page_size, found.size());
    const std::size_t known =
        space_ != nullptr ? space_->pages_to_write(base_, std::span{found}.first(wanted)) : 0;
    if (known != 0) {
      step = std::min(step, known * hal::page_size - in_page);
      copy_pages(found.data(), in_page, pages, at, step);
    } else {
      const auto piece = next_piece(step, Direction::put);
      if (!piece) return done != 0 ? Result<std::size_t>{done} : fail(piece.error());
      step = piece->size();
      std::byte* const start = piece->data();
      for (std::size_t moved = 0; moved != step;) {
        const std::size_t from = (at + moved) % hal::page_size;
        const std::size_t size = std::min(step - moved, hal::page_size - from);
        std::memcpy(start + moved, pages[(at + moved) / hal::page_size] + from, size);
        moved += size;
      }
    }
    advance(step);
    done += step;
    pages += (at + step) / hal::page_size;
    at = (at + step) % hal::page_size;
  }
  return done;
}

Result<std::size_t> IoBuffer::take(std::span<std::byte> room) {
  const std::size_t count = std::min(room.size(), left());
  const std::byte* const here = one_piece(count, Direction::take);
  if (here == nullptr) [[unlikely]]
    return take_pieces(room);
  advance(count);
  copy_bytes(room.data(), here, count);
  return count;
}

[[gnu::noinline]] Result<std::size_t> IoBuffer::put_pieces(std::span<const std::byte> bytes) {
  return each_piece(bytes.size(), Direction::put, [&](std::span<std::byte> piece, std::size_t at) {
    std::memcpy(piece.data(), bytes.data() + at, piece.size());
  });
}

[[gnu::noinline]] Result<std::size_t> IoBuffer::take_pieces(std::span<std::byte> room) {
  return each_piece(room.size(), Direction::take, [&](std::span<std::byte> piece, std::size_t at) {
    std::memcpy(room.data() + at, piece.data(), piece.size());
  });
}

Result<std::size_t> IoBuffer::take_all(std::span<std::byte> room) {
  const std::byte* const here = one_piece(room.size(), Direction::take);
  if (here == nullptr) [[unlikely]]
    return take_all_pieces(room);
  advance(room.size());
  copy_bytes(room.data(), here, room.size());
  return room.size();
}

[[gnu::noinline]] Result<std::size_t> IoBuffer::take_all_pieces(std::span<std::byte> room) {
  const auto taken = take_pieces(room);
  if (!taken || *taken == room.size()) return taken;
  const auto next = next_piece(1, Direction::take);
  return fail(next ? Errno::efault : next.error());
}

Result<std::span<std::byte>> IoBuffer::next_piece(std::size_t most, Direction direction) {
  begin_part();
  std::size_t count = std::min(most, part_);
  if (space_ == nullptr) return std::span{reinterpret_cast<std::byte*>(base_), count};

  const auto there = space_->fault_in(base_, access(direction));
  if (!there) {
    needs_page_in_ = there.error() == Errno::would_block;
    return fail(there.error());
  }
  count = std::min(count, hal::page_size - base_ % hal::page_size);
  return std::span{*there, count};
}

bool IoBuffer::misses_a_page(Direction direction) const {
  for (IoBuffer rest = *this; !rest.empty();) {
    const auto piece = rest.next_piece(rest.left_, direction);
    if (!piece) return rest.needs_page_in_;
    rest.advance(piece->size());
  }
  return false;
}

void IoBuffer::skip_parts(std::size_t count) {
  while (count > 0) {
    begin_part();
    const std::size_t step = std::min(count, part_);
    advance(step);
    count -= step;
  }
}

Result<IoBuffer::Pinned> IoBuffer::pin(std::size_t most, Direction direction) {
  begin_part();
  std::size_t count = std::min({most, part_, left()});
  Pinned pinned;
  if (space_ == nullptr) {
    pinned.bytes = {reinterpret_cast<std::byte*>(base_), count};
  } else {
    auto there = space_->pin(base_, access(direction));
    if (!there) return fail(there.error());
    count = std::min(count, hal::page_size - base_ % hal::page_size);
    pinned = {.bytes = {there->at, count}, .owner = std::move(there->owner)};
  }
  advance(count);
  return pinned;
}

void IoBuffer::commit(std::span<const std::byte> pinned) {
  begin_part();
  if (space_ != nullptr && space_->translate(base_, hal::Access::write) != pinned.data())
      [[unlikely]] {
    // If the program may no longer write there, the bytes are dropped. A change in steps must not
    // hold the write back: this function cannot wait, so the bytes would be lost.
    const memory::AddressSpace::WithoutWait now{*space_};
    if (const auto there = space_->fault_in(base_, hal::Access::write)) {
      std::memcpy(*there, pinned.data(), pinned.size());
    }
  }
  advance(pinned.size());
}

}  // namespace kernel
