#include "files/file_handles.h"

#include <async/leaf_lock.h>
#include <async/strand.h>
#include <kernel/treap.h>

#include "files/file_quota.h"
#include "files/node.h"
#include "memory/frames.h"

namespace kernel::file_handles {
namespace {

struct ByInode;

struct Handle : TreapNode<ByInode> {
  explicit Handle(Node& of) : inode{of.inode()}, node{&of} {}

  std::uint64_t inode;
  Node* node;
};

struct ByInode {
  static bool is_before(const Handle& one, const Handle& other) { return one.inode < other.inode; }
  static void update(Handle&, const Handle*, const Handle*) {}
};

constinit Treap<Handle, ByInode> table;
/// For remove(). Only the strand adds to the table, and looks up nodes in it.
constinit async::LeafLock lock;

Handle* find_handle(std::uint64_t inode) {
  lock.check_access();
  Handle* const found = table.find([inode](const Handle& at) { return at.inode < inode; });
  return found != nullptr && found->inode == inode ? found : nullptr;
}

}  // namespace

Result<> add(Node& node) {
  async::Strand::check_access();
  if (node.has_handle()) return {};
  if (!memory::can_allocate(sizeof(Handle)) || !file_quota::has(sizeof(Handle)))
    return fail(Errno::enomem);
  file_quota::charge(sizeof(Handle));
  table.insert(*new Handle{node});
  node.set_has_handle();
  return {};
}

Node* find(std::uint64_t inode) {
  async::Strand::check_access();
  const Handle* const found = find_handle(inode);
  return found != nullptr ? found->node : nullptr;
}

void remove(std::uint64_t inode) {
  Handle* found;
  {
    const async::LeafLock::SharingGuard guard{lock};
    found = find_handle(inode);
    table.remove(*found);
  }
  delete found;
  file_quota::release(sizeof(Handle));
}

}  // namespace kernel::file_handles
