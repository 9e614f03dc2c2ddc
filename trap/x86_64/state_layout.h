// Offsets in the XSAVE area, in bytes, for the assembly (Intel SDM volume 1, 13.4; AMD APM volume
// 2, 11.5). The area begins at a multiple of STATE_ALIGNMENT.
#pragma once

#define STATE_ALIGNMENT 64
#define STATE_FCW 0
#define STATE_MXCSR 24
#define STATE_XMM(n) (160 + 16 * n)
#define STATE_SIZE 2688
#define STATE_XSTATE_BV 512
