// The timer wheel. See timer.h for how a deadline finds its slot.
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
  place(timer);
}

void TimerWheel::place(Timer& timer) noexcept {
  constexpr std::uint64_t horizon = (std::uint64_t{1} << (digit_bits * levels)) - 1;
  const auto deadline = static_cast<std::uint64_t>(
      std::max(timer.deadline_.time_since_epoch().count(), Clock::rep{0}));
  // Too late counts as now. Too far counts as the end of the wheel, where it is placed again.
  const std::uint64_t at = std::min(std::max(deadline, now_), now_ | horizon);
  const unsigned level = (std::bit_width((at ^ now_) | 1) - 1) / digit_bits;
  const unsigned slot = (at >> (level * digit_bits)) % slots;
  slots_[level][slot].insert_before(timer);
  occupied_[level] |= std::uint64_t{1} << slot;
  occupied_levels_ |= 1u << level;
}

void TimerWheel::remove(Timer& timer) noexcept {
  Link* const head = timer.prev;
  timer.unlink();
  timer.reset();
  if (!head->alone()) return;
  // `head` is alone: it is the head of a slot that has become empty (or of a list being fired).
  const auto index = static_cast<std::size_t>(head - &slots_[0][0]);
  if (head < &slots_[0][0] || index >= levels * slots) return;
  const unsigned level = static_cast<unsigned>(index / slots);
  occupied_[level] &= ~(std::uint64_t{1} << (index % slots));
  if (occupied_[level] == 0) occupied_levels_ &= ~(1u << level);
}

void TimerWheel::fire(Timer& timer) noexcept {
  timer.action_(timer);
}

void TimerWheel::advance(Instant now) noexcept {
  const auto until = static_cast<std::uint64_t>(now.time_since_epoch().count());
  while (occupied_levels_ != 0) {
    // The earliest slot: lower levels come before higher ones, lower slots before higher ones.
    const unsigned level = std::countr_zero(occupied_levels_);
    const unsigned slot = std::countr_zero(occupied_[level]);
    const unsigned shift = level * digit_bits;
    const std::uint64_t upper = now_ >> shift >> digit_bits << digit_bits;
    const std::uint64_t start = (upper | slot) << shift;
    if (start > until) break;
    now_ = std::max(now_, start);

    Link& head = slots_[level][slot];
    Timer& first = static_cast<Timer&>(*head.next);
    if (level == 0 || first.next == &head) {
      if (first.deadline_ <= now) {
        remove(first);
        fire(first);
        continue;
      }
      if (level == 0) break;
    }
    // Take the slot apart: every timer goes to a lower level, in the same order.
    Link rest;
    rest.next = head.next;
    rest.prev = head.prev;
    rest.next->prev = rest.prev->next = &rest;
    head.reset();
    occupied_[level] &= ~(std::uint64_t{1} << slot);
    if (occupied_[level] == 0) occupied_levels_ &= ~(1u << level);
    while (!rest.alone()) {
      Timer& timer = static_cast<Timer&>(*rest.next);
      timer.unlink();
      place(timer);
    }
  }
  now_ = std::max(now_, until);
}

Instant TimerWheel::next() const noexcept {
  if (occupied_levels_ == 0) return never;
  const unsigned level = std::countr_zero(occupied_levels_);
  const unsigned slot = std::countr_zero(occupied_[level]);
  const Link& head = slots_[level][slot];
  // A short list: its earliest deadline. A long one: the slot's beginning, where it is taken apart.
  Instant earliest = never;
  unsigned seen = 0;
  for (const Link* link = head.next; link != &head; link = link->next) {
    if (++seen > 8) {
      const unsigned shift = level * digit_bits;
      const std::uint64_t upper = now_ >> shift >> digit_bits << digit_bits;
      return Instant{Duration{static_cast<Clock::rep>((upper | slot) << shift)}};
    }
    earliest = std::min(earliest, static_cast<const Timer*>(link)->deadline_);
  }
  return earliest;
}

}  // namespace async
