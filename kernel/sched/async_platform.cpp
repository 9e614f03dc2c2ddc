#include <async/strand.h>
#include <kernel/panic.h>

#include <algorithm>
#include <atomic>
#include <bit>

#include "devices/hart_timer.h"
#include "memory/frames.h"

namespace kernel {

constinit thread_local async::Local async_local;

void set_executor_alarm(std::uint64_t ns) noexcept {
  set_due(TimerSource::alarm, ns);
}

namespace {

// Written in the strand. An interrupt handler that reports a stalled step reads them.
constinit std::atomic<std::uintptr_t> lowest_chunk = ~std::uintptr_t{0};
constinit std::atomic<std::uintptr_t> chunks_end = 0;

}  // namespace

void* allocate_frame_chunk(std::size_t bytes) noexcept {
  const async::platform::InterruptGuard masked;
  const async::Strand::Guard strand;  // the caller may be a preemptible job
  const unsigned order = std::bit_width((bytes - 1) / hal::page_size);
  const hal::PhysAddr block = memory::frames.allocate_block(order);
  if (block == 0) memory::out_of_memory();
  void* const chunk = hal::phys_to_virt(block);
  const auto address = reinterpret_cast<std::uintptr_t>(chunk);
  constexpr auto relaxed = std::memory_order_relaxed;
  lowest_chunk.store(std::min(lowest_chunk.load(relaxed), address), relaxed);
  chunks_end.store(std::max(chunks_end.load(relaxed), address + bytes), relaxed);
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
