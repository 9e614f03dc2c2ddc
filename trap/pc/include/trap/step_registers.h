// The kernel of a PC uses no vector registers, which hold values of programs.
#pragma once

#define STEPS_USE_VECTORS 0
