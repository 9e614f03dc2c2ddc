// On the hosted machine a signal runs on a stack of its own, and no self-test breaks a stack
// pointer.
#pragma once

#include <cstdint>

inline void cotrap_unmask_on_stack(std::uintptr_t) {}
