// Directories: sorted lists of names with their nodes.
//
// Look-ups acquire no lock, also beside changes by other harts that share the strand. A lock of the
// directory excludes changes from each other. A removed entry keeps its reference to its node. So
// the entries and nodes that a caller finds live until it ends its sharing, or awaits.
#pragma once

#include <async/leaf_lock.h>
#include <async/shared_word.h>
#include <async/skip_list.h>

#include <memory>
#include <string>
#include <string_view>

#include "files/node.h"

namespace kernel {

class Directory;

/// The root of the file tree.
Directory& root_directory();
/// Makes `directory` the root. Call it before the first root_directory().
void set_root_directory(Ref<Directory> directory);

/// The levels of the lists of entries.
inline constexpr unsigned directory_levels = 5;

/// A name in a directory, which is in the bytes behind the object.
class DirectoryEntry : public async::SkipLinks<DirectoryEntry, directory_levels> {
 public:
  static void* operator new(std::size_t size, std::string_view name) {
    return ::operator new(size + name.size());
  }
  static void operator delete(void* entry) { ::operator delete(entry); }
  static void operator delete(void* entry, std::string_view) { ::operator delete(entry); }

  std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), length_}; }
  Node& node() const { return *node_; }

 private:
  friend Directory;
  class Key;

  DirectoryEntry(const Key& key, Ref<Node> node);

  std::uint64_t begin_;  // the first eight bytes of the name; see Key
  std::size_t length_;
  Ref<Node> node_;
};

class Directory : public Node {
 public:
  using Entry = DirectoryEntry;
  /// Its entries are small objects, so it never needs a large contiguous allocation.
  using Entries = async::SkipList<Entry, directory_levels>;

  /// Bytes of memory for an entry, without its name and its node. For can_allocate().
  static constexpr std::size_t entry_bytes = sizeof(Entry);

  enum class Contents : bool { fixed, writable };

  /// A fixed directory changes only while the kernel starts.
  explicit Directory(Contents contents = Contents::fixed, unsigned permissions = 0755)
      : Node{abi::s_ifdir | permissions}, contents_{contents} {
    if (contents == Contents::writable) note_reads();
  }
  ~Directory() override;

  /// Null: there is no such name. Does not handle "." and "..".
  Node* find(std::string_view name) const;

  // ── Unlisted names: look-ups find them, but entries() does not have them (/proc/PID) ──

  /// Finds the node of an unlisted name; null: there is none. Errors: ENOMEM; would_block: only a
  /// look-up in the strand can find it.
  using FindUnlisted = Result<Node*> (*)(Directory& directory, std::string_view name);
  /// Look-ups call `find` for names that entries() does not have. Call it before programs find the
  /// directory.
  void set_find_unlisted(FindUnlisted find) { find_unlisted_ = find; }
  /// The smallest number behind `after` that is an unlisted name in decimal; negative: there is
  /// none.
  using NextUnlisted = int (*)(const Directory& directory, int after);
  /// getdents lists these numbers behind the other entries, as nodes of `type` (abi::s_if*). Call
  /// it before programs find the directory.
  void set_next_unlisted(NextUnlisted next, unsigned type) {
    next_unlisted_ = next;
    unlisted_type_ = type;
  }
  /// In the strand.
  int next_unlisted(int after) const {
    return next_unlisted_ != nullptr ? next_unlisted_(*this, after) : -1;
  }
  unsigned unlisted_type() const { return unlisted_type_; }
  /// Whether next_unlisted() must be called in the strand.
  bool lists_in_strand() const { return next_unlisted_ != nullptr; }
  Result<Node*> find_unlisted(std::string_view name) {
    return find_unlisted_ != nullptr ? find_unlisted_(*this, name) : nullptr;
  }
  /// Makes this directory the place of `child`, under an unlisted name. Returns the entry, which
  /// owns `child`. The caller keeps the entry and passes it to remove_unlisted(), which ends the
  /// name. In the strand.
  std::unique_ptr<Entry> add_unlisted(std::string_view name, Ref<Node> child);
  /// Removes the node of `entry`, and all names in it, if it is a directory: afterwards it is like
  /// any other that was removed. In the strand.
  static void remove_unlisted(std::unique_ptr<Entry> entry);

  const Entries& entries() const { return entries_; }
  /// The first entry behind `name` in the order of names, or null.
  const Entry* entry_behind(std::string_view name) const;

  /// Adds the entry `name`, or replaces its node. In the strand.
  void put(std::string_view name, Ref<Node> node);
  /// Adds a mount point, which rmdir(2) refuses to remove with EBUSY, as in Linux. In the strand.
  void mount(std::string_view name, Ref<Directory> directory);
  /// Makes all nodes below this directory permanent, except those in writable directories: the
  /// others can never lose their names. Call it before programs run.
  void make_nodes_permanent();

  // Changes of a writable directory after a look-up, in the strand or by a caller that shares it.
  // would_block: another hart that shares the strand has changed the directory since the look-up.
  // The call needs the strand.

  /// Adds the entry `name`, which does not exist. In the strand, if `node` has a name already.
  Result<> add(std::string_view name, Ref<Node> node);
  /// Removes the entry `name`, which has `node`.
  Result<> remove(std::string_view name, const Node& node);
  /// Replaces the entry `from`, which has `node`, by the entry `to`, which does not exist. While
  /// the strand is shared, `node` is no directory. One of both names exists at any time.
  Result<> rename(std::string_view from, std::string_view to, Node& node);
  /// Exchanges the nodes of two entries, which have `node` and `other_node`. In the strand.
  static void exchange(Directory& directory, std::string_view name, Directory& other,
                       std::string_view other_name);
  /// Marks this directory as removed: no hart adds a name any more. The caller then removes its
  /// entry. ENOTEMPTY.
  Result<> close();

  /// The parent directory. The root and removed directories are their own parents.
  Directory& parent() {
    Directory* const parent = parent_;
    return parent != nullptr ? *parent : *this;
  }
  /// Whether the directory was removed. Then no path leads to it, and no entry may be added. Only
  /// open files and working directories still refer to it. While the strand is shared, the removal
  /// of its entry may not have ended yet.
  bool is_removed() const;
  /// The path from the root. ENOENT: the directory was removed. ENAMETOOLONG: the path is longer
  /// than longest_path allows. would_block: like above.
  Result<std::string> path() const override;

  std::uint32_t links() const override {
    return parent_ == nullptr && this != &root_directory() ? 0 : 2 + directories_;
  }
  bool has_settable_status() const override { return is_writable(); }
  bool is_mount_point() const { return is_mount_point_; }
  bool is_writable() const override { return contents_ == Contents::writable; }
  Result<Ref<File>> open(int flags) override;
  Directory* as_directory() override { return this; }

 protected:
  /// A directory of a server (remote.h). It has no entries: look-ups find names by Fetched.
  Directory(Contents contents, unsigned mode, IsRemote)
      : Node{mode, IsRemote{}}, contents_{contents} {}

  /// Makes `parent` the parent of this directory, under an unlisted name. The caller owns the
  /// parent and the returned entry as long as this directory exists. In the strand.
  std::unique_ptr<Entry> be_at(Directory& parent, std::string_view name);

 private:
  /// The bytes that a name and its node use of the quota, approximately (file_quota.h).
  static std::size_t bytes_for(std::string_view name, const Node& node);
  Entry* find_entry(const Entry::Key& key) const;
  static std::unique_ptr<Entry> make_entry(const Entry::Key& key, Ref<Node> node);

  /// Makes this directory the parent of the entry's node.
  void adopt(Entry& entry);
  // In the strand, or behind lock_. The caller passes removed entries to end(), without the lock.
  void insert(const Entry::Key& key, std::unique_ptr<Entry> entry);
  /// The entry's node has another entry, or gets one.
  std::unique_ptr<Entry> unlink(const Entry::Key& key, Entry& entry);
  /// The node has no name any more.
  std::unique_ptr<Entry> unlink_node(const Entry::Key& key, Entry& entry);

  /// Destroys or retires an entry that was removed.
  void end(std::unique_ptr<Entry> entry);

  // In another cache line than the count of owners, which a look-up in this directory does not use.
  alignas(64) Contents contents_;
  bool is_mount_point_ = false;
  // For callers that share the strand: protects changes of entries_, and decides whether this
  // directory gets an entry or is removed.
  async::LeafLock lock_;
  FindUnlisted find_unlisted_ = nullptr;
  NextUnlisted next_unlisted_ = nullptr;
  unsigned unlisted_type_ = 0;
  async::SharedWord<std::uint32_t> directories_ = 0;  // of entries_; behind lock_
  Entries entries_;
};

}  // namespace kernel
