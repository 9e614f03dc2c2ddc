// The locks of a file: those of flock(2), and the record locks of fcntl(2), which lock ranges of
// bytes. All locks are advisory: only these calls look at them.
//
// The owner of a lock of flock and of F_OFD_SETLK is the open file, and that of F_SETLK is the
// table of descriptors, as in Linux. A caller that must wait waits for changed(), and tries again.
// All of it runs in the strand.
//
// A file has its locks in a tree, ordered by their first byte. Each lock knows how far the locks of
// its subtree reach, so a search skips those that end before the wanted range. An owner has its
// locks in a tree, too, ordered by file. So the time of a call grows with the logarithm of the
// number of locks, and with the number of the owner's locks in the wanted range.
#pragma once

#include <async/wait_list.h>
#include <kernel/ref.h>
#include <kernel/result.h>
#include <kernel/treap.h>

#include <cstdint>

namespace kernel {

class FileLocks;
class Node;
struct HeldLock;
struct OrderInFile;
struct OrderInOwner;
struct OrderOfBlocked;

class LockOwner {
 public:
  /// `kept`: lives at least as long as the owner. Null for a table, whose locks of a file end when
  /// it closes a descriptor of that file.
  explicit LockOwner(Node* kept = nullptr);
  LockOwner(const LockOwner&) = delete;
  ~LockOwner();

  /// Whether it owns no lock. The answer changes only in the strand.
  bool empty() const { return held_.empty(); }

 private:
  friend FileLocks;
  friend HeldLock;
  Treap<HeldLock, OrderInOwner> held_;
  Node* kept_;  // a reference
};

/// Owned by the node; of a file of the host, by all nodes that stand for the file.
class FileLocks : public RefCounted<FileLocks> {
 public:
  enum class Kind : bool { whole, record };  ///< of flock, or of fcntl

  /// A lock, or a request for one.
  struct Range {
    LockOwner* owner;  ///< null: the caller has no locks
    int process;       ///< what F_GETLK answers: -1 for an open file
    bool is_exclusive;
    std::uint64_t first;
    std::uint64_t last;  ///< its last byte; `to_end` for all bytes from `first` on
  };
  static constexpr std::uint64_t to_end = INT64_MAX;

  FileLocks() = default;
  FileLocks(const FileLocks&) = delete;
  virtual ~FileLocks();

  /// A lock of another owner that forbids `wanted`; null if there is none.
  const Range* conflict(Kind kind, const Range& wanted) const;
  /// The owner's lock of bytes of `wanted`; null if there is none.
  const Range* own(Kind kind, const Range& wanted) const;
  /// Makes `wanted` the owner's lock of these bytes. There is no conflict. ENOLCK: no memory.
  Result<> set(Kind kind, const Range& wanted);
  /// Removes the owner's locks of [first, last]. ENOLCK: there is no memory to split one.
  Result<> clear(Kind kind, LockOwner& owner, std::uint64_t first, std::uint64_t last);
  /// Removes all locks of `owner`.
  void clear_all(LockOwner& owner);

  /// Woken when a lock was removed or became shared.
  async::WaitList& changed() { return changed_; }

  /// While it exists, `owner` waits for a record lock of `holder`.
  class Blocked : public TreapNode<OrderOfBlocked> {
   public:
    Blocked(const LockOwner* owner, const LockOwner* holder);
    Blocked(const Blocked&) = delete;
    ~Blocked();

   private:
    friend FileLocks;
    friend OrderOfBlocked;
    const LockOwner* owner_;
    const LockOwner* holder_;
  };
  /// Whether `holder` waits for `owner`, directly or through other owners. Looks at ten owners at
  /// most: Linux, too, gives up on a chain of about this length.
  static bool would_deadlock(const LockOwner* owner, const LockOwner* holder);

 private:
  friend HeldLock;
  friend LockOwner;
  using Locks = Treap<HeldLock, OrderInFile>;

  Locks& locks(Kind kind) { return kind == Kind::whole ? whole_ : records_; }
  const Locks& locks(Kind kind) const { return const_cast<FileLocks*>(this)->locks(kind); }
  /// The owner's first lock of this kind in this file that ends at `last` or behind it; null: none.
  HeldLock* first_own(Kind kind, const LockOwner& owner, std::uint64_t last) const;
  /// The owner's next lock of the same kind in the same file, or null.
  static HeldLock* next_own(const HeldLock& lock);

  Locks whole_;
  Locks records_;
  async::WaitList changed_;
};

}  // namespace kernel
