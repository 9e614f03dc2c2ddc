// The event loop of a machine: events by time, or in an order that a director chooses.
#include <algorithm>
#include <tuple>
#include <utility>

#include "director.h"
#include "machine.h"
#include "watchdog.h"

namespace async::sim {

using platform::world;

namespace {
// The longest delay that each fault adds. Those of the kernel are in kernel/devices/.
constexpr std::uint64_t latest_alarm_ns = 1'000'000;
constexpr std::uint64_t latest_ipi_ns = 200'000;
constexpr std::uint64_t ipi_repeated_after_ns = 10'000'000;
}  // namespace

void Machine::add(std::uint64_t ns, Kind kind, unsigned hart, std::uint64_t generation) {
  events_.push({ns, ++ordered_, kind, static_cast<HartNumber>(hart), generation});
}

void Machine::at(std::uint64_t ns, unsigned hart, std::function<void()> what) {
  std::uint64_t place = arrivals_.size();
  if (free_arrivals_.empty()) {
    arrivals_.push_back(std::move(what));
  } else {
    place = free_arrivals_.back();
    free_arrivals_.pop_back();
    arrivals_[place] = std::move(what);
  }
  add(std::max(ns, world.now), Kind::arrival, hart, place);
  if (Director* const director = Director::present()) director->history().touch_everything();
}

void Machine::alarm_set(unsigned hart, std::uint64_t ns) {
  const std::uint64_t late_ns = inject_delay(Fault::timer, latest_alarm_ns);
  add(std::max(ns, world.now) + late_ns, Kind::alarm, hart, ++harts_[hart].alarm_generation);
}

void Machine::ipi_sent(unsigned hart) {
  if (inject(Fault::ipi_lost) != 0) return;
  if (std::exchange(harts_[hart].ipi_pending, true)) return;
  const std::uint64_t lost_ns = inject(Fault::ipi_once) != 0 ? ipi_repeated_after_ns : 0;
  const std::uint64_t late_ns = lost_ns + inject_delay(Fault::ipi, latest_ipi_ns);
  add(world.now + options_.costs.ipi + late_ns, Kind::ipi, hart, 0);
}

void Machine::hart_stands_still(unsigned hart, std::uint64_t ns) {
  harts_[hart].overhead_ns += ns;
}

void Machine::run_until(std::uint64_t ns) {
  Director* const director = Director::present();
  while (!events_.empty() && events_.top().ns <= ns) {
    const Event event = next_event(ns);
    const bool is_over = director != nullptr && director->is_over();
    if (is_stalled() || is_in_trouble() || is_over) return events_.push(event);
    world.now = std::max(world.now, event.ns);
    ++counts_.events;
    if (director != nullptr) {
      director->history().begin(id_of(event), world.now);
      if (event.kind == Kind::arrival || event.kind == Kind::finish) {
        director->history().runs_code();
      }
    }
    handle(event);
    if (director != nullptr) {
      if (options_.harts > 1) director->history().touch_everything();
      director->history().end();
    }
  }
  world.now = std::max(world.now, ns);
  for (unsigned number = 0; number < options_.harts; ++number) {
    if (harts_[number].computing != nullptr) charge(harts_[number], number);
  }
}

bool Machine::ignores_inbox(unsigned hart) const {
  const Hart& of = harts_[hart];
  return of.idle && !of.stepping && !of.ipi_pending && !of.executor->inbox_is_empty();
}

std::optional<unsigned> Machine::lost_ipi() const {
  if (lost_ipi_) return lost_ipi_;
  for (unsigned hart = 0; hart < options_.harts; ++hart) {
    if (ignores_inbox(hart)) return hart;
  }
  return {};
}

/// The number of an event for a director, the same in every run: its kind, its hart and, of an
/// arrival, its index.
std::uint64_t Machine::id_of(const Event& event) {
  const std::uint64_t which = event.kind == Kind::arrival ? event.generation : 0;
  return 1ull << 63 | which << 20 | static_cast<std::uint64_t>(event.kind) << 16 | event.hart;
}

bool Machine::is_stale(const Event& event) const {
  const Hart& hart = harts_[event.hart];
  switch (event.kind) {
    case Kind::alarm: return event.generation != hart.alarm_generation;
    case Kind::tick: return event.generation != hart.generation || hart.computing == nullptr;
    case Kind::finish: return event.generation != hart.generation;
    default: return false;
  }
}

/// Takes out the first event. If there is a director, it chooses one of the events that are due
/// within the jitter instead. The events that it can choose are sorted: steps first, then by time.
Machine::Event Machine::next_event(std::uint64_t until_ns) {
  Event first = events_.top();
  events_.pop();
  Director* const director = Director::present();
  if (director == nullptr || is_stale(first)) return first;
  const auto jitter = static_cast<std::uint64_t>(options_.jitter.count());
  const std::uint64_t last_ns = std::min(std::max(first.ns, world.now) + jitter, until_ns);
  std::vector<Event> events = {first};
  for (; !events_.empty() && events_.top().ns <= last_ns; events_.pop()) {
    if (!is_stale(events_.top())) events.push_back(events_.top());
  }
  if (events.size() == 1) return first;
  std::ranges::sort(events, {}, [](const Event& each) {
    return std::tuple(each.kind != Kind::step, each.ns, each.order);
  });
  std::vector<std::uint64_t> who;
  for (const Event& event : events) who.push_back(id_of(event));
  const unsigned chosen = director->choose(who);
  for (unsigned i = 0; i < events.size(); ++i) {
    if (i != chosen) events_.push(events[i]);
  }
  return events[chosen];
}

void Machine::handle(const Event& event) {
  Watchdog::note_event();
  Hart& hart = harts_[event.hart];
  world.hart = event.hart;
  if (is_stale(event)) return;
  if (!lost_ipi_ && ignores_inbox(event.hart)) lost_ipi_ = event.hart;
  switch (event.kind) {
    case Kind::step: hart.stepping = false; return run_ready(event.hart);
    case Kind::arrival: {
      const auto what = std::exchange(arrivals_[event.generation], nullptr);
      free_arrivals_.push_back(event.generation);
      what();
      return interrupt(event.hart);
    }
    case Kind::alarm: hart.executor->alarm_fired(); return interrupt(event.hart);
    case Kind::ipi: hart.ipi_pending = false; return interrupt(event.hart);
    case Kind::tick:
      if (event.ns == hart.tick_ns) hart.tick_generation = 0;  // no tick is pending
      return interrupt(event.hart);
    case Kind::finish:
      if (!std::exchange(hart.paying, false)) {
        counts_.busy_ns[event.hart] += world.now - hart.began_ns;
        hart.computing->left_ns_ = 0;
        hart.computing = nullptr;
        platform::local().job = hart.job;
        Executor::resume_step();
        if (start_computing(hart, event.hart)) return;
      }
      run_hart(event.hart);
  }
}

}  // namespace async::sim
