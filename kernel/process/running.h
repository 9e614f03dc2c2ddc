// Which user thread a hart runs: what has to happen when it is another one than last time, its time
// slice, and the one hardware timer that slices and the executor's alarm share.
#pragma once

#include <async/async.h>

namespace kernel {

class Thread;

/// Before `thread` runs on this hart: its address space is live, its floating-point registers are
/// its own or off, time is charged to it, and the end of its slice is set if somebody equally urgent
/// waits. A few instructions when nothing has changed.
void prepare_to_run(Thread& thread);

/// No user thread is this hart's any more: before a thread ends, and before the hart idles.
void run_nobody();

/// How long `thread` has been the running one, if it is; zero otherwise.
async::Duration running_time(const Thread& thread);

/// Whether the thread that was prepared has had its slice; the next one starts afresh. After an
/// interrupt.
bool take_end_of_slice();

/// The hart's timer interrupt has come. ISR context.
void timer_fired();

}  // namespace kernel
