#include "files/node.h"

#include <hal/hart.h>
#include <hal/memory_map.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/machine_facts.h"
#include "files/extended_attributes.h"
#include "files/file_handles.h"
#include "files/file_locks.h"
#include "memory/frames.h"

namespace kernel {
namespace {

// The inode numbers of a hart: its number in the upper bits, and a counter below, which only the
// hart itself changes.
struct alignas(64) InodeNumbers {
  std::uint64_t last = 0;
};
constinit std::array<InodeNumbers, hal::max_harts> inode_numbers{};

std::uint64_t next_inode() {
  constexpr unsigned counter_bits = 48;
  const unsigned hart = hal::hart_index();
  return std::uint64_t{hart} << counter_bits | ++inode_numbers[hart].last;
}

constexpr std::int64_t ns_per_second = 1'000'000'000;

/// A time before 1970 has negative seconds, and nanoseconds from 0 to 999,999,999.
constexpr abi::Timespec to_timespec(std::int64_t ns) {
  const std::int64_t rest = ns % ns_per_second;
  const bool before = rest < 0;
  return {.seconds = ns / ns_per_second - before,
          .nanoseconds = rest + (before ? ns_per_second : 0)};
}

/// A node opened with O_PATH: it has no contents.
class NamedFile final : public File {
 public:
  NamedFile(Ref<Node> node, int flags) : File{flags}, node_{std::move(node)} {}
  abi::Stat status() override { return node_->status(); }
  Node* node() override { return node_.get(); }

 private:
  Ref<Node> node_;
};

}  // namespace

Node::Node(unsigned mode) : mode_{mode}, inode_{next_inode()} {
  accessed_ = modified_ = changed_ = created_ = wall_clock_now();
}

std::int64_t Node::wall_clock_now() {
  return (async::now().time_since_epoch() + wall_clock_at_boot()).count();
}

void Node::set_all_times(std::int64_t seconds) {
  constexpr std::int64_t latest = std::numeric_limits<std::int64_t>::max() / ns_per_second;
  accessed_ = modified_ = changed_ = created_ = std::min(seconds, latest) * ns_per_second;
}

Result<FileLocks*> Node::make_locks() {
  async::Strand::check_access();
  if (locks_ == nullptr && is_remote_) locks_ = make_locks_of_file();
  if (locks_ == nullptr) {
    if (!memory::can_allocate(sizeof(FileLocks))) return fail(Errno::enolck);
    locks_ = new FileLocks;
  }
  return locks_;
}

Result<ExtendedAttributes*> Node::make_attributes() {
  async::Strand::check_access();
  if (attributes_ == nullptr) {
    if (!memory::can_allocate(sizeof(ExtendedAttributes))) return fail(Errno::enospc);
    attributes_ = new ExtendedAttributes;
  }
  return attributes_;
}

void Node::end_rare_parts() {
  if (locks_ != nullptr) locks_->release();
  delete attributes_;
  if (has_handle_) file_handles::remove(inode_);
}

abi::Timespec Node::created() const {
  return to_timespec(created_);
}

[[gnu::noinline]] void Node::set_accessed() {
  accessed_ = wall_clock_now();
  read_is_noted_ = true;
}

abi::Stat Node::status() const {
  constexpr std::uint64_t block = 512;
  return {
      .device = static_cast<std::uint64_t>(file_system_),
      .inode = inode_,
      .mode = mode_,
      .links = links(),
      .uid = uid_,
      .gid = gid_,
      .special_device = device_number(),
      .size = static_cast<std::int64_t>(size()),
      .block_size = hal::page_size,
      .blocks = static_cast<std::int64_t>((used_bytes() + block - 1) / block),
      .accessed = to_timespec(accessed_),
      .modified = to_timespec(modified_),
      .changed = to_timespec(changed_),
  };
}

Result<Ref<File>> Symlink::open(int flags) {
  if ((flags & abi::o_path) == 0) return fail(Errno::eloop);
  return open_path(flags);
}

Result<Ref<File>> Node::open_path(int flags) {
  if (!memory::can_allocate(sizeof(NamedFile))) return fail(Errno::enomem);
  return Ref<File>{make_ref<NamedFile>(Ref<Node>::share(*this), flags)};
}

}  // namespace kernel
