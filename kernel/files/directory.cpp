#include "files/directory.h"

#include <async/retired.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "files/file_quota.h"
#include "files/inotify.h"
#include "files/path_lookup.h"
#include "memory/frames.h"

namespace kernel {
namespace {

constexpr std::uint8_t entry_type(unsigned mode) {
  return static_cast<std::uint8_t>((mode & abi::s_ifmt) >> 12);  // dt_* are s_if* shifted
}
static_assert(entry_type(abi::s_ifdir) == abi::dt_dir && entry_type(abi::s_iflnk) == abi::dt_lnk);

/// An open directory. Its position is the last name listed, so that entries may be added and
/// removed between two calls.
class DirectoryFile final : public File {
 public:
  DirectoryFile(Ref<Directory> directory, int flags)
      : File{flags}, directory_{std::move(directory)} {}

  abi::Stat status() override { return directory_->status(); }
  Node* node() override { return directory_.get(); }
  ~DirectoryFile() override {
    if (has_watches() && !is_only_path()) [[unlikely]]
      note_close(*directory_, abi::in_close_nowrite);
  }
  // While the node has a name, a directory owns it too, so the destructor does not free it.
  bool end_sharing() override {
    return directory_->has_name() && !is_watched(*directory_) && !directory_->has_handle();
  }
  bool may_destroy_sharing() override { return end_sharing(); }

  Result<std::size_t> move_nothing(Direction) override { return fail(Errno::eisdir); }
  Result<std::size_t> try_read(IoBuffer&) override { return fail(Errno::eisdir); }
  Result<std::size_t> read_at(std::uint64_t, IoBuffer&) override { return fail(Errno::eisdir); }

  Result<std::int64_t> seek(std::int64_t offset, int whence) override {
    if (directory_->lists_in_strand() && async::Strand::is_shared())
      return fail(Errno::would_block);
    const async::LeafLock::SharingGuard lock{place_lock_};
    if (whence == abi::seek_cur && offset == 0) return static_cast<std::int64_t>(listed_);
    if (whence != abi::seek_set || offset < 0) return fail(Errno::einval);
    listed_ = std::min<std::size_t>(static_cast<std::size_t>(offset), 2);
    unlisted_ = -1;
    const Directory::Entry* at = directory_->entries().first();
    for (; at != nullptr && std::cmp_less(listed_, offset); at = Directory::Entries::next(*at)) {
      last_ = at->name();
      ++listed_;
    }
    while (at == nullptr && std::cmp_less(listed_, offset)) {
      const int next = directory_->next_unlisted(unlisted_);
      if (next < 0) break;
      unlisted_ = next;
      ++listed_;
    }
    return static_cast<std::int64_t>(listed_);
  }

  Result<std::size_t> list(IoBuffer& buffer) override {
    if (directory_->is_removed()) return fail(in_strand(Errno::enoent));
    const bool needs_strand = directory_->lists_in_strand() || is_watched(*directory_);
    if (needs_strand && async::Strand::is_shared()) return fail(Errno::would_block);
    const async::LeafLock::SharingGuard lock{place_lock_};
    std::size_t done = 0;
    const auto add = [&](std::string_view name, std::uint64_t inode, unsigned mode) -> Result<> {
      const auto size = put(buffer, name, inode, mode);
      if (!size) return fail(size.error());
      done += *size;
      ++listed_;
      return {};
    };
    Result<> added;
    if (listed_ == 0) added = add(".", directory_->inode(), abi::s_ifdir);
    if (added && listed_ == 1) added = add("..", directory_->parent().inode(), abi::s_ifdir);
    if (added && unlisted_ < 0) added = list_entries(add);
    if (added) added = list_unlisted(add);
    if (!added && done == 0) return fail(added.error());
    directory_->note_read();
    note_event(*directory_, abi::in_access);
    return done;
  }

 private:
  /// Calls `add(name, inode, mode)` for each unlisted number behind those that were listed before.
  /// The inode is the directory's own, because the number's node may not exist yet.
  template <class Add>
  Result<> list_unlisted(Add&& add) {
    for (int next; (next = directory_->next_unlisted(unlisted_)) >= 0; unlisted_ = next) {
      std::array<char, 12> text;
      const char* const end = std::to_chars(text.begin(), text.end(), next).ptr;
      const std::string_view name{text.begin(), end};
      if (auto added = add(name, directory_->inode(), directory_->unlisted_type()); !added)
        return added;
    }
    return {};
  }

  /// Calls `add(name, inode, mode)` for each entry behind those that were listed before, in the
  /// order of names, until `add` fails.
  template <class Add>
  Result<> list_entries(Add&& add) {
    const Directory::Entry* at =
        listed_ == 2 ? directory_->entries().first() : directory_->entry_behind(last_);
    const Directory::Entry* last = nullptr;
    Result<> added;
    for (; at != nullptr && (added = add(at->name(), at->node().inode(), at->node().mode()));
         at = Directory::Entries::next(*at))
      last = at;
    if (last != nullptr) last_ = last->name();
    return added;
  }

  /// Puts one entry. EINVAL: `buffer` has too little room for it.
  Result<std::size_t> put(IoBuffer& buffer, std::string_view name, std::uint64_t inode,
                          unsigned mode) const {
    constexpr std::size_t alignment = 8;
    std::byte record[abi::directory_entry_name + longest_name + 1 + alignment];
    const std::size_t size =
        (abi::directory_entry_name + name.size() + 1 + alignment - 1) / alignment * alignment;
    if (size > buffer.left()) return fail(Errno::einval);
    const abi::DirectoryEntry head{
        .inode = inode,
        .next_offset = static_cast<std::int64_t>(listed_) + 1,
        .record_length = static_cast<std::uint16_t>(size),
        .type = entry_type(mode),
    };
    std::memcpy(record, &head, abi::directory_entry_name);
    std::byte* const text = record + abi::directory_entry_name;
    std::memcpy(text, name.data(), name.size());
    std::memset(text + name.size(), 0, size - abi::directory_entry_name - name.size());
    const auto moved = buffer.put({record, size});
    if (moved && *moved < size) return fail(Errno::efault);
    return moved;
  }

  alignas(64) Ref<Directory> directory_;  // not in the line with the count of owners
  async::LeafLock place_lock_;            // for callers that share the strand
  std::size_t listed_ = 0;                // entries listed so far, "." and ".." included
  std::string last_;                      // last name listed, from the third entry on
  int unlisted_ = -1;                     // the last number that next_unlisted_ has given; -1: none
};

}  // namespace

/// A name, in the order of entries: by its first eight bytes as a number, then by the others. That
/// is the order of strings, because no name has a zero byte.
class DirectoryEntry::Key {
 public:
  explicit Key(std::string_view name) : name_{name} {
    const std::size_t count = std::min(name.size(), sizeof begin_);
    for (std::size_t i = 0; i < count; ++i)
      begin_ = begin_ << 8 | static_cast<unsigned char>(name[i]);
    begin_ <<= (sizeof begin_ - count) * 8 % 64;
  }

  std::string_view name() const { return name_; }
  bool is_behind(const DirectoryEntry& entry) const {
    if (entry.begin_ != begin_) return entry.begin_ < begin_;
    return rest(entry.name()) < rest(name_);
  }
  bool is_name_of(const DirectoryEntry& entry) const {
    return entry.begin_ == begin_ && entry.length_ == name_.size() &&
           rest(entry.name()) == rest(name_);
  }

 private:
  friend DirectoryEntry;

  static std::string_view rest(std::string_view name) {
    return name.substr(std::min(name.size(), sizeof begin_));
  }

  std::string_view name_;
  std::uint64_t begin_ = 0;
};

DirectoryEntry::DirectoryEntry(const Key& key, Ref<Node> node)
    : begin_{key.begin_}, length_{key.name_.size()}, node_{std::move(node)} {
  std::memcpy(reinterpret_cast<char*>(this + 1), key.name_.data(), length_);
}

std::unique_ptr<Directory::Entry> Directory::make_entry(const Entry::Key& key, Ref<Node> node) {
  return std::unique_ptr<Entry>{new (key.name()) Entry{key, std::move(node)}};
}

// Destroys the tree from its leaves up, in a loop, because a tree may be deeper than any stack. The
// walk down always takes the first entry, so that the walk up removes that entry.
Directory::~Directory() {
  for (Directory* at = this; at != this || !entries_.empty();) {
    Entry* const first = at->entries_.first();
    if (first == nullptr) {
      at = at->parent_;
    } else if (Directory* const child = first->node().as_directory();
               child != nullptr && child->parent_ == at && child->owners() == 1 &&
               !child->entries_.empty()) {
      at = child;
    } else {
      at->end(at->unlink_node(Entry::Key{first->name()}, *first));
    }
  }
}

/// Whether a caller that shares the strand must not change the number of the node's names: it has
/// several, which other directories protect.
static bool has_other_names(const Node& node) {
  return !async::Strand::is_held() && node.type() != abi::s_ifdir && node.links() > 1;
}

std::size_t Directory::bytes_for(std::string_view name, const Node& node) {
  constexpr std::size_t usual_node = 192;
  const std::size_t target = node.is_symlink() ? node.size() : 0;
  return entry_bytes + name.size() + 1 + usual_node + target;
}

Directory::Entry* Directory::find_entry(const Entry::Key& key) const {
  Entry* const entry = entries_.find([&](const Entry& at) { return key.is_behind(at); });
  return entry != nullptr && key.is_name_of(*entry) ? entry : nullptr;
}

Node* Directory::find(std::string_view name) const {
  const Entry* const entry = find_entry(Entry::Key{name});
  return entry != nullptr ? &entry->node() : nullptr;
}

const Directory::Entry* Directory::entry_behind(std::string_view name) const {
  const Entry::Key key{name};
  return entries_.find([&](const Entry& at) { return key.is_behind(at) || key.is_name_of(at); });
}

void Directory::adopt(Entry& entry) {
  Node& node = entry.node();
  node.has_name_ = true;
  node.may_get_name_ = false;
  node.links_ = node.links_ + 1;
  if (node.file_system_ == FileSystem::none) node.file_system_ = file_system();
  node.parent_ = this;
  node.entry_ = &entry;
}

void Directory::insert(const Entry::Key& key, std::unique_ptr<Entry> entry) {
  lock_.check_access();
  adopt(*entry);
  if (entry->node().type() == abi::s_ifdir) directories_ = directories_ + 1;
  Entry& added = *entry.release();
  entries_.insert(added, Entries::random_height(reinterpret_cast<std::uintptr_t>(&added)),
                  [&](const Entry& at) { return key.is_behind(at); });
}

std::unique_ptr<Directory::Entry> Directory::unlink(const Entry::Key& key, Entry& entry) {
  lock_.check_access();
  Node& node = entry.node();
  node.links_ = node.links_ - 1;
  if (node.type() == abi::s_ifdir) directories_ = directories_ - 1;
  entries_.remove(entry, [&](const Entry& at) { return key.is_behind(at); });
  return std::unique_ptr<Entry>{&entry};
}

std::unique_ptr<Directory::Entry> Directory::unlink_node(const Entry::Key& key, Entry& entry) {
  Node& node = entry.node();
  if (node.links_ == 1) node.has_name_ = false;
  // Other harts may still read the removed entry by entry_.
  if (node.entry_ == &entry) node.parent_ = nullptr;
  return unlink(key, entry);
}

void Directory::end(std::unique_ptr<Entry> entry) {
  const Node& node = entry->node();
  if (is_writable()) file_quota::release(bytes_for(entry->name(), node));
  if (async::Strand::is_held()) return;
  // The end of a file with bytes may free much memory. A handle finds a node until its end.
  const bool at_once = !node.has_name() && (node.size() != 0 || node.has_handle());
  async::Retired::add_for_strand(entry.release(), at_once);
}

void Directory::put(std::string_view name, Ref<Node> node) {
  async::Strand::check_access();
  const Entry::Key key{name};
  if (Entry* const there = find_entry(key)) end(unlink_node(key, *there));
  if (is_writable()) file_quota::charge(bytes_for(name, *node));
  insert(key, make_entry(key, std::move(node)));
}

std::unique_ptr<Directory::Entry> Directory::add_unlisted(std::string_view name, Ref<Node> child) {
  async::Strand::check_access();
  auto entry = make_entry(Entry::Key{name}, std::move(child));
  adopt(*entry);
  return entry;
}

void Directory::remove_unlisted(std::unique_ptr<Entry> entry) {
  async::Strand::check_access();
  Node& child = entry->node();
  if (Directory* const directory = child.as_directory(); directory != nullptr) {
    while (Entry* const first = directory->entries_.first())
      directory->end(directory->unlink_node(Entry::Key{first->name()}, *first));
  }
  child.has_name_ = false;
  child.parent_ = nullptr;
}

std::unique_ptr<Directory::Entry> Directory::be_at(Directory& parent, std::string_view name) {
  async::Strand::check_access();
  auto entry = make_entry(Entry::Key{name}, nullptr);
  parent_ = &parent;
  entry_ = entry.get();
  return entry;
}

void Directory::mount(std::string_view name, Ref<Directory> directory) {
  directory->is_mount_point_ = true;
  put(name, std::move(directory));
}

void Directory::make_nodes_permanent() {
  const Directory* within = this;  // no recursion, because paths may be long
  const Entry* at = entries_.first();
  for (;;) {
    while (at == nullptr) {
      if (within == this) return;
      at = Entries::next(*within->entry_);
      within = within->parent_;
    }
    Node& node = at->node();
    node.make_permanent();
    if (const Directory* const child = node.as_directory(); child && !child->is_writable()) {
      within = child;
      at = child->entries_.first();
    } else {
      at = Entries::next(*at);
    }
  }
}

Result<> Directory::add(std::string_view name, Ref<Node> node) {
  const Entry::Key key{name};
  const std::size_t bytes = bytes_for(name, *node);
  auto entry = make_entry(key, std::move(node));
  {
    const async::LeafLock::SharingGuard lock{lock_};
    if (!async::Strand::is_held() && (is_removed() || find_entry(key) != nullptr))
      return fail(Errno::would_block);
    insert(key, std::move(entry));
    note_modification();
  }
  file_quota::charge(bytes);
  return {};
}

Result<> Directory::remove(std::string_view name, const Node& node) {
  const Entry::Key key{name};
  std::unique_ptr<Entry> removed;
  {
    const async::LeafLock::SharingGuard lock{lock_};
    Entry* const there = find_entry(key);
    if (there == nullptr || &there->node() != &node) return fail(Errno::would_block);
    if (has_other_names(node)) return fail(Errno::would_block);
    removed = unlink_node(key, *there);
    note_modification();
    removed->node().note_change();
  }
  end(std::move(removed));
  return {};
}

Result<> Directory::rename(std::string_view from, std::string_view to, Node& node) {
  const Entry::Key from_key{from}, to_key{to};
  const std::size_t bytes = bytes_for(to, node);
  auto added = make_entry(to_key, Ref<Node>::share(node));
  std::unique_ptr<Entry> removed;
  {
    const async::LeafLock::SharingGuard lock{lock_};
    Entry* const there = find_entry(from_key);
    if (there == nullptr || &there->node() != &node || find_entry(to_key) != nullptr)
      return fail(Errno::would_block);
    if (has_other_names(node)) return fail(Errno::would_block);
    insert(to_key, std::move(added));
    removed = unlink(from_key, *there);
    note_modification();
    node.note_change();
  }
  file_quota::charge(bytes);
  end(std::move(removed));
  return {};
}

void Directory::exchange(Directory& directory, std::string_view name, Directory& other,
                         std::string_view other_name) {
  async::Strand::check_access();
  const auto change = [](Directory& at, std::string_view entry_name, Ref<Node> node) {
    const Entry::Key key{entry_name};
    Entry& there = *at.find_entry(key);
    auto added = make_entry(key, std::move(node));
    const std::size_t bytes = bytes_for(entry_name, added->node());
    auto removed = at.unlink(key, there);
    at.insert(key, std::move(added));
    file_quota::charge(bytes);
    at.end(std::move(removed));
    at.note_modification();
  };
  auto node = Ref<Node>::share(*directory.find(name));
  auto other_node = Ref<Node>::share(*other.find(other_name));
  node->note_change();
  other_node->note_change();
  change(directory, name, other_node);
  change(other, other_name, std::move(node));
}

Result<> Directory::close() {
  const async::LeafLock::SharingGuard lock{lock_};
  if (!entries_.empty()) return fail(Errno::enotempty);
  if (is_removed()) return fail(Errno::would_block);
  parent_ = nullptr;
  return {};
}

bool Directory::is_removed() const {
  return parent_ == nullptr && this != &root_directory();
}

Result<std::string> Directory::path() const {
  if (this == &root_directory()) return "/";
  return Node::path();
}

std::string_view Node::last_name() const {
  return entry_->name();
}

bool Node::has_watch() const {
  const Directory* const place = parent_;
  return first_watch_ != nullptr || (place != nullptr && place->first_watch_ != nullptr);
}

Result<std::string> Node::path() const {
  // Written backwards, from the last name.
  std::array<char, longest_path - 1> text;
  std::size_t begin = text.size();
  const Node* at = this;
  for (const Directory* parent; (parent = at->parent_) != nullptr; at = parent) {
    const std::string_view name = at->entry_->name();
    if (begin < name.size() + 1) return fail(Errno::enametoolong);
    begin -= name.size();
    std::ranges::copy(name, text.begin() + static_cast<long>(begin));
    text[--begin] = '/';
  }
  if (at != &root_directory()) return fail(in_strand(Errno::enoent));
  return std::string(text.begin() + static_cast<long>(begin), text.end());
}

Result<Ref<File>> Directory::open(int flags) {
  if (!memory::can_allocate(sizeof(DirectoryFile) + longest_name)) return fail(Errno::enomem);
  return make_ref<DirectoryFile>(Ref<Directory>::share(*this), flags);
}

// Every look-up of an absolute path reads this, so no data that harts write is in its cache line.
// In an unnamed namespace the compiler would leave only the pointer of it.
struct alignas(64) Root {
  Directory* directory = nullptr;
};
extern constinit Root root;
constinit Root root;

void set_root_directory(Ref<Directory> directory) {
  directory->retain();
  root.directory = directory.get();
}

Directory& root_directory() {
  if (root.directory == nullptr) [[unlikely]]
    root.directory = new Directory;
  return *root.directory;
}

}  // namespace kernel
