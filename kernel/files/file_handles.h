// Handles (open_by_handle_at(2)) find a node without a path. The kernel has a table of those nodes
// of whose handles a program has asked; a node leaves it at its end. In the strand.
#pragma once

#include <kernel/result.h>

#include <cstdint>

namespace kernel {

class Node;

namespace file_handles {

/// From now on find() returns the node, also without a name. The entry counts for the quota of
/// files. ENOMEM.
Result<> add(Node& node);
/// Null: the node has ended, or was never added.
Node* find(std::uint64_t inode);
/// For the end of a node that was added.
void remove(std::uint64_t inode);

}  // namespace file_handles

}  // namespace kernel
