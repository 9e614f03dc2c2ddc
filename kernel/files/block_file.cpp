#include "files/block_file.h"

#include <async/async.h>

#include <algorithm>
#include <array>

#include "devices/block_device.h"
#include "files/pinned_pieces.h"
#include "memory/frames.h"
#include "memory/user_memory.h"

namespace kernel {
namespace {

using Transfer = Result<std::size_t>;

constexpr std::size_t sector_bytes = BlockRequest::sector_bytes;
/// What one request moves at most, the rest of sectors at its ends included: then whoever has much
/// to move gives others their turn, and a killed thread ends soon.
constexpr std::size_t request_bytes = std::size_t{64} << 10;

/// Where devices leave what nobody has asked for.
constinit std::array<std::byte, sector_bytes> nobodys_bytes{};

/// An open disk: a place in it.
class BlockFile final : public File {
 public:
  BlockFile(Ref<BlockNode> disk, int flags)
      : File{flags, WaitsForDevice{}}, disk_{std::move(disk)} {}

  abi::Stat status() override { return disk_->status(); }
  Node* node() override { return disk_.get(); }

  Transfer try_read(IoBuffer&) override { return fail(Errno::eagain); }
  Transfer try_write(IoBuffer&) override { return fail(Errno::eagain); }
  async::Task<Transfer> transfer(Direction direction, std::optional<std::uint64_t> offset,
                                 IoBuffer buffer) override;
  async::Task<Result<>> sync() override { return device().flush(); }

  Result<std::int64_t> seek(std::int64_t offset, int whence) override;
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override;

 private:
  BlockDevice& device() { return disk_->device(); }

  async::Task<Transfer> read_some(std::uint64_t offset, IoBuffer& rest);
  async::Task<Transfer> write_some(std::uint64_t offset, IoBuffer& rest);
  async::Task<Result<>> read_sector(std::uint64_t sector, std::byte* to);
  Transfer gather(IoBuffer& rest, IoBuffer::Direction direction, std::size_t most,
                  PinnedPieces& pieces, BlockRequest& request);

  Ref<BlockNode> disk_;
  std::uint64_t place_ = 0;
  async::Mutex place_lock_;  // held by whoever moves bytes at the place, and it
};

// ── Transfers ────────────────────────────────────────────────────────────────────────────────────

async::Task<Transfer> BlockFile::transfer(Direction direction, std::optional<std::uint64_t> offset,
                                          IoBuffer buffer) {
  const auto self = Ref<File>::share(*this);  // it may be closed meanwhile
  async::Mutex::Guard turn;
  if (!offset) {
    turn = co_await place_lock_.lock_or_cancel("file position");
    if (!turn) co_return fail(Errno::eintr);
  }
  const bool writes = direction == Direction::write;
  const std::uint64_t capacity = disk_->capacity();
  const std::uint64_t start = writes && appends() ? capacity : offset.value_or(place_);
  if (buffer.empty()) co_return 0;
  if (writes && device().is_read_only()) co_return fail(Errno::eperm);
  if (start >= capacity) co_return writes ? fail(Errno::enospc) : Transfer{0};

  IoBuffer rest = buffer.first(std::min<std::uint64_t>(buffer.left(), capacity - start));
  std::size_t done = 0;
  do {
    const Transfer moved =
        writes ? co_await write_some(start + done, rest) : co_await read_some(start + done, rest);
    if (!moved) {
      if (done > 0) break;
      co_return moved;
    }
    done += *moved;
  } while (!rest.empty() && !async::is_cancelled());
  if (turn) place_ = start + done;
  co_return done;
}

/// Adds the next bytes of `rest`, at most `most` and as many as there is room for, to the request
/// and keeps them where they are. How many; an error if the first one is not to be had.
Transfer BlockFile::gather(IoBuffer& rest, IoBuffer::Direction direction, std::size_t most,
                           PinnedPieces& pieces, BlockRequest& request) {
  std::size_t done = 0;
  // One piece is left for the rest of the last sector.
  while (done < most && !rest.empty() && !pieces.full() &&
         request.has_room(device().most_pieces(), 2)) {
    const auto piece = pieces.add(rest, most - done, direction);
    if (!piece) {
      if (done > 0) break;
      return fail(piece.error());
    }
    request.add(hal::virt_to_phys(piece->data()), piece->size());
    done += piece->size();
  }
  return done;
}

async::Task<Transfer> BlockFile::read_some(std::uint64_t offset, IoBuffer& rest) {
  const IoBuffer start = rest;
  const std::size_t before = offset % sector_bytes;
  BlockRequest request;
  PinnedPieces pieces;
  request.begin(BlockRequest::Kind::read, offset / sector_bytes);
  if (before != 0) request.add(hal::virt_to_phys(nobodys_bytes.data()), before);
  const Transfer count =
      gather(rest, IoBuffer::Direction::put, request_bytes - before, pieces, request);
  if (!count) co_return count;
  if (const std::size_t used = (offset + *count) % sector_bytes; used != 0) {
    request.add(hal::virt_to_phys(nobodys_bytes.data()), sector_bytes - used);
  }
  if (const auto ended = co_await device().run(request); !ended) co_return fail(ended.error());
  pieces.settle(start);
  co_return count;
}

async::Task<Transfer> BlockFile::write_some(std::uint64_t offset, IoBuffer& rest) {
  const std::uint64_t first = offset / sector_bytes;
  const std::size_t before = offset % sector_bytes;
  BlockRequest request;
  PinnedPieces pieces;
  memory::Frame edges;  // the first sector and the last, where they are written in part
  const auto edge = [&](std::uint64_t sector) {
    return edges.bytes() + (sector == first ? 0 : sector_bytes);
  };

  request.begin(BlockRequest::Kind::write, first);
  if (before != 0) {
    edges = memory::Frame::allocate(memory::Use::user);
    if (!edges) co_return fail(Errno::enomem);
    request.add(hal::virt_to_phys(edge(first)), before);
  }
  const Transfer count =
      gather(rest, IoBuffer::Direction::take, request_bytes - before, pieces, request);
  if (!count) co_return count;
  const std::uint64_t last = (offset + *count) / sector_bytes;  // … or the one behind the last
  const std::size_t used = (offset + *count) % sector_bytes;
  if (used != 0) {
    if (!edges) edges = memory::Frame::allocate(memory::Use::user);
    if (!edges) co_return fail(Errno::enomem);
    request.add(hal::virt_to_phys(edge(last) + used), sector_bytes - used);
  }

  const SectorRanges::Claim claim{disk_->writes(), first, used != 0 ? last + 1 : last,
                                  static_cast<bool>(edges)};
  while (claim.has_to_wait()) {
    const auto woken = co_await disk_->writes().changes().wait("sectors that others write");
    if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
  if (before != 0) {
    const auto read = co_await read_sector(first, edge(first));
    if (!read) co_return fail(read.error());
  }
  if (used != 0 && !(before != 0 && last == first)) {
    const auto read = co_await read_sector(last, edge(last));
    if (!read) co_return fail(read.error());
  }
  if (const auto ended = co_await device().run(request); !ended) co_return fail(ended.error());
  co_return count;
}

async::Task<Result<>> BlockFile::read_sector(std::uint64_t sector, std::byte* to) {
  BlockRequest request;
  request.begin(BlockRequest::Kind::read, sector);
  request.add(hal::virt_to_phys(to), sector_bytes);
  co_return co_await device().run(request);
}

// ── The rest ─────────────────────────────────────────────────────────────────────────────────────

Result<std::int64_t> BlockFile::seek(std::int64_t offset, int whence) {
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
  if (!memory::admit(sizeof(BlockFile))) return fail(Errno::enomem);
  return make_ref<BlockFile>(Ref<BlockNode>::share(*this), flags);
}

}  // namespace kernel
