// The timer wheel. timer.h explains which slot a deadline belongs to.
#include "async/timer.h"

#include <algorithm>
#include <bit>

namespace async {

TimerWheel::TimerWheel() noexcept {
  for (auto& level : slots_) {
    for (Link& slot : level) slot.reset();
  }
}

void TimerWheel::insert(Timer& timer, Instant deadline) noexcept {
  timer.deadline_ = deadline;
  timer.wheel_ = this;
  place(timer);
}

void TimerWheel::place(Timer& timer) noexcept {
  constexpr std::uint64_t horizon = (std::uint64_t{1} << shift_of(levels)) - 1;
  const auto deadline = static_cast<std::uint64_t>(
      std::max(timer.deadline_.time_since_epoch().count(), Clock::rep{0}));
  // A deadline in the past counts as now. A deadline beyond the wheel goes into its last slot, and
  // is placed again when that slot's time comes.
  const std::uint64_t at = std::min(std::max(deadline, now_), now_ | horizon);
  const std::uint64_t differ = (at ^ now_) >> granule_bits;
  const unsigned level = (std::bit_width(differ | 1) - 1) / digit_bits;
  const unsigned slot = (at >> shift_of(level)) % slots;

  Link* after = &slots_[level][slot];
  if (level == 0) {  // keeps the slot sorted: inserts after timers with the same deadline
    Link* const head = after;
    while (after->prev != head && static_cast<Timer*>(after->prev)->deadline_ > timer.deadline_) {
      after = after->prev;
    }
  }
  after->insert_before(timer);
  occupied_[level] |= std::uint64_t{1} << slot;
  occupied_levels_ |= 1u << level;
}

void TimerWheel::clear(unsigned level, unsigned slot) noexcept {
  occupied_[level] &= ~(std::uint64_t{1} << slot);
  if (occupied_[level] == 0) occupied_levels_ &= ~(1u << level);
}

void TimerWheel::remove(Timer& timer) noexcept {
  Link* const before = timer.prev;
  timer.unlink();
  timer.reset();
  if (!before->alone()) return;
  // `before` is the head of a slot that has become empty.
  const auto index = static_cast<unsigned>(before - &slots_[0][0]);
  clear(index / slots, index % slots);
}

/// Returns false if it stops before a timer that is due, because `may_fire` is false for it.
template <class MayFire>
bool TimerWheel::fire_due(Link& head, Instant now, MayFire may_fire) noexcept {
  do {
    Timer& first = static_cast<Timer&>(*head.next);
    if (first.deadline_ > now) break;
    if (!may_fire(first)) return false;
    first.unlink();
    first.reset();
    first.action_(first);
  } while (!head.alone());
  return true;
}

// A function of its own, so that advance() saves few registers.
[[gnu::noinline]] void TimerWheel::distribute(unsigned level, unsigned slot) noexcept {
  Link& head = slots_[level][slot];
  Link rest;
  rest.next = head.next;
  rest.prev = head.prev;
  rest.next->prev = rest.prev->next = &rest;
  head.reset();
  clear(level, slot);
  for (Link* link = rest.next; link != &rest;) {
    Timer& timer = static_cast<Timer&>(*link);
    link = link->next;
    place(timer);
  }
}

void TimerWheel::advance(Instant now) noexcept {
  advance_while(now, [](const Timer&) { return true; });
}

bool TimerWheel::advance_only(Instant now, Timer::Action only) noexcept {
  return advance_while(now, [only](const Timer& timer) { return timer.action_ == only; });
}

template <class MayFire>
inline bool TimerWheel::advance_while(Instant now, MayFire may_fire) noexcept {
  const auto until = static_cast<std::uint64_t>(now.time_since_epoch().count());
  while (occupied_levels_ != 0) {
    // Finds the earliest slot: lower levels are before higher ones, lower slots before higher ones.
    const unsigned level = std::countr_zero(occupied_levels_);
    const unsigned slot = std::countr_zero(occupied_[level]);
    const std::uint64_t start = start_of(level, slot);
    if (start > until) break;
    now_ = std::max(now_, start);

    Link& head = slots_[level][slot];
    Timer& first = static_cast<Timer&>(*head.next);
    if (level == 0 || first.next == &head) {
      if (first.deadline_ <= now) {
        const bool fired_all = fire_due(head, now, may_fire);
        if (head.alone()) clear(level, slot);
        if (!fired_all) return false;
        continue;
      }
      if (level == 0) {
        const std::uint64_t end = start + (std::uint64_t{1} << granule_bits);
        if (until < end) break;
        now_ = std::max(now_, end);  // the deadline was beyond the wheel: place it again
      }
    }
    distribute(level, slot);
  }
  now_ = std::max(now_, until);
  return true;
}

Instant TimerWheel::next() const noexcept {
  if (occupied_levels_ == 0) return never;
  const unsigned level = std::countr_zero(occupied_levels_);
  const unsigned slot = std::countr_zero(occupied_[level]);
  const Link& head = slots_[level][slot];
  if (level == 0) return static_cast<const Timer*>(head.next)->deadline_;
  // For a short list returns its earliest deadline. For a long list returns the start of the slot,
  // when advance() distributes it.
  Instant earliest = never;
  unsigned seen = 0;
  for (const Link* link = head.next; link != &head; link = link->next) {
    if (++seen > 8) return Instant{Duration{static_cast<Clock::rep>(start_of(level, slot))}};
    earliest = std::min(earliest, static_cast<const Timer*>(link)->deadline_);
  }
  return earliest;
}

}  // namespace async
