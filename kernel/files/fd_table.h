// The file descriptors of a process: small numbers for open files.
//
// Descriptors are in groups of 64, each with a bitmap of those in use. So one bit operation finds
// the lowest free descriptor of a group, and a copy takes time only for open ones. The first group
// is part of the table. The others are allocated when needed, and so is the list of those from
// `usual_limit` on. Threads share the table with CLONE_FILES; fork copies it.
//
// find() reads only the entry of its descriptor. The entries of a descriptor and of the next one
// are a cache line apart. So harts that use and change descriptors close to each other seldom share
// a line that one of them writes.
//
// These functions are also for callers that share the strand, unless their comment says otherwise.
// A lock of the table protects its changes. A file that a caller finds lives at least until that
// caller ends its sharing, also if another hart closes it meanwhile (File::destroy()).
#pragma once

#include <async/leaf_lock.h>
#include <async/shared_word.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>

#include "files/file.h"
#include "files/file_locks.h"

namespace kernel {

class FdTable : public RefCounted<FdTable> {
 public:
  /// One more than the highest possible descriptor.
  static constexpr int size_limit = 65'536;
  /// limit() of a new table.
  static constexpr int usual_limit = 1024;

  // `= default` would make `new FdTable()` zero the whole table twice
  FdTable() {}
  ~FdTable();
  /// The end of a table without owners: closes its descriptors. A caller that shares the strand
  /// closes only those of files that others have open, and retires the table (async/retired.h). It
  /// closes none if the table has ever had a lock.
  static void destroy(const FdTable* table);
  /// Closes the descriptors of files that have other owners, too. Returns false if other files
  /// remain. Only for a table that ends, by its only owner.
  bool release_shared();

  /// The open file, or null. Another thread may close it when the caller awaits, or ends its
  /// sharing of the strand: use share() then.
  File* find(int fd) const {
    if (static_cast<unsigned>(fd) < group_size) [[likely]]
      return first_.find(fd);
    const Group* const group = in_range(fd) ? this->group(fd) : nullptr;
    return group != nullptr ? group->find(fd) : find_lent(fd);
  }
  /// Gives a file without a descriptor to a handler that wants a number: while it exists, find()
  /// finds `file` by fd(). For the files that a program has registered with io_uring. In the
  /// strand; no await in between. Its owner keeps the file alive.
  class Lend {
   public:
    /// `slot`: 0, or 1 for the second file of a handler.
    Lend(FdTable& table, unsigned slot, File& file) : table_{table}, slot_{slot} {
      async::Strand::check_access();
      table.lent_[slot] = &file;
    }
    ~Lend() { table_.lent_[slot_] = nullptr; }
    Lend(const Lend&) = delete;
    int fd() const { return first_lent + static_cast<int>(slot_); }

   private:
    FdTable& table_;
    unsigned slot_;
  };
  /// find() without files that were opened with O_PATH.
  File* find_open(int fd) const {
    File* const file = find(fd);
    return file != nullptr && !file->is_only_path() ? file : nullptr;
  }
  Result<Ref<File>> share(int fd) const {
    File* file = find(fd);
    if (file == nullptr || !file->retain_if_owned()) return fail(Errno::ebadf);
    return Ref<File>::adopt(file);
  }

  // add() and set() allocate a group only in the strand. If they need one, and the caller shares
  // the strand, they return would_block.

  /// Returns the lowest free descriptor that is at least `lowest`, for `file`. EMFILE; ENOMEM.
  Result<int> add(Ref<File> file, bool close_on_exec, int lowest = 0);
  /// Makes `fd` a descriptor of `file`, and closes the file that it had before. EBADF: `fd` is not
  /// below limit(). ENOMEM.
  Result<> set(int fd, Ref<File> file, bool close_on_exec);
  Result<> close(int fd);
  /// Like close(), for the only thread that uses the table: see File::drop_own().
  Result<> close_own(int fd);

  Result<bool> close_on_exec(int fd) const;
  Result<> set_close_on_exec(int fd, bool close_on_exec);
  /// Closes at most `most` of the descriptors with close_on_exec (execve). Returns whether none is
  /// left. In the strand.
  bool close_some_for_exec(unsigned most);
  /// Closes at most `most` descriptors of a table whose only owner ends it. Returns whether none is
  /// left. In the strand.
  bool close_some(unsigned most);
  /// A number of closes that a step can make.
  static constexpr unsigned closed_in_step = 256;

  /// A table with the same files (fork). ENOMEM.
  Result<Ref<FdTable>> copy() const;

  /// add() and set() use only descriptors below `limit` (RLIMIT_NOFILE). A lower limit closes
  /// no descriptor.
  int limit() const { return limit_; }
  /// In the strand.
  void set_limit(int limit) {
    async::Strand::check_access();
    limit_ = limit;
  }

  /// The owner of the table's record locks (file_locks.h). Closing a descriptor of a file ends the
  /// table's locks of the file. In the strand. ENOLCK: no memory.
  Result<LockOwner*> make_lock_owner();
  /// The same; null if no lock was ever wanted.
  LockOwner* lock_owner() const { return lock_owner_.get(); }
  /// The table, or one of its files, owns locks from now on. In the strand.
  void note_locks() { has_locks_ = true; }
  /// Whether the table or one of its files owns locks, so that only the strand may end the table.
  /// In the strand, or for a table that no other hart uses.
  bool has_locks() const { return has_locks_ && owns_locks(); }

  /// The lowest open descriptor that is at least `lowest`; -1: there is none.
  int next(int lowest) const;
  /// Whether the table has had more descriptors than callers that share the strand may copy or
  /// close in one step.
  bool is_large() const { return far_ != nullptr; }
  /// The number of open descriptors. In the strand.
  unsigned count() const;

 private:
  static constexpr unsigned group_size = 64;
  static constexpr int first_lent = 1 << 30;

  File* find_lent(int fd) const {
    const auto slot = static_cast<unsigned>(fd) - static_cast<unsigned>(first_lent);
    return slot < lent_.size() ? lent_[slot] : nullptr;
  }

  struct Group {
    // By place(). Owns a reference each; null where `used` has no bit.
    alignas(64) std::array<File*, group_size> files{};
    std::uint64_t used = 0;
    std::uint64_t close_on_exec = 0;

    static std::uint64_t bit(unsigned fd) { return std::uint64_t{1} << fd % group_size; }
    /// The place of a descriptor's entry. Eight entries are as long as a cache line.
    static constexpr unsigned place(unsigned fd) { return fd % 8 * 8 + fd / 8 % 8; }

    File* find(unsigned fd) const {
      return std::atomic_ref{const_cast<File*&>(files[place(fd)])}.load(async::order_of_dependence);
    }
    void set(unsigned fd, File* file) {
      std::atomic_ref{files[place(fd)]}.store(file, std::memory_order_release);
    }
    void put(unsigned fd, File* file, bool close_on_exec);
    File* remove(unsigned fd);
    void release_all();
    bool release_shared();  // releases the files with other owners; false: there are others
    void share_into(Group& copy) const;
  };
  using FarGroups = std::array<std::unique_ptr<Group>, (size_limit - usual_limit) / group_size>;

  bool in_range(int fd) const { return static_cast<unsigned>(fd) < size_limit; }
  const Group* group(unsigned fd) const {
    if (fd < group_size) return &first_;
    if (fd < usual_limit) return more_[fd / group_size - 1].get();
    return far_ != nullptr ? (*far_)[(fd - usual_limit) / group_size].get() : nullptr;
  }
  Group* group(unsigned fd) { return const_cast<Group*>(std::as_const(*this).group(fd)); }
  /// The group of `fd`, allocated if missing. ENOMEM; would_block: the caller shares the strand.
  Result<Group*> make_group(unsigned fd);
  /// Allocates the group of `fd`, which is missing. ENOMEM.
  Result<Group*> add_group(unsigned fd);
  /// Removes the descriptor, and returns its file. EBADF.
  Result<Ref<File>> remove(int fd);
  /// The groups behind the first one that have descriptors, by number.
  std::bitset<size_limit / group_size> groups_in_use() const;
  /// Closes descriptors: all, or those with close_on_exec.
  bool close_some(unsigned most, bool only_for_exec);
  bool owns_locks() const;
  /// Ends the record locks of this table on a file.
  void end_record_locks(File& file) const;
  /// The same for the descriptor's file. False: the caller shares the strand, and the close of the
  /// descriptor may end locks.
  [[gnu::cold]] bool end_locks_of(int fd) const;

  // Not in a line with the groups or the lock: calls that use no descriptor read these, too.
  int limit_ = usual_limit;
  // This table, or the one it was copied from, has ever had a lock; changes in the strand.
  bool has_locks_ = false;
  // These change only in the strand.
  std::array<std::unique_ptr<Group>, usual_limit / group_size - 1> more_;
  std::unique_ptr<FarGroups> far_;
  std::array<File*, 2> lent_{};          // in the strand
  unsigned end_of_groups_ = group_size;  // no group begins at or above this descriptor
  Group first_;
  // For callers that share the strand: protects the groups. Entries are also read without it.
  mutable async::LeafLock lock_;
  std::unique_ptr<LockOwner> lock_owner_;  // in the strand
};

}  // namespace kernel
