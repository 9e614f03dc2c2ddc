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
    if (Policy* const policy = ready_.policy()) policy->stopped(job);
    trace(TraceEvent::migrate, job);
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

// ── something ready, and something else to do ────────────────────────────────────────────────────
//
// A job must not stay in the ready list of a busy hart while one that it may use idles:
//
//   busy hart:  puts the job into its ready list;  looks who idles, and sends it there
//   idle hart:  says that it idles;                looks at the ready lists, and asks for it
//
// Each writes before it looks, so one of the two sees the other.

/// In the strand, when the running step may go on for long.
void Executor::offer_rest() noexcept {
  if (ready_.empty()) return;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (HartMask idle; (idle = idle_harts()) != 0;) {
    Node* const job = ready_.take(false, [idle](const Node& node) {
      return (static_cast<const Job&>(node).harts_ & idle) != 0;
    });
    if (job == nullptr) return;
    place(static_cast<Job&>(*job));
  }
}

void Executor::begin_step_in_company(StepKind kind) noexcept {
  if (kind == StepKind::strand) {
    // Whoever does not see yet that the job runs has written before what it will look at.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return Strand::enter();
  }
  if (ready_.empty()) return;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (idle_harts() == 0) return;
  const Strand::Guard strand;
  offer_rest();
}

// ── nothing to do ────────────────────────────────────────────────────────────────────────────────

void Executor::begin_idling() noexcept {
  if constexpr (!platform::parallel) return;
  idle_harts_.fetch_or(hart_mask(hart_), std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // Where the request is on its way already, it may have been where there is a job since then.
  if (asking_.exchange(ask_again, std::memory_order_acq_rel) != not_asking) return;
  asking_.store(asking, std::memory_order_relaxed);
  pass_on(request_);
}

void Executor::end_idling() noexcept {
  if constexpr (!platform::parallel) return;
  idle_harts_.fetch_and(static_cast<HartMask>(~hart_mask(hart_)), std::memory_order_relaxed);
}

/// Any hart that has this one's request. False: it has idled once more since it asked.
bool Executor::stop_asking() noexcept {
  std::uint8_t expected = asking;
  if (asking_.compare_exchange_strong(expected, not_asking, std::memory_order_acq_rel)) return true;
  asking_.exchange(asking, std::memory_order_acq_rel);
  return false;
}

/// A request visits every hart after its own that seems to have a job to spare, until one has.
void Executor::pass_on(Node& request) noexcept {
  for (unsigned hart = hart_ + 1;; ++hart) {
    if (hart == platform::max_harts) hart = 0;
    Executor* const executor = of(hart);
    if (hart == request.hart) {
      if (executor->stop_asking()) return;
    } else if (hart != hart_ && executor != nullptr && !executor->ready_.empty()) {
      return executor->push(request);
    }
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
    thief.end_idling();
    send(static_cast<Job&>(*job), thief.hart_);
  }
  if (!thief.stop_asking()) pass_on(request);
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
  if (local_.job != nullptr) {
    local_.job->priority = effective_priority(*local_.job);
    if (deadlines_in_use_) update_deadline(*local_.job);
  }
  ReadyQueue before;
  while (Node* const node = ready_.take_any()) before.push_back(*node);
  while (Node* const node = before.pop()) receive(static_cast<Job&>(*node));
}

}  // namespace async
