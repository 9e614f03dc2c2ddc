#include "rings/upcalls.h"

#include <trap/fpu.h>

#include <algorithm>

#include "process/page_fault.h"
#include "process/thread.h"

namespace kernel {

using abi::Upcall;
using abi::UpcallHeader;

Upcalls::Upcalls(Thread& thread, const UpcallShape& shape)
    : thread_{thread}, shape_{shape}, contexts_{std::make_unique<Context[]>(shape.contexts)} {}

/// Null: the program has taken it away, or made it read-only.
UpcallHeader* Upcalls::header() {
  const auto there = thread_.space().resolve(shape_.header, hal::Access::write);
  return there ? reinterpret_cast<UpcallHeader*>(*there) : nullptr;
}

namespace {

/// Notifications that have come and are to be told.
std::uint64_t untold(UpcallHeader& header) {
  return std::atomic_ref{header.pending}.load(std::memory_order_relaxed) &
         ~std::atomic_ref{header.masked}.load(std::memory_order_relaxed);
}

}  // namespace

/// Keeps the program's registers as they are, in `kept`, and lets it go on with its entry. False:
/// not now.
bool Upcalls::begin(UpcallHeader& header, Upcall reason, Context::State state, std::size_t& kept) {
  const std::uint64_t stack = std::atomic_ref{header.stack}.load(std::memory_order_relaxed);
  const bool is_open = std::atomic_ref{header.open}.load(std::memory_order_relaxed) != 0;
  if (!is_open || stack == 0) return false;
  const std::span contexts{contexts_.get(), shape_.contexts};
  const auto free = std::ranges::find(contexts, Context::State::free, &Context::state);
  if (free == contexts.end()) return false;

  trap::UserContext& running = thread_.context();
  trap::fpu::save(running);
  free->registers.take_registers(running);
  free->state = state;
  kept = static_cast<std::size_t>(free - contexts.begin());
  std::atomic_ref{header.open}.store(0, std::memory_order_relaxed);
  std::atomic_ref{header.stack}.store(0, std::memory_order_relaxed);
  running.call(shape_.entry, stack, kept, static_cast<std::uint64_t>(reason));
  return true;
}

Result<> Upcalls::resume(std::uint64_t context, std::uint32_t open, bool keep) {
  if (context >= shape_.contexts) return fail(Errno::einval);
  Context& kept = contexts_[context];
  if (kept.state != Context::State::ready) return fail(Errno::einval);
  UpcallHeader* const header = this->header();
  if (header == nullptr) return fail(Errno::efault);
  std::atomic_ref{header->open}.store(open, std::memory_order_relaxed);
  trap::UserContext& running = thread_.context();
  trap::UserContext caller;
  if (keep) {
    running.set_syscall_result(0);
    trap::fpu::save(running);
    caller.take_registers(running);
  }
  trap::fpu::drop(running);
  running.take_registers(kept.registers);
  if (keep) {
    kept.registers.take_registers(caller);
  } else {
    kept.state = Context::State::free;
  }
  if (open != 0 && untold(*header) != 0) thread_.tell_news();  // they came while it was closed
  return {};
}

// ── Faults ──

bool Upcalls::leave(trap::Trap fault, Errno why) {
  const bool can_wait = (why == Errno::erestart || why == Errno::enomem) &&
                        thread_.space().is_mapped_file(fault.address);
  UpcallHeader* const header = can_wait ? this->header() : nullptr;
  if (header == nullptr || !thread_.ring()->reserve()) return false;
  const std::uint64_t pc = thread_.context().program_counter();
  std::size_t kept = 0;
  if (!begin(*header, Upcall::for_fault, Context::State::waiting, kept)) {
    thread_.ring()->give_back();
    return false;
  }
  scope_.spawn(see_to(kept, fault, why, pc), {.name = "page", .priority = thread_.limit()});
  return true;
}

async::Task<> Upcalls::see_to(std::size_t kept, trap::Trap fault, Errno why, std::uint64_t pc) {
  const unsigned hart = hal::hart_index();
  co_await mend_page_fault(thread_, fault, why, pc);
  contexts_[kept].state = Context::State::ready;
  thread_.ring()->complete_reserved(shape_.user_data + kept, 0, hart);
}

// ── Notifications ──

void Upcalls::notify(std::uint64_t bits) {
  sent_.fetch_add(1, std::memory_order_relaxed);
  pending_.fetch_or(bits, std::memory_order_release);
  thread_.tell_news();
}

void Upcalls::tell() {
  UpcallHeader* const header = this->header();
  if (header == nullptr) return;
  const std::uint64_t news = pending_.exchange(0, std::memory_order_acquire);
  std::atomic_ref{header->pending}.fetch_or(news);
  std::atomic_ref{header->sent}.store(sent_.load(std::memory_order_relaxed),
                                      std::memory_order_relaxed);
  if (untold(*header) == 0) return;
  std::size_t kept = 0;
  if (begin(*header, Upcall::for_notification, Context::State::ready, kept)) ++header->told;
}

bool Upcalls::has_news() {
  if (pending_.load(std::memory_order_relaxed) != 0) return true;
  UpcallHeader* const header = this->header();
  return header != nullptr && untold(*header) != 0;
}

Result<> Upcalls::notify_when(hal::Irq irq, std::uint64_t bits) {
  const auto told_by = [irq](const Line& line) { return line.irq() == irq; };
  auto line = std::ranges::find_if(lines_, told_by);
  if (line == lines_.end()) {
    if (bits == 0) return {};
    line = std::ranges::find(lines_, hal::Irq::none, &Line::irq);
    if (line == lines_.end()) return fail(Errno::ebusy);
  }
  line->stop();
  if (bits == 0) return {};
  line->owner = this;
  line->bits = bits;
  line->start(irq, [](LineListener& raised) {
    const auto& mine = static_cast<Line&>(raised);
    mine.owner->notify(mine.bits);
  });
  return {};
}

// ── The end ──

async::Task<> Upcalls::close() {
  for (Line& line : lines_) line.stop();
  scope_.cancel();
  co_await scope_.join("pages of kept contexts");
}

}  // namespace kernel
