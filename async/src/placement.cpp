// Placement: on which hart a job runs, and how it moves there. Only used if harts run at the same
// time (platform::parallel).
#include <utility>

#include "async/entity.h"
#include "async/executor.h"

namespace async {

constinit Executor::Idle Executor::idle_;

// ── a job has become ready ───────────────────────────────────────────────────────────────────────

void Executor::place(Job& job) noexcept {
  const HartMask idle = idle_.harts.load(std::memory_order_relaxed) & job.harts();
  unsigned hart = job.hart;
  if (idle != 0) {
    hart = next_hart(idle, hart);
    // Clears the hart's bit, so that the next job that becomes ready goes to another hart.
    idle_.harts.remove(hart, std::memory_order_relaxed);
  } else if (!job.may_run_on(hart)) {
    hart = job.may_run_on(hart_) ? hart_ : next_hart(job.harts(), hart);
    while (of(hart) == nullptr) hart = next_hart(job.harts(), hart + 1);
  }
  send(job, hart);
}

bool Executor::leaves(Job& job, bool would_queue) noexcept {
  if (job.may_run_on(hart_) && !(would_queue && (idle_harts() & job.harts()) != 0)) {
    note_harts_of(job);
    return false;
  }
  place(job);
  return true;
}

void Executor::dispatch_smp(Job& job) noexcept {
  if (job.hart != hart_) return place(job);
  if (!goes_elsewhere(job, true)) schedule(job);
}

void Executor::requeue_smp(Job& job, bool first) noexcept {
  if (job.may_leave(hart_) && goes_elsewhere(job, first || !ready_.empty())) return;
  first ? ready_.push_front(job) : ready_.push_back_running(job);
}

void Executor::send(Job& job, unsigned hart) noexcept {
  if (job.hart != hart) {
    of(hart)->migrations_.fetch_add(1, std::memory_order_relaxed);
    job.hart = static_cast<HartNumber>(hart);
    if (Policy* const policy = ready_.policy()) policy->stopped(job);
    trace(TraceEvent::migrate, job);
  }
  if (hart == hart_) {
    note_harts_of(job);
    schedule(job);
  } else {
    if (!job.is_preemptible()) platform::leaves_hart(job);
    // From the push on, the job may run on the other hart.
    if (job.is_parallel() && local_.job == &job) local_.job = nullptr;
    of(hart)->push(job);
  }
}

/// `job` comes from another hart, which has made it ready or has sent it here.
void Executor::receive_ready(Job& job) noexcept {
  if constexpr (platform::parallel_jobs) {
    // Job::complete_watched() on another hart does not set the state. If the job was sent, the
    // state has no effect.
    if (job.is_parallel() && policy() != nullptr) entity_of(job).state = Entity::State::woken;
  }
  receive(job);
}

void Executor::receive(Job& job) noexcept {
  if (job.is_parallel()) return schedule_parallel(job);
  // The priority may have changed while the job was in the inbox.
  job.priority = effective_priority(job);
  const bool busy = local_.job != nullptr || !ready_.empty();
  if (!goes_elsewhere(job, busy)) schedule(job);
}

// ── ready jobs on a busy hart ────────────────────────────────────────────────────────────────────
//
// A job must not stay in the ready list of a busy hart while a hart that it may use idles:
//
//   busy hart:  notes that it has such a job;   reads idle_.harts, and sends the job there
//   idle hart:  sets its bit in idle_.harts;    reads the harts' notes, and requests a job
//
// Each hart writes before it reads, with a seq_cst fence in between, so at least one sees the
// other. A request makes the busy hart search all its ready jobs, in steps of Search::jobs_a_step
// jobs (offer_all()). An idle hart sends no request to a hart without a note. It can then have
// missed only the job with which the note came. The busy hart searches for that job (offer_rest()).
//
// The note is the word may_have_jobs_for_others_. It is on a cache line that the busy hart seldom
// writes. So a hart that often idles does not slow others down, which wake jobs that stay with
// them.

bool Executor::has_rest_for_idle_harts() noexcept {
  if (!may_have_jobs_for_others()) return false;
  platform::atomic_thread_fence(std::memory_order_seq_cst);
  return idle_harts() != 0;
}

/// Offers ready jobs to idle harts, because the running step may take long. Does only one step of a
/// search, unless this step may not reach the only job for other harts. In the strand.
void Executor::offer_rest() noexcept {
  if (offering_ || !has_rest_for_idle_harts() || inject(Fault::steal) != 0) return;
  if (std::exchange(hides_job_for_others_, false)) return offer_all();
  Search search;
  (void)offer_found(search);
}

/// Searches all ready jobs for jobs that idle harts may run, and sends them there. One step of the
/// search runs now, each further step after an IPI to this hart. In the strand.
void Executor::offer_all() noexcept {
  Search search{.from_start = !std::exchange(offering_, true)};
  while (!offer_found(search)) {
    if (!search.is_over) return request_next_offer();
    if (!std::exchange(offer_again_, false)) break;
    search.from_start = true;
    search.is_over = false;
  }
  offering_ = offer_again_ = false;
}

/// Sends the jobs that the search finds to idle harts. True: no hart idles any more. False: this
/// step of the search has ended, or the whole search (Search::is_over).
bool Executor::offer_found(Search& search) noexcept {
  while ((search.harts = idle_harts()) != 0) {
    const bool about_to_run_one = local_.job == nullptr;
    Job* const job = ready_.take(about_to_run_one, search);
    if (job == nullptr) return false;
    place(*job);
  }
  return true;
}

void Executor::request_next_offer() noexcept {
  if (!std::exchange(offer_pending_, true)) push(offer_node_);
  platform::send_ipi(hart_);
}

// The step may have pushed nodes into its own hart's inbox. While the inbox is not empty, pushes of
// other harts send no IPI. So this hart sends itself one, to drain the inbox soon.
void Executor::drain_soon() noexcept {
  if (!inbox_is_empty()) platform::send_ipi(hart_);
}

[[gnu::always_inline]] inline void Executor::begin_sharing_step() noexcept {
  Job& job = *local_.job;
  // The step after this one is in the strand, unless this one calls share_next_step().
  job.flags_ ^= Job::flag_preempted;
  Strand::Sharing{}.keep();  // its fence has the effect of that of a step in the strand
  catch_up(job);
}

void Executor::begin_step_smp(StepKind kind) noexcept {
  ready_.note_popped(*local_.job);
  if (kind == StepKind::strand) {
    // Pairs with code that writes data for the job, then tests is_running(), such as the kernel's
    // Thread::notice(). If that code does not see yet that the job runs, this step sees its data.
    platform::atomic_thread_fence(std::memory_order_seq_cst);
    return Strand::enter_smp();
  }
  if (kind == StepKind::sharing) return begin_sharing_step();
  if (!has_rest_for_idle_harts()) return;
  const Strand::Guard strand;
  offer_rest();
}

void Executor::dispatch_sharing(Job& job) noexcept {
  Executor& here = current();
  if (job.hart == here.hart_) return here.dispatch_smp(job);
  of(job.hart)->push(job);
}

// ── an idle hart ─────────────────────────────────────────────────────────────────────────────────

void Executor::begin_idling() noexcept {
  if constexpr (!platform::parallel) return;
  idle_.harts.add(hart_, std::memory_order_seq_cst);
  platform::atomic_thread_fence(std::memory_order_seq_cst);
  // If this hart's request is already under way, it may have passed a hart that got a job only
  // afterwards. ask_again makes the request go around once more.
  if (asking_.exchange(ask_again, std::memory_order_acq_rel) != not_asking) return;
  asking_.store(asking, std::memory_order_relaxed);
  pass_on(request_);
}

void Executor::end_idling() noexcept {
  if constexpr (!platform::parallel) return;
  idle_.harts.remove(hart_, std::memory_order_relaxed);
}

/// Ends the request of this executor. False: its hart has begun to idle again since the request was
/// sent, so the request must make another round. Called by the hart that has the request.
bool Executor::stop_asking() noexcept {
  std::uint8_t expected = asking;
  if (asking_.compare_exchange_strong(expected, not_asking, std::memory_order_acq_rel)) return true;
  asking_.exchange(asking, std::memory_order_acq_rel);
  return false;
}

/// Passes a steal request to the next hart that seems to have a job for others. When the request is
/// back at the hart that sent it, stop_asking() decides whether it ends.
void Executor::pass_on(Node& request) noexcept {
  for (unsigned hart = hart_ + 1;; ++hart) {
    if (hart >= end()) hart = 0;
    Executor* const executor = of(hart);
    if (hart == request.hart) {
      if (executor->stop_asking()) return;
    } else if (hart != hart_ && executor != nullptr && executor->may_have_jobs_for_others_) {
      return executor->push(request);
    }
  }
}

void Executor::handle_steal(Node& request) noexcept {
  Executor& requester = *of(request.hart);
  const HartMask asks = hart_mask(requester.hart_);
  if ((idle_harts() & asks) != 0 && may_have_jobs_for_others() && inject(Fault::steal) == 0) {
    offer_again_ = offering_;  // the search may have passed jobs that the requester may run
    offer_all();
  }
  if ((idle_harts() & asks) != 0) return pass_on(request);
  if (!requester.stop_asking()) pass_on(request);
}

const Executor* Executor::elsewhere_running(const Job* job) noexcept {
  for (unsigned hart = 0; hart < end(); ++hart) {
    const Executor* const executor = of(hart);
    if (executor == nullptr || hart == platform::hart()) continue;
    if (executor->is_seen_running(job)) return executor;
  }
  return nullptr;
}

// ── ready jobs whose harts or priorities change ──────────────────────────────────────────────────

void Executor::set_harts(Job& job, HartMask harts) noexcept {
  // Outside the strand the job's hart reads where the job may run.
  if (job.is_parallel() && &job != local_.job)
    platform::fail("the harts of a parallel job are set by another job");
  Strand::check_access_unless([&] { return &job == local_.job; });
  const HartMask before = job.harts();
  job.set_harts(harts);
  const bool is_more = (harts & ~before) != 0;
  // A policy's queue lists movable jobs separately. So a queued job that may now use more harts is
  // queued again.
  const bool comes_anew = !job.may_run_on(job.hart) || (is_more && !is_running(job));
  if (comes_anew && job.kind == Kind::ready) of(job.hart)->request_reprioritize();
}

void Executor::request_reprioritize() noexcept {
  if (!reprioritize_pending_.exchange(true, std::memory_order_acq_rel)) push(reprioritize_node_);
}

void Executor::reprioritize_ready() noexcept {
  if (local_.job != nullptr) {
    local_.job->priority = effective_priority(*local_.job);
    if (uses_deadlines()) update_deadline(*local_.job);
  }
  ReadyQueue before;
  ReadyQueue newest_last;  // parallel jobs: receive() makes each one the first of its level
  while (Node* const node = ready_.take_any()) {
    if (platform::parallel_jobs && static_cast<Job*>(node)->is_parallel()) {
      newest_last.push_front(*node);
    } else {
      before.push_back(*node);
    }
  }
  while (Node* const node = before.pop()) receive(static_cast<Job&>(*node));
  if constexpr (!platform::parallel_jobs) return;
  while (Node* const node = newest_last.pop()) receive(static_cast<Job&>(*node));
}

}  // namespace async
