#include "process/numbered_directory.h"

#include <fmt/format.h>

#include <iterator>
#include <map>

#include "files/regular_file.h"
#include "formats/numbers.h"
#include "memory/frames.h"
#include "process/process.h"
#include "process/process_texts.h"
#include "process/thread.h"

namespace kernel {
namespace {

/// Null: there is no such process, or the caller shares the strand.
FdTable* files_of(int id) {
  Process* const process = async::Strand::is_held() ? processes().find(id) : nullptr;
  return process != nullptr ? process->parts().files.get() : nullptr;
}

File* file_of(int id, int fd) {
  FdTable* const files = files_of(id);
  return files != nullptr ? files->find(fd) : nullptr;
}

/// A directory whose names are the numbers for which `Kind` has a node. Kind::exists(id, number),
/// Kind::next(id, after), which is negative behind the last one, and Kind::make(id, number).
template <class Kind>
class NumberedDirectory final : public Directory {
 public:
  explicit NumberedDirectory(int id) : Directory{Contents::fixed, Kind::permissions}, id_{id} {
    set_find_unlisted(find);
    set_next_unlisted(next, Kind::type);
  }
  ~NumberedDirectory() override {
    for (auto& [number, entry] : nodes_) remove_unlisted(std::move(entry));
  }

 private:
  static Result<Node*> find(Directory& directory, std::string_view name) {
    auto& self = static_cast<NumberedDirectory&>(directory);
    const auto number = formats::parse_number(name);
    if (!number || (name.front() == '0' && name != "0") || *number > IdSlots::limit) return nullptr;
    if (!async::Strand::is_held()) return fail(Errno::would_block);
    return self.find(static_cast<int>(*number), name);
  }
  static int next(const Directory& directory, int after) {
    const auto& self = static_cast<const NumberedDirectory&>(directory);
    return self.is_removed() ? -1 : Kind::next(self.id_, after);
  }

  Result<Node*> find(int number, std::string_view name) {
    if (is_removed() || !Kind::exists(id_, number)) return nullptr;
    if (const auto known = nodes_.find(number); known != nodes_.end())
      return &known->second->node();
    std::erase_if(nodes_, [this](auto& each) {
      if (Kind::exists(id_, each.first)) return false;
      remove_unlisted(std::move(each.second));
      return true;
    });
    constexpr std::size_t map_node = 64;
    if (!memory::can_allocate(Kind::bytes + entry_bytes + map_node)) return fail(Errno::enomem);
    Ref<Node> node = Kind::make(id_, number);
    node->set_file_system(file_system());
    return &nodes_.emplace(number, add_unlisted(name, std::move(node))).first->second->node();
  }

  int id_;  // of the process
  std::map<int, std::unique_ptr<Entry>> nodes_;
};

// ── fd ──

/// An open file without a node, such as a pipe, as the object of its link.
class UnnamedFile final : public Node {
 public:
  UnnamedFile(int id, int fd, unsigned mode) : Node{mode}, id_{id}, fd_{fd} {}
  abi::Stat status() const override {
    File* const file = file_of(id_, fd_);
    return file != nullptr && file->node() == nullptr ? file->status() : Node::status();
  }
  bool is_writable() const override { return true; }
  Result<Ref<File>> open(int flags) override {
    if ((flags & abi::o_path) != 0) return open_path(flags);
    File* const file = file_of(id_, fd_);
    return file != nullptr ? file->reopen(flags) : fail(Errno::enoent);
  }

 private:
  int id_, fd_;
};

/// /proc/PID/fd/N.
class DescriptorLink final : public Node {
 public:
  DescriptorLink(int id, int fd) : Node{abi::s_iflnk | 0700}, id_{id}, fd_{fd} {}

  /// Linux's size, and the access mode of the file as permissions of the owner.
  abi::Stat status() const override {
    constexpr int size = 64;
    constexpr unsigned execute = 0100, read = 0400, write = 0200;
    abi::Stat status = Node::status();
    status.size = size;
    if (const File* const file = file_of(id_, fd_)) {
      status.mode = abi::s_iflnk | execute | (file->can_read() ? read : 0u) |
                    (file->can_write() ? write : 0u);
    }
    return status;
  }

  std::string target(const LinkReader& reader) const override {
    File* const file = file_of(id_, fd_);
    if (file == nullptr) return {};
    if (Node* const node = file->node())
      return path_from(reader.root, *node).value_or("/ (deleted)");
    if (file->socket() != nullptr) return fmt::format("socket:[{}]", file->status().inode);
    if (file->pipe() == nullptr) return fmt::format("anon_inode:{}", file->unnamed_kind());
    return fmt::format("pipe:[{}]", file->status().inode);
  }

  Result<Node*> object() override {
    if (!async::Strand::is_held()) return fail(Errno::would_block);
    File* const file = file_of(id_, fd_);
    if (file == nullptr) return fail(Errno::enoent);
    if (Node* const node = file->node()) return node;
    const unsigned mode = file->status().mode;
    if (!unnamed_ || unnamed_->mode() != mode) {
      if (!memory::can_allocate(sizeof(UnnamedFile))) return fail(Errno::enomem);
      unnamed_ = make_ref<UnnamedFile>(id_, fd_, mode);
    }
    return unnamed_.get();
  }

  Result<Ref<File>> open(int flags) override {
    return (flags & abi::o_path) != 0 ? open_path(flags) : fail(Errno::eloop);
  }

 private:
  int id_, fd_;
  Ref<UnnamedFile> unnamed_;
};

struct DescriptorLinks {
  static constexpr unsigned permissions = 0500, type = abi::s_iflnk;
  static constexpr std::size_t bytes = sizeof(DescriptorLink);
  static bool exists(int id, int fd) { return file_of(id, fd) != nullptr; }
  static int next(int id, int after) {
    const FdTable* const files = files_of(id);
    return files != nullptr ? files->next(after + 1) : -1;
  }
  static Ref<Node> make(int id, int fd) { return make_ref<DescriptorLink>(id, fd); }
};

// ── fdinfo ──

void write_descriptor(PagedText& out, int id, int fd) {
  File* const file = file_of(id, fd);
  if (file == nullptr) return;
  const bool closes = files_of(id)->close_on_exec(fd).value_or(false);
  const auto status = file->status();
  fmt::format_to(std::back_inserter(out), "pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n",
                 file->seek(0, abi::seek_cur).value_or(0),
                 file->flags() | (closes ? abi::o_cloexec : 0), status.device, status.inode);
  file->describe(out);
}

struct DescriptorTexts : DescriptorLinks {
  static constexpr unsigned permissions = 0555, type = abi::s_ifreg;
  static constexpr std::size_t bytes = sizeof(TextFile);
  static Ref<Node> make(int id, int fd) { return make_ref<TextFile>(write_descriptor, id, fd); }
};

// ── task ──

struct ThreadText {
  std::string_view name;
  TextFile::WriteOf write;
};
constexpr ThreadText thread_texts[] = {
    {"comm", write_thread_name}, {"stat", write_thread_stat}, {"status", write_thread_status}};

struct ThreadDirectories {
  static constexpr unsigned permissions = 0555, type = abi::s_ifdir;
  static constexpr std::size_t bytes =
      sizeof(Directory) + std::size(thread_texts) * (sizeof(TextFile) + Directory::entry_bytes + 8);
  static bool exists(int id, int number) {
    Thread* const thread = threads().find(number);
    return thread != nullptr && thread->process().id() == id;
  }
  static int next(int id, int after) {
    Process* const process = processes().find(id);
    int found = -1;
    if (process == nullptr) return found;
    for (const Thread& thread : process->threads()) {
      if (thread.id() > after && (found < 0 || thread.id() < found)) found = thread.id();
    }
    return found;
  }
  static Ref<Node> make(int, int number) {
    auto directory = make_ref<Directory>(Directory::Contents::fixed, 0555);
    for (const ThreadText& text : thread_texts)
      directory->put(text.name, make_ref<TextFile>(text.write, number));
    return directory;
  }
};

}  // namespace

const std::size_t numbered_directory_bytes = sizeof(NumberedDirectory<DescriptorLinks>);

Ref<Directory> make_descriptor_links(int id) {
  return make_ref<NumberedDirectory<DescriptorLinks>>(id);
}
Ref<Directory> make_descriptor_texts(int id) {
  return make_ref<NumberedDirectory<DescriptorTexts>>(id);
}
Ref<Directory> make_thread_directories(int id) {
  return make_ref<NumberedDirectory<ThreadDirectories>>(id);
}

}  // namespace kernel
