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

/// `error` in the strand. would_block if the caller shares the strand: the call is made again in
/// the strand, where the error may not occur, because other harts have ended what they do
/// meanwhile.
inline Errno in_strand(Errno error) {
  return async::Strand::is_held() ? error : Errno::would_block;
}

/// The program that follows a symbolic link: /proc/self/exe points to its executable.
struct LinkReader {
  std::string_view executable;  ///< absolute path of the program's file
};

/// Nodes have cache lines of their own, because harts use different ones at the same time.
class alignas(64) Node : public RefCounted<Node> {
 public:
  virtual ~Node() = default;

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
  }

  /// Type and permission bits (abi::s_if*).
  unsigned mode() const { return mode_; }
  unsigned type() const { return mode_ & abi::s_ifmt; }
  bool is_symlink() const { return type() == abi::s_iflnk; }
  bool is_executable() const { return type() == abi::s_ifreg && (mode_ & 0111) != 0; }
  /// Whether a directory has the node. Then that directory has a reference to it.
  bool has_name() const { return has_name_; }
  void set_permissions(unsigned bits) { mode_ = type() | (bits & 07777); }
  /// Unique among all nodes.
  std::uint64_t inode() const { return inode_; }

  std::int64_t modified() const { return modified_; }  ///< seconds since 1970
  void set_modified(std::int64_t seconds) { modified_ = seconds; }

  virtual std::uint64_t size() const { return 0; }
  abi::Stat status() const;
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

  virtual Directory* as_directory() { return nullptr; }
  /// The target of a symbolic link.
  virtual std::string target(const LinkReader&) const { return {}; }

 protected:
  explicit Node(unsigned mode);

 private:
  bool is_permanent_ = false;
  unsigned mode_;
  std::uint64_t inode_;
  std::int64_t modified_ = 0;
  async::SharedWord<bool> has_name_ = true;  // the node's directory changes it

  friend Directory;
};

class Symlink : public Node {
 public:
  explicit Symlink(std::string_view target) : Node{abi::s_iflnk | 0777}, target_{target} {}
  std::uint64_t size() const override { return target_.size(); }
  std::string target(const LinkReader&) const override { return target_; }
  Result<Ref<File>> open(int flags) override;

 private:
  std::string target_;
};

}  // namespace kernel
