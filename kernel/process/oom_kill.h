// Killing a process when a program needs a page and there is no free one.
#pragma once

namespace kernel {

class Thread;

/// Kills the process with most private pages, so that `needy` can retry. Never chooses the first
/// process. Kills no process while an earlier victim still ends. Returns false if the victim would
/// be the process of `needy` itself, or if there is none: the caller must then kill that process.
/// In the strand.
bool oom_kill(Thread& needy);

}  // namespace kernel
