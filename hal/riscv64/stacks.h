// Where a hart goes when its stack may be what is broken. trap/ switches to it.
#pragma once

#include <hal/memory_map.h>

/// The top of this hart's emergency stack.
extern "C" constinit thread_local hal::VirtAddr hal_emergency_stack;
