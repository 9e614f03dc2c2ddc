// Marks in the console's output that tell whoever runs the machine where the first program's output
// begins and ends, and what it ended with (docs/running.md). Only where `mark=` asks for them.
#pragma once

#include <string_view>

namespace kernel {

void set_run_mark(std::string_view nonce);

void mark_start();
void mark_exit(int code);
void mark_panic();

}  // namespace kernel
