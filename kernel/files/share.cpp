#include "files/share.h"

#include <abi/flags.h>
#include <async/async.h>
#include <fmt/format.h>
#include <kernel/levels.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

#include "files/page_cache.h"
#include "files/pinned_pieces.h"
#include "files/share_client.h"
#include "files/share_mapping.h"
#include "files/size_limit.h"
#include "formats/p9.h"
#include "memory/frames.h"
#include "memory/memory_object.h"
#include "memory/paged_text.h"

namespace kernel {
namespace {

using Moved = Result<std::size_t>;

/// The most bytes that one step pins. New pages of the program must be zeroed first, which takes
/// time.
constexpr std::size_t pin_step_bytes = std::size_t{16} << 10;

/// The flags of openat that the server needs.
constexpr int flags_for_server = abi::o_accmode | abi::o_excl | abi::o_trunc | abi::o_append |
                                 abi::o_directory | abi::o_nofollow;

bool wants_to_change(int flags) {
  return (flags & abi::o_accmode) != abi::o_rdonly || (flags & abi::o_trunc) != 0;
}

template <class T>
async::Task<Result<T>> failing(Errno error) {
  co_return fail(error);
}

/// What all nodes of a share have in common. `fid` is not open.
class ShareNode : public Remote {
 public:
  ShareNode(ShareClient& client, Ref<Fid> fid, const p9::Attributes& seen)
      : client_{client}, fid_{std::move(fid)}, seen_{seen} {}

  ShareClient& client() const { return client_; }
  const Ref<Fid>& fid() const { return fid_; }
  /// The fid through which attributes are read and set: the file may have lost its name since it
  /// was opened.
  const Ref<Fid>& fid_of_attributes() const { return open_fid_ ? open_fid_ : fid_; }
  void set_open_fid(Ref<Fid> fid) { open_fid_ = std::move(fid); }
  const p9::Attributes& seen() const { return seen_; }

  virtual Node& node() = 0;

  const void* file_system() const override { return &client_; }
  async::Task<Result<>> refresh() override;
  async::Task<Result<>> set_attributes(const AttributeChange& change) override;
  /// The shared mapping of the file; null: there is none.
  ShareMapping* mapping() const { return client_.mapping_of(seen_.qid.path); }
  async::Task<Result<FileSystemFacts>> facts() override { return client_.facts(fid_); }
  async::Task<Result<Ref<File>>> open_file(int flags) override;

  async::Task<Result<Ref<Node>>> look_up(std::string) override {
    return failing<Ref<Node>>(Errno::enotdir);
  }
  async::Task<Result<Ref<File>>> create(std::string, int, unsigned) override {
    return failing<Ref<File>>(Errno::enotdir);
  }
  async::Task<Result<>> make_directory(std::string_view, unsigned) override {
    return failing<void>(Errno::enotdir);
  }
  async::Task<Result<>> make_node(std::string_view, unsigned) override {
    return failing<void>(Errno::enotdir);
  }
  async::Task<Result<>> make_symlink(std::string_view, std::string_view) override {
    return failing<void>(Errno::enotdir);
  }
  async::Task<Result<>> make_link(std::string_view, Node&) override {
    return failing<void>(Errno::enotdir);
  }
  async::Task<Result<>> remove(std::string_view, bool) override {
    return failing<void>(Errno::enotdir);
  }
  async::Task<Result<>> rename(std::string_view, Node&, std::string_view) override {
    return failing<void>(Errno::enotdir);
  }

 protected:
  ~ShareNode() = default;

  abi::Stat stat() const;

 private:
  ShareClient& client_;
  const Ref<Fid> fid_;
  Ref<Fid> open_fid_;
  p9::Attributes seen_;
};

ShareNode& share_node(Node& node) {
  return static_cast<ShareNode&>(*node.remote());
}

/// A file, a symbolic link, or another node that is no directory.
class ShareLeaf final : public Node, public ShareNode {
 public:
  ShareLeaf(ShareClient& client, Ref<Fid> fid, const p9::Attributes& seen, std::string target)
      : Node{seen.mode, IsRemote{}},
        ShareNode{client, std::move(fid), seen},
        target_{std::move(target)} {}

  Node& node() override { return *this; }
  Remote* remote() override { return this; }
  std::uint64_t size() const override { return seen().size; }
  std::uint64_t device_number() const override { return seen().special_device; }
  std::uint32_t links() const override { return static_cast<std::uint32_t>(seen().links); }
  bool has_settable_status() const override { return !client().is_read_only(); }
  abi::Stat status() const override { return stat(); }
  bool is_writable() const override { return !client().is_read_only(); }
  /// A remote node is opened by Fetched::open().
  Result<Ref<File>> open(int) override { return fail(Errno::enxio); }
  std::string target(const LinkReader&) const override { return target_; }

 protected:
  FileLocks* find_locks_of_file() const override { return client().locks_of(seen().qid.path); }
  FileLocks* make_locks_of_file() override { return client().make_locks(seen().qid.path); }

 private:
  const std::string target_;
};

class ShareDirectory final : public Directory, public ShareNode {
 public:
  /// `parent` is null for the folder that is shared: mount() gives it its place.
  ShareDirectory(ShareClient& client, Ref<Fid> fid, const p9::Attributes& seen,
                 Ref<Directory> parent, std::string_view name)
      : Directory{client.is_read_only() ? Contents::fixed : Contents::writable, seen.mode,
                  IsRemote{}},
        ShareNode{client, std::move(fid), seen},
        parent_{std::move(parent)} {
    if (parent_) place_ = be_at(*parent_, name);
  }
  ~ShareDirectory() override;

  Node& node() override { return *this; }
  Remote* remote() override { return this; }
  std::uint64_t size() const override { return seen().size; }
  std::uint32_t links() const override { return static_cast<std::uint32_t>(seen().links); }
  bool has_settable_status() const override { return !client().is_read_only(); }
  abi::Stat status() const override { return stat(); }
  Result<Ref<File>> open(int) override { return fail(Errno::enxio); }

  FileLocks* find_locks_of_file() const override { return client().locks_of(seen().qid.path); }
  FileLocks* make_locks_of_file() override { return client().make_locks(seen().qid.path); }

  async::Task<Result<Ref<Node>>> look_up(std::string name) override;
  async::Task<Result<Ref<File>>> create(std::string name, int flags, unsigned mode) override;
  async::Task<Result<>> make_directory(std::string_view name, unsigned mode) override {
    return client().make_directory(fid(), name, mode);
  }
  async::Task<Result<>> make_node(std::string_view name, unsigned mode) override {
    return client().make_node(fid(), name, mode);
  }
  async::Task<Result<>> make_symlink(std::string_view name, std::string_view target) override {
    return client().make_symlink(fid(), name, target);
  }
  async::Task<Result<>> make_link(std::string_view name, Node& node) override {
    return client().make_link(fid(), name, share_node(node).fid());
  }
  async::Task<Result<>> remove(std::string_view name, bool directory) override {
    return client().remove(fid(), name, directory);
  }
  async::Task<Result<>> rename(std::string_view name, Node& to, std::string_view to_name) override {
    return client().rename(fid(), name, share_node(to).fid(), to_name);
  }

 private:
  Ref<Directory> parent_;
  std::unique_ptr<Entry> place_;
};

// In a loop, because a chain of directories may be longer than any stack.
ShareDirectory::~ShareDirectory() {
  Ref<Directory> at = std::move(parent_);
  while (at && at->is_remote() && at->has_one_owner()) {
    Ref<Directory> next = std::move(static_cast<ShareDirectory&>(*at).parent_);
    at = std::move(next);
  }
}

// ── Open files ───────────────────────────────────────────────────────────────────────────────────

/// A node opened with O_PATH, or the common part of the others. `node` is remote.
class ShareFile : public File {
 public:
  ShareFile(Ref<Node> node, Ref<Fid> fid, int flags)
      : File{flags, WaitsForDevice{}}, node_{std::move(node)}, fid_{std::move(fid)} {
    if (fid_) share_node(*node_).set_open_fid(fid_);
  }

  abi::Stat status() override { return node_->status(); }
  Node* node() override { return node_.get(); }
  async::Task<Result<>> sync() override;

 protected:
  ShareClient& client() const { return share_node(*node_).client(); }
  const Ref<Fid>& fid() const { return fid_; }

 private:
  alignas(64) Ref<Node> node_;
  const Ref<Fid> fid_;  // open; null with O_PATH
};

class OpenShareDirectory final : public ShareFile {
 public:
  using ShareFile::ShareFile;

  Moved move_nothing(Direction) override { return fail(Errno::eisdir); }
  Moved try_read(IoBuffer&) override { return fail(Errno::eisdir); }
  async::Task<Moved> transfer(Direction, std::optional<std::uint64_t>, IoBuffer) override {
    return failing<std::size_t>(Errno::eisdir);
  }
  Result<std::int64_t> seek(std::int64_t offset, int whence) override;
  async::Task<Moved> transfer_entries(IoBuffer buffer) override;

 private:
  std::uint64_t place_ = 0;  // the server's; 0: the start
  async::Mutex place_lock_;
};

class OpenShareFile final : public ShareFile {
 public:
  OpenShareFile(Ref<Node> node, Ref<Fid> fid, int flags)
      : ShareFile{std::move(node), std::move(fid), flags} {
    be_stream();
  }

  Moved try_read(IoBuffer&) override { return fail(Errno::would_block); }
  Moved try_write(IoBuffer&) override { return fail(Errno::would_block); }
  async::Task<Moved> transfer(Direction direction, std::optional<std::uint64_t> offset,
                              IoBuffer buffer) override;
  Result<std::int64_t> seek(std::int64_t offset, int whence) override;
  Result<Ref<memory::PageSource>> pages() override {
    return pages_until(std::numeric_limits<std::uint64_t>::max());
  }
  Result<Ref<memory::PageSource>> pages_until(std::uint64_t end) override;
  Result<Ref<memory::TrackedObject>> mapping() override;

 private:
  async::Task<Moved> move(Direction direction, std::optional<std::uint64_t> offset, IoBuffer rest);
  async::Task<Moved> move_some(Direction direction, std::uint64_t offset, IoBuffer& rest);

  std::uint64_t place_ = 0;
  async::Mutex place_lock_;  // held by a transfer that uses place_
};

/// The pages of a file, for mmap and for programs.
class SharePages final : public memory::PageSource {
 public:
  /// Behind `end` the pages are zero. `cached`: the pages of the node's present state.
  SharePages(Ref<Node> node, Ref<Fid> fid, std::uint64_t end, Ref<CachedFile> cached)
      : node_{std::move(node)}, fid_{std::move(fid)}, end_{end}, cached_{std::move(cached)} {}

  std::size_t count() const override {
    return (std::min(node_->size(), end_) + hal::page_size - 1) / hal::page_size;
  }
  async::Task<Result<memory::Frame>> read(std::size_t index) override;
  memory::Frame find(std::size_t index) override {
    return has_end(index) ? memory::Frame{} : cached_->find(index);
  }

 private:
  /// Whether zeros follow in the page: then each mapping has its own copy.
  bool has_end(std::size_t index) const { return end_ - index * hal::page_size < hal::page_size; }

  const Ref<Node> node_;
  const Ref<Fid> fid_;
  const std::uint64_t end_;
  const Ref<CachedFile> cached_;
};

// ── Nodes ────────────────────────────────────────────────────────────────────────────────────────

async::Task<Result<>> ShareNode::set_attributes(const AttributeChange& change) {
  const auto self = Ref<Node>::share(node());
  const auto size = change.size;
  const auto done = co_await client_.set_attributes(fid_of_attributes(), change);
  if (ShareMapping* const mapping = this->mapping(); done && size && mapping != nullptr)
    mapping->note_size(*size);
  co_return done;
}

async::Task<Result<>> ShareFile::sync() {
  const auto self = Ref<File>::share(*this);
  if (ShareMapping* const mapping = share_node(*node_).mapping()) {
    if (auto written = co_await mapping->write_back(); !written) co_return written;
  }
  co_return co_await client().sync(fid_);
}

abi::Stat ShareNode::stat() const {
  return {
      .device = client_.file_system_number(),
      .inode = seen_.qid.path,
      .mode = seen_.mode,
      .links = static_cast<std::uint32_t>(seen_.links),
      .uid = seen_.uid,
      .gid = seen_.gid,
      .special_device = seen_.special_device,
      .size = static_cast<std::int64_t>(seen_.size),
      .block_size = static_cast<std::int32_t>(seen_.block_bytes),
      .blocks = static_cast<std::int64_t>(seen_.blocks),
      .accessed = seen_.accessed,
      .modified = seen_.modified,
      .changed = seen_.changed,
  };
}

async::Task<Result<>> ShareNode::refresh() {
  const auto self = Ref<Node>::share(node());
  const auto seen = co_await client_.attributes(fid_of_attributes());
  if (!seen) co_return fail(seen.error());
  // Another file may have the place of the shared folder by now.
  if ((seen->mode & abi::s_ifmt) != node().type()) co_return fail(Errno::eio);
  seen_ = *seen;
  node().set_permissions(seen_.mode);
  co_return Result<>{};
}

async::Task<Result<Ref<File>>> ShareNode::open_file(int flags) {
  const auto self = Ref<Node>::share(node());
  const unsigned type = self->type();
  if (!memory::can_allocate(sizeof(OpenShareFile))) co_return fail(Errno::enomem);
  if ((flags & abi::o_path) != 0) {
    if (type == abi::s_ifdir)
      co_return Ref<File>{make_ref<OpenShareDirectory>(self, nullptr, flags)};
    co_return Ref<File>{make_ref<ShareFile>(self, nullptr, flags)};
  }
  if (type == abi::s_iflnk) co_return fail(Errno::eloop);
  if (type != abi::s_ifdir && type != abi::s_ifreg) co_return fail(Errno::enxio);
  if (client_.is_read_only() && wants_to_change(flags)) co_return fail(Errno::erofs);
  auto fid = co_await client_.walk(fid_);
  if (!fid) co_return fail(fid.error());
  if (const auto done = co_await client_.open(*fid, flags & flags_for_server); !done)
    co_return fail(done.error());
  if (type == abi::s_ifdir)
    co_return Ref<File>{make_ref<OpenShareDirectory>(self, std::move(*fid), flags)};
  if (ShareMapping* const mapping = this->mapping();
      mapping != nullptr && (flags & abi::o_trunc) != 0)
    mapping->note_size(0);
  co_return Ref<File>{make_ref<OpenShareFile>(self, std::move(*fid), flags & ~abi::o_trunc)};
}

/// The node of a file that a walk has found.
async::Task<Result<Ref<Node>>> node_of_fid(ShareClient& client, Ref<Fid> fid, Ref<Directory> parent,
                                           std::string name) {
  const auto seen = co_await client.attributes(fid);
  if (!seen) co_return fail(seen.error());
  std::string target;
  if ((seen->mode & abi::s_ifmt) == abi::s_iflnk) {
    auto read = co_await client.read_link(fid);
    if (!read) co_return fail(read.error());
    target = std::move(*read);
  }
  constexpr std::size_t bytes = std::max(sizeof(ShareDirectory), sizeof(ShareLeaf));
  if (!memory::can_allocate(bytes + name.size() + target.size())) co_return fail(Errno::enomem);
  if ((seen->mode & abi::s_ifmt) == abi::s_ifdir)
    co_return Ref<Node>{
        make_ref<ShareDirectory>(client, std::move(fid), *seen, std::move(parent), name)};
  co_return Ref<Node>{make_ref<ShareLeaf>(client, std::move(fid), *seen, std::move(target))};
}

async::Task<Result<Ref<Node>>> ShareDirectory::look_up(std::string name) {
  const auto self = Ref<Directory>::share(*this);
  auto fid = co_await client().walk(this->fid(), name);
  if (!fid) {
    if (fid.error() == Errno::enoent) co_return Ref<Node>{};
    co_return fail(fid.error());
  }
  auto made = co_await node_of_fid(client(), std::move(*fid), self, std::move(name));
  // The file may have lost its name between the two requests.
  if (!made && made.error() == Errno::enoent) co_return Ref<Node>{};
  co_return made;
}

async::Task<Result<Ref<File>>> ShareDirectory::create(std::string name, int flags, unsigned mode) {
  const auto self = Ref<Directory>::share(*this);
  if (client().is_read_only()) co_return fail(Errno::erofs);
  auto fid = co_await client().walk(this->fid());
  if (!fid) co_return fail(fid.error());
  const int given = (flags & flags_for_server) | abi::o_creat;
  if (const auto done = co_await client().create(*fid, name, given, mode); !done)
    co_return fail(done.error());
  auto node = co_await node_of_fid(client(), *fid, self, std::move(name));
  if (!node) co_return fail(node.error());
  if ((*node)->type() != abi::s_ifreg) co_return fail(Errno::eio);
  if (!memory::can_allocate(sizeof(OpenShareFile))) co_return fail(Errno::enomem);
  co_return Ref<File>{make_ref<OpenShareFile>(std::move(*node), std::move(*fid), flags)};
}

// ── Open directories ─────────────────────────────────────────────────────────────────────────────

Result<std::int64_t> OpenShareDirectory::seek(std::int64_t offset, int whence) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  if (whence == abi::seek_cur && offset == 0) return static_cast<std::int64_t>(place_);
  if (whence != abi::seek_set || offset < 0) return fail(Errno::einval);
  place_ = static_cast<std::uint64_t>(offset);
  return offset;
}

/// Puts one entry into `buffer`. EINVAL: there is too little room. EFAULT.
Moved put_entry(IoBuffer& buffer, const p9::DirectoryEntry& entry) {
  constexpr std::size_t alignment = 8;
  std::array<std::byte, abi::directory_entry_name + p9::longest_name + 1 + alignment> record{};
  const std::size_t size =
      (abi::directory_entry_name + entry.name.size() + 1 + alignment - 1) / alignment * alignment;
  if (size > buffer.left()) return fail(Errno::einval);
  const abi::DirectoryEntry head{
      .inode = entry.qid.path,
      .next_offset = static_cast<std::int64_t>(entry.next),
      .record_length = static_cast<std::uint16_t>(size),
      .type = entry.type,
  };
  std::memcpy(record.data(), &head, abi::directory_entry_name);
  std::memcpy(&record[abi::directory_entry_name], entry.name.data(), entry.name.size());
  const auto moved = buffer.put(std::span{record}.first(size));
  if (moved && *moved < size) return fail(Errno::efault);
  return moved;
}

async::Task<Moved> OpenShareDirectory::transfer_entries(IoBuffer buffer) {
  const auto self = Ref<File>::share(*this);
  if (buffer.must_page_in(IoBuffer::Direction::put)) co_return fail(Errno::would_block);
  const auto guard = co_await place_lock_.lock_or_cancel("file position");
  if (!guard) co_return fail(Errno::eintr);
  const auto answer = co_await client().read_entries(fid(), place_);
  if (!answer) co_return fail(answer.error());
  p9::Reader entries{answer->bytes};
  std::size_t done = 0;
  while (entries.left() > 0) {
    const auto entry = p9::take_entry(entries);
    const auto put = entry ? put_entry(buffer, *entry) : Moved{fail(entry.error())};
    if (!put) {
      if (done == 0) co_return put;
      break;
    }
    done += *put;
    place_ = entry->next;
  }
  co_return done;
}

/// Whether a later change of the file's bytes will change its attributes. The times of the host's
/// files have ticks of some milliseconds, so two changes in one tick may have the same time.
bool is_settled(const p9::Attributes& seen) {
  constexpr std::int64_t ns_per_second = 1'000'000'000, ticks = 100'000'000;
  const std::int64_t now = Node::wall_clock_now();
  const auto is_past = [&](const abi::Timespec& time) {
    const std::int64_t seconds = now / ns_per_second - time.seconds;
    return seconds > 1 || (seconds >= 0 && seconds * ns_per_second + now % ns_per_second >
                                               time.nanoseconds + ticks);
  };
  return is_past(seen.modified) && is_past(seen.changed);
}

// ── Transfers ────────────────────────────────────────────────────────────────────────────────────
//
// The device moves the bytes between the file and the program's pages, which stay pinned until the
// answer comes, even if the program has ended.

async::Task<Moved> OpenShareFile::transfer(Direction direction, std::optional<std::uint64_t> offset,
                                           IoBuffer buffer) {
  constexpr std::size_t frames_bytes = 2048;
  if (!memory::can_allocate(frames_bytes)) return failing<std::size_t>(Errno::enomem);
  return move(direction, offset, buffer);
}

async::Task<Moved> OpenShareFile::move(Direction direction, std::optional<std::uint64_t> offset,
                                       IoBuffer rest) {
  const auto self = Ref<File>::share(*this);  // the program may close it meanwhile
  async::Mutex::Guard guard;
  if (!offset) {
    guard = co_await place_lock_.lock_or_cancel("file position");
    if (!guard) co_return fail(Errno::eintr);
  }
  std::uint64_t start = offset.value_or(place_);
  if (direction == Direction::write && appends()) {
    const auto seen = co_await client().attributes(fid());
    if (!seen) co_return fail(seen.error());
    start = seen->size;
  }
  if (rest.empty()) co_return 0;
  constexpr std::uint64_t longest = std::uint64_t{1} << 63;
  if (start >= longest) {
    if (direction == Direction::read) co_return 0;
    co_return fail(Errno::efbig);
  }
  if (direction == Direction::write) {
    const auto room = size_limit::room(start, rest.left());
    if (!room) co_return fail(room.error());
    rest = rest.first(static_cast<std::size_t>(*room));
  }
  // The server must have what programs have written to the file's pages.
  if (ShareMapping* const mapping = share_node(*node()).mapping()) {
    const auto written = co_await mapping->flush(start / hal::page_size,
                                                 (start + rest.left() - 1) / hal::page_size + 1);
    if (!written) co_return fail(written.error());
  }
  std::size_t done = 0;
  do {
    const std::size_t left = rest.left();
    const Moved moved = co_await move_some(direction, start + done, rest);
    if (!moved) {
      if (done > 0) break;
      co_return moved;
    }
    done += *moved;
    if (left - rest.left() > *moved) break;  // the end of the file, or of the server's room
  } while (!rest.empty() && !async::is_cancelled());
  if (guard) place_ = start + done;
  co_return done;
}

/// One request. Afterwards `rest` begins behind the bytes that were offered to the server. Returns
/// the number of those that it has moved.
async::Task<Moved> OpenShareFile::move_some(Direction direction, std::uint64_t offset,
                                            IoBuffer& rest) {
  if (!memory::can_allocate(sizeof(ShareTransfer))) co_return fail(Errno::enomem);
  const auto request = make_ref<ShareTransfer>(direction, fid());
  const bool reads = direction == Direction::read;
  const auto side = reads ? IoBuffer::Direction::put : IoBuffer::Direction::take;
  const IoBuffer first_byte = rest;
  PinnedPieces& pieces = request->pieces();
  const std::size_t most = client().most_bytes();
  const std::size_t most_pieces = std::min(PinnedPieces::most, client().most_pieces());
  std::size_t pinned = 0;
  std::size_t in_step = 0;
  while (pinned < most && !rest.empty() && pieces.count() < most_pieces) {
    if (in_step >= pin_step_bytes) {
      co_await async::yield_if_preempted();
      in_step = 0;
    }
    const auto bytes = pieces.add(rest, most - pinned, side);
    if (!bytes) {
      if (pinned == 0) co_return bytes;
      break;
    }
    pinned += *bytes;
    in_step += *bytes;
  }
  const auto moved = co_await client().move(request, offset, pinned);
  if (moved && reads) pieces.commit(first_byte, *moved);
  ShareMapping* const mapping = share_node(*node()).mapping();
  if (moved && !reads && mapping != nullptr) mapping->note_written(offset, *moved, pieces);
  co_return moved;
}

Result<std::int64_t> OpenShareFile::seek(std::int64_t offset, int whence) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  const auto place = find_place(offset, whence, place_, node()->size());
  if (place) place_ = static_cast<std::uint64_t>(*place);
  return place;
}

Result<Ref<memory::PageSource>> OpenShareFile::pages_until(std::uint64_t end) {
  const p9::Attributes& seen = share_node(*node()).seen();
  const CachedFile::Stamp stamp{.size = seen.size,
                                .modified_seconds = seen.modified.seconds,
                                .modified_nanoseconds = seen.modified.nanoseconds,
                                .changed_seconds = seen.changed.seconds,
                                .changed_nanoseconds = seen.changed.nanoseconds,
                                .version = seen.qid.version};
  ShareMapping* const mapping = share_node(*node()).mapping();
  auto cached = mapping != nullptr ? mapping->cached()
                                   : client().pages().open(seen.qid.path, stamp, is_settled(seen));
  if (!cached || !memory::can_allocate(sizeof(SharePages))) return fail(Errno::enomem);
  return Ref<memory::PageSource>{
      make_ref<SharePages>(Ref<Node>::share(*node()), fid(), end, std::move(cached))};
}

Result<Ref<memory::TrackedObject>> OpenShareFile::mapping() {
  const p9::Attributes& seen = share_node(*node()).seen();
  Ref<ShareMapping> mapping;
  if (ShareMapping* const known = share_node(*node()).mapping()) {
    mapping = Ref<ShareMapping>::share(*known);
  } else {
    constexpr std::size_t bytes = sizeof(ShareMapping) + 256;
    if (!memory::can_allocate(bytes)) return fail(Errno::enomem);
    // Programs change these pages. Without a stamp no later mapping takes them as unchanged.
    auto cached = client().pages().open(seen.qid.path, {}, false);
    if (!cached) return fail(Errno::enomem);
    mapping = make_ref<ShareMapping>(client(), seen.qid.path, fid(), std::move(cached), seen.size);
  }
  // The server appends every write through a descriptor with O_APPEND, so pages cannot be written
  // back.
  if (can_write() && appends()) return fail(Errno::enodev);
  if (can_write()) mapping->set_writer(fid());
  return Ref<memory::TrackedObject>{std::move(mapping)};
}

async::Task<Result<memory::Frame>> SharePages::read(std::size_t index) {
  const std::uint64_t start = std::uint64_t{index} * hal::page_size;
  if (start >= end_) co_return fail(Errno::eio);
  memory::Frame page = cached_->find(index);
  ShareMapping* const mapping = share_node(*node_).mapping();
  if (!page && mapping != nullptr && mapping->cached() == cached_) {
    auto read = co_await mapping->source()->read(index);
    if (!read) co_return fail(read.error());
    page = std::move(*read);
  }
  if (!page) {
    auto read = co_await share_node(*node_).client().read_pages(fid_, index, count(), cached_);
    if (!read) co_return fail(read.error() == Errno::enomem ? Errno::enomem : Errno::eio);
    page = std::move(*read);
  }
  if (!has_end(index)) co_return page;
  auto copy = memory::Frame::allocate(memory::Use::user);
  if (!copy) co_return fail(Errno::enomem);
  const std::size_t used = end_ - start;
  std::memcpy(copy.bytes(), page.bytes(), used);
  std::memset(copy.bytes() + used, 0, hal::page_size - used);
  co_return copy;
}

}  // namespace

namespace {

/// A shared folder of the tree. It is never freed.
struct Mounted {
  ShareClient client;
  std::string name;   // the tag, or another name if it has bytes that no line may have
  std::string place;  // its path
  Mounted* next;
};
constinit Mounted* first_mounted = nullptr;

/// The server's tag, if it can be the name of a folder and a word of /proc/mounts.
std::string_view mount_name(const P9Device& server) {
  const std::string_view tag = server.tag();
  const auto is_plain = [](char c) { return c > ' ' && c <= '~' && c != '\\'; };
  return p9::is_valid_name(tag) && std::ranges::all_of(tag, is_plain) ? tag : "share";
}

Ref<Directory> start_session(P9Device& server, std::string place, bool read_only) {
  first_mounted = new Mounted{
      {server, read_only}, std::string{mount_name(server)}, std::move(place), first_mounted};
  ShareClient& client = first_mounted->client;
  async::spawn(client.serve(), {.name = "share", .priority = levels::event}).detach();
  return shared_folder(client);
}

}  // namespace

Ref<Directory> shared_folder(ShareClient& client) {
  const p9::Attributes unseen{.mode = abi::s_ifdir | 0755};
  return make_ref<ShareDirectory>(client, client.root(), unseen, nullptr, "");
}

Ref<Directory> start_shared_root(bool read_only) {
  for (const auto& server : file_servers())
    if (server->tag() == root_tag) return start_session(*server, "/", read_only);
  return nullptr;
}

void mount_shares(Directory& root, bool read_only) {
  Ref<Directory> folder;
  for (const auto& server : file_servers()) {
    if (root.is_remote() && server->tag() == root_tag) continue;
    if (!folder) folder = make_ref<Directory>();
    const std::string_view name = mount_name(*server);
    folder->mount(name, start_session(*server, fmt::format("/mnt/{}", name), read_only));
  }
  if (folder) root.put("mnt", std::move(folder));
}

async::Task<Result<>> write_shares_back() {
  Result<> result;
  for (Mounted* at = first_mounted; at != nullptr; at = at->next) {
    const auto written = co_await at->client.write_back();
    if (result && !written) result = written;
  }
  co_return result;
}

void write_shares(PagedText& out) {
  for (const Mounted* at = first_mounted; at != nullptr; at = at->next) {
    const ShareClient& client = at->client;
    fmt::format_to(std::back_inserter(out),
                   "{} {} 9p {},relatime,trans=virtio,version=9p2000.L 0 0\n", at->name, at->place,
                   client.is_read_only() ? "ro" : "rw");
  }
}

}  // namespace kernel
