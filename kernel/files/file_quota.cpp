#include "files/file_quota.h"

#include <hal/hart.h>

#include <array>
#include <utility>

namespace kernel::file_quota {
namespace {

/// How many spare bytes a hart takes at once. It keeps at most twice as many.
constexpr std::size_t batch = 16 * 1024;

/// Only the hart itself changes its spare bytes, or a hart in the strand.
struct alignas(64) Spare {
  std::size_t bytes = 0;
};
constinit std::array<Spare, hal::max_harts> spares{};

Spare& spare_of_hart() {
  return spares[hal::hart_index()];
}

/// Takes `bytes` from the quota, if it has them.
bool take(std::size_t bytes) {
  const std::size_t before = taken_bytes.fetch_add(bytes, std::memory_order_relaxed);
  if (memory::can_allocate(before + 2 * bytes)) return true;
  taken_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

/// In the strand: returns the spare bytes of all harts.
void collect() {
  for (Spare& spare : spares)
    taken_bytes.fetch_sub(std::exchange(spare.bytes, 0), std::memory_order_relaxed);
}

}  // namespace

bool has_smp(std::size_t bytes) {
  Spare& spare = spare_of_hart();
  if (spare.bytes >= bytes) return true;
  std::size_t added = bytes + batch;
  if (!take(added)) {
    if (!async::Strand::is_held()) return false;
    collect();
    added = bytes;
    if (!take(added)) return false;
  }
  spare.bytes += added;
  return true;
}

void charge_smp(std::size_t bytes) {
  Spare& spare = spare_of_hart();
  if (spare.bytes >= bytes) {
    spare.bytes -= bytes;
  } else {
    taken_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
}

void release_smp(std::size_t bytes) {
  Spare& spare = spare_of_hart();
  spare.bytes += bytes;
  if (spare.bytes <= 2 * batch) return;
  taken_bytes.fetch_sub(std::exchange(spare.bytes, batch) - batch, std::memory_order_relaxed);
}

}  // namespace kernel::file_quota
