#include "files/fd_table.h"

#include <async/retired.h>

#include <algorithm>
#include <bit>

#include "files/file_locks.h"
#include "files/node.h"
#include "memory/frames.h"

namespace kernel {

void FdTable::Group::put(unsigned fd, File* file, bool exec) {
  set(fd, file);
  used |= bit(fd);
  close_on_exec = exec ? close_on_exec | bit(fd) : close_on_exec & ~bit(fd);
}

File* FdTable::Group::remove(unsigned fd) {
  used &= ~bit(fd);
  File* const file = find(fd);
  set(fd, nullptr);
  return file;
}

void FdTable::Group::release_all() {
  // A file's destructor may use this table, so remove each file before releasing it.
  while (used != 0) remove(static_cast<unsigned>(std::countr_zero(used)))->release();
}

bool FdTable::Group::release_shared() {
  for (std::uint64_t rest = used; rest != 0; rest &= rest - 1) {
    const auto fd = static_cast<unsigned>(std::countr_zero(rest));
    if (find(fd)->release_unless_last()) remove(fd);
  }
  return used == 0;
}

void FdTable::Group::share_into(Group& copy) const {
  copy.used = used;
  copy.close_on_exec = close_on_exec;
  for (std::uint64_t rest = used; rest != 0; rest &= rest - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(rest));
    File* const file = find(at);
    file->retain();
    file->note_other_table();
    copy.files[place(at)] = file;
  }
}

void FdTable::destroy(const FdTable* table) {
  if (async::Strand::is_held()) {
    delete table;
    return;
  }
  auto* const ending = const_cast<FdTable*>(table);
  if (table->has_locks()) {
    async::Retired::add_for_strand(ending, true);
    return;
  }
  if (ending->release_shared()) {
    async::Retired::add(ending);
  } else {
    async::Retired::add_for_strand(ending, true);
  }
}

bool FdTable::release_shared() {
  bool is_empty = true;
  for (unsigned start = 0; start < end_of_groups_; start += group_size) {
    Group* const there = group(start);
    is_empty &= there == nullptr || there->release_shared();
  }
  return is_empty;
}

FdTable::~FdTable() {
  lock_owner_.reset();  // while the files exist
  for (unsigned start = 0; start < end_of_groups_; start += group_size) {
    if (Group* const there = group(start)) there->release_all();
  }
}

Result<FdTable::Group*> FdTable::make_group(unsigned fd) {
  if (Group* there = group(fd)) return there;
  if (!async::Strand::is_held()) return fail(Errno::would_block);
  return add_group(fd);
}

Result<FdTable::Group*> FdTable::add_group(unsigned fd) {
  if (!memory::can_allocate(sizeof(Group))) return fail(Errno::enomem);
  if (fd >= usual_limit && far_ == nullptr) {
    if (!memory::can_allocate_contiguous(sizeof(FarGroups))) return fail(Errno::enomem);
    far_ = std::make_unique<FarGroups>();
  }
  auto& slot =
      fd < usual_limit ? more_[fd / group_size - 1] : (*far_)[(fd - usual_limit) / group_size];
  slot = std::make_unique<Group>();
  end_of_groups_ = std::max(end_of_groups_, (fd / group_size + 1) * group_size);
  return slot.get();
}

Result<int> FdTable::add(Ref<File> file, bool close_on_exec, int lowest) {
  if (lowest < 0) return fail(Errno::einval);
  const async::LeafLock::SharingGuard lock{lock_};
  auto fd = static_cast<unsigned>(lowest);
  const auto limit = static_cast<unsigned>(limit_);
  while (fd < limit) {
    const Group* there = group(fd);
    const std::uint64_t free = there ? ~there->used & -Group::bit(fd) : Group::bit(fd);
    if (free == 0) {
      fd = (fd / group_size + 1) * group_size;
      continue;
    }
    fd = fd / group_size * group_size + static_cast<unsigned>(std::countr_zero(free));
    if (fd >= limit) break;
    const auto into = make_group(fd);
    if (!into) return fail(into.error());
    (*into)->put(fd, file.leak(), close_on_exec);
    return static_cast<int>(fd);
  }
  return fail(Errno::emfile);
}

void FdTable::end_record_locks(File& file) const {
  if (lock_owner_ == nullptr) return;
  FileLocks* const locks = file.node() != nullptr ? file.node()->locks() : nullptr;
  if (locks != nullptr) locks->clear_all(*lock_owner_);
}

bool FdTable::end_locks_of(int fd) const {
  File* const closed = find(fd);
  if (closed == nullptr) return true;
  if (!async::Strand::is_held()) {
    const bool has_record_locks = lock_owner_ != nullptr && !lock_owner_->empty();
    return !has_record_locks && closed->lock_owner() == nullptr;
  }
  end_record_locks(*closed);
  return true;
}

bool FdTable::owns_locks() const {
  if (lock_owner_ != nullptr && !lock_owner_->empty()) return true;
  for (unsigned start = 0; start < end_of_groups_; start += group_size) {
    const Group* const there = group(start);
    for (auto used = there != nullptr ? there->used : 0; used != 0; used &= used - 1) {
      if (there->find(static_cast<unsigned>(std::countr_zero(used)))->lock_owner() != nullptr)
        return true;
    }
  }
  return false;
}

Result<LockOwner*> FdTable::make_lock_owner() {
  async::Strand::check_access();
  if (lock_owner_ == nullptr) {
    if (!memory::can_allocate(sizeof(LockOwner))) return fail(Errno::enolck);
    lock_owner_ = std::make_unique<LockOwner>();
  }
  return lock_owner_.get();
}

Result<> FdTable::set(int fd, Ref<File> file, bool close_on_exec) {
  if (fd < 0 || fd >= limit_) return fail(Errno::ebadf);
  if (has_locks_ && !end_locks_of(fd)) [[unlikely]]
    return fail(Errno::would_block);
  Ref<File> before;  // released after the lock
  const async::LeafLock::SharingGuard lock{lock_};
  const auto into = make_group(static_cast<unsigned>(fd));
  if (!into) return fail(into.error());
  before = Ref<File>::adopt((*into)->find(static_cast<unsigned>(fd)));
  (*into)->put(static_cast<unsigned>(fd), file.leak(), close_on_exec);
  return {};
}

Result<Ref<File>> FdTable::remove(int fd) {
  if (has_locks_ && !end_locks_of(fd)) [[unlikely]]
    return fail(Errno::would_block);
  const async::LeafLock::SharingGuard lock{lock_};
  if (find(fd) == nullptr) return fail(Errno::ebadf);
  const auto number = static_cast<unsigned>(fd);
  return Ref<File>::adopt(group(number)->remove(number));
}

Result<> FdTable::close(int fd) {
  const auto file = remove(fd);  // a file's destructor may use this table
  if (!file) return fail(file.error());
  return {};
}

Result<> FdTable::close_own(int fd) {
  auto file = remove(fd);
  if (!file) return fail(file.error());
  File::drop_own(std::move(*file));
  return {};
}

Result<bool> FdTable::close_on_exec(int fd) const {
  const async::LeafLock::SharingGuard lock{lock_};
  if (find(fd) == nullptr) return fail(Errno::ebadf);
  const auto number = static_cast<unsigned>(fd);
  return (group(number)->close_on_exec & Group::bit(number)) != 0;
}

Result<> FdTable::set_close_on_exec(int fd, bool close_on_exec) {
  const async::LeafLock::SharingGuard lock{lock_};
  File* const file = find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  group(static_cast<unsigned>(fd))->put(static_cast<unsigned>(fd), file, close_on_exec);
  return {};
}

bool FdTable::close_some_for_exec(unsigned most) {
  return close_some(most, true);
}

bool FdTable::close_some(unsigned most) {
  return close_some(most, false);
}

bool FdTable::close_some(unsigned most, bool only_for_exec) {
  lock_.check_access();
  for (unsigned start = 0; start < end_of_groups_; start += group_size) {
    Group* const there = group(start);
    if (there == nullptr) continue;
    const std::uint64_t any = only_for_exec ? 0 : ~std::uint64_t{0};
    while (const std::uint64_t closing = there->used & (there->close_on_exec | any)) {
      if (most-- == 0) return false;
      File* const closed = there->remove(static_cast<unsigned>(std::countr_zero(closing)));
      if (has_locks_) end_record_locks(*closed);
      closed->release();
    }
  }
  return true;
}

std::bitset<FdTable::size_limit / FdTable::group_size> FdTable::groups_in_use() const {
  std::bitset<size_limit / group_size> used;
  if (end_of_groups_ == group_size) return used;
  const async::LeafLock::SharingGuard lock{lock_};
  for (unsigned start = group_size; start < end_of_groups_; start += group_size) {
    const Group* const there = group(start);
    used[start / group_size] = there != nullptr && there->used != 0;
  }
  return used;
}

Result<Ref<FdTable>> FdTable::copy() const {
  if (!memory::can_allocate(sizeof(FdTable))) return fail(Errno::enomem);
  auto table = make_ref<FdTable>();
  table->limit_ = limit_;
  table->has_locks_ = has_locks_;
  // First all memory, because the lock's holder allocates none. A descriptor that another thread
  // opens meanwhile in an empty group was opened after the copy.
  const auto used = groups_in_use();
  for (unsigned start = group_size; start < end_of_groups_; start += group_size) {
    if (!used[start / group_size]) continue;
    if (auto added = table->add_group(start); !added) return fail(added.error());
  }
  const async::LeafLock::SharingGuard lock{lock_};
  first_.share_into(table->first_);
  for (unsigned start = group_size; start < end_of_groups_; start += group_size) {
    if (used[start / group_size]) group(start)->share_into(*table->group(start));
  }
  return table;
}

int FdTable::next(int lowest) const {
  const async::LeafLock::SharingGuard lock{lock_};
  auto fd = static_cast<unsigned>(std::max(lowest, 0));
  while (fd < end_of_groups_) {
    const Group* const there = group(fd);
    const std::uint64_t rest = there != nullptr ? there->used & -Group::bit(fd) : 0;
    fd = fd / group_size * group_size;
    if (rest != 0) return static_cast<int>(fd) + std::countr_zero(rest);
    fd += group_size;
  }
  return -1;
}

unsigned FdTable::count() const {
  unsigned sum = 0;
  for (unsigned start = 0; start < end_of_groups_; start += group_size) {
    if (const Group* there = group(start)) sum += static_cast<unsigned>(std::popcount(there->used));
  }
  return sum;
}

}  // namespace kernel
