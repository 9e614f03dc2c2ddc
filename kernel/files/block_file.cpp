#include "files/block_file.h"

#include <async/async.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "devices/block_device.h"
#include "files/pinned_pieces.h"
#include "memory/frames.h"
#include "memory/memory_object.h"
#include "memory/user_memory.h"

namespace kernel {
namespace {

using Transfer = Result<std::size_t>;

constexpr std::size_t sector_bytes = BlockRequest::sector_bytes;
/// The most bytes of one request, unrequested parts of sectors included. The limit lets other
/// transfers run in between and lets a killed thread end soon.
constexpr std::size_t request_bytes = std::size_t{64} << 10;
/// The most bytes that one step pins. New pages of the program must be zeroed first, which takes
/// time.
constexpr std::size_t step_bytes = request_bytes / 4;

/// Devices write the unrequested bytes of sectors here. No code reads them.
constinit std::array<std::byte, sector_bytes> padding_bytes{};

/// The pages of a disk, for mmap. The kernel does not cache them: each mapping reads its own copy.
/// Later writes to the disk do not change the copy.
class BlockPages final : public memory::PageSource {
 public:
  explicit BlockPages(Ref<BlockNode> disk) : disk_{std::move(disk)} {}

  std::size_t count() const override;
  async::Task<Result<memory::Frame>> read(std::size_t index) override;
  memory::Frame find(std::size_t) override { return {}; }

 private:
  Ref<BlockNode> disk_;
};

std::size_t BlockPages::count() const {
  return (disk_->capacity() + hal::page_size - 1) / hal::page_size;
}

async::Task<Result<memory::Frame>> BlockPages::read(std::size_t index) {
  const std::uint64_t start = std::uint64_t{index} * hal::page_size;
  const std::uint64_t capacity = disk_->capacity();
  if (start >= capacity) co_return fail(Errno::eio);  // the disk has shrunk
  const auto bytes = std::min<std::uint64_t>(hal::page_size, capacity - start);
  auto frame = memory::Frame::allocate(memory::Use::user);
  if (!frame) co_return fail(Errno::enomem);
  std::memset(frame.bytes() + bytes, 0, hal::page_size - bytes);
  BlockRequest request;
  request.begin(BlockRequest::Kind::read, start / BlockRequest::sector_bytes);
  request.add(frame.address(), bytes);
  if (const auto done = co_await disk_->device().run(request); !done) co_return fail(done.error());
  co_return frame;
}

/// An open disk and its position.
class BlockFile final : public File {
 public:
  BlockFile(Ref<BlockNode> disk, int flags)
      : File{flags, WaitsForDevice{}}, disk_{std::move(disk)} {
    be_stream();
  }

  abi::Stat status() override { return disk_->status(); }
  Node* node() override { return disk_.get(); }

  Transfer try_read(IoBuffer&) override { return fail(Errno::would_block); }
  Transfer try_write(IoBuffer&) override { return fail(Errno::would_block); }
  async::Task<Transfer> transfer(Direction direction, std::optional<std::uint64_t> offset,
                                 IoBuffer buffer) override;
  Result<Ref<memory::PageSource>> pages() override {
    if (!memory::can_allocate(sizeof(BlockPages))) return fail(Errno::enomem);
    return Ref<memory::PageSource>{make_ref<BlockPages>(disk_)};
  }
  hal::Irq interrupt_line() override { return device().interrupt_line(); }
  async::Task<Result<>> sync() override { return device().flush(); }

  Result<std::int64_t> seek(std::int64_t offset, int whence) override;
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override;

 private:
  BlockDevice& device() { return disk_->device(); }

  async::Task<Transfer> read(std::optional<std::uint64_t> offset, IoBuffer rest);
  async::Task<Transfer> write(std::optional<std::uint64_t> offset, IoBuffer rest);
  async::Task<Transfer> write_some(std::uint64_t offset, IoBuffer& rest);
  Transfer pin(IoBuffer& rest, IoBuffer::Direction direction, std::size_t most,
               PinnedPieces& pieces);

  Ref<BlockNode> disk_;
  std::uint64_t place_ = 0;
  async::Mutex place_lock_;  // held by a transfer that uses place_
};

// ── Transfers ────────────────────────────────────────────────────────────────────────────────────
//
// A waiting transfer occupies more than a kilobyte of kernel memory, mostly the request and its
// pieces. The reserve contains less than that for each thread, so transfer() fails with ENOMEM when
// memory is short.

async::Task<Transfer> refuse(Errno error) {
  co_return fail(error);
}

async::Task<Transfer> BlockFile::transfer(Direction direction, std::optional<std::uint64_t> offset,
                                          IoBuffer buffer) {
  constexpr std::size_t frames_bytes = 1536;
  if (!memory::can_allocate(frames_bytes)) return refuse(Errno::enomem);
  return direction == Direction::read ? read(offset, buffer) : write(offset, buffer);
}

/// Pins the next bytes of `rest`: at most `most`, and as many as fit into a request beside one
/// unrequested piece at either end. Returns their number. Fails if the first page cannot be pinned.
Transfer BlockFile::pin(IoBuffer& rest, IoBuffer::Direction direction, std::size_t most,
                        PinnedPieces& pieces) {
  const std::size_t room = std::min(PinnedPieces::most, device().most_pieces() - 2);
  std::size_t done = 0;
  while (done < most && !rest.empty() && pieces.count() < room) {
    const auto bytes = pieces.add(rest, most - done, direction);
    if (!bytes) return done > 0 ? Transfer{done} : bytes;
    done += *bytes;
  }
  return done;
}

async::Task<Transfer> BlockFile::read(std::optional<std::uint64_t> offset, IoBuffer rest) {
  const auto self = Ref<File>::share(*this);  // the program may close it meanwhile
  async::Mutex::Guard guard;
  if (!offset) {
    guard = co_await place_lock_.lock_or_cancel("file position");
    if (!guard) co_return fail(Errno::eintr);
  }
  const std::uint64_t start = offset.value_or(place_);
  const std::uint64_t capacity = disk_->capacity();
  if (rest.empty() || start >= capacity) co_return 0;
  rest = rest.first(std::min<std::uint64_t>(rest.left(), capacity - start));
  std::size_t done = 0;
  BlockRequest request;
  do {
    const IoBuffer first_byte = rest;
    const std::size_t before = (start + done) % sector_bytes;
    const std::size_t wanted = request_bytes - before;
    PinnedPieces pieces;
    Transfer moved = pin(rest, IoBuffer::Direction::put, std::min(wanted, step_bytes), pieces);
    while (moved && *moved < wanted && !rest.empty()) {
      co_await async::yield_if_preempted();
      const auto more =
          pin(rest, IoBuffer::Direction::put, std::min(wanted - *moved, step_bytes), pieces);
      if (!more || *more == 0) break;
      *moved += *more;
    }
    if (moved) {
      request.begin(BlockRequest::Kind::read, (start + done) / sector_bytes);
      if (before != 0) request.add(hal::virt_to_phys(padding_bytes.data()), before);
      pieces.add_to(request);
      if (const std::size_t used = (before + *moved) % sector_bytes; used != 0) {
        request.add(hal::virt_to_phys(padding_bytes.data()), sector_bytes - used);
      }
      if (const auto ended = co_await device().run(request); !ended) moved = fail(ended.error());
    }
    if (!moved) {
      if (done > 0) break;
      co_return moved;
    }
    pieces.commit(first_byte);
    done += *moved;
  } while (!rest.empty() && !async::is_cancelled());
  if (guard) place_ = start + done;
  co_return done;
}

async::Task<Transfer> BlockFile::write(std::optional<std::uint64_t> offset, IoBuffer rest) {
  const auto self = Ref<File>::share(*this);
  async::Mutex::Guard guard;
  if (!offset) {
    guard = co_await place_lock_.lock_or_cancel("file position");
    if (!guard) co_return fail(Errno::eintr);
  }
  const std::uint64_t capacity = disk_->capacity();
  const std::uint64_t start = appends() ? capacity : offset.value_or(place_);
  if (rest.empty()) co_return 0;
  if (device().is_read_only()) co_return fail(Errno::eperm);
  if (start >= capacity) co_return fail(Errno::enospc);
  rest = rest.first(std::min<std::uint64_t>(rest.left(), capacity - start));
  std::size_t done = 0;
  do {
    const Transfer moved = co_await write_some(start + done, rest);
    if (!moved) {
      if (done > 0) break;
      co_return moved;
    }
    done += *moved;
  } while (!rest.empty() && !async::is_cancelled());
  if (guard) place_ = start + done;
  co_return done;
}

async::Task<Transfer> BlockFile::write_some(std::uint64_t offset, IoBuffer& rest) {
  const std::uint64_t first = offset / sector_bytes;
  const std::size_t before = offset % sector_bytes;
  PinnedPieces pieces;
  const Transfer count = pin(rest, IoBuffer::Direction::take, request_bytes - before, pieces);
  if (!count) co_return count;
  // If `used` is 0, the write ends where the sector `last` begins.
  const std::uint64_t last = (offset + *count) / sector_bytes;
  const std::size_t used = (offset + *count) % sector_bytes;

  // Buffers for the first and the last sector, if they are written only partly.
  memory::Frame edges;
  if (before != 0 || used != 0) {
    edges = memory::Frame::allocate(memory::Use::user);
    if (!edges) co_return fail(Errno::enomem);
  }
  const auto edge = [&](std::uint64_t sector) {
    return edges.address() + (sector == first ? 0 : sector_bytes);
  };
  const SectorRanges::Claim claim{disk_->writes(), first, used != 0 ? last + 1 : last,
                                  static_cast<bool>(edges)};
  while (claim.has_to_wait()) {
    const auto woken = co_await disk_->writes().changes().wait("a write to the same sectors");
    if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
  }

  BlockRequest request;
  const auto read_edge = [&](std::uint64_t sector) {
    request.begin(BlockRequest::Kind::read, sector);
    request.add(edge(sector), sector_bytes);
    return device().run(request);
  };
  if (before != 0) {
    if (const auto read = co_await read_edge(first); !read) co_return fail(read.error());
  }
  if (used != 0 && !(before != 0 && last == first)) {
    if (const auto read = co_await read_edge(last); !read) co_return fail(read.error());
  }
  request.begin(BlockRequest::Kind::write, first);
  if (before != 0) request.add(edge(first), before);
  pieces.add_to(request);
  if (used != 0) request.add(edge(last) + used, sector_bytes - used);
  if (const auto ended = co_await device().run(request); !ended) co_return fail(ended.error());
  co_return count;
}

// ── Positions and ioctl ──────────────────────────────────────────────────────────────────────────

Result<std::int64_t> BlockFile::seek(std::int64_t offset, int whence) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  const auto place = find_place(offset, whence, place_, disk_->capacity());
  if (!place) return place;
  if (static_cast<std::uint64_t>(*place) > disk_->capacity()) return fail(Errno::einval);
  place_ = static_cast<std::uint64_t>(*place);
  return place;
}

template <class T>
Result<int> answer(memory::AddressSpace& space, std::uintptr_t where, T value) {
  const auto written = UserPtr<T>{where}.write(space, value);
  if (!written) return fail(written.error());
  return 0;
}

Result<int> BlockFile::control(memory::AddressSpace& space, unsigned long request,
                               std::uintptr_t argument) {
  switch (request) {
    case abi::blk_get_size_64: return answer(space, argument, disk_->capacity());
    case abi::blk_get_size: return answer(space, argument, device().sectors());
    case abi::blk_sector_size: return answer(space, argument, static_cast<int>(sector_bytes));
    case abi::blk_read_only: return answer(space, argument, device().is_read_only() ? 1 : 0);
    default: return fail(Errno::enotty);
  }
}

}  // namespace

std::uint64_t BlockNode::capacity() const {
  return device_.sectors() * sector_bytes;
}

Result<Ref<File>> BlockNode::open(int flags) {
  if (!memory::can_allocate(sizeof(BlockFile))) return fail(Errno::enomem);
  return make_ref<BlockFile>(Ref<BlockNode>::share(*this), flags);
}

}  // namespace kernel
