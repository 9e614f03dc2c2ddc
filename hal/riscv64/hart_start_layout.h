// Offsets of members of hal::riscv64::HartStart, in bytes, for the assembly. harts.cpp checks each.
#pragma once

#define HART_START_TRANSLATION 0
#define HART_START_DATA 8
