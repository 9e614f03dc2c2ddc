// The executor's slow paths: its inbox, its alarm, and priorities that change.
#include "async/executor.h"

#include <algorithm>

#include "async/interrupt.h"
#include "async/mutex.h"
#include "async/task.h"

namespace async {

constinit std::array<platform::Atomic<Executor*>, platform::max_harts> Executor::by_hart_{};
constinit Mutex* Executor::contended_ = nullptr;

Executor::Executor(unsigned hart) noexcept : hart_(hart) {
  if (local_.executor != nullptr) platform::fail("this hart has an executor already");
  local_.executor = this;
  if (tracing()) inbox_.store(&traced_, std::memory_order_relaxed);
  by_hart_[hart].store(this, std::memory_order_release);
}

Executor::~Executor() {
  end_idling();
  by_hart_[hart_].store(nullptr, std::memory_order_release);
  local_.executor = nullptr;
}

constinit Link Executor::traced_{nullptr, nullptr};

inline void Executor::resume_traced(Local& local, Job& job) noexcept {
  const bool stays = !job.migrates();  // until it has stopped: the others may be taken before that
  resume(local, job, [&job, stays] {   // if there still is one
    if (platform::job() != &job) return;
    if (stays && job.kind == Kind::waiting) return trace(TraceEvent::wait, job);
    if (!stays || job.kind == Kind::ready) trace(TraceEvent::yield, job);
  });
}

bool Executor::step_with_news(Local& local) noexcept {
  local.job = nullptr;
  look_into_inbox();
  Node* const first = ready_.pop();
  if (first == nullptr) return false;
  Job& job = static_cast<Job&>(*first);
  trace(TraceEvent::run, job);
  resume_traced(local, job);
  return true;
}

void Executor::go_on() noexcept {
  Local& local = platform::local();
  local.executor->resume_traced(local, *local.job);
  platform::local().job = nullptr;
}

// ── who listens to trace points ──────────────────────────────────────────────────────────────────

constinit TraceHook Executor::listener_ = nullptr;
constinit bool Executor::policies_in_use_ = false;

void Executor::tell_policy(TraceEvent event, const Job& job) noexcept {
  // A job that migrates has its new hart already; it is the one that it leaves which has to know.
  const Executor& executor = event == TraceEvent::migrate ? current() : *of(job.hart);
  if (Policy* const policy = executor.ready_.policy()) {
    policy->happened(event, const_cast<Job&>(job));
  }
  if (listener_ != nullptr) listener_(event, job);
}

void Executor::update_trace_hook() noexcept {
  trace_hook = policies_in_use_ ? &tell_policy : listener_;
  PromiseBase::trace_ends(trace_hook != nullptr);
  for (unsigned hart = 0; hart < platform::max_harts; ++hart) {  // look into your inbox
    if (Executor* const executor = of(hart)) executor->alarm_fired();
  }
}

void set_trace_hook(TraceHook hook) noexcept {
  Executor::listener_ = hook;
  Executor::update_trace_hook();
}

void Executor::set_policy(Policy* policy) noexcept {
  if (!platform::tracing) platform::fail("this world has no trace points, which policies need");
  platform::InterruptGuard masked;
  const Strand::Guard strand;
  if (policy != nullptr && !policies_in_use_) forget_entities();
  ready_.set_policy(policy);
  policies_in_use_ = false;
  for (unsigned hart = 0; hart < platform::max_harts; ++hart) {
    policies_in_use_ |= of(hart) != nullptr && of(hart)->ready_.policy() != nullptr;
  }
  update_trace_hook();
}

void Executor::set_attributes(Job& job, const Attributes& attributes) noexcept {
  platform::InterruptGuard masked;
  const Strand::Guard strand;
  Entity& entity = entity_of(job);
  Policy* const policy = of(job.hart)->ready_.policy();
  const bool queued =
      entity.state == Entity::State::moved && job.kind == Kind::ready && !is_running(job);
  if (policy == nullptr) {
    entity.attributes = attributes;
  } else {
    policy->adjust(entity, attributes, queued);
  }
}

// ── ready jobs ───────────────────────────────────────────────────────────────────────────────────

void ReadyQueue::use_rings() noexcept {
  Node& first = sole();
  first.next = last_[first.priority] = &first;
  state_ = nothing | bit(first.priority);
}

void ReadyQueue::push_second(Node& node) noexcept {
  if (policy() != nullptr) return policy()->put(static_cast<Job&>(node), false);
  use_rings();
  push_back(node);
}

void ReadyQueue::push_before_sole(Node& node) noexcept {
  if (policy() != nullptr) return policy()->put(static_cast<Job&>(node), true);
  use_rings();
  push_front_in_rings(node);
}

void ReadyQueue::remove_from_policy(Node& node) noexcept {
  policy()->take_out(static_cast<Job&>(node));
}

void ReadyQueue::set_policy(Policy* policy) noexcept {
  ReadyQueue before;
  while (Node* const node = pop()) before.push_back(*node);
  policy_ = policy;
  state_ =
      policy == nullptr ? nothing : reinterpret_cast<std::uint64_t>(static_cast<Node*>(policy));
  while (Node* const node = before.pop()) push_back(*node);
}

// ── inbox: a lock-free stack that is taken as a whole ────────────────────────────────────────────

void Executor::push(Node& node) noexcept {
  Link* newest = inbox_.load(std::memory_order_relaxed);
  do {
    node.next = newest;
  } while (!inbox_.compare_exchange_weak(newest, &node, std::memory_order_release,
                                         std::memory_order_relaxed));
  if (is_bottom(newest) && hart_ != platform::hart()) platform::poke(hart_);
}

// In the strand, because what has happened is told to jobs of it.
void Executor::drain_inbox() noexcept {
  platform::InterruptGuard masked;
  const Strand::Guard strand;
  Link* oldest = nullptr;  // turn the stack round: first pushed, first served
  Link* const bottom = tracing() ? &traced_ : nullptr;
  for (Link* link = inbox_.exchange(bottom, std::memory_order_acquire); !is_bottom(link);) {
    Link* const next = link->next;
    link->next = oldest;
    oldest = link;
    link = next;
  }
  while (oldest != nullptr) {
    Node& node = static_cast<Node&>(*oldest);
    oldest = oldest->next;  // before it may be pushed again
    switch (node.kind) {
      case Kind::interrupt: static_cast<Interrupt&>(node).deliver(); break;
      case Kind::alarm:
        alarm_pending_.store(false, std::memory_order_release);
        expire(now());
        break;
      case Kind::resort:
        resort_pending_.store(false, std::memory_order_release);
        resort();
        break;
      case Kind::thief: serve(node); break;
      case Kind::ready: receive(static_cast<Job&>(node)); break;
      default: {  // a parked job
        Job& job = static_cast<Job&>(node);
        job.reset();
        // An exchange: of several wakes what the last has written is seen too.
        job.park_.exchange(Job::park_none, std::memory_order_acq_rel);
        job.complete(WaitResult::woken);
      }
    }
  }
  if constexpr (platform::parallel) {
    if (local_.in_company && local_.job != nullptr) offer_rest();  // its step goes on
  }
}

void Executor::wake_from_isr(Job& job) noexcept {
  const std::uint8_t before = job.park_.exchange(Job::park_token, std::memory_order_acq_rel);
  if (before == Job::park_waiting) of(job.hart)->push(job);
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────

void Executor::alarm_fired() noexcept {
  if (!alarm_pending_.exchange(true, std::memory_order_acq_rel)) push(alarm_node_);
}

void Executor::set_alarm(Instant deadline) noexcept {
  alarm_ = deadline;
  const auto ns = std::max(deadline.time_since_epoch().count(), Clock::rep{0});
  platform::set_alarm(static_cast<std::uint64_t>(ns));
}

void Executor::expire(Instant now) noexcept {
  alarm_ = never;
  timers_.advance(now);
  if (const Instant next = timers_.next(); next != never) set_alarm(next);
}

// ── priorities ───────────────────────────────────────────────────────────────────────────────────

void Executor::set_priority(Job& job, std::uint8_t priority) noexcept {
  if (priority >= priorities) platform::fail("a priority is 0 … 31");
  platform::InterruptGuard masked;
  job.base_priority_ = priority;
  inherit(job);
}

void Executor::inherit(Job& job) noexcept {
  // Up the chain of owners, until a priority does not change: that also ends a deadlock's circle.
  for (Job* at = &job; at != nullptr;) {
    const std::uint8_t priority = effective_priority(*at);
    if (priority == at->priority) return;
    apply_priority(*at, priority);
    const bool for_mutex = at->kind == Kind::waiting && at->waits_for_ != nullptr &&
                           at->waits_for_->kind == Kind::mutex;
    at = for_mutex ? static_cast<WaitList*>(at->waits_for_)->owner() : nullptr;
  }
}

std::uint8_t Executor::effective_priority(const Job& job) noexcept {
  std::uint8_t priority = job.base_priority_;
  for (Mutex* mutex = contended_; mutex != nullptr; mutex = mutex->next_contended_) {
    if (mutex->owner() != &job || mutex->waiters_.empty()) continue;
    priority = std::min(priority, static_cast<Node*>(mutex->waiters_.next)->priority);
  }
  return priority;
}

void Executor::apply_priority(Job& job, std::uint8_t priority) noexcept {
  if constexpr (platform::parallel) {
    // It may be on its way to the ready list, or asked for by another hart.
    if (job.hart == hart_) look_into_inbox();
    if (job.kind == Kind::ready && job.hart != hart_) return of(job.hart)->request_resort();
  }
  if (job.kind == Kind::ready && !is_running(job)) {
    ready_.remove(job);
    job.priority = priority;
    schedule(job);
    return;
  }
  job.priority = priority;
  if (job.kind == Kind::waiting && job.waits_for_ != nullptr) {
    const Kind target = job.waits_for_->kind;
    if (target == Kind::list || target == Kind::mutex) {
      static_cast<WaitList*>(job.waits_for_)->reorder(job);
    }
  }
}

}  // namespace async
