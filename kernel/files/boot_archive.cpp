#include "files/boot_archive.h"

#include <kernel/log.h>

#include <vector>

#include "files/path_lookup.h"
#include "files/regular_file.h"
#include "formats/cpio.h"

namespace kernel {
namespace {

class Unpacker {
 public:
  explicit Unpacker(Directory& root) : root_{root} {}

  /// False: the entry has an unknown type or an invalid path, such as one with "..".
  bool add(const formats::CpioEntry& entry) {
    std::string_view path = entry.name;
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.empty() || path == ".") return true;
    const std::size_t slash = path.rfind('/');
    const std::string_view name = path.substr(slash + 1);
    Directory* const parent =
        slash == std::string_view::npos ? &root_ : directory(path.substr(0, slash));
    if (parent == nullptr || !is_name(name)) return false;

    if ((entry.mode & abi::s_ifmt) == abi::s_ifdir) {
      Directory* const made = directory_in(*parent, name);
      if (made == nullptr) return false;
      describe(*made, entry);
      return true;
    }
    auto node = make(entry);
    if (!node) return false;
    describe(*node, entry);
    parent->put(name, std::move(node));
    return true;
  }

 private:
  struct HardLinks {
    std::uint32_t inode;
    Ref<ArchiveFile> file;
  };

  static bool is_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.size() <= longest_name;
  }

  static void describe(Node& node, const formats::CpioEntry& entry) {
    node.set_permissions(entry.mode);
    node.set_all_times(entry.modified);
  }

  /// The directory `name` in `parent`, created if missing. Null: `name` is not a directory.
  static Directory* directory_in(Directory& parent, std::string_view name) {
    if (Node* there = parent.find(name)) return there->as_directory();
    auto made = make_ref<Directory>();
    Directory* const directory = made.get();
    parent.put(name, std::move(made));
    return directory;
  }

  Directory* directory(std::string_view path) {
    Directory* at = &root_;
    while (at != nullptr && !path.empty()) {
      const std::string_view name = path.substr(0, path.find('/'));
      path.remove_prefix(std::min(name.size() + 1, path.size()));
      if (!is_name(name)) return nullptr;
      at = directory_in(*at, name);
    }
    return at;
  }

  Ref<Node> make(const formats::CpioEntry& entry) {
    switch (entry.mode & abi::s_ifmt) {
      case abi::s_ifreg: return file(entry);
      case abi::s_iflnk:
        return make_ref<Symlink>(std::string_view{
            reinterpret_cast<const char*>(entry.contents.data()), entry.contents.size()});
      default: return nullptr;
    }
  }

  Ref<ArchiveFile> file(const formats::CpioEntry& entry) {
    if (entry.links < 2) return make_ref<ArchiveFile>(entry.contents, entry.mode & 07777);
    for (HardLinks& known : hard_links_) {
      if (known.inode != entry.inode) continue;
      if (!entry.contents.empty()) known.file->set_bytes(entry.contents);
      return known.file;
    }
    auto made = make_ref<ArchiveFile>(entry.contents, entry.mode & 07777);
    hard_links_.push_back({entry.inode, made});
    return made;
  }

  Directory& root_;
  std::vector<HardLinks> hard_links_;
};

}  // namespace

std::size_t unpack_boot_archive(Directory& root, std::span<const std::byte> archive) {
  Unpacker unpacker{root};
  formats::CpioReader reader{archive};
  std::size_t taken = 0;
  while (const auto entry = reader.next()) {
    if (!*entry) {
      log("boot archive: invalid after {} entries; the rest is ignored", taken);
      break;
    }
    if (unpacker.add(**entry)) {
      ++taken;
    } else {
      log("boot archive: cannot add '{}' (mode {:o})", (*entry)->name, (*entry)->mode);
    }
  }
  return taken;
}

}  // namespace kernel
