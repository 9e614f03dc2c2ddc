// The table of fast paths (trap/fast_path.h), for the trap entry in assembly, which indexes it.
#pragma once

// Linux's system calls below this number may have a fast path.
#define FAST_PATH_CALLS 512
// So may this many private calls, from the number FIRST_PRIVATE_CALL on. Their entries follow those
// of Linux's calls.
#define FIRST_PRIVATE_CALL 0x1000
#define FAST_PATH_PRIVATE_CALLS 16
