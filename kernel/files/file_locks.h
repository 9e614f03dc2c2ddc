// The locks of a file: those of flock(2), and the record locks of fcntl(2), which lock ranges of
// bytes. All locks are advisory: only these calls look at them.
//
// The owner of a lock of flock and of F_OFD_SETLK is the open file, and that of F_SETLK is the
// table of descriptors, as in Linux. A caller that must wait waits for changed(), and tries again.
// All of it runs in the strand.
#pragma once

#include <async/wait_list.h>
#include <kernel/list.h>
#include <kernel/result.h>

#include <cstdint>

namespace kernel {

class FileLocks {
 public:
  enum class Kind : bool { whole, record };  ///< of flock, or of fcntl

  /// A lock, or a request for one.
  struct Range {
    const void* owner;
    int process;  ///< what F_GETLK answers: -1 for an open file
    bool is_exclusive;
    std::uint64_t first;
    std::uint64_t last;  ///< its last byte; `to_end` for all bytes from `first` on
  };
  static constexpr std::uint64_t to_end = INT64_MAX;

  FileLocks() = default;
  FileLocks(const FileLocks&) = delete;
  ~FileLocks();

  /// A lock of another owner that forbids `wanted`; null if there is none.
  const Range* conflict(Kind kind, const Range& wanted) const;
  /// Makes `wanted` the owner's lock of these bytes. There is no conflict. ENOLCK: no memory.
  Result<> set(Kind kind, const Range& wanted);
  /// Removes the owner's locks of [first, last]. ENOLCK: there is no memory to split one.
  Result<> clear(Kind kind, const void* owner, std::uint64_t first, std::uint64_t last);
  /// Removes all locks of `owner`.
  void clear_all(const void* owner);
  /// The owner's lock of flock, or null.
  const Range* whole_of(const void* owner) const;

  /// Woken when a lock was removed or became shared.
  async::WaitList& changed() { return changed_; }

  /// While it exists, `owner` waits for a record lock of `holder`.
  class Blocked : public ListNode<> {
   public:
    Blocked(const void* owner, const void* holder);
    Blocked(const Blocked&) = delete;
    ~Blocked();

   private:
    friend FileLocks;
    const void* owner_;
    const void* holder_;
  };
  /// Whether `holder` waits for `owner`, perhaps by way of others: at most ten, as in Linux.
  static bool would_deadlock(const void* owner, const void* holder);

 private:
  struct Lock : ListNode<>, Range {
    explicit Lock(const Range& range) : Range{range} {}
  };
  using Locks = List<Lock>;

  Locks& locks(Kind kind) { return kind == Kind::whole ? whole_ : records_; }
  const Locks& locks(Kind kind) const { return const_cast<FileLocks*>(this)->locks(kind); }

  Locks whole_;
  Locks records_;
  async::WaitList changed_;
};

}  // namespace kernel
