// The hosted kernel is ordinary compiled code, which uses vector registers.
#pragma once

#define STEPS_USE_VECTORS 1
