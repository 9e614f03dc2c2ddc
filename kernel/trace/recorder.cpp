#include "trace/recorder.h"

#include <hal/timer.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "memory/frames.h"
#include "trace/points.h"

namespace kernel::trace {

constinit thread_local HartRings* rings = nullptr;

namespace {

constexpr char magic[] = "cotrap trace";
constexpr std::size_t fewest_events = hal::page_size / sizeof(Event);

constinit Header* header = nullptr;
// Number of an event & mask = its index in the ring.
constinit std::size_t events_mask = 0, names_mask = 0;
constexpr std::size_t most_names = 1 << 13;

Event& event_at(const Ring& of, std::size_t place) {
  auto* const chunk = reinterpret_cast<Event*>(hal::phys_to_virt(of.chunks[place / chunk_events]));
  return chunk[place % chunk_events];
}

[[gnu::always_inline]] inline void append(Ring& ring, std::size_t mask, Kind kind,
                                          std::uint64_t job, std::uint64_t argument,
                                          std::uint16_t detail) {
  // fetch_add, because an interrupt handler of this hart may record events in between.
  const std::uint64_t number = ring.count.fetch_add(1, std::memory_order_relaxed);
  event_at(ring, number & mask) = {
      .ticks = hal::clock_ticks(),
      .fine = hal::fine_ticks(),
      .kind = kind,
      .reserved = 0,
      .detail = detail,
      .job = job,
      .argument = argument,
  };
}

constexpr unsigned order_of(std::size_t bytes) {
  return static_cast<unsigned>(std::bit_width((bytes - 1) >> hal::page_shift));
}

/// Allocates the chunks of a ring. False: there is too little memory.
bool fill(Ring& of, std::size_t events) {
  const std::size_t chunks = (events + chunk_events - 1) / chunk_events;
  const std::size_t bytes = std::min(events, chunk_events) * sizeof(Event);
  for (std::size_t i = 0; i < chunks; ++i) {
    const hal::PhysAddr chunk = memory::frames.allocate_block(order_of(bytes));
    if (chunk == 0) return false;
    std::memset(hal::phys_to_virt(chunk), 0, bytes);
    of.chunks[i] = chunk;
  }
  return true;
}

}  // namespace

bool start(std::size_t events, unsigned harts) {
  const std::size_t capacity =
      std::bit_ceil(std::clamp(events, fewest_events, chunk_events * most_chunks));
  const std::size_t names = std::min(capacity, most_names);
  const hal::PhysAddr place = memory::frames.allocate_block(order_of(sizeof(Header)));
  if (place == 0) return false;
  auto* const made = new (hal::phys_to_virt(place)) Header{
      .harts = harts,
      .capacity = capacity,
      .names = names,
      .period_ns = hal::clock_period_ns(),
      .first_tick = hal::clock_ticks(),
      .first_ns = hal::now_ns(),
      .address = place,
      .anchor = reinterpret_cast<std::uint64_t>(&cotrap_trace_anchor),
      .direct_map = reinterpret_cast<std::uint64_t>(hal::phys_to_virt(place)) - place,
      .jobs = async::job_layout(),
  };
  for (unsigned hart = 0; hart < harts; ++hart) {
    HartRings& of = made->rings[hart];
    if (!fill(of.events, capacity) || !fill(of.names, names)) return false;
  }
  events_mask = capacity - 1;
  names_mask = names - 1;
  header = made;
  // Last: a reader that finds the magic finds a complete header.
  std::ranges::copy(magic, made->magic.begin());
  set_points();
  return true;
}

void start_hart() {
  if (header != nullptr) rings = &header->rings[hal::hart_index()];
}

void note(Kind kind, std::uint64_t job, std::uint64_t argument, std::uint16_t detail) {
  append(rings->events, events_mask, kind, job, argument, detail);
}

void note_name(Kind kind, std::uint64_t job, std::uint64_t argument) {
  append(rings->names, names_mask, kind, job, argument, 0);
}

void name_line(std::uint32_t line, std::string_view driver) {
  if (header == nullptr) return;
  LineName& name = header->lines[line];
  name = {};
  driver.copy(name.data(), name.size());
}

Numbers numbers_of(unsigned hart) {
  if (header == nullptr) return {};
  const std::uint64_t end = header->rings[hart].events.count.load(std::memory_order_relaxed);
  return {.begin = end - std::min<std::uint64_t>(end, events_mask + 1), .end = end};
}

const Event& event_of(unsigned hart, std::uint64_t number) {
  return event_at(header->rings[hart].events, number & events_mask);
}

std::uint64_t time_ns(const Event& event) {
  return header->first_ns + (event.ticks - header->first_tick) * header->period_ns;
}

}  // namespace kernel::trace
