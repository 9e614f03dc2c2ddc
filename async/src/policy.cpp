// What all policies have in common: who is queued, who runs, and for how long it has.
#include "async/policy.h"

#include "async/executor.h"

namespace async {

void Policy::put(Job& job, bool first) noexcept {
  Entity& entity = entity_of(job);
  if (entity.state ==
      Entity::State::running) {  // the running job itself, before its step has ended
    charge(job, entity);
    running_ = nullptr;
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

void Policy::adjust(Entity& entity, const Attributes& attributes) noexcept {
  remove(*entity.job, entity);
  entity.attributes = attributes;
  enqueue(*entity.job, entity);
  update_urgency();
}

Job* Policy::take_wanted(bool keep_one, Wanted wanted) noexcept {
  if (count_ <= (keep_one ? 1u : 0u)) return nullptr;
  Job* const job = find(wanted);
  if (job != nullptr) take_out(*job);
  return job;
}

void Policy::happened(TraceEvent event, Job& job) noexcept {
  Entity& entity = entity_of(job);
  switch (event) {
    case TraceEvent::spawn: entity = Entity{.job = &job}; break;
    case TraceEvent::wake: entity.state = Entity::State::woken; break;
    case TraceEvent::run:
      running_ = &job;
      turn_began_ns_ = entity.since_ns = platform::now_ns();
      entity.state = Entity::State::running;
      entity.hart = hart;
      update_urgency();
      break;
    case TraceEvent::wait:
    case TraceEvent::done:
      if (entity.state != Entity::State::running) break;
      charge(job, entity);
      running_ = nullptr;
      entity.state = Entity::State::waiting;
      leave(job, entity);
      break;
    case TraceEvent::migrate:
      if (entity.state != Entity::State::running) break;
      charge(job, entity);
      running_ = nullptr;
      entity.state = Entity::State::moved;
      leave(job, entity);
      break;
    case TraceEvent::preempt:
    case TraceEvent::yield: break;  // put() sees them
  }
}

bool Policy::tick() noexcept {
  if (running_ == nullptr) return false;
  Entity& entity = entity_of(*running_);
  charge(*running_, entity);
  update_urgency();
  if (until_tick().count() > 0) return false;
  if (!empty()) return true;
  turn_began_ns_ = platform::now_ns();  // the next one is its own, too
  return false;
}

Duration Policy::until_tick() const noexcept {
  if (running_ == nullptr) return Duration::max();
  const Duration limit = slice(entity_of(*running_));
  if (limit == Duration::max()) return limit;
  return limit - Duration(platform::now_ns() - turn_began_ns_);
}

void Policy::charge(Job& job, Entity& entity) noexcept {
  const std::uint64_t now = platform::now_ns();
  const Duration used{static_cast<Duration::rep>(now - entity.since_ns)};
  entity.since_ns = now;
  ran(job, entity, used);
}

void Policy::update_urgency() noexcept {
  if (empty()) {
    priority = idle_priority;
  } else if (running_ == nullptr) {
    priority = 0;
  } else {
    priority = preempts(*running_, entity_of(*running_)) ? 0 : running_->priority;
  }
}

}  // namespace async
