// Includes the public headers of async/.
#pragma once

#include "async/cancel.h"      // IWYU pragma: export
#include "async/channel.h"     // IWYU pragma: export
#include "async/event.h"       // IWYU pragma: export
#include "async/executor.h"    // IWYU pragma: export
#include "async/graph.h"       // IWYU pragma: export
#include "async/interrupt.h"   // IWYU pragma: export
#include "async/job.h"         // IWYU pragma: export
#include "async/multi_wait.h"  // IWYU pragma: export
#include "async/mutex.h"       // IWYU pragma: export
#include "async/scope.h"       // IWYU pragma: export
#include "async/semaphore.h"   // IWYU pragma: export
#include "async/sleep.h"       // IWYU pragma: export
#include "async/spawn.h"       // IWYU pragma: export
#include "async/spin_lock.h"   // IWYU pragma: export
#include "async/task.h"        // IWYU pragma: export
#include "async/time.h"        // IWYU pragma: export
#include "async/trace.h"       // IWYU pragma: export
#include "async/wait_group.h"  // IWYU pragma: export
#include "async/wait_list.h"   // IWYU pragma: export
#include "async/wait_loop.h"   // IWYU pragma: export
#include "async/when.h"        // IWYU pragma: export
#include "async/yield.h"       // IWYU pragma: export
