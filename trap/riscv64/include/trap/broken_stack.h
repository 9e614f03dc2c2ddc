// A self-test: an interrupt arrives while the stack pointer of the kernel is broken.
#pragma once

#include <cstdint>

/// Unmasks interrupts for one instruction, with `sp` as the stack pointer. Call it in a preemptible
/// step, with interrupts masked and one pending.
extern "C" void cotrap_unmask_on_stack(std::uintptr_t sp);
