// System calls that are answered before everything of the program has been saved
// (trap/stage_one.h): of all_calls.h, those that can answer at once.
#pragma once

namespace kernel {

/// After begin_hart(), before there are programs. A hart that is alone need not enter the strand.
void start_stage_one(bool in_company);

}  // namespace kernel
