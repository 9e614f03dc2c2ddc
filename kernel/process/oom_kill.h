// Killing a process when a program needs a page and there is no free one.
#pragma once

namespace kernel {

class Thread;

/// Kills the process with most private pages, so that `needy` can retry. Kills none while an
/// earlier one still ends. Returns false if there is no process to kill but that of `needy`, which
/// has to die then. Never chooses the first process. In the strand.
bool oom_kill(Thread& needy);

}  // namespace kernel
