// The default operations: the errors of files that do not support them.
#include "files/file.h"

#include <async/retired.h>

#include <utility>

#include "files/epoll.h"
#include "files/file_locks.h"
#include "files/node.h"
#include "memory/frames.h"

namespace kernel {

void File::destroy(const File* file) {
  auto* const ending = const_cast<File*>(file);
  if (async::Strand::is_held()) [[likely]]
    return end(ending);
  const bool has_effects = !ending->end_sharing() || ending->ties_ != nullptr;
  const auto end_later = [](void* retired) noexcept { end(static_cast<File*>(retired)); };
  async::Retired::add_for_strand(ending, end_later, has_effects);
}

void File::drop_own(Ref<File> file) {
  if (!file->had_other_table_ && file->has_one_owner() && file->may_destroy_sharing() &&
      file->ties_ == nullptr)
    delete file.leak();
}

Result<LockOwner*> File::make_lock_owner() {
  async::Strand::check_access();
  if (lock_owner() == nullptr) {
    if (!memory::can_allocate(sizeof(LockOwner)) || !make_ties()) return fail(Errno::enolck);
    ties_->lock_owner = new LockOwner{node()};
  }
  return ties_->lock_owner;
}

Result<> File::make_ties() {
  if (ties_ != nullptr) return {};
  if (!memory::can_allocate(sizeof(Ties))) return fail(Errno::enomem);
  ties_ = new Ties;
  return {};
}

Result<> File::add_watch(EpollItem& item) {
  async::Strand::check_access();
  if (auto made = make_ties(); !made) return made;
  item.link_to_file(ties_->first_watch);
  return {};
}

void File::remove_watch(EpollItem& item) {
  item.unlink_from_file(ties_->first_watch);
}

void File::end_ties() {
  while (EpollItem* const item = ties_->first_watch) item->file_has_ended();
  delete ties_->lock_owner;
  delete ties_->readiness_signal;
  delete ties_;
}

Result<std::size_t> File::try_read(IoBuffer&) {
  return fail(Errno::einval);
}
Result<std::size_t> File::try_write(IoBuffer&) {
  return fail(Errno::einval);
}
Result<std::size_t> File::read_at(std::uint64_t, IoBuffer&) {
  return fail(Errno::espipe);
}
Result<std::size_t> File::write_at(std::uint64_t, IoBuffer&) {
  return fail(Errno::espipe);
}
Result<std::int64_t> File::seek(std::int64_t, int) {
  return fail(Errno::espipe);
}
Result<> File::resize(std::uint64_t) {
  return fail(Errno::einval);
}
Result<Ref<memory::PageSource>> File::pages() {
  return fail(Errno::enodev);
}

Result<Ref<memory::TrackedObject>> File::mapping() {
  return fail(Errno::enodev);
}
Result<> File::allocate(std::uint64_t, std::uint64_t, int) {
  return fail(Errno::enotsup);
}
Result<unsigned> File::seals() {
  return fail(Errno::einval);
}
Result<> File::add_seals(unsigned) {
  return fail(Errno::einval);
}

Result<Ref<memory::PageSource>> File::pages_until(std::uint64_t) {
  return fail(Errno::enodev);
}

Result<std::span<const std::byte>> File::bytes() {
  return fail(Errno::enodev);
}
bool File::watch_sharing(async::Watcher&, async::Observer&, bool) {
  return false;
}
void File::stop_sharing(async::Observer&) {}

Result<std::size_t> File::list(IoBuffer&) {
  return fail(Errno::enotdir);
}
short File::readiness() {
  return abi::pollin | abi::pollout | abi::pollrdnorm | abi::pollwrnorm;
}
Result<int> File::control(memory::AddressSpace&, unsigned long, std::uintptr_t) {
  return fail(Errno::enotty);
}
Result<Ref<File>> File::reopen(int) {
  return fail(Errno::enxio);
}
Result<Ref<File>> File::open_peer(int) {
  return fail(Errno::enotty);
}

Result<int> File::pipe_capacity() {
  return fail(Errno::ebadf);
}

async::Task<Result<std::size_t>> File::transfer(Direction, std::optional<std::uint64_t>, IoBuffer) {
  co_return fail(Errno::einval);
}
async::Task<Result<std::size_t>> File::transfer_entries(IoBuffer) {
  co_return fail(Errno::enotdir);
}
async::Task<Result<>> File::sync() {
  co_return node() != nullptr ? Result<>{} : fail(Errno::einval);
}

Result<std::int64_t> File::find_place(std::int64_t offset, int whence, std::uint64_t at,
                                      std::uint64_t end) {
  std::int64_t base = 0;
  switch (whence) {
    case abi::seek_set: break;
    case abi::seek_cur: base = static_cast<std::int64_t>(at); break;
    case abi::seek_end: base = static_cast<std::int64_t>(end); break;
    case abi::seek_data:
    case abi::seek_hole:
      if (offset < 0 || std::cmp_greater_equal(offset, end)) return fail(Errno::enxio);
      return whence == abi::seek_data ? offset : static_cast<std::int64_t>(end);
    default: return fail(Errno::einval);
  }
  std::int64_t place;
  if (__builtin_add_overflow(base, offset, &place) || place < 0) return fail(Errno::einval);
  return place;
}

}  // namespace kernel
