// The trace: the events of jobs and programs on every hart, for `./cotrap trace`. The command-line
// option `trace` enables it. When it is off, each trace point costs a load and a branch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "trace/format.h"

namespace kernel::trace {

/// The rings of this hart. Null: tracing is off.
extern constinit thread_local HartRings* rings;

inline bool is_on() {
  return rings != nullptr;
}

/// Allocates the rings and installs the trace points. The first ring of each hart has `events`
/// events, rounded up to a power of two within the limits of format.h; the ring of names may be
/// smaller. Call once, at boot. False: there is too little memory.
bool start(std::size_t events, unsigned harts);
/// Starts recording on this hart. Call before its first step.
void start_hart();

/// Records an event. Any context, while is_on().
[[gnu::cold]] void note(Kind kind, std::uint64_t job, std::uint64_t argument,
                        std::uint16_t detail = 0);

/// Like note(), for spawn, thread and text. These events have their own ring, because the others
/// would overwrite them soon.
[[gnu::cold]] void note_name(Kind kind, std::uint64_t job, std::uint64_t argument);

/// Records the driver's name of an interrupt line. A longer name is cut. Does nothing while tracing
/// is off. In the strand.
void name_line(std::uint32_t line, std::string_view driver);

/// The numbers of the events in a hart's ring. While the hart records, it may already have
/// overwritten the first ones.
struct Numbers {
  std::uint64_t begin = 0, end = 0;
};
Numbers numbers_of(unsigned hart);
const Event& event_of(unsigned hart, std::uint64_t number);

/// The time of the event since boot, as in the log.
std::uint64_t time_ns(const Event& event);

}  // namespace kernel::trace
