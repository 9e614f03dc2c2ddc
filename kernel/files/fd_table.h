// The file descriptors of a process: small numbers for open files.
//
// Descriptors come in groups of 64, each with a bitmap of those in use, so that the lowest free one
// is found by counting bits and copying a table costs what is in it. The first group is part of the
// table, the others are made when they are needed. Shared by CLONE_FILES, copied by fork.
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
  /// One more than the highest descriptor there can be.
  static constexpr int size_limit = 1024;

  // NOLINTNEXTLINE(modernize-use-equals-default): then `new FdTable()` would zero the whole of it
  FdTable() {}
  ~FdTable();

  /// The open file, or null. Somebody else may close it as soon as the caller waits: `share` first.
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

  /// Gives `file` the lowest free descriptor that is at least `lowest`; EMFILE, ENOMEM.
  Result<int> add(Ref<File> file, bool close_on_exec, int lowest = 0);
  /// Gives `file` the descriptor `fd`, closing what it was before; EBADF beyond the limit.
  Result<> set(int fd, Ref<File> file, bool close_on_exec);
  Result<> close(int fd);

  Result<bool> close_on_exec(int fd) const;
  Result<> set_close_on_exec(int fd, bool close_on_exec);
  /// Closes what is to be closed when another program takes over.
  void close_for_exec();

  /// A table with the same files (fork).
  Result<Ref<FdTable>> copy() const;

  /// Descriptors from `limit` on are not given out (RLIMIT_NOFILE); open ones stay.
  int limit() const { return limit_; }
  void set_limit(int limit) { limit_ = limit; }

  /// How many are open.
  unsigned count() const;

 private:
  static constexpr unsigned group_size = 64;
  static constexpr unsigned group_count = size_limit / group_size;

  struct Group {
    std::uint64_t used = 0;
    std::uint64_t close_on_exec = 0;
    File* files[group_size];  // an owner each; meaningful where `used` says so

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
  /// The group of `fd`, made if it is not there; null out of memory.
  Group* make_group(unsigned fd);

  Group first_;
  std::array<std::unique_ptr<Group>, group_count - 1> more_;
  int limit_ = size_limit;
};

}  // namespace kernel
