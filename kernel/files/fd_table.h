// The file descriptors of a process: small numbers for open files.
//
// Descriptors are in groups of 64, each with a bitmap of those in use. So one bit operation finds
// the lowest free descriptor of a group, and a copy takes time only for open ones. The first group
// is part of the table. The others are allocated when needed. Threads share the table with
// CLONE_FILES; fork copies it.
#pragma once

#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>
#include <memory>

#include "files/file.h"

namespace kernel {

class FdTable : public RefCounted<FdTable> {
 public:
  /// One more than the highest possible descriptor.
  static constexpr int size_limit = 1024;

  // `= default` would make `new FdTable()` zero the whole table
  FdTable() {}
  ~FdTable();

  /// The open file, or null. Another thread may close it when the caller awaits: use share() then.
  File* find(int fd) const {
    if (static_cast<unsigned>(fd) < group_size) [[likely]]
      return first_.find(fd);
    const Group* const group = in_range(fd) ? this->group(fd) : nullptr;
    return group != nullptr ? group->find(fd) : nullptr;
  }
  Result<Ref<File>> share(int fd) const {
    File* file = find(fd);
    if (file == nullptr) return fail(Errno::ebadf);
    return Ref<File>::share(*file);
  }

  /// Returns the lowest free descriptor that is at least `lowest`, for `file`. EMFILE; ENOMEM.
  Result<int> add(Ref<File> file, bool close_on_exec, int lowest = 0);
  /// Makes `fd` a descriptor of `file`, and closes the file that it had before. EBADF: `fd` is not
  /// below limit(). ENOMEM.
  Result<> set(int fd, Ref<File> file, bool close_on_exec);
  Result<> close(int fd);

  Result<bool> close_on_exec(int fd) const;
  Result<> set_close_on_exec(int fd, bool close_on_exec);
  /// Closes the descriptors with close_on_exec (execve).
  void close_for_exec();

  /// A table with the same files (fork).
  Result<Ref<FdTable>> copy() const;

  /// add() and set() use only descriptors below `limit` (RLIMIT_NOFILE). A lower limit closes
  /// no descriptor.
  int limit() const { return limit_; }
  void set_limit(int limit) { limit_ = limit; }

  /// The number of open descriptors.
  unsigned count() const;

 private:
  static constexpr unsigned group_size = 64;
  static constexpr unsigned group_count = size_limit / group_size;

  struct Group {
    std::uint64_t used = 0;
    std::uint64_t close_on_exec = 0;
    File* files[group_size];  // owns a reference each; valid where `used` has a bit

    static std::uint64_t bit(unsigned fd) { return std::uint64_t{1} << fd % group_size; }
    File* find(unsigned fd) const {
      return (used & bit(fd)) != 0 ? files[fd % group_size] : nullptr;
    }
    void put(unsigned fd, File* file, bool close_on_exec);
    File* remove(unsigned fd);
    void release_all();
    void share_into(Group& copy) const;
  };

  bool in_range(int fd) const { return static_cast<unsigned>(fd) < size_limit; }
  const Group* group(unsigned fd) const {
    return fd < group_size ? &first_ : more_[fd / group_size - 1].get();
  }
  Group* group(unsigned fd) { return const_cast<Group*>(std::as_const(*this).group(fd)); }
  /// The group of `fd`, allocated if missing. Null: there is no memory.
  Group* make_group(unsigned fd);

  Group first_;
  std::array<std::unique_ptr<Group>, group_count - 1> more_;
  int limit_ = size_limit;
};

}  // namespace kernel
