// File handles (open_by_handle_at(2)): a program finds a node without a path. A table holds the
// nodes for which name_to_handle_at has returned a handle. The destructor of a node removes it.
// add() and find() are called in the strand.
#pragma once

#include <kernel/result.h>

#include <cstdint>

namespace kernel {

class Node;

namespace file_handles {

/// Adds the node to the table, unless it is there. find() then returns it even after its last name
/// is removed. The entry counts in the quota of files in memory. ENOMEM.
Result<> add(Node& node);
/// The node with this number; null: it is not in the table.
Node* find(std::uint64_t inode);
/// Removes a node, which must be in the table. In the strand, or while the caller shares it: a
/// reaped process may be the last owner of its working directory.
void remove(std::uint64_t inode);

}  // namespace file_handles

}  // namespace kernel
