#include <async/strand.h>
#include <kernel/panic.h>

#include <bit>

#include "memory/frames.h"
#include "memory/out_of_memory.h"

namespace kernel {

constinit thread_local async::Local async_local;

void* allocate_frame_chunk(std::size_t bytes) noexcept {
  const async::platform::InterruptGuard masked;
  const async::Strand::Guard strand;  // it may be for an independent job
  const unsigned order = std::bit_width((bytes - 1) / hal::page_size);
  const hal::PhysAddr block = memory::frames.allocate_block(order);
  if (block == 0) memory::out_of_memory();
  return hal::phys_to_virt(block);
}

void fail_in_async(const char* what) noexcept {
  panic(what);
}

}  // namespace kernel
