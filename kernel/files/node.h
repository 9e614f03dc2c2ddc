// A node of the file tree: a directory, a file, a symbolic link or a device. Its name is in its
// directory.
//
// All programs run as root. They may read and write every file, except that read-only ones cannot
// be written, and may execute files that have an execute bit.
#pragma once

#include <abi/flags.h>
#include <abi/types.h>
#include <async/shared_word.h>
#include <async/strand.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "files/file.h"

namespace kernel {

class Directory;
class DirectoryEntry;
class ExtendedAttributes;
class FileLocks;
class InotifyWatch;
class Remote;

/// `error` in the strand. would_block if the caller shares the strand: the call is made again in
/// the strand, where the error may not occur, because other harts have ended what they do
/// meanwhile.
inline Errno in_strand(Errno error) {
  return async::Strand::is_held() ? error : Errno::would_block;
}

/// The program that follows a symbolic link: /proc/self/exe points to its executable.
struct LinkReader {
  std::string_view executable;      ///< absolute path of the program's file; a zero may end it
  bool has_canonical_path = false;  ///< `executable` has no links, ".", ".." or double slashes
  int process = 0;                  ///< its number
  /// Whether real_path() looks up the path of a program. A link to a program then has the path that
  /// execve was given, because the real one could lead back to the link.
  bool is_real_path = false;
  /// Where the program's absolute paths begin (chroot); null: at the root of the tree.
  Directory* root = nullptr;
};

/// Nodes have cache lines of their own, because harts use different ones at the same time.
class alignas(64) Node : public RefCounted<Node> {
 public:
  virtual ~Node() {
    if (locks_ != nullptr || attributes_ != nullptr || has_handle_) [[unlikely]]
      end_rare_parts();
  }

  // References to a permanent node are not counted. So harts that open the same program at the same
  // time write no common cache line.

  void retain() const {
    if (!is_permanent_) RefCounted::retain();
  }
  void release() const {
    if (!is_permanent_) RefCounted::release();
  }
  /// The node will never be destroyed. Call it before programs run.
  void make_permanent() {
    async::Strand::check_access();
    is_permanent_ = true;
    read_is_noted_ = true;
  }
  bool is_permanent() const { return is_permanent_; }

  /// Type and permission bits (abi::s_if*).
  unsigned mode() const { return mode_; }
  unsigned type() const { return mode_ & abi::s_ifmt; }
  bool is_symlink() const { return type() == abi::s_iflnk; }
  /// Whether a server has the node: then its attributes may be old, and remote() is not null.
  bool is_remote() const { return is_remote_; }
  bool is_executable() const { return type() == abi::s_ifreg && (mode_ & 0111) != 0; }
  /// Whether a directory has the node. Then that directory has a reference to it.
  bool has_name() const { return has_name_; }
  /// The new node has no name. `may_get_name`: linkat can give it one, as for O_TMPFILE.
  void begin_without_name(bool may_get_name) {
    has_name_ = false;
    may_get_name_ = may_get_name;
  }
  bool may_get_name() const { return may_get_name_; }
  /// A path from the root by one of the node's names. ENOENT: the name that it was found or made by
  /// last was removed, or a server has the node; ENAMETOOLONG: the path is longer than longest_path
  /// allows. would_block: the caller shares the strand, and the node may have been removed.
  virtual Result<std::string> path() const;
  void set_permissions(unsigned bits) { mode_ = type() | (bits & 07777); }
  /// Unique among all nodes.
  std::uint64_t inode() const { return inode_; }
  /// The names of the node in directories. A directory counts as Linux's do: "." and the ".." of
  /// each directory in it are names, too.
  virtual std::uint32_t links() const { return links_; }

  /// The user and the group that own the node. No call checks them.
  std::uint32_t uid() const { return uid_; }
  std::uint32_t gid() const { return gid_; }
  void set_owner(std::uint32_t uid, std::uint32_t gid) {
    async::Strand::check_access();
    uid_ = uid;
    gid_ = gid;
  }
  /// Whether programs may change permissions, owners and times. If not, such calls fail with EROFS.
  virtual bool has_settable_status() const { return false; }

  /// The file system of the node, as stat's device number. Directories pass it on to the nodes that
  /// they get.
  enum class FileSystem : std::uint8_t {
    none,
    root,
    devices,
    processes,
    temporary,
    system,
    shared_memory,
  };
  FileSystem file_system() const { return file_system_; }
  void set_file_system(FileSystem file_system) { file_system_ = file_system; }

  // The times are in nanoseconds since 1970. Linux clamps times to the range of the file system,
  // and so do setters here.

  struct Times {
    std::int64_t accessed, modified, changed, created;
  };
  Times times() const { return {accessed_, modified_, changed_, created_}; }
  abi::Timespec created() const;
  void set_times(std::int64_t accessed, std::int64_t modified) {
    accessed_ = accessed;
    modified_ = modified;
    note_change();
  }
  /// Sets all times, in seconds: for nodes of the boot archive.
  void set_all_times(std::int64_t seconds);
  static std::int64_t wall_clock_now();

  // Callers of these may share the strand. Two harts that note at the same time write two times
  // that are nearly equal.

  /// The bytes, or the entries of a directory, have been read. Like Linux's option `relatime`, this
  /// sets the time of access only at the first read after a change.
  void note_read() {
    if (!read_is_noted_) [[unlikely]]
      set_accessed();
  }
  /// The bytes, or the entries of a directory, have changed.
  void note_modification() {
    changed_ = modified_ = wall_clock_now();
    read_is_noted_ = false;
  }
  /// The status has changed: permissions, owners, times or the number of names.
  void note_change() {
    changed_ = wall_clock_now();
    read_is_noted_ = false;
  }

  /// The directory of the node's last name, and the name. Null: see parent_. In the strand.
  Directory* place() const { return parent_; }
  std::string_view last_name() const;
  /// The first of the inotify files' watches of the node; null: there is none. In the strand.
  InotifyWatch* first_watch() const { return first_watch_; }
  InotifyWatch*& watches() { return first_watch_; }
  /// Whether the node, or the directory of its last name, is watched. Watches begin and end in the
  /// strand.
  bool has_watch() const;

  /// Null: no call has locked the file. In the strand.
  FileLocks* locks() const {
    return locks_ == nullptr && is_remote_ ? find_locks_of_file() : locks_;
  }
  /// Makes locks(), if there is none. ENOLCK.
  Result<FileLocks*> make_locks();

  /// Null: the node has none. In the strand.
  ExtendedAttributes* attributes() const { return attributes_; }
  /// Makes attributes(), if there are none. ENOSPC.
  Result<ExtendedAttributes*> make_attributes();

  /// Whether the node is in the table of file_handles.h, whose add() sets this. In the strand.
  bool has_handle() const { return has_handle_; }
  void set_has_handle() { has_handle_ = true; }

  virtual std::uint64_t size() const { return 0; }
  /// The bytes of memory that the contents use.
  virtual std::uint64_t used_bytes() const { return size(); }
  virtual abi::Stat status() const;
  /// The major and minor number of a device, as stat encodes them.
  virtual std::uint64_t device_number() const { return 0; }

  /// Whether the contents, or a directory's entries, can change. If not, writes fail with EROFS.
  virtual bool is_writable() const { return false; }
  /// Opens the node with openat's flags. The caller has already handled the flags for creation and
  /// O_TRUNC. ENOMEM; EROFS or EACCES: `flags` ask for writing, but the contents cannot change;
  /// ELOOP: a symbolic link, without O_PATH.
  virtual Result<Ref<File>> open(int flags) = 0;
  /// Like open(), for a caller that shares the strand. would_block: open it in the strand.
  virtual Result<Ref<File>> open_sharing(int) { return fail(Errno::would_block); }
  virtual Result<> resize(std::uint64_t) { return fail(Errno::erofs); }
  /// Whether a file in memory is open for writing. In the strand.
  virtual bool has_writers() const { return false; }

  virtual Directory* as_directory() { return nullptr; }
  /// The operations of a remote node.
  virtual Remote* remote() { return nullptr; }
  /// The target of a symbolic link.
  virtual std::string target(const LinkReader&) const { return {}; }
  /// What a symbolic link stands for without a path, as those in /proc/PID/fd. Null: target() is
  /// the path. The node lives as long as that of Found (path_lookup.h). ENOENT; ENOMEM;
  /// would_block: only the strand can find it.
  virtual Result<Node*> object() { return nullptr; }
  /// The directory in which a symbolic link finds `rest`, the path behind it, without its target.
  /// Null: there is none. For links whose target is expensive.
  virtual Directory* shortcut(std::string_view) { return nullptr; }

 protected:
  struct IsRemote {};

  explicit Node(unsigned mode);
  /// From now on reads set the time of access.
  void note_reads() { read_is_noted_ = false; }
  Node(unsigned mode, IsRemote) : Node{mode} { is_remote_ = true; }

  /// Opens the node with O_PATH.
  Result<Ref<File>> open_path(int flags);

  /// Of a remote node: several nodes may stand for one file, and have its locks in common. Null:
  /// there are none.
  virtual FileLocks* find_locks_of_file() const { return nullptr; }
  /// Makes them, with a reference for this node. Null: no memory.
  virtual FileLocks* make_locks_of_file() { return nullptr; }

 private:
  void set_accessed();
  [[gnu::cold]] void end_rare_parts();

  bool is_permanent_ = false;
  // Whether reads leave the time of access as it is. Permanent nodes are in read-only places.
  async::SharedWord<bool> read_is_noted_ = true;
  async::SharedWord<bool> has_name_ = true;  // the node's directory changes it
  FileSystem file_system_ = FileSystem::none;
  bool is_remote_ = false;
  bool has_handle_ = false;
  bool may_get_name_ = false;  // until it gets one
  unsigned mode_;
  std::uint64_t inode_;
  async::SharedWord<std::int64_t> accessed_, modified_, changed_;
  std::int64_t created_;
  std::uint32_t uid_ = 0, gid_ = 0;
  // The last of its names that a directory has got, and that directory, whose entry owns the name.
  // Null: this is the root, or the name was removed. They change as links_ does.
  async::SharedWord<Directory*> parent_ = nullptr;
  const DirectoryEntry* entry_ = nullptr;
  // The names in directories. If the node has several, it changes in the strand; else behind the
  // lock of its directory.
  async::SharedWord<std::uint32_t> links_ = 0;
  FileLocks* locks_ = nullptr;                // a reference
  ExtendedAttributes* attributes_ = nullptr;  // owned
  InotifyWatch* first_watch_ = nullptr;

  friend Directory;
};

class Symlink : public Node {
 public:
  explicit Symlink(std::string_view target) : Node{abi::s_iflnk | 0777}, target_{target} {
    note_reads();
  }
  std::uint64_t size() const override { return target_.size(); }
  std::uint64_t used_bytes() const override { return 0; }
  bool has_settable_status() const override { return !is_permanent(); }
  std::string target(const LinkReader&) const override { return target_; }
  Result<Ref<File>> open(int flags) override;

 private:
  std::string target_;
};

}  // namespace kernel
