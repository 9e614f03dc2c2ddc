#include "files/directory.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "memory/frames.h"

namespace kernel {
namespace {

constexpr std::uint8_t entry_type(unsigned mode) {
  return static_cast<std::uint8_t>((mode & abi::s_ifmt) >> 12);  // dt_* are s_if* shifted
}
static_assert(entry_type(abi::s_ifdir) == abi::dt_dir && entry_type(abi::s_iflnk) == abi::dt_lnk);

/// An open directory. Its place is the last name listed, so that entries may come and go meanwhile.
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
    if (listed_ > 2) last_ = entries[listed_ - 3].name;
    return static_cast<std::int64_t>(listed_);
  }

  Result<std::size_t> list(IoBuffer& buffer) override {
    std::size_t done = 0;
    while (const auto next = next_entry()) {
      const auto size = put(buffer, next->name, *next->node);
      if (!size) {
        if (done == 0) return fail(size.error());
        break;
      }
      done += *size;
      ++listed_;
      if (listed_ > 2) last_ = next->name;
    }
    return done;
  }

 private:
  struct Next {
    std::string_view name;
    Node* node;
  };

  std::optional<Next> next_entry() const {
    if (listed_ == 0) return Next{".", directory_.get()};
    if (listed_ == 1) return Next{"..", &directory_->parent()};
    const auto& entries = directory_->entries();
    const auto next = listed_ == 2
                          ? entries.begin()
                          : std::ranges::upper_bound(entries, last_, {}, &Directory::Entry::name);
    if (next == entries.end()) return std::nullopt;
    return Next{next->name, next->node.get()};
  }

  /// EINVAL when it does not fit.
  Result<std::size_t> put(IoBuffer& buffer, std::string_view name, const Node& node) const {
    constexpr std::size_t longest_name = 255;
    constexpr std::size_t alignment = 8;
    std::byte record[abi::directory_entry_name + longest_name + 1 + alignment]{};
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
    std::memcpy(record + abi::directory_entry_name, name.data(), name.size());
    const auto moved = buffer.put({record, size});
    if (moved && *moved < size) return fail(Errno::efault);
    return moved;
  }

  Ref<Directory> directory_;
  std::size_t listed_ = 0;  // entries given so far, . and .. among them
  std::string last_;        // the last name given, from the third entry on
};

}  // namespace

Directory::~Directory() {
  for (const Entry& entry : entries_) {
    if (Directory* child = entry.node->as_directory()) child->parent_ = nullptr;
  }
}

std::vector<Directory::Entry>::const_iterator Directory::place_of(std::string_view name) const {
  return std::ranges::lower_bound(entries_, name, {}, &Entry::name);
}

Node* Directory::find(std::string_view name) const {
  const auto place = place_of(name);
  return place != entries_.end() && place->name == name ? place->node.get() : nullptr;
}

void Directory::put(std::string_view name, Ref<Node> node) {
  if (Directory* child = node->as_directory()) child->parent_ = this;
  const auto place = place_of(name);
  if (place != entries_.end() && place->name == name) {
    entries_[static_cast<std::size_t>(place - entries_.begin())].node = std::move(node);
  } else {
    entries_.insert(place, Entry{std::string{name}, std::move(node)});
  }
}

void Directory::remove(std::string_view name) {
  const auto place = place_of(name);
  if (Directory* child = place->node->as_directory(); child && child->parent_ == this) {
    child->parent_ = nullptr;
  }
  entries_.erase(place);
}

bool Directory::is_attached() const {
  const Directory* top = this;
  while (top->parent_) top = top->parent_;
  return top == &root_directory();
}

Result<std::string> Directory::path() const {
  if (!is_attached()) return fail(Errno::enoent);
  std::string path;
  for (const Directory* at = this; at->parent_; at = at->parent_) {
    const auto entry = std::ranges::find(at->parent_->entries_, at,
                                         [](const Entry& entry) { return entry.node.get(); });
    path.insert(0, "/" + entry->name);
  }
  return path.empty() ? "/" : path;
}

Result<Ref<File>> Directory::open(int flags) {
  if (!memory::admit(sizeof(DirectoryFile))) return fail(Errno::enomem);
  return make_ref<DirectoryFile>(Ref<Directory>::share(*this), flags);
}

Directory& root_directory() {
  static Directory* const root = new Directory;
  return *root;
}

}  // namespace kernel
