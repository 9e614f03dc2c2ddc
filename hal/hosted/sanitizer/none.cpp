#include "../hart.h"

void hal::hosted::begin_first_stack() {}
