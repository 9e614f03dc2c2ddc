#include "explorer.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace parallel_test {

class Explorer::Stack {
 public:
  explicit Stack(unsigned index) : own_bit(first_stack_bit << index), users_bit(own_bit) {}

  const std::uint32_t own_bit;
  std::uint32_t users_bit;  // for Users: own_bit, or handlers_bit while an interrupt handler runs
  bool is_free = true;
  std::function<void()> body;
  ContextStack frames{&Explorer::enter};
  Context context;  // where it begins, or where it is suspended
};

Explorer explorer;

Explorer::Report Explorer::explore(Bound bound, const std::function<void()>& set_up,
                                   const std::function<void(bool failed)>& tear_down,
                                   const Interrupts& interrupts) {
  bound_ = bound.switches;
  reorderings_ = bound.reorderings;
  if (reorderings_.value_or(0) > WeakMemory::most_reorderings) {
    refuse("the model of weak memory has no room for so many reorderings");
  }
  interrupts_ = interrupts;
  words_.clear();
  numbers_ = 0;
  memory_.clear();
  Report report;

  const auto run = [&] {
    used_threads_ = 0;
    for (const auto& stack : stacks_) stack->is_free = true;
    failure_.clear();
    watched_.clear();
    set_up();
    run_once();
    tear_down(!failure_.empty());
    ++report.schedules;
    report.longest = std::max(report.longest, operations_);
  };
  const auto repeat = [&](const char* schedule) {
    tracing_ = true;
    do {  // until no word becomes shared: the model does not know the earlier accesses to such a
          // word
      has_learned_ = false;
      script_ = schedule;
      trace_.clear();
      run();
    } while (has_learned_);
    tracing_ = false;
    script_ = nullptr;
  };

  if (const char* const schedule = std::getenv("COTRAP_SCHEDULE")) {
    report.schedule = schedule;
    repeat(schedule);
    report.schedules = 1;
    std::puts(trace_.c_str());
  } else {
    const auto begin_anew = [&] {
      choices_.clear();
      report.schedules = report.longest = 0;
    };
    begin_anew();
    do {
      has_learned_ = false;
      run();
      if (has_learned_) begin_anew();
    } while (has_learned_ || (failure_.empty() && next_schedule()));
    if (failure_.empty()) return report;
    report.schedule = this->schedule();
    repeat(report.schedule.c_str());
    --report.schedules;
  }
  if (!failure_.empty()) {
    report.failure = failure_ + "\nCOTRAP_SCHEDULE=" + report.schedule + " repeats it:\n" + trace_;
  }
  return report;
}

void Explorer::add_thread(const char* name, unsigned hart, std::function<void()> body) {
  static constexpr bool always = true;
  if (reorderings_ && used_threads_ == WeakMemory::most_threads) {
    refuse("the model of weak memory has no more threads");
  }
  if (used_threads_ == most_threads) refuse("the explorer has no more threads");
  Thread& thread = threads_[used_threads_];
  thread.index = static_cast<unsigned>(used_threads_++);
  thread.name = name;
  thread.hart = hart;
  const bool* const mask = interrupts_.mask_of == nullptr ? nullptr : interrupts_.mask_of(hart);
  thread.masked = mask == nullptr ? &always : mask;
  thread.stack = &take_stack(std::move(body));
  thread.can_go_on = nullptr;
  thread.ended = false;
  thread.watched = nullptr;
  thread.watched_changed = false;
}

/// Takes the first free stack, so that every run takes the same ones.
Explorer::Stack& Explorer::take_stack(std::function<void()> body) {
  const auto is_free = [](const auto& stack) { return stack->is_free; };
  auto found = std::ranges::find_if(stacks_, is_free);
  if (found == stacks_.end()) {
    if (stacks_.size() == most_stacks) fail("there is no stack left");
    stacks_.push_back(std::make_unique<Stack>(static_cast<unsigned>(stacks_.size())));
    found = stacks_.end() - 1;
  }
  Stack& stack = **found;
  stack.is_free = false;
  stack.users_bit = stack.own_bit;
  stack.body = std::move(body);
  stack.context = stack.frames.restart();
  return stack;
}

void Explorer::enter() {
  explorer.running_->stack->body();
  explorer.running_->ended = true;
  ++explorer.operations_;
  explorer.leave_blocked();
  std::abort();  // a thread that has ended is never resumed
}

void Explorer::leave_stack(Stack*& left, std::function<void()> next) noexcept {
  Stack& before = *running_->stack;
  left = &before;
  running_->stack = &take_stack(std::move(next));
  before.context.switch_to(running_->stack->context);
}

void Explorer::return_to(Stack& stack) noexcept {
  Stack& before = *std::exchange(running_->stack, &stack);
  before.is_free = true;  // for the next leave_stack()
  before.context.switch_to(stack.context);
}

/// Runs until no thread can continue, or until a failure.
void Explorer::run_once() {
  switches_ = 0;
  reordered_ = 0;
  if (reorderings_) memory_.reset();
  operations_ = 0;
  next_choice_ = 0;
  find_next_repeated();
  traced_ = nullptr;
  away_ = asleep_ = 0;
  segment_ = no_choice;
  is_redundant_ = false;
  running_ = &choose(enabled(), 0, not_a_thread);
  outside_.switch_to(running_->stack->context);
  running_ = nullptr;
}

inline void Explorer::find_next_repeated() {
  const bool any = script_ == nullptr && next_choice_ < choices_.size();
  next_repeated_ = any ? choices_[next_choice_].operation : 0;
  if (!any) {
    for (Watched& watched : watched_) watched.value = *watched.pointer;
  }
}

inline Explorer::Choice& Explorer::next_choice(unsigned alternatives) {
  if (next_choice_ == choices_.size()) {
    choices_.push_back({.taken = 0,
                        .alternatives = alternatives,
                        .operation = operations_,
                        .thread = not_a_thread,
                        .standard = not_a_thread,
                        .asleep = asleep_});
  }
  Choice& choice = choices_[next_choice_++];
  find_next_repeated();
  if (choice.alternatives != alternatives || choice.operation != operations_) {
    refuse("the scenario did not repeat itself");
  }
  asleep_ = choice.asleep;
  return choice;
}

/// Whether the next choice of the previous run, which this run repeats, is one of this operation,
/// and of a thread or of weak memory.
inline bool Explorer::repeats_choice(bool of_thread) const {
  if (next_choice_ == choices_.size()) return false;
  const Choice& choice = choices_[next_choice_];
  return choice.operation == operations_ && (choice.thread != not_a_thread) == of_thread;
}

/// The threads that can continue.
inline Explorer::ThreadMask Explorer::enabled() const {
  unsigned mask = 0;
  for (std::size_t i = 0; i < used_threads_; ++i) mask |= unsigned{threads_[i].is_enabled()} << i;
  return static_cast<ThreadMask>(mask);
}

/// Chooses one of the threads `able`, or `standard` if there is nothing to choose. `preempted`: the
/// thread that continues unless another one is chosen; not_a_thread: the switch is free.
Explorer::Thread& Explorer::choose(ThreadMask able, unsigned standard, unsigned preempted) {
  Thread& usual = threads_[standard];
  if (script_ != nullptr) {
    const std::optional<unsigned> thread = take_from_script(':');
    if (thread && *thread >= used_threads_) {
      std::fprintf(stderr, "COTRAP_SCHEDULE: there is no thread %u\n", *thread);
      std::exit(2);
    }
    return thread ? threads_[*thread] : usual;
  }
  const bool repeats = next_choice_ < choices_.size();
  if (is_redundant_ || (repeats && !repeats_choice(true))) return usual;
  const ThreadMask awake = able & ~(repeats ? choices_[next_choice_].asleep : asleep_);
  if (awake == 0) {  // only sleeping threads can continue
    is_redundant_ = true;
    return usual;
  }
  const auto alternatives = static_cast<unsigned>(std::popcount(awake));
  if (alternatives == 1 && (awake >> standard & 1) != 0) {
    // The segment before contains what follows: if other threads could continue there, keep it out.
    if (preempted != not_a_thread && segment_ != no_choice) {
      preemptions_[segment_].segment.add(AccessSet::any_word, true);
      segment_ = no_choice;
    }
    return usual;
  }

  const std::size_t index = next_choice_;
  Choice& choice = next_choice(alternatives);
  if (!repeats) {
    choice.able = awake;
    choice.standard = standard;
    choice.preempted = preempted;
    if (preempted != not_a_thread) {
      choice.previous = segment_;
      if (preemptions_.size() <= index) preemptions_.resize(index + 1);
      preemptions_[index].clear();
    }
  }
  choice.thread = alternative(choice, choice.taken);
  if (preempted == not_a_thread) return threads_[choice.thread];
  if (choice.taken == 0) {
    segment_ = index;
    return usual;
  }
  usual.preempted_at = index;
  usual.preempted_for = choice.thread;
  away_ |= 1u << preempted;
  asleep_ |= 1u << preempted;
  if (next_repeated_ == 0) {
    preemptions_[index].tried |= 1u << choice.thread;
    preemptions_[index].meanwhile[choice.thread].clear();
  }
  return threads_[choice.thread];
}

/// The thread of the alternative with this number.
unsigned Explorer::alternative(const Choice& choice, unsigned number) {
  unsigned left = choice.able;
  if (choice.preempted != not_a_thread) {  // it is the first alternative
    if (number == 0) return choice.preempted;
    left &= ~(1u << choice.preempted);
    --number;
  }
  while (number-- > 0) left &= left - 1;
  return static_cast<unsigned>(std::countr_zero(left));
}

/// Chooses which store the running thread's load reads, or where its store goes. 0: the newest.
unsigned Explorer::choose_reordering(unsigned alternatives) {
  unsigned taken = 0;
  if (script_ != nullptr) {
    taken = std::min(take_from_script('=').value_or(0), alternatives - 1);
  } else if (alternatives > 1 && reordered_ < *reorderings_ && !has_learned_ && !is_redundant_) {
    taken = next_choice(alternatives).taken;
  }
  if (taken == 0) return 0;
  ++reordered_;
  if (tracing_) trace_ += "(" + std::to_string(taken) + " before the newest)";
  return taken;
}

/// If the next choice in the script is one of this operation and has this sign, takes it.
std::optional<unsigned> Explorer::take_from_script(char sign) {
  char* end = nullptr;
  if (std::strtoull(script_, &end, 10) != operations_ || *end != sign) return {};
  const unsigned long taken = std::strtoul(end + 1, &end, 10);
  script_ = *end == ',' ? end + 1 : end;
  return static_cast<unsigned>(taken);
}

bool Explorer::next_schedule() {
  choices_.resize(next_choice_);
  while (!choices_.empty()) {
    Choice& choice = choices_.back();
    while (++choice.taken < choice.alternatives) {
      if (choice.preempted == not_a_thread ||
          !is_redundant(choices_.size() - 1, alternative(choice, choice.taken))) {
        return true;
      }
    }
    leave_choice();
    choices_.pop_back();
  }
  return false;
}

/// Whether the preemption for `thread` at this choice leads only to schedules that equal those with
/// the preemption at the next switch point.
bool Explorer::is_redundant(std::size_t choice, unsigned thread) {
  Preemption& preemption = preemptions_[choice];
  if ((preemption.followed >> thread & 1) == 0) return false;
  const AccessSet& later = preemption.after_segment[thread];
  if (preemption.segment.conflicts(later)) return false;
  preemption.tried |= 1u << thread;
  preemption.meanwhile[thread] = later;
  return true;
}

/// All alternatives of the last choice have been tried.
void Explorer::leave_choice() {
  const Choice& choice = choices_.back();
  if (choice.preempted == not_a_thread || choice.previous == no_choice) return;
  const Preemption& last = preemptions_[choices_.size() - 1];
  Preemption& previous = preemptions_[choice.previous];
  // Between the two choices are only some of weak memory. The first alternatives, which are tried
  // first, leave the most room for other reorderings.
  const bool are_first =
      std::all_of(choices_.begin() + static_cast<std::ptrdiff_t>(choice.previous) + 1,
                  choices_.end() - 1, [](const Choice& between) { return between.taken == 0; });
  for (unsigned left = last.tried; left != 0; left &= left - 1) {
    const int thread = std::countr_zero(left);
    AccessSet& known = previous.after_segment[thread];
    if ((previous.followed >> thread & 1) != 0) {
      known.add(last.meanwhile[thread]);
    } else if (are_first) {
      known = last.meanwhile[thread];
      previous.followed |= 1u << thread;
    }
  }
}

/// The number of `word` in the sets of accesses.
AccessSet::Number Explorer::number_of(const void* word) {
  if (word == nullptr) return AccessSet::any_word;
  Users& users = words_[word];
  if (users.number == AccessSet::any_word && numbers_ + 1 < AccessSet::most_words) {
    users.number = static_cast<AccessSet::Number>(++numbers_);
  }
  return users.number;
}

/// The running thread accesses a word.
void Explorer::note_access(AccessSet::Number word, Access access) {
  if (is_redundant_) return;
  const bool writes = access != Access::load;
  if (segment_ != no_choice) preemptions_[segment_].segment.add(word, writes);
  for (unsigned left = away_; left != 0; left &= left - 1) {
    const Thread& thread = threads_[std::countr_zero(left)];
    Preemption& preemption = preemptions_[thread.preempted_at];
    preemption.meanwhile[thread.preempted_for].add(word, writes);
    if (preemption.segment.conflicts(word, writes)) asleep_ &= ~(1u << thread.index);
  }
}

inline void Explorer::count_operation() {
  if (++operations_ > most_operations) fail("the schedule does not end");
}

void Explorer::switch_to(Thread& thread) {
  Thread& before = *std::exchange(running_, &thread);
  thread.can_go_on = nullptr;
  segment_ = no_choice;
  away_ &= ~(1u << thread.index);
  asleep_ &= ~(1u << thread.index);
  before.stack->context.switch_to(thread.stack->context);
}

/// Whether the order of this access to `word` and another thread's accesses matters. If the thread
/// can be interrupted here, accesses on other stacks and in handlers count too.
[[gnu::always_inline]] inline Explorer::Sharing Explorer::sharing(const void* word, Access access) {
  if (word == nullptr) {
    return {.order_matters = true, .is_shared = access != Access::none};
  }
  const Users& users = words_[word];
  const std::uint32_t self = 1u << running_->index | running_->stack->users_bit;
  const std::uint32_t same = access == Access::write ? users.writers : users.readers;
  const std::uint32_t others =
      (users.writers | (access == Access::write ? users.readers : 0)) & ~self;
  if ((same & self) != self) learn(word, access, self, others);
  if (others == 0) return {};
  const bool among_threads = (others & thread_bits) != 0;
  return {.order_matters = among_threads || may_be_interrupted(),
          .is_weak = among_threads && reorderings_.has_value(),
          .is_shared = true,
          .number = number_of(word)};
}

/// Adds `self` to the users of `word`. If others use it, sets has_learned_: the search starts
/// again.
[[gnu::cold]] void Explorer::learn(const void* word, Access access, std::uint32_t self,
                                   std::uint32_t others) {
  Users& users = words_[word];
  if (reorderings_ && (users.readers | users.writers) == 0) memory_.add_atomic(word);
  if (others != 0) has_learned_ = true;
  (access == Access::write ? users.writers : users.readers) |= self;
}

/// Called at the end of the running thread's segment.
void Explorer::note_watched() {
  for (Watched& watched : watched_) {
    const void* const before = std::exchange(watched.value, *watched.pointer);
    if (watched.value != before) note_access(number_of(&watched_), Access::write);
  }
}

/// Lets the running thread continue, or preempts it.
void Explorer::choose_preemption() {
  const unsigned self = running_->index;
  if (Thread& next = choose(enabled() | 1u << self, self, self); &next != running_) {
    ++switches_;
    switch_to(next);
  }
}

/// Chooses the thread that runs next, before this thread uses `word`.
[[gnu::always_inline]] inline Explorer::Sharing Explorer::reach(const void* word, Access access) {
  count_operation();
  if (next_repeated_ == 0) note_watched();
  running_->watched = word;
  running_->watched_changed = false;
  Sharing& found = sharings_[operations_];
  // Up to next_repeated_ the entry of the previous run is still valid.
  if (operations_ > next_repeated_) found = sharing(word, access);
  if (script_ != nullptr ||
      (operations_ >= next_repeated_ && found.order_matters && switches_ < bound_)) {
    choose_preemption();
  }
  if (next_repeated_ == 0 && found.is_shared) note_access(found.number, access);
  return found;
}

inline bool Explorer::take_interrupts() {
  if (!may_be_interrupted()) return false;
  Stack& stack = *running_->stack;
  stack.users_bit = handlers_bit;
  // A handler may preempt this stack, which another thread of the explorer then continues: use
  // `stack` after it, and not running_.
  const bool any = interrupts_.take();
  stack.users_bit = stack.own_bit;
  return any;
}

bool Explorer::explore_point(const char* operation, const void* word, Access access,
                             std::source_location where) noexcept {
  Sharing found;
  do {
    found = reach(word, access);
  } while (take_interrupts());  // after a handler, which may have changed the thread: choose again
  if (tracing_ && found.order_matters) note(operation, where);
  return found.is_weak;
}

void Explorer::fence(std::memory_order order, std::source_location where) noexcept {
  if (!has_weak_memory()) return;
  // Its order among other threads' fences matters. The other fences only concern this thread.
  if (order == std::memory_order_seq_cst) point("fence", &memory_, Access::write, where);
  memory_.fence(thread(), order);
}

bool Explorer::races(const void* data, Access access) noexcept {
  if (!has_weak_memory()) return false;
  using Kind = WeakMemory::Access;
  const bool races =
      memory_.races(thread(), data, access == Access::write ? Kind::write : Kind::read);
  // If a word has become shared in this run, the model does not know its first accesses.
  return races && !has_learned_;
}

void Explorer::access_plain(const void* data, Access access, std::source_location where) noexcept {
  if (tracing_ && has_weak_memory()) note(access == Access::write ? "write" : "read", where);
  touch(data, access);
  if (races(data, access)) fail("a race on plain data");
}

/// Switches to a thread that can continue; if there is none, the run is over.
void Explorer::leave_blocked() {
  if (next_repeated_ == 0) note_watched();
  segment_ = no_choice;
  const ThreadMask able = enabled();
  if (able == 0) {
    running_->stack->context.switch_to(outside_);
    return;
  }
  const auto first = static_cast<unsigned>(std::countr_zero(able));
  if (Thread& next = choose(able, first, not_a_thread); &next != running_) {
    switch_to(next);
  } else {
    next.can_go_on = nullptr;
  }
}

void Explorer::wait(const char* what, std::function<bool()> can_go_on,
                    std::source_location where) noexcept {
  if (running_ == nullptr) return;
  count_operation();
  if (tracing_) note(what, where);
  running_->can_go_on = std::move(can_go_on);
  leave_blocked();
}

void Explorer::changed(const void* word) noexcept {
  if (running_ == nullptr) return;
  for (std::size_t i = 0; i < used_threads_; ++i) {
    Thread& thread = threads_[i];
    if (&thread != running_ && thread.watched == word) thread.watched_changed = true;
  }
}

void Explorer::relax(std::source_location where) noexcept {
  const Thread* const thread = running_;
  wait("relax", [thread] { return thread->watched_changed; }, where);
}

void Explorer::fail(std::string message) noexcept {
  if (tracing_ && running_ != nullptr) trace_ += "\n  … " + message + "\n";
  if (failure_.empty()) failure_.swap(message);
  std::string().swap(message);
  if (running_ == nullptr) return;
  running_->stack->context.switch_to(outside_);  // never returns
}

// ── The trace ────────────────────────────────────────────────────────────────────────────────────

void Explorer::note(const char* operation, std::source_location where) {
  if (traced_ != running_) {
    trace_ += std::string(trace_.empty() ? "  " : "\n  ") + running_->name + ":";
    traced_ = running_;
  }
  const char* const slash = std::strrchr(where.file_name(), '/');
  trace_ += std::string(" ") + operation + "@" +
            (slash != nullptr ? slash + 1 : where.file_name()) + ":" + std::to_string(where.line());
}

std::string Explorer::schedule() const {
  std::string text;
  for (std::size_t i = 0; i < next_choice_; ++i) {
    const Choice& choice = choices_[i];
    if (choice.thread == choice.standard && choice.taken == 0) continue;
    if (!text.empty()) text += ",";
    text += std::to_string(choice.operation);
    text += choice.thread == not_a_thread ? "=" + std::to_string(choice.taken)
                                          : ":" + std::to_string(choice.thread);
  }
  return text;
}

}  // namespace parallel_test
