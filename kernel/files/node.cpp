#include "files/node.h"

#include <hal/hart.h>
#include <hal/memory_map.h>

#include <array>

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

Node::Node(unsigned mode) : mode_{mode}, inode_{next_inode()} {}

abi::Stat Node::status() const {
  constexpr std::uint64_t block = 512;
  const abi::Timespec time{.seconds = modified_, .nanoseconds = 0};
  return {
      .device = 1,
      .inode = inode_,
      .mode = mode_,
      .links = has_name_ ? 1u : 0u,
      .special_device = device_number(),
      .size = static_cast<std::int64_t>(size()),
      .block_size = hal::page_size,
      .blocks = static_cast<std::int64_t>((size() + block - 1) / block),
      .accessed = time,
      .modified = time,
      .changed = time,
  };
}

Result<Ref<File>> Symlink::open(int flags) {
  if ((flags & abi::o_path) == 0) return fail(Errno::eloop);
  if (!memory::can_allocate(sizeof(NamedFile))) return fail(Errno::enomem);
  return make_ref<NamedFile>(Ref<Node>::share(*this), flags);
}

}  // namespace kernel
