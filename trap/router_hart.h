// What install() tells the router.
#pragma once

namespace trap {

/// This hart's counters and trace can be read by others from now on.
void add_hart_to_router();

}  // namespace trap
