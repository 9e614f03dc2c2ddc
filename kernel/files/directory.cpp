#include "files/directory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "files/file_quota.h"
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
  Result<std::size_t> try_read(IoBuffer&) override { return fail(Errno::eisdir); }

  Result<std::int64_t> seek(std::int64_t offset, int whence) override {
    const auto& entries = directory_->entries();
    if (whence == abi::seek_cur && offset == 0) return static_cast<std::int64_t>(listed_);
    if (whence != abi::seek_set || offset < 0) return fail(Errno::einval);
    listed_ = std::min(static_cast<std::size_t>(offset), entries.size() + 2);
    if (listed_ > 2) last_ = std::next(entries.begin(), static_cast<long>(listed_) - 3)->first;
    return static_cast<std::int64_t>(listed_);
  }

  Result<std::size_t> list(IoBuffer& buffer) override {
    std::size_t done = 0;
    const auto add = [&](std::string_view name, const Node& node) -> Result<> {
      const auto size = put(buffer, name, node);
      if (!size) return fail(size.error());
      done += *size;
      ++listed_;
      return {};
    };
    Result<> added;
    if (listed_ == 0) added = add(".", *directory_);
    if (added && listed_ == 1) added = add("..", directory_->parent());
    if (added) added = list_entries(add);
    if (!added && done == 0) return fail(added.error());
    return done;
  }

 private:
  /// Calls `add(name, node)` for the entries after those that are listed, until it fails.
  template <class Add>
  Result<> list_entries(Add&& add) {
    const auto& entries = directory_->entries();
    const auto first = listed_ == 2 ? entries.begin() : entries.upper_bound(last_);
    Result<> added;
    auto at = first;
    while (at != entries.end() && (added = add(at->first, *at->second))) ++at;
    if (at != first) last_ = std::prev(at)->first;
    return added;
  }

  /// Puts one entry. EINVAL: `buffer` has too little room for it.
  Result<std::size_t> put(IoBuffer& buffer, std::string_view name, const Node& node) const {
    constexpr std::size_t alignment = 8;
    std::byte record[abi::directory_entry_name + longest_name + 1 + alignment];
    const std::size_t size =
        (abi::directory_entry_name + name.size() + 1 + alignment - 1) / alignment * alignment;
    if (size > buffer.left()) return fail(Errno::einval);
    const abi::DirectoryEntry head{
        .inode = node.inode(),
        .next_offset = static_cast<std::int64_t>(listed_) + 1,
        .record_length = static_cast<std::uint16_t>(size),
        .type = entry_type(node.mode()),
    };
    std::memcpy(record, &head, abi::directory_entry_name);
    std::byte* const text = record + abi::directory_entry_name;
    std::memcpy(text, name.data(), name.size());
    std::memset(text + name.size(), 0, size - abi::directory_entry_name - name.size());
    const auto moved = buffer.put({record, size});
    if (moved && *moved < size) return fail(Errno::efault);
    return moved;
  }

  Ref<Directory> directory_;
  std::size_t listed_ = 0;  // entries listed so far, "." and ".." included
  std::string last_;        // last name listed, from the third entry on
};

}  // namespace

// Destroys the tree from its leaves up, in a loop, because a tree may be deeper than any stack. The
// walk down always takes the first entry, so that the walk up removes that entry.
Directory::~Directory() {
  for (Directory* at = this; at != this || !entries_.empty();) {
    if (at->entries_.empty()) {
      at = at->parent_;
    } else if (Directory* const child = at->entries_.begin()->second->as_directory();
               child != nullptr && child->parent_ == at && child->owners() == 1 &&
               !child->entries_.empty()) {
      at = child;
      continue;
    }
    at->erase(at->entries_.begin());
  }
}

std::size_t Directory::bytes_for(std::string_view name, const Node& node) {
  constexpr std::size_t usual_node = 128;
  const std::size_t target = node.is_symlink() ? node.size() : 0;
  return entry_bytes + name.size() + 1 + usual_node + target;
}

Node* Directory::find(std::string_view name) const {
  const auto place = entries_.find(name);
  return place != entries_.end() ? place->second.get() : nullptr;
}

void Directory::put(std::string_view name, Ref<Node> node) {
  if (const auto there = entries_.find(name); there != entries_.end()) erase(there);
  node->has_name_ = true;
  if (contents_ == Contents::writable) file_quota::charge(bytes_for(name, *node));
  Directory* const child = node->as_directory();
  const auto place = entries_.emplace(name, std::move(node)).first;
  if (child != nullptr) {
    child->parent_ = this;
    child->name_ = &place->first;
  }
}

void Directory::mount(std::string_view name, Ref<Directory> directory) {
  directory->is_mount_point_ = true;
  put(name, std::move(directory));
}

void Directory::remove(std::string_view name) {
  erase(entries_.find(name));
}

void Directory::erase(Entries::const_iterator place) {
  place->second->has_name_ = false;
  if (contents_ == Contents::writable) {
    file_quota::release(bytes_for(place->first, *place->second));
  }
  if (Directory* const child = place->second->as_directory(); child && child->parent_ == this) {
    child->parent_ = nullptr;
  }
  entries_.erase(place);
}

bool Directory::is_removed() const {
  return parent_ == nullptr && this != &root_directory();
}

Result<std::string> Directory::path() const {
  // Written backwards, from the last name.
  std::array<char, longest_path - 1> text;
  std::size_t begin = text.size();
  const Directory* at = this;
  for (; at->parent_; at = at->parent_) {
    const std::string& name = *at->name_;
    if (begin < name.size() + 1) return fail(Errno::enametoolong);
    begin -= name.size();
    std::ranges::copy(name, text.begin() + static_cast<long>(begin));
    text[--begin] = '/';
  }
  if (at->is_removed()) return fail(Errno::enoent);
  if (at == this) return "/";
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

Directory& root_directory() {
  if (root.directory == nullptr) [[unlikely]]
    root.directory = new Directory;
  return *root.directory;
}

}  // namespace kernel
