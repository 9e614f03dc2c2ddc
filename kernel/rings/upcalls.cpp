#include "rings/upcalls.h"

#include <trap/fpu.h>
#include <trap/simulated_trap.h>

#include <algorithm>
#include <span>
#include <utility>

#include "memory/frames.h"
#include "process/exceptions.h"
#include "process/thread.h"

namespace kernel {

using abi::UpcallHeader;
using trap::Cause;

Upcalls::Upcalls(Thread& thread, const UpcallShape& shape)
    : thread_{thread}, shape_{shape}, contexts_{std::make_unique<Context[]>(shape.contexts)} {
  memory::frames.grow_reserve(static_cast<std::ptrdiff_t>(most_bytes(shape.contexts)));
}

Upcalls::~Upcalls() {
  memory::frames.grow_reserve(-static_cast<std::ptrdiff_t>(most_bytes(shape_.contexts)));
}

Result<std::byte*> Upcalls::own_page() {
  const memory::AddressSpace::WithoutWait now{thread_.space()};  // an upcall cannot wait for a fork
  return thread_.space().fault_in(shape_.header, hal::Access::write);
}

/// Null if the header cannot be written: unmapped, read-only, not paged in, or no memory.
UpcallHeader* Upcalls::header() {
  return reinterpret_cast<UpcallHeader*>(own_page().value_or(nullptr));
}

namespace {

/// The pending notifications that are not masked.
std::uint64_t undelivered(UpcallHeader& header) {
  return std::atomic_ref{header.pending}.load(std::memory_order_relaxed) &
         ~std::atomic_ref{header.masked}.load(std::memory_order_relaxed);
}

std::uint32_t open_word(UpcallHeader& header) {
  return std::atomic_ref{header.open}.load(std::memory_order_relaxed);
}

}  // namespace

/// Saves the program's registers in a free context and enters the program for an upcall. `kind` is
/// one of abi::upcalls_…. Returns null if that kind is closed, or if there is no stack or no free
/// context.
template <Cause cause>
Upcalls::Context* Upcalls::begin(UpcallHeader& header, std::uint32_t kind) {
  const std::uint64_t stack = std::atomic_ref{header.stack}.load(std::memory_order_relaxed);
  const std::uint32_t open = open_word(header);
  if ((open & kind) == 0 || stack == 0) return nullptr;
  const std::span contexts{contexts_.get(), shape_.contexts};
  const auto free = std::ranges::find(contexts, Context::State::free, &Context::state);
  if (free == contexts.end()) return nullptr;

  trap::UserContext& running = thread_.context();
  trap::fpu::release(running);
  free->registers.take_registers(running);
  free->state = Context::State::ready;
  free->takes_exceptions = (open & abi::upcalls_take_exceptions) != 0;
  free->signal = {};
  std::atomic_ref{header.stack}.store(0, std::memory_order_relaxed);
  enter<cause>(header, stack, number_of(*free));
  return std::to_address(free);
}

/// Enters the program for an upcall. No hart may hold registers of the thread's context.
template <Cause cause>
void Upcalls::enter(UpcallHeader& header, std::uint64_t stack, std::uint64_t context) {
  std::atomic_ref{header.open}.store(0, std::memory_order_relaxed);
  trap::simulate_trap<cause>(thread_.context(),
                             {.pc = shape_.entry, .stack = stack, .argument = context});
}

/// The context with number `context`, if it can be resumed; else null.
Upcalls::Context* Upcalls::find(std::uint64_t context) {
  if (context >= shape_.contexts) return nullptr;
  Context& kept = contexts_[context];
  return kept.state == Context::State::ready ? &kept : nullptr;
}

/// The context with number `context`, if an exception stopped it and it can be resumed; else null.
Upcalls::Context* Upcalls::find_stopped(std::uint64_t context) {
  Context* const kept = find(context);
  return kept != nullptr && kept->signal != abi::Signal{} ? kept : nullptr;
}

Result<> Upcalls::resume_of(Upcalls& owner, std::uint64_t context, std::uint32_t open) {
  async::Strand::check_access();
  if (context >= owner.shape_.contexts) return fail(Errno::einval);
  Context* const kept = &owner.contexts_[context];
  const bool is_own = &owner == this;
  const bool is_waiting = is_own && kept->state == Context::State::waiting;
  if (!is_waiting && kept->state != Context::State::ready) return fail(Errno::einval);
  UpcallHeader* const header = this->header();
  if (header == nullptr) return fail(Errno::efault);
  std::atomic_ref{header->open}.store(open, std::memory_order_relaxed);
  const std::uint64_t thread_pointer = thread_.context().thread_pointer();
  trap::simulate_trap<Cause::resume>(thread_.context(), {.registers = &kept->registers});
  if (!is_own) thread_.context().set_thread_pointer(thread_pointer);
  kept->state = is_waiting ? Context::State::abandoned : Context::State::free;
  const bool is_open = (open & abi::upcalls_open) != 0;
  // Notifications may have been posted while upcalls were closed.
  if (is_open && undelivered(*header) != 0) thread_.post_events();
  // Requests may have completed while upcalls were closed.
  const bool takes_completions = (open & abi::upcalls_take_completions) != 0;
  if (takes_completions && ring_of(thread_)->has_unread()) interrupt();
  return {};
}

// ── Exceptions ──

bool Upcalls::make_upcall(trap::Trap trap, Errno why) {
  async::Strand::check_access();
  UpcallHeader* const header = this->header();
  if (header == nullptr) return false;
  if (!may_be_resolved(why)) return raise_exception(*header, trap, why);
  if (trap.kind != trap::Trap::page_fault) return false;  // it needs memory for the thread itself
  // No such upcall may interrupt the program's scheduler. It is not in mapped files, and while it
  // runs, the program does not take completions.
  const bool takes_all = (open_word(*header) & abi::upcalls_take_completions) != 0;
  if (!takes_all && !thread_.space().is_mapped_file(trap.address)) return false;
  return wait_for_page(*header, trap, why);
}

namespace {

/// Where a fault worker runs: on the harts that the program has chosen, or on all.
async::HartMask harts_for_faults(UpcallHeader& header) {
  const std::uint64_t chosen = std::atomic_ref{header.fault_harts}.load(std::memory_order_relaxed);
  const async::HartMask harts = chosen & async::Executor::all();
  return harts != 0 ? harts : async::all_harts;
}

}  // namespace

bool Upcalls::wait_for_page(UpcallHeader& header, trap::Trap trap, Errno why) {
  if (!ring_of(thread_)->reserve()) return false;
  Context* const kept = begin<Cause::page>(header, abi::upcalls_take_pages);
  if (kept == nullptr) {
    ring_of(thread_)->give_back();
    return false;
  }
  kept->state = Context::State::waiting;
  kept->trap = trap;
  scope_.spawn(run_fault_worker(*kept, why), {.name = "page",
                                              .priority = ring_of(thread_)->level_of_requests(),
                                              .harts = harts_for_faults(header)});
  return true;
}

bool Upcalls::raise_exception(UpcallHeader& header, trap::Trap trap, Errno why) {
  const auto attempt_stack = std::atomic_ref{header.attempt_stack}.load(std::memory_order_relaxed);
  const bool is_taken = (open_word(header) & abi::upcalls_take_exceptions) != 0;
  if (is_taken && attempt_stack != 0) {
    attempted_ = {.signal = signal_for(trap, why),
                  .address = trap.address,
                  .pc = thread_.context().program_counter()};
    trap::fpu::drop(thread_.context());
    enter<Cause::exception>(header, attempt_stack, abi::no_context);
    return true;
  }
  Context* const kept = begin<Cause::exception>(header, abi::upcalls_take_exceptions);
  if (kept == nullptr) return false;
  kept->trap = trap;
  kept->signal = signal_for(trap, why);
  return true;
}

async::Task<> Upcalls::run_fault_worker(Context& kept, Errno why) {
  const unsigned hart = hal::hart_index();
  const auto signal = co_await resolve_fault(thread_, kept.trap, why);
  if (kept.state == Context::State::abandoned) {
    // The thread has met, or will meet, the same fault again.
    kept.state = Context::State::free;
    ring_of(thread_)->give_back();
    co_return;
  }
  if (signal) {
    kept.signal = *signal;
    if (!kept.takes_exceptions) die_of(kept);
  }
  kept.state = Context::State::ready;
  ring_of(thread_)->complete_reserved(shape_.user_data + number_of(kept),
                                      static_cast<std::int32_t>(kept.signal), hart);
}

Result<abi::UpcallException> Upcalls::exception(std::uint64_t context) {
  if (context == abi::no_context && attempted_.signal != abi::Signal{}) return attempted_;
  const Context* const kept = find_stopped(context);
  if (kept == nullptr) return fail(Errno::einval);
  return abi::UpcallException{.signal = kept->signal,
                              .address = kept->trap.address,
                              .pc = kept->registers.program_counter()};
}

Result<> Upcalls::drop(std::uint64_t context) {
  async::Strand::check_access();
  Context* const kept = find(context);
  if (kept == nullptr) return fail(Errno::einval);
  kept->state = Context::State::free;
  return {};
}

Result<> Upcalls::die(std::uint64_t context) {
  const Context* const kept = find_stopped(context);
  if (kept == nullptr) return fail(Errno::einval);
  die_of(*kept);
  return {};
}

void Upcalls::die_of(const Context& kept) {
  kernel::die_of(thread_, kept.trap, kept.signal, kept.registers.program_counter());
}

// ── Notifications ──

void Upcalls::interrupt() {
  async::Strand::check_access();
  is_requested_ = true;
  thread_.post_events();
}

void Upcalls::on_completion() {
  UpcallHeader* const header = this->header();
  // The program sets `open`, then looks for completions. The kernel has written a completion, and
  // now looks at `open`. The fences on both sides make at least one of them see the other's store.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (header != nullptr && (open_word(*header) & abi::upcalls_take_completions) != 0) interrupt();
}

void Upcalls::notify(std::uint64_t bits) {
  sent_.fetch_add(1, std::memory_order_relaxed);
  pending_.fetch_or(bits, std::memory_order_release);
  thread_.post_events();
}

void Upcalls::deliver_notifications() {
  async::Strand::check_access();
  const bool is_requested = std::exchange(is_requested_, false);
  UpcallHeader* const header = this->header();
  const std::uint64_t arrived = pending_.exchange(0, std::memory_order_acquire);
  if (header == nullptr) return;
  std::atomic_ref{header->pending}.fetch_or(arrived);
  std::atomic_ref{header->sent}.store(sent_.load(std::memory_order_relaxed),
                                      std::memory_order_relaxed);
  if (!is_requested && undelivered(*header) == 0) return;
  Context* kept;
  [[clang::always_inline]] kept = begin<Cause::notification>(*header, abi::upcalls_open);
  if (kept != nullptr) ++header->delivered;
}

bool Upcalls::has_events() {
  if (pending_.load(std::memory_order_relaxed) != 0) return true;
  UpcallHeader* const header = this->header();
  return header != nullptr && undelivered(*header) != 0;
}

Result<> Upcalls::notify_when(hal::Irq irq, std::uint64_t bits) {
  async::Strand::check_access();
  const auto is_of_line = [irq](const Line& line) { return line.irq() == irq; };
  auto line = std::ranges::find_if(lines_, is_of_line);
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
  co_await scope_.join("page-ins of saved contexts");
}

}  // namespace kernel
