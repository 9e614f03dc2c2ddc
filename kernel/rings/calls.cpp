// The system calls of rings.
#include <bit>

#include "memory/user_memory.h"
#include "process/thread.h"
#include "rings/calls.h"
#include "rings/ring.h"

namespace kernel::sys {
namespace {

bool is_valid(const RingShape& shape) {
  return shape.memory % sizeof(abi::RingSubmission) == 0 &&
         std::has_single_bit(shape.submissions) && std::has_single_bit(shape.completions) &&
         shape.submissions <= abi::most_submissions && shape.completions <= abi::most_completions &&
         shape.submissions <= shape.completions;
}

}  // namespace

Result<> ring_set_up(Thread& self, std::uintptr_t memory, std::uint32_t submissions,
                     std::uint32_t completions, std::uint32_t flags) {
  const RingShape shape{memory, submissions, completions};
  if (!is_valid(shape) || (flags & ~abi::ring_sqpoll) != 0) return fail(Errno::einval);
  if (!UserSpan<std::byte>{memory, shape.end - memory}.in_range()) return fail(Errno::efault);
  if (ring_of(self) != nullptr) return fail(Errno::ebusy);
  if (auto made = make_pages(self.space(), shape); !made) return made;
  const UserPtr<abi::RingHeader> header{memory};
  if (auto written = header.write(self.space(), {}); !written) return written;
  const std::size_t bytes =
      sizeof(Ring) + RequestTable::bytes_for(completions) + InFlightRequest::most_bytes;
  if (!memory::can_allocate(bytes)) return fail(Errno::enomem);
  self.set_ring(std::make_unique<Ring>(self, shape, (flags & abi::ring_sqpoll) != 0));
  return {};
}

trap::Answer<Result<std::uint32_t>> ring_enter(Thread& self, std::uint32_t submit,
                                               std::uint32_t complete, std::uint32_t flags) {
  Ring* const ring = ring_of(self);
  if (ring == nullptr) return fail(Errno::enxio);
  if (flags != 0) return fail(Errno::einval);
  return ring->enter(submit, complete);
}

async::Task<Result<>> ring_close(Thread& self) {
  if (ring_of(self) == nullptr) co_return fail(Errno::enxio);
  co_await self.close_ring();
  co_return Result<>{};
}

}  // namespace kernel::sys
