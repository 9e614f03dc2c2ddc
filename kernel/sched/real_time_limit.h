// Limits how long real-time threads keep a hart from less urgent jobs, as Linux does by default
// (sched_rt_runtime_us): after 950 ms they wait for 50 ms, so that for example a shell can end
// them.
//
// A hart that has run a real-time thread looks about every 50 ms, at irregular times. If it finds
// a real-time thread each time for 950 ms, and other ready jobs, it throttles its real-time
// threads. Otherwise it looks once a second. So no switch between threads counts anything, and a
// thread that leaves a twentieth of the time to others is hardly ever throttled. The next job may
// be another real-time thread; so the hart looks every 1.25 ms while it throttles them.
//
// The caller is in the strand or shares it.
#pragma once

#include <async/time.h>

namespace kernel {

namespace real_time_limit {

/// Starts this hart's sampling, unless it runs already. Call it before a real-time thread runs
/// here.
void begin();
/// The end of the time for which this hart throttles its real-time threads.
async::Instant end();

}  // namespace real_time_limit
}  // namespace kernel
