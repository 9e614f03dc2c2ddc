// The trace: what happened to jobs and programs on every hart, for `./cotrap trace`. Off unless the
// command line says `trace`; a point that is off costs a load and a branch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "trace/format.h"

namespace kernel::trace {

/// This hart's; null while nothing is traced.
extern constinit thread_local HartRings* rings;

inline bool is_on() {
  return rings != nullptr;
}

/// Makes the rings, for at least `events` each as far as there is memory and they may be that
/// large, and has async/ and the router's trap points tell what happens. Once, at boot; false
/// without memory.
bool start(std::size_t events, unsigned harts);
/// This hart's begin. Before its first step.
void start_hart();

/// Any context of a hart that is tracing.
[[gnu::cold]] void note(Kind kind, std::uint64_t job, std::uint64_t argument,
                        std::uint16_t detail = 0);

/// The same for spawn, thread and text: who somebody is would be overwritten long before what he
/// does, so it has a ring of its own.
[[gnu::cold]] void note_name(Kind kind, std::uint64_t job, std::uint64_t argument);

/// Who drives an interrupt line, for whoever looks at the trace; of a longer name its beginning.
/// Nothing where nothing is traced. In the strand.
void name_line(std::uint32_t line, std::string_view driver);

/// The numbers of a hart's last events. While it goes on tracing the first may be new ones already.
struct Numbers {
  std::uint64_t begin = 0, end = 0;
};
Numbers numbers_of(unsigned hart);
const Event& event_of(unsigned hart, std::uint64_t number);

/// Since boot, as the log has it.
std::uint64_t time_ns(const Event& event);

}  // namespace kernel::trace
