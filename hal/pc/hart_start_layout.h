// Offsets of members of hal::pc::HartStart, in bytes, and the page of the code that starts a hart.
// harts.cpp checks each.
#pragma once

#define HART_START_TRANSLATION 0
#define HART_START_DATA 8
#define HART_START_STACK 16

#define HART_START_PAGE 0x8000
