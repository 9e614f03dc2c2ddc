// What all policies have in common: who is queued, who runs, and for how long it has.
#include "async/policy.h"

#include <utility>

#include "async/executor.h"

namespace async {

void Policy::put(Job& job, bool first) noexcept {
  const bool is_running = &job == running_;  // … before its step has ended
  Entity& entity = is_running ? *entity_ : entity_of(job);
  if (is_running) {
    stop_running();
    entity.state = first ? Entity::State::preempted : Entity::State::arrived;
    first ? put_back(job, entity) : yield(job, entity);
  } else if (entity.hart != hart || !entity.known) {
    enqueue(job, entity);
  } else {
    switch (entity.state) {
      case Entity::State::woken: wake(job, entity); break;
      case Entity::State::preempted: put_back(job, entity); break;
      default: enqueue(job, entity);
    }
  }
  entity.hart = hart;
  entity.known = true;
  entity.state = Entity::State::moved;
  count_ = count_ + 1;
  update_urgency();
}

Job* Policy::take_next() noexcept {
  if (empty()) return nullptr;
  count_ = count_ - 1;
  return pick();
}

void Policy::take_out(Job& job) noexcept {
  count_ = count_ - 1;
  remove(job, entity_of(job));
  update_urgency();
}

void Policy::adjust(Entity& entity, const Attributes& attributes, bool queued) noexcept {
  if (queued) {
    remove(*entity.job, entity);
    entity.attributes = attributes;
    enqueue(*entity.job, entity);
  } else if (&entity == entity_ && running_ != nullptr) {
    charge();
    const Attributes before = std::exchange(entity.attributes, attributes);
    changed(*running_, entity, before);
  } else {
    entity.attributes = attributes;  // it waits
  }
  update_urgency();
}

Job* Policy::take_wanted(bool keep_one, Wanted wanted) noexcept {
  if (count_ <= (keep_one ? 1u : 0u)) return nullptr;
  Job* const job = find(wanted);
  if (job != nullptr) take_out(*job);
  return job;
}

void Policy::happened(TraceEvent event, Job& job) noexcept {
  switch (event) {
    case TraceEvent::spawn: entity_of(job) = Entity{.job = &job}; break;
    case TraceEvent::wake: entity_of(job).state = Entity::State::woken; break;
    case TraceEvent::run:
      running_ = &job;
      entity_ = &entity_of(job);
      turn_began_ns_ = entity_->since_ns = platform::now_ns();
      entity_->state = Entity::State::running;
      entity_->hart = hart;
      update_urgency();
      break;
    case TraceEvent::wait:
    case TraceEvent::done:
    case TraceEvent::migrate:
      if (&job != running_) break;
      stop_running();
      entity_->state = event == TraceEvent::migrate ? Entity::State::moved : Entity::State::waiting;
      leave(job, *entity_);
      break;
    case TraceEvent::preempt:
    case TraceEvent::yield: break;  // put() sees them
  }
}

bool Policy::tick() noexcept {
  if (running_ == nullptr) return false;
  charge();
  update_urgency();
  if (until_tick().count() > 0) return false;
  if (!empty()) return true;
  turn_began_ns_ = platform::now_ns();  // the next one is its own, too
  return false;
}

Duration Policy::until_tick() const noexcept {
  if (running_ == nullptr) return Duration::max();
  const Duration limit = slice(*entity_);
  if (limit == Duration::max()) return limit;
  return limit - Duration(platform::now_ns() - turn_began_ns_);
}

void Policy::charge() noexcept {
  const std::uint64_t now = platform::now_ns();
  const Duration used{static_cast<Duration::rep>(now - entity_->since_ns)};
  entity_->since_ns = now;
  ran(*running_, *entity_, used);
}

void Policy::stop_running() noexcept {
  charge();
  running_ = nullptr;
}

void Policy::update_urgency() noexcept {
  if (empty()) {
    priority = idle_priority;
  } else if (running_ == nullptr) {
    priority = 0;
  } else {
    priority = preempts(*running_, *entity_) ? 0 : running_->priority;
  }
}

}  // namespace async
