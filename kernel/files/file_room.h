// How much memory the files of /tmp have: no more than they leave to programs. So what fills /tmp
// is told so while there is enough for what will empty it again.
//
// Counted are the pages of files, and names with what they are the names of. Tasks only.
#pragma once

#include <cstddef>

#include "memory/frames.h"

namespace kernel::file_room {

inline std::size_t taken_bytes = 0;

/// Whether files may have `bytes` more. Asked before they are taken; ENOSPC otherwise.
[[nodiscard]] inline bool has(std::size_t bytes) {
  return memory::admit(taken_bytes + 2 * bytes);
}
inline void take(std::size_t bytes) {
  taken_bytes += bytes;
}
inline void give_back(std::size_t bytes) {
  taken_bytes -= bytes;
}

}  // namespace kernel::file_room
