// Offsets into hal::riscv64::HartStart, in bytes, for the assembly. harts.cpp asserts each of them.
#pragma once

#define HART_START_TRANSLATION 0
#define HART_START_DATA 8
