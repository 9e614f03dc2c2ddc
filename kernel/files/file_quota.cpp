#include "files/file_quota.h"

namespace kernel::file_quota {

bool has_smp(std::size_t bytes) {
  const auto fits = [bytes](std::size_t total) { return memory::can_allocate(total + bytes); };
  if (bytes_of_files.prepare(static_cast<std::ptrdiff_t>(bytes), fits)) return true;
  if (!async::Strand::is_held()) return false;
  bytes_of_files.collect();
  return fits(bytes_of_files.total() + bytes);
}

}  // namespace kernel::file_quota
