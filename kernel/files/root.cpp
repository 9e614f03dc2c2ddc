#include "files/root.h"

#include "devices/virtio_devices.h"
#include "files/block_file.h"
#include "files/boot_archive.h"
#include "files/device.h"
#include "files/path_lookup.h"
#include "files/proc.h"

namespace kernel {
namespace {

Ref<Directory> make_devices(const RootParts& parts) {
  auto devices = make_ref<Directory>();
  devices->put("console", make_terminal_device({5, 1}, parts.terminal));
  devices->put("tty", make_terminal_device({5, 0}, parts.terminal));
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
  return devices;
}

}  // namespace

void build_root(const RootParts& parts) {
  Directory& root = root_directory();
  unpack_boot_archive(root, parts.archive);
  root.mount("dev", make_devices(parts));
  const auto proc = make_proc(parts.command_line);
  for (const Account& account : parts.accounts) {
    proc->put(account.name, make_ref<TextFile>(account.write, account.take));
  }
  root.mount("proc", proc);
  root.mount("tmp", make_ref<Directory>(Directory::Contents::writable, 01777));
}

Result<Ref<File>> open_executable(const PathLookup& lookup, std::string_view path) {
  auto node = find_node(lookup, path);
  if (!node) return fail(node.error());
  if (!(*node)->is_executable()) return fail(Errno::eacces);
  auto file = (*node)->open(abi::o_rdonly);
  // A file that programs can write is not executable, because its code could change while it runs.
  if (file && !(*file)->bytes()) return fail(Errno::eacces);
  return file;
}

}  // namespace kernel
