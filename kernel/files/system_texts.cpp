#include "files/system_texts.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/machine_facts.h"
#include "base/system_name.h"
#include "devices/block_device.h"
#include "files/fd_table.h"
#include "files/file_quota.h"
#include "files/pipe.h"
#include "files/regular_file.h"
#include "files/socket.h"
#include "memory/frames.h"

namespace kernel {
namespace {

SystemLimits system_limits;
void (*fill_with_random)(std::span<std::byte> bytes);

void write_line(PagedText& out, std::string_view text) {
  out += text;
  out += '\n';
}
void write_number(PagedText& out, std::uint64_t number) {
  fmt::format_to(std::back_inserter(out), "{}\n", number);
}

/// A random UUID (RFC 9562, version 4).
using Uuid = std::array<std::byte, 16>;
Uuid make_uuid() {
  Uuid uuid;
  fill_with_random(uuid);
  uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x40};
  uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};
  return uuid;
}
void write_uuid(PagedText& out, const Uuid& uuid) {
  for (std::size_t at = 0; at < uuid.size(); ++at) {
    if (at == 4 || at == 6 || at == 8 || at == 10) out += '-';
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned>(uuid[at]));
  }
  out += '\n';
}
void write_boot_id(PagedText& out) {
  static const Uuid uuid = make_uuid();
  write_uuid(out, uuid);
}

struct Text {
  std::string_view name;
  TextFile::Write write;
};

constexpr Text random_texts[] = {
    {"boot_id", write_boot_id},
    {"uuid", [](PagedText& out) { write_uuid(out, make_uuid()); }},
};
constexpr Text kernel_texts[] = {
    {"cap_last_cap", [](PagedText& out) { write_number(out, 40); }},  // CAP_CHECKPOINT_RESTORE
    {"domainname", [](PagedText& out) { write_line(out, system_name::domain.text()); }},
    {"hostname", [](PagedText& out) { write_line(out, system_name::node.text()); }},
    {"ngroups_max", [](PagedText& out) { write_number(out, 65'536); }},
    {"osrelease", [](PagedText& out) { write_line(out, system_name::release); }},
    {"ostype", [](PagedText& out) { write_line(out, system_name::system); }},
    {"pid_max",
     [](PagedText& out) {
       write_number(out, static_cast<std::uint64_t>(system_limits.process_numbers));
     }},
    {"threads-max", [](PagedText& out) { write_number(out, system_limits.most_threads); }},
    {"version", [](PagedText& out) { write_line(out, system_name::version); }},
};
constexpr Text fs_texts[] = {
    {"dir-notify-enable", [](PagedText& out) { write_number(out, 1); }},
    {"file-max", [](PagedText& out) { write_number(out, std::uint64_t{1} << 62); }},
    {"nr_open", [](PagedText& out) { write_number(out, FdTable::size_limit); }},
    {"pipe-max-size", [](PagedText& out) { write_number(out, Pipe::most_capacity); }},
};
constexpr Text net_core_texts[] = {
    {"somaxconn", [](PagedText& out) { write_number(out, most_waiting_connections); }}};
// A mapping larger than the memory is refused, as in Linux's mode 0.
constexpr Text vm_texts[] = {{"overcommit_memory", [](PagedText& out) { write_number(out, 0); }}};

/// A directory that the first look-up or open fills, so that the boot does not take longer.
class LateDirectory final : public Directory {
 public:
  using Fill = void (*)(Directory& directory);

  explicit LateDirectory(Fill fill) : Directory{Contents::fixed, 0555}, fill_{fill} {
    set_find_unlisted([](Directory& directory, std::string_view name) {
      return static_cast<LateDirectory&>(directory).find_late(name);
    });
  }
  Result<Ref<File>> open(int flags) override {
    if (auto filled = fill(); !filled) return fail(filled.error());
    return Directory::open(flags);
  }

 private:
  Result<Node*> find_late(std::string_view name) {
    if (fill_ == nullptr) return nullptr;
    if (auto filled = fill(); !filled) return fail(filled.error());
    return find(name);
  }
  Result<> fill() {
    if (fill_ == nullptr) return {};
    if (!async::Strand::is_held()) return fail(Errno::would_block);
    constexpr std::size_t enough = 64 * 1024;
    if (!memory::can_allocate(enough)) return fail(Errno::enomem);
    const Fill fill = fill_;
    fill_ = nullptr;
    fill(*this);
    return {};
  }

  async::SharedWord<Fill> fill_;  // null: it is filled. It changes in the strand
};

/// Adds a directory with the texts to `parent`, and returns it.
Directory& add_directory(Directory& parent, std::string_view name, std::span<const Text> texts) {
  auto directory = make_ref<Directory>(Directory::Contents::fixed, 0555);
  Directory& added = *directory;
  parent.put(name, std::move(directory));
  for (const Text& text : texts) added.put(text.name, make_ref<TextFile>(text.write));
  return added;
}

/// Calls each(major, minor, disk) for the disks. The numbers are those of /dev.
template <class Each>
void for_each_disk(Each&& each) {
  constexpr unsigned usual_major = 254, minors_each = 16;
  for (unsigned minor = 0; const auto& disk : disks()) {
    each(usual_major, minor, *disk);
    minor += minors_each;
  }
}

void write_partitions(PagedText& out) {
  out += "major minor  #blocks  name\n\n";
  for_each_disk([&](unsigned major, unsigned minor, const BlockDevice& disk) {
    fmt::format_to(std::back_inserter(out), "{:4}  {:7} {:10} {}\n", major, minor,
                   disk.sectors() / 2, disk.name());
  });
}

void write_swaps(PagedText& out) {
  out += "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
}

void write_memory_counts(PagedText& out) {
  const std::size_t files = file_quota::bytes_of_files.sum() / hal::page_size;
  fmt::format_to(std::back_inserter(out), "nr_free_pages {}\nnr_shmem {}\npswpin 0\npswpout 0\n",
                 memory::frames.free_count(), files);
}

/// The numbers of the harts, as a range.
void write_hart_range(PagedText& out) {
  const unsigned last = hart_count() - 1;
  if (last == 0) {
    out += "0\n";
  } else {
    fmt::format_to(std::back_inserter(out), "0-{}\n", last);
  }
}

/// Adds the texts whose paths begin with `path`, which ends with a slash, to `folder`.
void add_registered(Directory& folder, std::string_view path) {
  for (const ProcText& text : proc_texts()) {
    if (text.name.starts_with(path))
      folder.put(text.name.substr(path.size()), make_ref<TextFile>(text.write));
  }
}

/// /proc/sys.
void fill_sysctl(Directory& sys) {
  Directory& fs = add_directory(sys, "fs", fs_texts);
  add_registered(add_directory(fs, "mqueue", {}), "sys/fs/mqueue/");
  Directory& kernel = add_directory(sys, "kernel", kernel_texts);
  add_directory(kernel, "random", random_texts);
  add_registered(kernel, "sys/kernel/");
  add_directory(add_directory(sys, "net", {}), "core", net_core_texts);
  add_directory(sys, "vm", vm_texts);
}

/// /proc/net.
void fill_network(Directory& net) {
  add_registered(net, "net/");
}

/// /proc/sysvipc.
void fill_ipc(Directory& ipc) {
  add_registered(ipc, "sysvipc/");
}

/// The name in /dev of the console's terminal.
void write_console(PagedText& out) {
  out += "console\n";
}

/// /sys. It has the harts, below devices/system/cpu, and the console, below class/tty.
void fill_sys(Directory& sys) {
  Directory& system = add_directory(add_directory(sys, "devices", {}), "system", {});
  constexpr Text hart_texts[] = {
      {"online", write_hart_range}, {"possible", write_hart_range}, {"present", write_hart_range}};
  Directory& harts = add_directory(system, "cpu", hart_texts);
  for (unsigned hart = 0; hart < hart_count(); ++hart)
    add_directory(harts, fmt::format("cpu{}", hart), {});
  constexpr Text console_texts[] = {{"active", write_console}};
  Directory& terminals = add_directory(add_directory(sys, "class", {}), "tty", {});
  add_directory(terminals, "console", console_texts);
}

}  // namespace

ASYNC_DEFINE_REGISTRY(proc_texts, cotrap_proc_texts, ProcText);

void add_system_texts(Directory& proc, const SystemLimits& limits,
                      void (*fill_random)(std::span<std::byte> bytes)) {
  system_limits = limits;
  fill_with_random = fill_random;
  proc.put("sys", make_ref<LateDirectory>(fill_sysctl));
  proc.put("net", make_ref<LateDirectory>(fill_network));
  proc.put("sysvipc", make_ref<LateDirectory>(fill_ipc));
  proc.put("partitions", make_ref<TextFile>(write_partitions));
  proc.put("swaps", make_ref<TextFile>(write_swaps));
  proc.put("vmstat", make_ref<TextFile>(write_memory_counts));
}

Ref<Directory> make_sys() {
  auto sys = make_ref<LateDirectory>(fill_sys);
  sys->set_file_system(Node::FileSystem::system);
  return sys;
}

}  // namespace kernel
