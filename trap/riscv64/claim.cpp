#include <async/executor.h>
#include <trap/claim.h>

#include <cstdint>

#include "claim_layout.h"

namespace trap {

/// What the trap entry needs of a hart while it has no stack: places for two registers of
/// interrupted kernel code, and the way from a claimed line to the inbox. A program's registers go
/// to its context instead.
struct HartRecord {
  std::uint64_t t0 = 0, t1 = 0;
  async::Interrupt* lines = nullptr;
  async::platform::Atomic<async::Link*>* inbox = nullptr;
  hal::Counter* spurious = nullptr;
};
static_assert(offsetof(HartRecord, t0) == HART_T0);
static_assert(offsetof(HartRecord, t1) == HART_T1);
static_assert(offsetof(HartRecord, lines) == HART_LINES);
static_assert(offsetof(HartRecord, inbox) == HART_INBOX);
static_assert(offsetof(HartRecord, spurious) == HART_SPURIOUS);
static_assert(sizeof(hal::Counter) == 8);
static_assert(line_bytes == 1 << LINE_SHIFT);
static_assert(async::Interrupt::raised_offset() == INTERRUPT_RAISED);
static_assert(offsetof(async::Link, next) == INTERRUPT_NEXT);

extern "C" constinit thread_local HartRecord cotrap_hart{};

void start_claims(async::Interrupt* lines, hal::Counter& spurious) {
  cotrap_hart.lines = lines;
  cotrap_hart.inbox = &async::current_executor().inbox();
  cotrap_hart.spurious = &spurious;
}

}  // namespace trap
