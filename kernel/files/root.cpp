#include "files/root.h"

#include <fmt/format.h>
#include <kernel/log.h>
#include <trap/program_machine.h>

#include <iterator>

#include "base/machine_facts.h"
#include "devices/block_device.h"
#include "files/block_file.h"
#include "files/boot_archive.h"
#include "files/device.h"
#include "files/fetched.h"
#include "files/file_quota.h"
#include "files/page_cache.h"
#include "files/path_lookup.h"
#include "files/pty.h"
#include "files/regular_file.h"
#include "files/share.h"
#include "memory/frames.h"
#include "memory/paged_text.h"

namespace kernel {
namespace {

/// A tmpfs.
Ref<Directory> make_temporary(Node::FileSystem file_system) {
  auto directory = make_ref<Directory>(Directory::Contents::writable, 01777);
  directory->set_file_system(file_system);
  return directory;
}

Ref<Directory> make_devices(const RootParts& parts) {
  auto devices = make_ref<Directory>();
  devices->set_file_system(Node::FileSystem::devices);
  devices->put("console", make_terminal_device({5, 1}, parts.terminal));
  devices->put("tty", make_controlling_terminal_device(parts.terminal));
  devices->put("ptmx", make_pty_multiplexer());
  devices->mount("pts", make_pty_directory(parts.terminal_users));
  devices->mount("shm", make_temporary(Node::FileSystem::shared_memory));
  devices->put("null", make_null_device());
  devices->put("zero", make_zero_device());
  devices->put("full", make_full_device());
  devices->put("random", make_random_device({1, 8}, parts.fill_random));
  devices->put("urandom", make_random_device({1, 9}, parts.fill_random));
  for (std::uint8_t number = 0; const auto& disk : disks()) {
    constexpr std::uint8_t usual_major = 254, minors_each = 16;
    devices->put(disk->name(), make_ref<BlockNode>(*disk, DeviceNumber{usual_major, number}));
    number += minors_each;
  }
  devices->put("fd", make_ref<Symlink>("/proc/self/fd"));
  devices->put("stdin", make_ref<Symlink>("/proc/self/fd/0"));
  devices->put("stdout", make_ref<Symlink>("/proc/self/fd/1"));
  devices->put("stderr", make_ref<Symlink>("/proc/self/fd/2"));
  return devices;
}

std::string_view kernel_command_line;  // /proc/cmdline

/// /proc/self/exe: a link to the executable of the program that follows it.
class ExecutableLink final : public Node {
 public:
  ExecutableLink() : Node{abi::s_iflnk | 0777} {}
  std::string target(const LinkReader& reader) const override {
    const std::string_view path = reader.executable.substr(0, reader.executable.find('\0'));
    const bool keeps_path = reader.has_canonical_path || reader.is_real_path;
    return path_from(reader.root, keeps_path ? std::string{path} : real_path(path));
  }
  Result<Ref<File>> open(int) override { return fail(Errno::eloop); }
};

/// /proc/self: a link to /proc/PID of the program that follows it. Every start of a program with
/// glibc reads /proc/self/exe, so that file needs no directory of the process.
class SelfLink final : public Node {
 public:
  SelfLink() : Node{abi::s_iflnk | 0777} {
    directory_->put("exe", make_ref<ExecutableLink>());
    directory_->make_permanent();
    directory_->make_nodes_permanent();
  }
  std::string target(const LinkReader& reader) const override {
    return fmt::format("{}", reader.process);
  }
  Directory* shortcut(std::string_view rest) override {
    return rest == "exe" ? directory_.get() : nullptr;
  }
  Result<Ref<File>> open(int flags) override {
    return (flags & abi::o_path) != 0 ? open_path(flags) : fail(Errno::eloop);
  }

 private:
  Ref<Directory> directory_ = make_ref<Directory>();
};

void write_file_systems(PagedText& out) {
  out +=
      "nodev\trootfs\nnodev\tdevpts\nnodev\tdevtmpfs\nnodev\tproc\nnodev\tsysfs\n"
      "nodev\ttmpfs\nnodev\t9p\n";
}

void write_version(PagedText& out) {
  out += fmt::format("Cotrap version " COTRAP_VERSION " ({})\n", trap::program_machine::name);
}

void write_memory(PagedText& out) {
  constexpr std::size_t per_page = hal::page_size / 1024;
  const auto& frames = memory::frames;
  const auto line = [&](std::string_view name, std::size_t pages) {
    fmt::format_to(std::back_inserter(out), "{:<16}{:>8} kB\n", name, pages * per_page);
  };
  line("MemTotal:", frames.total_count());
  line("MemFree:", frames.free_count());
  line("MemAvailable:", frames.free_for_user());
  const std::size_t files = file_quota::bytes_of_files.sum() / hal::page_size;
  line("Buffers:", 0);
  line("Cached:", files + PageCache::total_pages());
  line("SwapCached:", 0);
  line("SwapTotal:", 0);
  line("SwapFree:", 0);
  line("Shmem:", files);
  line("SReclaimable:", 0);  // the heap gives cached pages back before memory counts as used
}

void write_harts(PagedText& out) {
  for (unsigned hart = 0; hart < hart_count(); ++hart) {
    fmt::format_to(std::back_inserter(out), "processor\t: {0}\nhart\t\t: {0}\n", hart);
    // On the hosted machine hart_isa() is empty: a thread of Linux has no ISA string and no Sv39.
    if (const std::string_view isa = hart_isa(hart); !isa.empty())
      fmt::format_to(std::back_inserter(out), "isa\t\t: {}\nmmu\t\t: sv39\n", isa);
    out += '\n';
  }
}

void write_command_line(PagedText& out) {
  out += kernel_command_line;
  out += '\n';
}

/// Creates /proc with self, version, meminfo, cpuinfo, disks, mounts, filesystems and cmdline;
/// build_root() adds the other files. `command_line` must never be freed.
Ref<Directory> make_proc(std::string_view command_line) {
  kernel_command_line = command_line;
  auto proc = make_ref<Directory>();
  proc->set_file_system(Node::FileSystem::processes);
  proc->put("self", make_ref<SelfLink>());
  proc->put("mounts", make_ref<Symlink>("self/mounts"));
  proc->put("filesystems", make_ref<TextFile>(write_file_systems));
  proc->put("version", make_ref<TextFile>(write_version));
  proc->put("meminfo", make_ref<TextFile>(write_memory));
  proc->put("cpuinfo", make_ref<TextFile>(write_harts));
  proc->put("disks", make_ref<TextFile>(list_disks));
  proc->put("cmdline", make_ref<TextFile>(write_command_line));
  return proc;
}

void add_name_servers(Directory& root, TextFile::Write write) {
  if (root.find("etc") == nullptr) root.put("etc", make_ref<Directory>());
  Directory* const etc = root.find("etc")->as_directory();
  if (etc != nullptr && etc->find("resolv.conf") == nullptr)
    etc->put("resolv.conf", make_ref<TextFile>(write));
}

}  // namespace

/// The root directory without the folders that the kernel makes.
static Directory& start_root(const RootParts& parts) {
  using SharedRoot = RootParts::SharedRoot;
  if (parts.shared_root != SharedRoot::none) {
    if (auto shared = start_shared_root(parts.shared_root == SharedRoot::read_only)) {
      set_root_directory(std::move(shared));
      return root_directory();
    }
    log("root: the machine has no file server with the tag '{}'", root_tag);
  }
  Directory& root = root_directory();
  root.set_file_system(Node::FileSystem::root);
  unpack_boot_archive(root, parts.archive);
  if (parts.write_name_servers != nullptr) add_name_servers(root, parts.write_name_servers);
  return root;
}

void build_root(const RootParts& parts) {
  Directory& root = start_root(parts);
  root.mount("dev", make_devices(parts));
  const auto proc = make_proc(parts.command_line);
  for (const Account& account : parts.accounts) {
    proc->put(account.name, make_ref<TextFile>(account.write, account.take));
  }
  proc->set_find_unlisted(parts.find_process);
  proc->set_next_unlisted(parts.next_process, abi::s_ifdir);
  add_system_texts(*proc, parts.limits, parts.fill_random);
  root.mount("proc", proc);
  root.mount("sys", make_sys());
  root.mount("tmp", make_temporary(Node::FileSystem::temporary));
  mount_shares(root, parts.shares_are_read_only);
  root.make_permanent();
  root.make_nodes_permanent();
}

void write_mounts(PagedText& out) {
  if (!root_directory().is_remote()) out += "rootfs / rootfs ro 0 0\n";
  write_shares(out);
  out +=
      "devtmpfs /dev devtmpfs rw,relatime 0 0\n"
      "devpts /dev/pts devpts rw,relatime,mode=600,ptmxmode=000 0 0\n"
      "tmpfs /dev/shm tmpfs rw,relatime 0 0\n"
      "proc /proc proc rw,relatime 0 0\nsysfs /sys sysfs rw,relatime 0 0\n"
      "tmpfs /tmp tmpfs rw,relatime 0 0\n";
}

void write_mount_details(PagedText& out) {
  PagedText mounts;
  write_mounts(mounts);
  std::string text;
  for (std::size_t at = 0; at < mounts.size();) {
    const auto piece = mounts.piece_at(at);
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    at += piece.size();
  }
  std::string_view rest = text;
  const auto take = [&](char end) {
    const std::string_view word = rest.substr(0, rest.find(end));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
  };
  constexpr int first = 1;  // the root is its own parent
  for (int number = first; !rest.empty(); ++number) {
    const auto source = take(' '), place = take(' '), type = take(' '), options = take(' ');
    take('\n');
    const PathLookup lookup{.start = root_directory(), .reader = {}};
    const auto node = find_node(lookup, place);
    fmt::format_to(std::back_inserter(out), "{} {} 0:{} / {} {} - {} {} {}\n", number, first,
                   node ? (*node)->status().device : 0, place, options, type, source, options);
  }
}

std::string real_path(std::string_view path) {
  const PathLookup lookup{.start = root_directory(), .reader = {.is_real_path = true}};
  const auto node = find_node(lookup, path);
  if (!node) return std::string{path};
  // Other harts may rename other nodes while the strand is shared.
  if (!async::Strand::is_held() && !(*node)->is_permanent()) return {};
  return (*node)->path().value_or(std::string{path});
}

Result<Ref<File>> open_executable(const PathLookup& lookup, std::string_view path) {
  auto node = find_node(lookup, path);
  return node ? open_executable(lookup, **node) : fail(node.error());
}

Result<Ref<File>> open_executable(const PathLookup& lookup, Node& node) {
  if (!node.is_executable()) return fail(Errno::eacces);
  if (node.is_remote()) [[unlikely]] {
    if (lookup.fetched == nullptr) return fail(Errno::would_block);
    return lookup.fetched->open(node, abi::o_rdonly);
  }
  return node.open(abi::o_rdonly);
}

}  // namespace kernel
