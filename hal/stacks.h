// The emergency stack. trap/ switches to it when the current stack may be broken.
#pragma once

#include <hal/memory_map.h>

/// The top of this hart's emergency stack.
extern "C" constinit thread_local hal::VirtAddr hal_emergency_stack;
