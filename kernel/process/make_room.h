// When a program needs a page and there is none.
#pragma once

namespace kernel {

class Thread;

/// Ends the process that has most pages of its own, so that `needy` can try again when it is gone;
/// nobody while another one is still on its way out. False if there is no other process to end:
/// `needy` itself has to go. The first process is never chosen.
bool make_room(Thread& needy);

}  // namespace kernel
