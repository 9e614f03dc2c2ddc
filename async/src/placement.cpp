// Which hart a job runs on, and how it gets there. Only where harts run at the same time.
#include <bit>

#include "async/executor.h"

namespace async {

constinit platform::Atomic<HartMask> Executor::idle_harts_ = 0;

namespace {

/// The one of `harts`, which are some, that is next after `hart` going round.
unsigned next_of(HartMask harts, unsigned hart) noexcept {
  const HartMask after = harts & static_cast<HartMask>(~0u << hart);
  return std::countr_zero(after != 0 ? after : harts);
}

}  // namespace

// ── a job has become ready ───────────────────────────────────────────────────────────────────────

void Executor::place(Job& job) noexcept {
  const HartMask idle = idle_harts_.load(std::memory_order_relaxed) & job.harts_;
  unsigned hart = job.hart;
  if (idle != 0) {
    hart = next_of(idle, hart);
    // The next job that becomes ready goes to another one.
    idle_harts_.fetch_and(static_cast<HartMask>(~hart_mask(hart)), std::memory_order_relaxed);
  } else if (!job.may_run_on(hart)) {
    hart = job.may_run_on(hart_) ? hart_ : next_of(job.harts_, hart);
    while (of(hart) == nullptr) hart = next_of(job.harts_, hart + 1);
  }
  send(job, hart);
}

void Executor::send(Job& job, unsigned hart) noexcept {
  if (job.hart != hart) {
    of(hart)->migrations_.fetch_add(1, std::memory_order_relaxed);
    job.hart = static_cast<std::uint8_t>(hart);
  }
  if (hart == hart_) {
    schedule(job);
  } else {
    of(hart)->push(job);
  }
}

void Executor::receive(Job& job) noexcept {
  job.priority = effective_priority(job);  // it may have changed on the way
  const bool busy = local_.job != nullptr || !ready_.empty();
  if (has_better_place(job, busy)) {
    place(job);
  } else {
    schedule(job);
  }
}

// ── nothing to do ────────────────────────────────────────────────────────────────────────────────

void Executor::begin_idling() noexcept {
  if constexpr (!platform::parallel) return;
  idle_harts_.fetch_or(hart_mask(hart_), std::memory_order_relaxed);
  if (!asking_.exchange(true, std::memory_order_acquire)) pass_on(request_);
}

void Executor::end_idling() noexcept {
  if constexpr (!platform::parallel) return;
  idle_harts_.fetch_and(static_cast<HartMask>(~hart_mask(hart_)), std::memory_order_relaxed);
}

/// A request visits every hart after its own that seems to have a job to spare, until one has.
void Executor::pass_on(Node& request) noexcept {
  for (unsigned hart = hart_ + 1;; ++hart) {
    if (hart == platform::max_harts) hart = 0;
    Executor* const executor = of(hart);
    if (hart == request.hart) return executor->asking_.store(false, std::memory_order_release);
    if (executor != nullptr && executor->ready_.seems_filled()) return executor->push(request);
  }
}

void Executor::serve(Node& request) noexcept {
  Executor& thief = *of(request.hart);
  if ((idle_harts() & hart_mask(thief.hart_)) != 0) {
    const bool about_to_run_one = local_.job == nullptr;
    Node* const job = ready_.take(about_to_run_one, [&](const Node& node) {
      return static_cast<const Job&>(node).may_run_on(thief.hart_);
    });
    if (job == nullptr) return pass_on(request);
    send(static_cast<Job&>(*job), thief.hart_);
  }
  thief.asking_.store(false, std::memory_order_release);
}

// ── what is ready has to go elsewhere ────────────────────────────────────────────────────────────

void Executor::set_harts(Job& job, HartMask harts) noexcept {
  job.harts_ = harts;
  if (!job.may_run_on(job.hart) && job.kind == Kind::ready) of(job.hart)->request_resort();
}

void Executor::request_resort() noexcept {
  if (!resort_pending_.exchange(true, std::memory_order_acq_rel)) push(resort_node_);
}

void Executor::resort() noexcept {
  if (local_.job != nullptr) local_.job->priority = effective_priority(*local_.job);
  ReadyQueue before = ready_;
  ready_ = ReadyQueue();
  while (Node* const node = before.pop()) receive(static_cast<Job&>(*node));
}

}  // namespace async
