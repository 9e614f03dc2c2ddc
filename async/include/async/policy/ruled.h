// Ruled: makes a Policy of one policy's rules. It does what all policies have in common: it counts
// the queued jobs, keeps their states, charges the running job and ends its time slice.
#pragma once

#include <utility>

#include "async/policy/rules.h"

namespace async::policy {

template <AreRules R>
class Ruled final : public Policy {
 public:
  explicit Ruled(const Options& options) noexcept
      : Policy(options.hart, has_deadlines<R>), rules_(options) {}

  void put(Job& job) noexcept override {
    if (&job == running_) return yield(job);  // the job was woken before its step had ended
    Entity& entity = entity_of(job);
    const bool is_woken = entity.state == State::woken && entity.hart == hart;
    is_woken ? rules_.wake(job, entity) : rules_.enqueue(job, entity);
    entity.state = State::here;
    entity.hart = hart;
    enter(job, entity);
    update_urgency();
  }
  void yield(Job& job) noexcept override {
    Entity& entity = stop_running();
    rules_.yield(job, entity);
    enter(job, entity);
    priority = preempt_now;
  }
  void put_back(Job& job) noexcept override {
    Entity& entity = stop_running();
    rules_.put_back(job, entity);
    enter(job, entity);
    priority = preempt_now;
  }
  Job& next() noexcept override {
    running_ = rules_.pick();
    exit(known_entity_of(*running_));
    if constexpr (charges<R> || ends_timeslices<R>) slice_began_ns_ = platform::now_ns();
    if constexpr (charges<R>) known_entity_of(*running_).since_ns = slice_began_ns_;
    update_urgency();
    return *running_;
  }
  void stopped(Job& job) noexcept override {
    if (&job != running_) return;
    Entity& entity = stop_running();
    entity.state = State::away;
    rules_.leave(job, entity);
  }

  void take_out(Job& job) noexcept override {
    Entity& entity = known_entity_of(job);
    rules_.remove(job, entity);
    exit(entity);
    entity.state = State::away;
    update_urgency();
  }
  Job* take_any() noexcept override {
    if (empty()) return nullptr;
    Job* const job = rules_.find({nullptr, [](void*, const Node&) { return true; }});
    if (job != nullptr) take_out(*job);
    return job;
  }
  Job* take(bool keep_one, Search& search) noexcept override {
    if (std::exchange(search.from_start, false)) seen_ = &movable_;
    if (movable_.alone() || size() <= (keep_one ? 1u : 0u)) {
      search.is_over = true;
      return nullptr;
    }
    Job* const job = seen_ == &movable_ ? find_preferred(search) : nullptr;
    return job != nullptr ? job : find_movable(search);
  }
  void adjust(Job& job, const Attributes& attributes) noexcept override {
    Entity& entity = entity_of(job);
    if (&job == running_) {
      charge(entity);
      const Attributes before = std::exchange(entity.attributes, attributes);
      rules_.changed(job, entity, before);
    } else if (job.kind == async::Kind::ready && entity.state == State::here) {
      move(job, entity, [&] { entity.attributes = attributes; });
    } else {
      entity.attributes = attributes;
    }
    update_urgency();
  }

  void set_priority(Job& job, std::uint8_t priority) noexcept override {
    if (R::heeds_priority && &job != running_) {
      move(job, known_entity_of(job), [&] { job.priority = priority; });
    } else {
      job.priority = priority;
    }
    update_urgency();
  }

  std::int64_t deadline_of(const Job& job) const noexcept override {
    if constexpr (has_deadlines<R>) {
      const Entity& entity = entity_of(job);
      if (entity.hart != Entity::nowhere) return entity.key;
      // The entity was reset while the job waited, so its key is not valid.
      return entity.attributes.deadline.time_since_epoch().count();
    }
    return never.time_since_epoch().count();
  }
  bool has_other_deadline(const Job& job) const noexcept override {
    if constexpr (has_deadlines<R>) {
      const Entity& entity = entity_of(job);
      return entity.hart != Entity::nowhere && entity.key != R::due(job, entity);
    }
    return false;
  }
  void update_deadline(Job& job) noexcept override {
    if constexpr (has_deadlines<R>) {
      Entity& entity = known_entity_of(job);
      if (job.kind == async::Kind::ready && entity.state == State::here && &job != running_) {
        move(job, entity, [] {});
      } else {
        entity.key = R::due(job, entity);
      }
      if (job.kind == async::Kind::ready) update_urgency();
    }
  }

  bool tick() noexcept override {
    if (running_ == nullptr) return false;
    const bool is_over = says_what_is_left<R> && until_tick().count() <= 0;
    charge(known_entity_of(*running_));
    update_urgency();
    if (!is_over && until_tick().count() > 0) return false;
    if (!empty()) return true;
    slice_began_ns_ = platform::now_ns();  // no other job is ready: this one gets another slice
    return false;
  }
  Duration until_tick() const noexcept override {
    if (!ends_timeslices<R> || running_ == nullptr) return Duration::max();
    if constexpr (says_what_is_left<R>) {
      const Entity& entity = known_entity_of(*running_);
      return rules_.left(entity, Duration(platform::now_ns() - entity.since_ns));
    } else {
      const Duration limit = rules_.slice(known_entity_of(*running_));
      if (limit == Duration::max()) return limit;
      return limit - Duration(platform::now_ns() - slice_began_ns_);
    }
  }

 private:
  using State = Entity::State;

  // Besides the rules' queue there is a ring of the queued jobs that may run on another hart, in
  // the order of arrival. So a search does not visit jobs that must stay on this hart.

  void enter(const Job& job, Entity& entity) noexcept {
    count_ = count_ + 1;
    if constexpr (platform::parallel) {
      if ((job.harts() & ~hart_mask(hart)) != 0) movable_.insert_before(entity.movable);
    }
  }
  void exit(Entity& entity) noexcept {
    count_ = count_ - 1;
    if (!platform::parallel || entity.movable.next == nullptr) return;
    if (seen_ == &entity.movable) seen_ = entity.movable.prev;
    entity.movable.unlink();
    entity.movable.next = nullptr;
  }
  /// Takes out the job that the rules prefer to give away. Null if find() finds none.
  Job* find_preferred(Search& search) noexcept {
    Job* const job = rules_.find({&search, [](void* search, const Node& node) {
                                    const auto& job = static_cast<const Job&>(node);
                                    return static_cast<const Search*>(search)->wants(job);
                                  }});
    if (job != nullptr) take_out(*job);
    return job;
  }
  /// Takes out the next job of the ring that the search wants. Null: there is none, or this step of
  /// the search may look at no more jobs.
  Job* find_movable(Search& search) noexcept {
    while (seen_->next != &movable_) {
      if (search.left == 0) return nullptr;
      --search.left;
      seen_ = seen_->next;
      Job& job = *reinterpret_cast<Entity*>(seen_)->job;  // `movable` is an Entity's first member
      if (!search.wants(job)) continue;
      take_out(job);
      return &job;
    }
    search.is_over = true;
    return nullptr;
  }

  /// Applies `change` to a queued job, and queues it again at its new place.
  template <class Change>
  void move(Job& job, Entity& entity, Change change) noexcept {
    rules_.remove(job, entity);
    change();
    rules_.enqueue(job, entity);
  }
  void charge(Entity& entity) noexcept {
    if constexpr (charges<R>) {
      const std::uint64_t now = platform::now_ns();
      const auto used = static_cast<Duration::rep>(now - std::exchange(entity.since_ns, now));
      rules_.ran(*running_, entity, Duration(used));
    }
  }
  Entity& stop_running() noexcept {
    Entity& entity = known_entity_of(*running_);
    charge(entity);
    running_ = nullptr;
    return entity;
  }
  void update_urgency() noexcept {
    if (empty()) {
      priority = none_is_ready;
    } else if (running_ == nullptr || rules_.preempts(*running_, known_entity_of(*running_))) {
      priority = preempt_now;
    } else {
      priority = running_->priority;
    }
  }

  R rules_;
  std::uint64_t slice_began_ns_ = 0;
  Link movable_{&movable_, &movable_};
  Link* seen_ = &movable_;  // the last job that the search has looked at
};

}  // namespace async::policy
