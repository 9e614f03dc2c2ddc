// Registers a hart with the router; install() calls it.
#pragma once

namespace trap {

/// Lets other harts read this hart's counters, from now on.
void add_hart_to_router();

}  // namespace trap
