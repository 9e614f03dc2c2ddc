#include <async/strand.h>
#include <kernel/panic.h>

#include <atomic>
#include <bit>
#include <functional>

#include "devices/hart_timer.h"
#include "memory/frames.h"

namespace kernel {

constinit thread_local async::Local async_local;

void set_executor_alarm(std::uint64_t ns) noexcept {
  set_due(TimerSource::alarm, ns);
}

namespace {

// An interrupt handler that reports a stalled step reads them.
constinit std::atomic<std::uintptr_t> lowest_chunk = ~std::uintptr_t{0};
constinit std::atomic<std::uintptr_t> chunks_end = 0;

/// Sets `bound` to `address` if is_beyond(address, bound).
void extend(std::atomic<std::uintptr_t>& bound, std::uintptr_t address, auto is_beyond) noexcept {
  std::uintptr_t now = bound.load(std::memory_order_relaxed);
  while (is_beyond(address, now) &&
         !bound.compare_exchange_weak(now, address, std::memory_order_relaxed)) {
  }
}

}  // namespace

void* allocate_frame_chunk(std::size_t bytes) noexcept {
  const async::platform::InterruptGuard masked;
  // The caller may be a preemptible job.
  const async::Strand::Guard strand{!async::Strand::is_held_or_shared()};
  const unsigned order = std::bit_width((bytes - 1) / hal::page_size);
  const hal::PhysAddr block = memory::frames.allocate_block(order);
  if (block == 0) memory::out_of_memory();
  void* const chunk = hal::phys_to_virt(block);
  const auto address = reinterpret_cast<std::uintptr_t>(chunk);
  extend(lowest_chunk, address, std::less{});
  extend(chunks_end, address + bytes, std::greater{});
  return chunk;
}

bool may_be_frame(std::uintptr_t address) noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  return address % 8 == 0 && address >= lowest_chunk.load(relaxed) &&
         address < chunks_end.load(relaxed);
}

void fail_in_async(const char* what) noexcept {
  panic(what);
}

}  // namespace kernel
